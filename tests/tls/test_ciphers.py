"""Ciphers that are put together here, against published vectors and the crypto library."""

from __future__ import annotations

import os

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.tls.ciphers import (
    UnsupportedCipher,
    _block_encryptor,
    _Gcm,
    make_aead,
    make_cbc,
    make_rc4,
)
from tqdecrypt.tls.libcrypto import LibcryptoCipher
from tqdecrypt.tls.suites import CIPHERS, Bulk, Protection, find_suite


def aria(name: str, key: str, iv: str = "", *, encrypt: bool = True) -> LibcryptoCipher:
    try:
        return LibcryptoCipher(name, bytes.fromhex(key), bytes.fromhex(iv), encrypt=encrypt)
    except UnsupportedCipher:
        pytest.skip("libcrypto without ARIA: apt-get install libssl3")


@given(
    key=st.sampled_from([16, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    nonce=st.binary(min_size=12, max_size=12),
    text=st.binary(max_size=100),
    additional=st.binary(max_size=40),
)
def test_gcm_over_single_blocks_is_gcm(
    key: bytes, nonce: bytes, text: bytes, additional: bytes
) -> None:
    sealed = AESGCM(key).encrypt(nonce, text, additional)
    gcm = _Gcm(_block_encryptor("AES", key))
    assert gcm.decrypt(nonce, sealed, additional) == text
    with pytest.raises(InvalidTag):
        gcm.decrypt(nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), additional)
    with pytest.raises(InvalidTag):
        gcm.decrypt(nonce, sealed, additional + b"x")


def test_gcm_refuses_what_is_too_short() -> None:
    with pytest.raises(InvalidTag):
        _Gcm(_block_encryptor("AES", bytes(16))).decrypt(bytes(12), bytes(15), None)


PLAIN = "00112233445566778899aabbccddeeff"
ARIA_ECB = {
    # RFC 5794 appendix A
    "000102030405060708090a0b0c0d0e0f": "d718fbd6ab644c739da95f3be6451778",
    "000102030405060708090a0b0c0d0e0f1011121314151617": "26449c1805dbe7aa25a468ce263a9e79",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f": (
        "f92bd7c79fb72e2f2b8f80c1972d24fc"
    ),
}


@pytest.mark.parametrize("key", ARIA_ECB, ids=lambda key: f"{len(key) * 4} bits")
def test_aria_of_rfc_5794(key: str) -> None:
    cipher = aria(f"ARIA-{len(key) * 4}-ECB", key)
    assert cipher.update(bytes.fromhex(PLAIN)).hex() == ARIA_ECB[key]


def test_aria_cbc_is_ecb_chained() -> None:
    key, iv = "000102030405060708090a0b0c0d0e0f", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    text = bytes(range(64))
    ecb = aria("ARIA-128-ECB", key)
    sealed, last = b"", bytes.fromhex(iv)
    for start in range(0, 64, 16):
        block = bytes(a ^ b for a, b in zip(text[start : start + 16], last, strict=True))
        last = ecb.update(block)
        sealed += last
    context = make_cbc(CIPHERS["ARIA_128_CBC"], bytes.fromhex(key), bytes.fromhex(iv))
    assert context.update(sealed[:32]) + context.update(sealed[32:]) == text


CAMELLIA_ECB = {
    # RFC 3713 appendix A
    "0123456789abcdeffedcba9876543210": "67673138549669730857065648eabe43",
    "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff": (
        "9acc237dff16d76c20ef7c919e3a7509"
    ),
}


@pytest.mark.parametrize("key", CAMELLIA_ECB, ids=lambda key: f"{len(key) * 4} bits")
def test_camellia_of_rfc_3713(key: str) -> None:
    encrypt = _block_encryptor("CAMELLIA", bytes.fromhex(key))
    assert encrypt(bytes.fromhex("0123456789abcdeffedcba9876543210")).hex() == CAMELLIA_ECB[key]


@pytest.mark.parametrize("bulk", CIPHERS.values(), ids=CIPHERS)
def test_every_cipher_is_made_or_says_that_it_cannot_be(bulk: Bulk) -> None:
    key = bytes(range(bulk.key_length))
    try:
        if bulk.protection in (Protection.AEAD_EXPLICIT, Protection.AEAD_IMPLICIT):
            with pytest.raises(InvalidTag):
                make_aead(bulk, key).decrypt(bytes(12), bytes(64), b"")
        elif bulk.protection is Protection.BLOCK:
            text = make_cbc(bulk, key, bytes(bulk.block_length)).update(bytes(64))
            assert len(text) == 64
    except UnsupportedCipher:
        assert bulk.name in ("IDEA_CBC", "SEED_CBC", "DES_CBC") or "ARIA" in bulk.name


def test_an_aead_that_is_none() -> None:
    with pytest.raises(UnsupportedCipher):
        make_aead(CIPHERS["AES_128_CBC"], bytes(16))


def test_a_cipher_that_libcrypto_lacks() -> None:
    with pytest.raises(UnsupportedCipher):
        LibcryptoCipher("NO-SUCH-CIPHER", bytes(16), b"", encrypt=True)


def test_des_is_triple_des_with_one_key() -> None:
    """FIPS 46-3: three equal keys are one.  Vector: the classic "Now is t" of FIPS 81 table B1."""
    key = bytes.fromhex("0123456789abcdef")
    context = make_cbc(CIPHERS["DES_CBC"], key, bytes(8))
    assert context.update(bytes.fromhex("3fa40e8a984d4815")) == b"Now is t"


def test_rc4_of_rfc_6229() -> None:
    """Key 0102030405 … (128 bits), offset 0."""
    key = bytes(range(1, 17))
    stream = make_rc4(key).update(bytes(16))
    assert stream.hex() == "9ac7cc9a609d1ef7b2932899cde41b97"


def test_without_an_iv_only_the_first_block_is_rubbish() -> None:
    key, iv, text = os.urandom(16), os.urandom(16), bytes(range(48))
    sealed = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(text)
    opened = make_cbc(CIPHERS["AES_128_CBC"], key, b"").update(sealed)
    assert opened[16:] == text[16:]


def test_chacha20_poly1305_of_the_draft() -> None:
    """Test vector of draft-agl-tls-chacha20poly1305-04 section 7."""
    key = bytes.fromhex("4290bcb154173531f314af57f3be3b5006da371ece272afa1b5dbdd1100a1007")
    nonce = bytes.fromhex("cd7cf67be39c794a")
    additional = bytes.fromhex("87e229d4500845a079c0")
    sealed = bytes.fromhex("e3e446f7ede9a19b62a4677dabf4e3d24b876bb284753896e1d6")
    suite = find_suite(0xCC13)
    assert suite.name == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_DRAFT_SHA256"
    assert suite.bulk is not None
    assert suite.forward_secret
    cipher = make_aead(suite.bulk, key)
    plain = cipher.decrypt(bytes(4) + nonce, sealed, additional)
    assert plain == bytes.fromhex("86d09974840bded2a5ca")
    for damaged in (sealed[:-1] + b"\0", b"\0" + sealed[1:]):
        with pytest.raises(InvalidTag):
            cipher.decrypt(bytes(4) + nonce, damaged, additional)
