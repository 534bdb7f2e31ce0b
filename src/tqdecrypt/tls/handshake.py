"""Handshake messages: one ``pull_…`` a structure (RFC 5246 section 7.4, RFC 8446 section 4)."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import ExtensionType, Version
from tqdecrypt.wire import Cursor

__all__ = [
    "HELLO_RETRY_REQUEST",
    "ClientHello",
    "ServerHello",
    "pull_alpn",
    "pull_certificates",
    "pull_certificates13",
    "pull_client_hello",
    "pull_encrypted_extensions",
    "pull_encrypted_premaster",
    "pull_extensions",
    "pull_new_session_ticket",
    "pull_server_hello",
    "pull_sslv2_client_hello",
]

HELLO_RETRY_REQUEST = bytes.fromhex(
    "CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C"
)
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""


# Not frozen, which would make each field dearer than finding it: nobody changes them.


@dataclass(slots=True)
class ClientHello:
    """RFC 5246 section 7.4.1.2."""

    version: int
    random: bytes
    session_id: bytes
    cipher_suites: tuple[int, ...]
    compression_methods: bytes
    extensions: dict[int, bytes] = field(default_factory=dict)
    cookie: bytes = b""
    """DTLS only (RFC 6347 section 4.2.1)."""

    @property
    def server_name(self) -> str | None:
        """The host_name of server_name (RFC 6066 section 3)."""
        data = self.extensions.get(ExtensionType.server_name)
        if not data:
            return None
        cursor = Cursor(data)
        try:
            with cursor.block(2):
                while not cursor.at_end:
                    kind = cursor.pull_uint8()
                    name = cursor.pull_opaque(2)
                    if kind == 0:
                        cursor.pull_rest()
                        return name.decode("ascii", "backslashreplace")
        except Malformed:
            pass
        return None

    @property
    def ticket(self) -> bytes:
        """The session ticket that the client offers (RFC 5077); empty when none."""
        return self.extensions.get(ExtensionType.session_ticket, b"")

    @property
    def supported_versions(self) -> tuple[int, ...]:
        """RFC 8446 section 4.2.1."""
        data = self.extensions.get(ExtensionType.supported_versions)
        if not data:
            return ()
        return tuple(int.from_bytes(data[i : i + 2], "big") for i in range(1, len(data) - 1, 2))


@dataclass(slots=True)
class ServerHello:
    """RFC 5246 section 7.4.1.3."""

    legacy_version: int
    random: bytes
    session_id: bytes
    cipher_suite: int
    compression_method: int
    extensions: dict[int, bytes] = field(default_factory=dict)
    version: int = field(init=False)
    """The negotiated version: supported_versions counts more (RFC 8446 section 4.2.1)."""

    def __post_init__(self) -> None:
        version = self.legacy_version
        data = self.extensions.get(ExtensionType.supported_versions, b"")
        if len(data) == 2:
            version = int.from_bytes(data, "big")
            if version >> 8 == 0x7F:  # drafts of TLS 1.3 called themselves so
                version = Version.TLS13
        self.version = version

    @property
    def is_hello_retry_request(self) -> bool:
        """RFC 8446 section 4.1.4."""
        return self.random == HELLO_RETRY_REQUEST

    @property
    def alpn(self) -> str | None:
        """The protocol chosen (RFC 7301)."""
        return pull_alpn(self.extensions)


def pull_alpn(extensions: dict[int, bytes]) -> str | None:
    """Return the first protocol name of application_layer_protocol_negotiation."""
    data = extensions.get(ExtensionType.application_layer_protocol_negotiation)
    if not data or len(data) < 4:
        return None
    return data[3 : 3 + data[2]].decode("ascii", "backslashreplace")


def pull_extensions(cursor: Cursor) -> dict[int, bytes]:
    """Return extensions by number, the first of each.  Not to be changed: others may share it."""
    if cursor.at_end:  # older clients and servers send none at all
        return {}
    start = cursor.position
    try:
        return _known_extensions(cursor.pull_opaque(2))
    except Malformed:
        cursor.position = start  # the exact way says where
    extensions: dict[int, bytes] = {}
    with cursor.block(2):
        while not cursor.at_end:
            number = cursor.pull_uint16()
            extensions.setdefault(number, cursor.pull_opaque(2))
    return extensions


@functools.lru_cache(maxsize=512)
def _known_extensions(block: bytes) -> dict[int, bytes]:
    """Parse a block of extensions; up to TLS 1.2 a client sends the same with every hello."""
    extensions: dict[int, bytes] = {}
    cursor = Cursor(block)
    while not cursor.at_end:
        number = cursor.pull_uint16()
        extensions.setdefault(number, cursor.pull_opaque(2))
    return extensions


@functools.lru_cache(maxsize=512)
def _known_suites(block: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(block[i : i + 2], "big") for i in range(0, len(block) - 1, 2))


def pull_client_hello(body: bytes, *, dtls: bool = False) -> ClientHello:
    """Parse a ClientHello without its handshake header."""
    cursor = Cursor(body)
    version = cursor.pull_uint16()
    random = cursor.pull_bytes(32)
    session_id = cursor.pull_opaque(1)
    cookie = cursor.pull_opaque(1) if dtls else b""
    suites = _known_suites(cursor.pull_opaque(2))
    return ClientHello(
        version,
        random,
        session_id,
        suites,
        cursor.pull_opaque(1),
        pull_extensions(cursor),
        cookie,
    )


def pull_sslv2_client_hello(body: bytes) -> ClientHello:
    """Parse a CLIENT-HELLO in SSL 2.0 format behind its record header (RFC 5246 appendix E.2)."""
    cursor = Cursor(body)
    if cursor.pull_uint8() != 1:
        raise Malformed("an SSL 2.0 CLIENT-HELLO", body[:1], 0)
    version = cursor.pull_uint16()
    specs_length = cursor.pull_uint16()
    session_id_length = cursor.pull_uint16()
    challenge_length = cursor.pull_uint16()
    specs = cursor.pull_bytes(specs_length)
    session_id = cursor.pull_bytes(session_id_length)
    challenge = cursor.pull_bytes(challenge_length)
    suites = tuple(
        int.from_bytes(specs[i + 1 : i + 3], "big")
        for i in range(0, len(specs) - 2, 3)
        if specs[i] == 0
    )
    return ClientHello(version, challenge.rjust(32, b"\0")[-32:], session_id, suites, b"\0")


def pull_server_hello(body: bytes) -> ServerHello:
    """Parse a ServerHello without its handshake header."""
    cursor = Cursor(body)
    return ServerHello(
        cursor.pull_uint16(),
        cursor.pull_bytes(32),
        cursor.pull_opaque(1),
        cursor.pull_uint16(),
        cursor.pull_uint8(),
        pull_extensions(cursor),
    )


def pull_certificates(body: bytes) -> list[bytes]:
    """Return the DER certificates of a Certificate message, the sender's first (RFC 5246 7.4.2)."""
    cursor = Cursor(body)
    certificates = []
    with cursor.block(3):
        while not cursor.at_end:
            certificates.append(cursor.pull_opaque(3))
    return certificates


def pull_certificates13(body: bytes) -> list[bytes]:
    """Likewise for TLS 1.3 (RFC 8446 section 4.4.2)."""
    cursor = Cursor(body)
    cursor.pull_opaque(1)
    certificates = []
    with cursor.block(3):
        while not cursor.at_end:
            certificates.append(cursor.pull_opaque(3))
            cursor.pull_opaque(2)
    return certificates


def pull_encrypted_extensions(body: bytes) -> dict[int, bytes]:
    """Return the extensions of EncryptedExtensions (RFC 8446 section 4.3.1)."""
    return pull_extensions(Cursor(body))


def pull_encrypted_premaster(body: bytes, version: int) -> bytes:
    """Return the EncryptedPreMasterSecret of a ClientKeyExchange (RFC 5246 section 7.4.7.1).

    SSL 3.0 has no length in front of it; some TLS clients leave it out as well.
    """
    if version != Version.SSL3 and len(body) >= 2:
        length = int.from_bytes(body[:2], "big")
        if length == len(body) - 2:
            return body[2:]
    if not body:
        raise Malformed("an encrypted pre-master secret", "nothing", 0)
    return body


def pull_new_session_ticket(body: bytes) -> bytes:
    """Return the ticket of a NewSessionTicket before TLS 1.3 (RFC 5077 section 3.3)."""
    cursor = Cursor(body)
    cursor.pull_uint32()
    return cursor.pull_opaque(2)
