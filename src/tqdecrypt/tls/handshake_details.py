"""The parts of handshake messages that decryption does without, for who wants to read them.

One ``pull_…`` a structure, as in :mod:`tqdecrypt.tls.handshake`.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.agreement import NAMED_CURVE
from tqdecrypt.tls.constants import ExtensionType, Version
from tqdecrypt.tls.handshake import pull_extensions
from tqdecrypt.tls.suites import Suite
from tqdecrypt.wire import Cursor

__all__ = [
    "CertificateRequest",
    "ServerParameters",
    "Signature",
    "Ticket",
    "pull_alpn_names",
    "pull_certificate_request",
    "pull_certificate_verify",
    "pull_key_share_groups",
    "pull_numbers",
    "pull_server_parameters",
    "pull_ticket",
]


class Signature(NamedTuple):
    """A digitally-signed struct."""

    scheme: int | None
    """SignatureScheme; ``None`` before TLS 1.2, where the key alone decides."""
    length: int


class ServerParameters(NamedTuple):
    """What a ServerKeyExchange holds (RFC 5246 section 7.4.3, RFC 8422 section 5.4)."""

    group: int | None
    """NamedGroup of the curve; ``None`` for a finite field, whose numbers stand in the message."""
    prime_bits: int
    """Length of the prime; 0 for a curve."""
    public_length: int
    """Bytes of the server's public value."""
    identity_hint: bytes
    signature: Signature | None
    """``None`` when nobody signs: anonymous suites and those with a pre-shared key."""


class CertificateRequest(NamedTuple):
    """RFC 5246 section 7.4.4, RFC 8446 section 4.3.2."""

    types: tuple[int, ...]
    schemes: tuple[int, ...]
    authorities: tuple[bytes, ...]
    """Distinguished names in DER."""


class Ticket(NamedTuple):
    """A NewSessionTicket (RFC 5077 section 3.3, RFC 8446 section 4.6.1)."""

    lifetime: int
    """Seconds."""
    ticket: bytes
    early_data: int | None
    """Bytes of early data that may be sent with it; ``None``: none."""


def pull_numbers(data: bytes, length_size: int, size: int = 2) -> tuple[int, ...]:
    """Return a vector of numbers: groups, signature schemes, versions, modes."""
    cursor = Cursor(data)
    numbers = []
    with cursor.block(length_size):
        while not cursor.at_end:
            numbers.append(cursor.pull_uint(size))
    return tuple(numbers)


def pull_alpn_names(data: bytes) -> tuple[str, ...]:
    """Return the protocol names of an ALPN extension (RFC 7301 section 3.1)."""
    cursor = Cursor(data)
    names = []
    with cursor.block(2):
        while not cursor.at_end:
            names.append(cursor.pull_opaque(1).decode("utf-8", "backslashreplace"))
    return tuple(names)


def pull_key_share_groups(data: bytes, *, of_client: bool) -> tuple[int, ...]:
    """Return the groups of a key_share extension (RFC 8446 section 4.2.8).

    A HelloRetryRequest has the group alone, a ServerHello one share, a ClientHello a list.
    """
    cursor = Cursor(data)
    if not of_client:
        return (cursor.pull_uint16(),)
    groups = []
    with cursor.block(2):
        while not cursor.at_end:
            groups.append(cursor.pull_uint16())
            cursor.pull_opaque(2)
    return tuple(groups)


def pull_server_parameters(body: bytes, suite: Suite, version: int) -> ServerParameters:
    """Parse a ServerKeyExchange without its header."""
    cursor = Cursor(body)
    kind = suite.key_exchange
    hint = cursor.pull_opaque(2) if "PSK" in kind else b""
    if kind.startswith("ECDH"):
        if cursor.pull_uint8() != NAMED_CURVE:
            raise Malformed("a named curve (RFC 8422 section 5.4)")
        group: int | None = cursor.pull_uint16()
        bits, length = 0, len(cursor.pull_opaque(1))
    elif kind.startswith("DH"):
        group, bits = None, int.from_bytes(cursor.pull_opaque(2), "big").bit_length()
        cursor.pull_opaque(2)
        length = len(cursor.pull_opaque(2))
    else:
        return ServerParameters(None, 0, 0, hint, None)
    signature = None if cursor.at_end else _pull_signature(cursor, version)
    return ServerParameters(group, bits, length, hint, signature)


def _pull_signature(cursor: Cursor, version: int) -> Signature:
    scheme = cursor.pull_uint16() if _names_schemes(version) else None
    return Signature(scheme, len(cursor.pull_opaque(2)))


def _names_schemes(version: int) -> bool:
    """Return whether signatures say which algorithm they are of (RFC 5246 section 4.7)."""
    return version >= Version.TLS12 and version != Version.DTLS10


def pull_certificate_verify(body: bytes, version: int) -> Signature:
    """Parse a CertificateVerify (RFC 5246 section 7.4.8, RFC 8446 section 4.4.3)."""
    return _pull_signature(Cursor(body), version)


def pull_certificate_request(body: bytes, version: int) -> CertificateRequest:
    """Parse a CertificateRequest without its header."""
    cursor = Cursor(body)
    if version == Version.TLS13:
        cursor.pull_opaque(1)
        extensions = pull_extensions(cursor)
        schemes = extensions.get(ExtensionType.signature_algorithms)
        names = extensions.get(ExtensionType.certificate_authorities)
        return CertificateRequest(
            (),
            pull_numbers(schemes, 2) if schemes else (),
            _pull_names(Cursor(names)) if names else (),
        )
    types = tuple(cursor.pull_opaque(1))
    numbers: tuple[int, ...] = ()
    if _names_schemes(version):
        block = cursor.pull_opaque(2)
        numbers = pull_numbers(len(block).to_bytes(2, "big") + block, 2)
    return CertificateRequest(types, numbers, _pull_names(cursor))


def _pull_names(cursor: Cursor) -> tuple[bytes, ...]:
    names = []
    with cursor.block(2):
        while not cursor.at_end:
            names.append(cursor.pull_opaque(2))
    return tuple(names)


def pull_ticket(body: bytes, version: int) -> Ticket:
    """Parse a NewSessionTicket without its header."""
    cursor = Cursor(body)
    lifetime = cursor.pull_uint32()
    if version != Version.TLS13:
        return Ticket(lifetime, cursor.pull_opaque(2), None)
    cursor.pull_uint32()  # ticket_age_add
    cursor.pull_opaque(1)  # ticket_nonce
    ticket = cursor.pull_opaque(2)
    early = pull_extensions(cursor).get(ExtensionType.early_data)
    return Ticket(lifetime, ticket, int.from_bytes(early, "big") if early else None)
