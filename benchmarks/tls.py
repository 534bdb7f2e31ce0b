"""TLS 1.2 connections with RSA key exchange, spoken by OpenSSL over memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

__all__ = ["TlsConnection", "client_context", "make_key", "server_context"]

_NO_ENCRYPT_THEN_MAC = 1 << 19
"""SSL_OP_NO_ENCRYPT_THEN_MAC, which ``ssl`` has no name for."""


def make_key(path: Path) -> None:
    """Write a fresh RSA-2048 key, followed by its self-signed certificate."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip.example.org")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(9999))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    path.chmod(0o600)


def server_context(key: Path) -> ssl.SSLContext:
    """A server that leaves the choice to the client, and resumes nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key)
    context.set_ciphers("AES128-GCM-SHA256:AES128-SHA")
    context.options |= ssl.OP_NO_TICKET
    return context


def client_context(cipher: str) -> ssl.SSLContext:
    """A TLS 1.2 client that offers one cipher, without encrypt-then-MAC as most SBCs do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    context.options |= ssl.OP_NO_TICKET | _NO_ENCRYPT_THEN_MAC
    return context


class TlsConnection:
    """Both ends of one connection."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        self._to_client, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ends = (
            server.wrap_bio(self._to_server, self._to_client, server_side=True),
            client.wrap_bio(self._to_client, self._to_server),
        )

    def handshake(self) -> list[tuple[bool, bytes]]:
        """The four flights, each with whether the client sends it."""
        flights = []
        for from_client in (True, False, True, False, True):
            with suppress(ssl.SSLWantReadError):
                self._ends[from_client].do_handshake()
            # What one end wrote stays in the memory that the other reads: look, and put it back.
            outgoing = self._to_server if from_client else self._to_client
            if flight := outgoing.read():
                flights.append((from_client, flight))
                outgoing.write(flight)
        return flights

    def protect(self, from_client: bool, data: bytes) -> bytes:
        """The records that carry ``data``."""
        self._ends[from_client].write(data)
        return (self._to_server if from_client else self._to_client).read()

    def close_notify(self, from_client: bool) -> bytes:
        """The closing alert of one end."""
        with suppress(ssl.SSLWantReadError):
            self._ends[from_client].unwrap()
        return (self._to_server if from_client else self._to_client).read()
