"""SIP OPTIONS over a TLS connection: does the application behind it live (RFC 3261 section 11)?"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from tqdecrypt.check.probe import Conversation
from tqdecrypt.sip import Flow, StreamFramer, header

__all__ = ["OptionsAnswer", "ask_options", "options_request"]


@dataclass(frozen=True, slots=True)
class OptionsAnswer:
    """What came back."""

    status: int | None
    """``None`` when nothing came in time, or the connection was closed."""
    reason: str = ""
    product: str = ""
    """Server or User-Agent of the response."""
    took: int = 0
    """Nanoseconds from the request to the final response."""


def options_request(host: str, local: str, target: str, token: str) -> bytes:
    """Return an OPTIONS request.

    :param host: of the Request-URI.
    :param local: our ``ip:port``.
    :param target: host and port of the Request-URI, as URIs have them.
    :param token: something that nobody else has: tag, branch and Call-ID.
    """
    own = local.rpartition(":")[0]
    lines = (
        f"OPTIONS sip:{target};transport=tls SIP/2.0",
        f"Via: SIP/2.0/TLS {local};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <sip:tqdecrypt@{own}>;tag={token[:12]}",
        f"To: <sip:{host}>",
        f"Call-ID: {token}@{own}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{local};transport=tls>",
        "Accept: application/sdp",
        "User-Agent: tqdecrypt",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def ask_options(talk: Conversation, host: str, port: int) -> OptionsAnswer:
    """Send OPTIONS and wait for its final response."""
    local, remote = talk.connected.ends
    token = secrets.token_hex(16)
    named = f"[{host}]" if ":" in host else host
    begun = time.monotonic_ns()
    deadline = begun + int(talk.timeout * 1e9)
    framer = StreamFramer(Flow(remote, local, "TLS", "verified", 1))
    try:
        talk.say(options_request(named, local, f"{named}:{port}", token))
        while time.monotonic_ns() < deadline:
            data = talk.hear()
            if not data:
                break
            for message in framer.receive(data, 1, 0):
                if message.status is None or message.status < 200 or token not in message.call_id:
                    continue  # its own requests, and 100 Trying
                took = time.monotonic_ns() - begun
                return OptionsAnswer(
                    message.status,
                    message.reason or "",
                    header(message, "Server") or header(message, "User-Agent") or "",
                    took,
                )
    except OSError:
        pass
    return OptionsAnswer(None)
