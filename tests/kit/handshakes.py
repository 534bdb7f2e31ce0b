"""What OpenSSL negotiates when client and server are set up each in its own way; nothing is sent anywhere.

>>> shook = shake_hands(End("AES128-SHA:AES256-SHA"), End("AES256-SHA", keys=(2048,)))
>>> shook.agreed
('TLSv1.2', 'AES256-SHA')
"""

from __future__ import annotations

import functools
import ssl
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit import certificates
from kit.tls import Version

__all__ = ["CURVES", "End", "Shook", "openssl_suites", "shake_hands"]

CURVES = {"prime256v1": 0x0017, "secp384r1": 0x0018, "secp521r1": 0x0019}
"""OpenSSL's names of curves, and the numbers of the supported groups registry."""


@dataclass(frozen=True, slots=True)
class End:
    """How one end is set up."""

    ciphers: str
    """OpenSSL's cipher list, at security level 0."""
    least: ssl.TLSVersion = Version.TLSv1
    most: ssl.TLSVersion = Version.TLSv1_3
    curve: str | None = None
    """The only group; ``None``: OpenSSL's own."""
    keys: tuple[Literal[2048, "ec"], ...] = (2048,)
    """Of a server: the kinds of its certificates."""
    own_order: bool = True
    """Of a server: whether its order of suites counts."""


@dataclass(frozen=True, slots=True)
class Shook:
    """What came of it."""

    hello: bytes
    """Body of the ClientHello; empty when the client did not get so far."""
    agreed: tuple[str, str] | None
    """Version and suite in OpenSSL's names; ``None`` when it failed."""
    failure: str
    """OpenSSL's reason."""


def shake_hands(client: End, server: End) -> Shook:
    """Let the two try a handshake."""
    theirs, ours = _context(client, server_side=False), _context(server, server_side=True)
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    ends = (
        (theirs.wrap_bio(pipes[0], pipes[1]), pipes[1], pipes[2]),
        (ours.wrap_bio(pipes[2], pipes[3], server_side=True), pipes[3], pipes[0]),
    )
    hello, failure, done = b"", "", [False, False]
    for _ in range(8):
        for number, (tls, outgoing, other) in enumerate(ends):
            try:
                tls.do_handshake()
                done[number] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                failure = failure or error.reason or str(error)
            data = outgoing.read()
            if not number and not hello and data[:1] == b"\x16":
                hello = data[9 : 9 + int.from_bytes(data[6:9], "big")]
            other.write(data)
        if failure or all(done):
            break
    agreed = None
    if all(done) and not failure:
        chosen = ends[0][0].cipher()
        version = ends[0][0].version()
        assert chosen is not None
        assert version is not None
        agreed = version, chosen[0]
    return Shook(hello, agreed, failure)


@functools.cache
def openssl_suites() -> tuple[str, ...]:
    """Return what this OpenSSL has up to TLS 1.2 that needs no pre-shared key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = [cipher["name"] for cipher in context.get_ciphers()]
    return tuple(n for n in names if not n.startswith("TLS_") and "PSK" not in n and "SRP" not in n)


def _context(end: End, *, server_side: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(f"{end.ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are meant here
        context.minimum_version, context.maximum_version = end.least, end.most
    if end.curve is not None:
        context.set_ecdh_curve(end.curve)
    if server_side:
        directory = _identities()
        for kind in end.keys:
            context.load_cert_chain(directory / f"{kind}.crt", directory / f"{kind}.key")
        context.load_dh_params(str(directory / "dh.pem"))
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        if not end.own_order:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


@functools.cache
def _identities() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="tqdecrypt-kit-")
    directory = Path(kept.name)
    _KEPT.append(kept)
    certificates.server(2048).write(directory, "2048")
    certificates.server("ec").write(directory, "ec")
    (directory / "dh.pem").write_bytes(certificates.diffie_hellman_pem())
    return directory


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Directories that live as long as the process."""
