"""The ring: which key for which session."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tqdecrypt.keys import KeyLog, KeyRing, PreSharedKey, PrivateKey, read_certificate

from .encodings import certificate, der


@pytest.fixture
def first(rsa_key: rsa.RSAPrivateKey) -> PrivateKey:
    return PrivateKey(rsa_key, "first.key")


@pytest.fixture
def elliptic(ec_key: ec.EllipticCurvePrivateKey) -> PrivateKey:
    return PrivateKey(ec_key, "ec.key")


def test_a_certificate_finds_its_key(
    first: PrivateKey,
    elliptic: PrivateKey,
    rsa_key: rsa.RSAPrivateKey,
    other_rsa_key: rsa.RSAPrivateKey,
) -> None:
    ring = KeyRing([elliptic, first])
    assert ring.match_certificate(read_certificate(der(certificate(rsa_key)))) is first
    assert ring.match_certificate(read_certificate(der(certificate(other_rsa_key)))) is None
    assert ring.match_spki(elliptic.spki_sha256) is elliptic
    assert ring.match_spki(bytes(32)) is None


def test_of_two_files_with_one_key_the_first_counts(
    first: PrivateKey, rsa_key: rsa.RSAPrivateKey
) -> None:
    assert KeyRing([first, PrivateKey(rsa_key, "copy.key")]).match_spki(first.spki_sha256) is first


def test_without_a_certificate_keys_of_the_right_size_are_tried(
    first: PrivateKey, elliptic: PrivateKey
) -> None:
    ring = KeyRing([elliptic, first])
    assert ring.rsa_keys_of_size(128) == [first]
    assert ring.rsa_keys_of_size(32) == []
    assert ring.rsa_keys_of_size(256) == []


def test_pre_shared_keys_of_the_identity_come_first() -> None:
    unnamed, sbc, other = (
        PreSharedKey(None, b"1"),
        PreSharedKey(b"sbc", b"2"),
        PreSharedKey(b"x", b"3"),
    )
    ring = KeyRing(psks=[unnamed, sbc, other])
    assert ring.psks_for(b"sbc") == [sbc, unnamed]
    assert ring.psks_for(b"nobody") == [unnamed]


def test_it_tells_what_was_given(first: PrivateKey) -> None:
    keylog = KeyLog()
    keylog.feed(b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n", "a")
    ring = KeyRing([first], keylog, [PreSharedKey(None, b"1"), PreSharedKey(None, b"2")])
    short = first.spki_sha256.hex()[:8]
    assert ring.describe() == (
        f"first.key (RSA 1024, SHA-256 {short}…)",
        "key log with 1 secret",
        "2 pre-shared keys",
    )
    assert repr(ring) == "<KeyRing: 1 keys, <KeyLog: 1 secrets of 1 sessions>, 2 PSKs>"
    assert KeyRing().describe() == ()
