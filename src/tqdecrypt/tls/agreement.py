"""The public values of a Diffie-Hellman key exchange, and what follows from the secret.

Up to TLS 1.2: RFC 5246 sections 7.4.3 and 7.4.7 (finite field), RFC 8422 sections 5.4 and 5.7
(curves), RFC 4279 and 5489 (with pre-shared keys).  TLS 1.3: RFC 8446 sections 4.2.8 and 7.1.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import ExtensionType, HandshakeType
from tqdecrypt.tls.derive import hkdf_expand_label
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.tls13 import transcript13
from tqdecrypt.wire import Cursor

if TYPE_CHECKING:
    from tqdecrypt.tls.suites import Suite

__all__ = ["KeySchedule", "Shares", "key_exchange_shares", "key_shares13", "psk_premaster"]

NAMED_CURVE = 3


class Shares(NamedTuple):
    """What both ends sent.  Numbers of the finite field come without leading zeros."""

    client: bytes
    server: bytes
    """Empty when it stands in the server's certificate (static suites)."""
    identity: bytes = b""
    """The PSK identity that the client sent."""
    encrypted_premaster: bytes = b""
    """RSA_PSK only."""


def key_exchange_shares(suite: Suite, server_message: bytes, client_message: bytes) -> Shares:
    """Read ServerKeyExchange and ClientKeyExchange, without their headers.  Raises ``Malformed``."""
    kind = suite.key_exchange
    server, client = Cursor(server_message), Cursor(client_message)
    identity = b""
    if "PSK" in kind:
        if not server.at_end:
            server.pull_opaque(2)  # the identity hint
        identity = client.pull_opaque(2)
    if kind == "PSK":
        return Shares(b"", b"", identity)
    if kind == "RSA_PSK":
        return Shares(b"", b"", identity, client.pull_opaque(2))
    if kind in ("ECDHE", "ECDH", "ECDHE_PSK", "ECDH_anon"):
        point = b""
        if kind != "ECDH":
            if server.pull_uint8() != NAMED_CURVE:
                raise Malformed("a named curve (RFC 8422 section 5.4)")
            server.pull_uint16()
            point = server.pull_opaque(1)
        return Shares(client.pull_opaque(1), point, identity)
    if kind in ("DHE", "DH", "DHE_PSK", "DH_anon"):
        number = b""
        if kind != "DH":
            server.pull_opaque(2)
            server.pull_opaque(2)
            number = server.pull_opaque(2).lstrip(b"\0")
        return Shares(client.pull_opaque(2).lstrip(b"\0"), number, identity)
    raise Malformed("a Diffie-Hellman or PSK key exchange", kind)


def psk_premaster(other_secret: bytes | None, key: bytes) -> bytes:
    """Return the pre-master secret with a pre-shared key (RFC 4279 section 2)."""
    other = bytes(len(key)) if other_secret is None else other_secret
    return len(other).to_bytes(2, "big") + other + len(key).to_bytes(2, "big") + key


def key_shares13(exchange: Exchange) -> Shares | None:
    """Return the key shares of the group that the server chose; ``None`` without any."""
    hello, answer = exchange.client_hello, exchange.server_hello
    if hello is None or answer is None:
        return None
    chosen = Cursor(answer.extensions.get(ExtensionType.key_share, b""))
    offered = Cursor(hello.extensions.get(ExtensionType.key_share, b""))
    try:
        group, server = chosen.pull_uint16(), chosen.pull_opaque(2)
        client = b""
        with offered.block(2):
            while not offered.at_end:
                number, share = offered.pull_uint16(), offered.pull_opaque(2)
                if number == group:
                    client = share
    except Malformed:
        return None
    return Shares(client, server) if client else None


class KeySchedule:
    """The TLS 1.3 key schedule from an (EC)DHE secret or a PSK on.  Secret, so without a telling repr."""

    __slots__ = ("_digest", "_master", "_size", "handshake_secrets")

    def __init__(self, exchange: Exchange, shared: bytes | None, psk: bytes | None = None) -> None:
        """Begin with the secrets that there are: zeros stand for the one that is not (7.1)."""
        assert exchange.suite is not None
        self._digest = exchange.suite.prf_hash
        self._size = hashlib.new(self._digest, usedforsecurity=False).digest_size
        zeros = bytes(self._size)
        early = hmac.digest(zeros, psk or zeros, self._digest)
        derived = self._derive(early, b"derived", b"")
        handshake = hmac.digest(derived, shared or zeros, self._digest)
        server = exchange.messages[SERVER]
        hellos = 1 + max(i for i, m in enumerate(server) if m[0] == HandshakeType.server_hello)
        transcript = transcript13(exchange, SERVER, hellos)
        self.handshake_secrets = {
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET": self._derive(handshake, b"c hs traffic", transcript),
            "SERVER_HANDSHAKE_TRAFFIC_SECRET": self._derive(handshake, b"s hs traffic", transcript),
        }
        self._master = hmac.digest(self._derive(handshake, b"derived", b""), zeros, self._digest)

    def __repr__(self) -> str:
        return "<KeySchedule>"

    def application_secrets(self, exchange: Exchange) -> tuple[bytes, bytes] | None:
        """Return the first application traffic secrets, once the server's Finished was read."""
        server = exchange.messages[SERVER]
        ends = [i for i, m in enumerate(server) if m[0] == HandshakeType.finished]
        if not ends:
            return None
        transcript = transcript13(exchange, SERVER, ends[0] + 1)
        secrets = [
            self._derive(self._master, label, transcript)
            for label in (b"c ap traffic", b"s ap traffic")
        ]
        return secrets[CLIENT], secrets[SERVER]

    def _derive(self, secret: bytes, label: bytes, messages: bytes) -> bytes:
        """``Derive-Secret`` (RFC 8446 section 7.1)."""
        hashed = hashlib.new(self._digest, messages, usedforsecurity=False).digest()
        return hkdf_expand_label(self._digest, secret, label, hashed, self._size)
