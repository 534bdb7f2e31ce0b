"""Handshake parsers: what a peer may send is read, what is cut is Malformed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import ExtensionType, Version
from tqdecrypt.tls.handshake import (
    HELLO_RETRY_REQUEST,
    ClientHello,
    ServerHello,
    pull_alpn,
    pull_certificates,
    pull_certificates13,
    pull_client_hello,
    pull_encrypted_extensions,
    pull_encrypted_premaster,
    pull_new_session_ticket,
    pull_server_hello,
    pull_sslv2_client_hello,
)


def opaque(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extensions_bytes(extensions: dict[int, bytes]) -> bytes:
    body = b"".join(n.to_bytes(2, "big") + opaque(v, 2) for n, v in extensions.items())
    return opaque(body, 2)


def client_hello_bytes(hello: ClientHello, *, dtls: bool = False) -> bytes:
    suites = b"".join(suite.to_bytes(2, "big") for suite in hello.cipher_suites)
    return (
        hello.version.to_bytes(2, "big")
        + hello.random
        + opaque(hello.session_id, 1)
        + (opaque(hello.cookie, 1) if dtls else b"")
        + opaque(suites, 2)
        + opaque(hello.compression_methods, 1)
        + extensions_bytes(hello.extensions)
    )


def server_hello_bytes(hello: ServerHello) -> bytes:
    return (
        hello.legacy_version.to_bytes(2, "big")
        + hello.random
        + opaque(hello.session_id, 1)
        + hello.cipher_suite.to_bytes(2, "big")
        + bytes([hello.compression_method])
        + extensions_bytes(hello.extensions)
    )


numbers = st.integers(0, 0xFFFF)
randoms = st.binary(min_size=32, max_size=32)
session_ids = st.binary(max_size=32)
extensions = st.dictionaries(numbers, st.binary(max_size=40), max_size=6)
client_hellos = st.builds(
    ClientHello,
    numbers,
    randoms,
    session_ids,
    st.lists(numbers, max_size=20).map(tuple),
    st.binary(max_size=4),
    extensions,
)
server_hellos = st.builds(
    ServerHello, numbers, randoms, session_ids, numbers, st.integers(0, 255), extensions
)


@given(hello=client_hellos, cookie=st.binary(max_size=32))
def test_client_hello_round_trip(hello: ClientHello, cookie: bytes) -> None:
    assert pull_client_hello(client_hello_bytes(hello)) == hello
    with_cookie = dataclasses.replace(hello, cookie=cookie)
    assert pull_client_hello(client_hello_bytes(with_cookie, dtls=True), dtls=True) == with_cookie


@given(server_hellos)
def test_server_hello_round_trip(hello: ServerHello) -> None:
    assert pull_server_hello(server_hello_bytes(hello)) == hello


HELLO = ClientHello(
    Version.TLS12, bytes(32), b"id", (0x0A0A, 0x002F), b"\0", {0x0A0A: b"", 99: b"x", 0: b""}
)
SERVER_HELLO = ServerHello(Version.TLS12, bytes(32), b"id", 0x002F, 0, {0xFF01: b"\0"})
CERTIFICATES = opaque(opaque(b"first", 3) + opaque(b"second", 3), 3)
CERTIFICATES13 = opaque(b"", 1) + opaque(opaque(b"first", 3) + opaque(b"ext", 2), 3)
SSLV2 = (
    bytes([1, 3, 1, 0, 6, 0, 0, 0, 16])
    + bytes([0, 0, 0x2F, 0x01, 0, 0x80])  # a TLS suite, and one of SSL 2.0
    + bytes(range(16))
)

WHOLE: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "ClientHello": (pull_client_hello, client_hello_bytes(HELLO)),
    "ServerHello": (pull_server_hello, server_hello_bytes(SERVER_HELLO)),
    "Certificate": (pull_certificates, CERTIFICATES),
    "Certificate of TLS 1.3": (pull_certificates13, CERTIFICATES13),
    "SSL 2.0 ClientHello": (pull_sslv2_client_hello, SSLV2),
    "NewSessionTicket": (pull_new_session_ticket, bytes(4) + opaque(b"ticket", 2)),
    "EncryptedExtensions": (pull_encrypted_extensions, extensions_bytes({16: b"abc", 1: b""})),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_cut_is_malformed(name: str) -> None:
    pull, data = WHOLE[name]
    pull(data)
    for length in range(len(data)):
        cut = data[:length]
        if name == "EncryptedExtensions" and not cut:
            continue  # none at all
        if _ends_before_extensions(name, cut):
            pull(cut)  # older peers send none
        else:
            with pytest.raises(Malformed):
                pull(cut)


def _ends_before_extensions(name: str, cut: bytes) -> bool:
    if name == "ClientHello":
        return len(cut) == 2 + 32 + 3 + 6 + 2
    return name == "ServerHello" and len(cut) == 2 + 32 + 3 + 3


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=120))
def test_anything_is_read_or_malformed(name: str, data: bytes) -> None:
    pull, _ = WHOLE[name]
    try:
        hello = pull(data)
    except Malformed:
        return
    if isinstance(hello, ClientHello):
        assert hello.server_name is None or hello.server_name.isascii()
        assert isinstance(hello.supported_versions, tuple)


def test_an_ssl2_hello() -> None:
    hello = pull_sslv2_client_hello(SSLV2)
    assert hello.version == Version.TLS10
    assert hello.random == bytes(16) + bytes(range(16))
    assert hello.cipher_suites == (0x002F,)
    with pytest.raises(Malformed):
        pull_sslv2_client_hello(b"\4" + SSLV2[1:])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (opaque(b"\0" + opaque(b"sip.example.com", 2), 2), "sip.example.com"),
        (opaque(b"\1" + opaque(b"other", 2) + b"\0" + opaque(b"b.example", 2), 2), "b.example"),
        (opaque(b"\0" + opaque("ü".encode(), 2), 2), "\\xc3\\xbc"),
        (b"\0\x09\0\0\x05abc", None),
        (b"", None),
        (opaque(b"\1" + opaque(b"other", 2), 2), None),
    ],
)
def test_server_name(data: bytes, name: str | None) -> None:
    hello = ClientHello(Version.TLS12, bytes(32), b"", (), b"\0", {ExtensionType.server_name: data})
    assert hello.server_name == name


@pytest.mark.parametrize(
    ("legacy", "data", "version"),
    [
        (0x0303, b"\x03\x04", Version.TLS13),
        (0x0303, b"\x7f\x1c", Version.TLS13),
        (0x0303, b"", Version.TLS12),
        (0x0301, b"\x03", Version.TLS10),
    ],
)
def test_the_version_of_a_server_hello(legacy: int, data: bytes, version: Version) -> None:
    found = {int(ExtensionType.supported_versions): data} if data else {}
    assert ServerHello(legacy, bytes(32), b"", 0x1301, 0, found).version == version


def test_a_hello_retry_request_is_told_by_its_random() -> None:
    assert ServerHello(0x0303, HELLO_RETRY_REQUEST, b"", 0x1301, 0).is_hello_retry_request
    assert not SERVER_HELLO.is_hello_retry_request


def test_supported_versions_of_a_client() -> None:
    found = {int(ExtensionType.supported_versions): b"\x06\x0a\x0a\x03\x04\x03\x03"}
    hello = ClientHello(Version.TLS12, bytes(32), b"", (), b"\0", found)
    assert hello.supported_versions == (0x0A0A, 0x0304, 0x0303)


@pytest.mark.parametrize(
    ("version", "body", "secret"),
    [
        (Version.TLS12, b"\0\4abcd", b"abcd"),
        (Version.SSL3, b"\0\4abcd", b"\0\4abcd"),
        (Version.TLS10, b"abcd", b"abcd"),  # seen in the wild: no length
    ],
)
def test_the_encrypted_premaster(version: Version, body: bytes, secret: bytes) -> None:
    assert pull_encrypted_premaster(body, version) == secret


def test_no_premaster_at_all() -> None:
    with pytest.raises(Malformed):
        pull_encrypted_premaster(b"", Version.TLS12)


def test_alpn() -> None:
    found = {int(ExtensionType.application_layer_protocol_negotiation): b"\0\4\3sip"}
    assert pull_alpn(found) == "sip"
    assert pull_alpn({}) is None
