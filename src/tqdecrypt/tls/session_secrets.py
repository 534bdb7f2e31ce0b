"""The secrets of a TLS session that ended, for who asks: an exporter hands them to Wireshark.

Only secrets that opened records of the session are given away as its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.keys.keylog_lines import KeyLogLine
from tqdecrypt.tls.exchange import Exchange

if TYPE_CHECKING:
    from tqdecrypt.tls.session import Session

__all__ = ["SessionSecrets", "session_secrets"]


@dataclass(frozen=True, slots=True)
class SessionSecrets:
    """What opens one session.  The lines do not show in its repr."""

    lines: tuple[KeyLogLine, ...] = field(repr=False)
    """A line for each secret: several in TLS 1.3, and where a session was renegotiated."""
    handshake_seen: bool
    """Whether both hellos of each handshake were captured: who has nothing but a key log needs them."""


def session_secrets(session: Session) -> SessionSecrets | None:
    """Return the secrets of *session*; ``None`` when nothing proved any."""
    if not any(reader.opened_records for reader in session.readers):
        return None
    opened = [
        exchange
        for exchange in session.exchanges
        if exchange.openers is not None and exchange.refusal is None
    ]
    lines = tuple(line for exchange in opened for line in _lines(exchange))
    if not lines:
        return None
    return SessionSecrets(lines, all(_hellos_seen(exchange) for exchange in opened))


def _lines(exchange: Exchange) -> list[KeyLogLine]:
    if exchange.client_hello is None:
        return []
    random = exchange.client_hello.random
    if exchange.master is not None:
        return [KeyLogLine("CLIENT_RANDOM", random, exchange.master)]
    secrets = exchange.traffic_secrets
    return [KeyLogLine(label, random, secret) for label, secret in secrets.items()]


def _hellos_seen(exchange: Exchange) -> bool:
    """Return whether the hellos are those of the wire, not put in their place from elsewhere."""
    names = {entry[0] for entry in exchange.frames}
    return all(f"{role} {kind}" in names for role, kind in _HELLOS)


_HELLOS = (("client", "ClientHello"), ("server", "ServerHello"))
