"""What a suite's name says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.tls.suite_names import SUITE_NAMES
from tqdecrypt.tls.suites import CIPHERS, Protection, find_suite, is_grease, suite_name

TABLE = [
    # number, key exchange, authentication, cipher, MAC, PRF hash, forward secret, RSA
    (0x0004, "RSA", "RSA", "RC4_128", "md5", "sha256", False, True),
    (0x000A, "RSA", "RSA", "3DES_EDE_CBC", "sha1", "sha256", False, True),
    (0x002F, "RSA", "RSA", "AES_128_CBC", "sha1", "sha256", False, True),
    (0x003B, "RSA", "RSA", "NULL", "sha256", "sha256", False, True),
    (0x003D, "RSA", "RSA", "AES_256_CBC", "sha256", "sha256", False, True),
    (0x009C, "RSA", "RSA", "AES_128_GCM", None, "sha256", False, True),
    (0x009D, "RSA", "RSA", "AES_256_GCM", None, "sha384", False, True),
    (0xC09C, "RSA", "RSA", "AES_128_CCM", None, "sha256", False, True),
    (0xC0A1, "RSA", "RSA", "AES_256_CCM_8", None, "sha256", False, True),
    (0xC07B, "RSA", "RSA", "CAMELLIA_256_GCM", None, "sha384", False, True),
    (0xC03C, "RSA", "RSA", "ARIA_128_CBC", "sha256", "sha256", False, True),
    (0x0033, "DHE", "RSA", "AES_128_CBC", "sha1", "sha256", True, False),
    (0x0034, "DH_anon", "anon", "AES_128_CBC", "sha1", "sha256", True, False),
    (0x0031, "DH", "RSA", "AES_128_CBC", "sha1", "sha256", False, False),
    (0xC004, "ECDH", "ECDSA", "AES_128_CBC", "sha1", "sha256", False, False),
    (0xC02F, "ECDHE", "RSA", "AES_128_GCM", None, "sha256", True, False),
    (0xC024, "ECDHE", "ECDSA", "AES_256_CBC", "sha384", "sha384", True, False),
    (0xCCA8, "ECDHE", "RSA", "CHACHA20_POLY1305", None, "sha256", True, False),
    (0x008C, "PSK", "PSK", "AES_128_CBC", "sha1", "sha256", False, False),
    (0x00AC, "RSA_PSK", "PSK", "AES_128_GCM", None, "sha256", False, False),
    (0x00AA, "DHE_PSK", "PSK", "AES_128_GCM", None, "sha256", True, False),
    (0xC035, "ECDHE_PSK", "PSK", "AES_128_CBC", "sha1", "sha256", True, False),
    (0x1301, "ECDHE", "ECDHE", "AES_128_GCM", None, "sha256", True, False),
    (0x1302, "ECDHE", "ECDHE", "AES_256_GCM", None, "sha384", True, False),
    (0x1305, "ECDHE", "ECDHE", "AES_128_CCM_8", None, "sha256", True, False),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: suite_name(row[0]))
def test_parts_of_a_name(row: tuple[int, str, str, str, str | None, str, bool, bool]) -> None:
    number, exchange, authentication, cipher, mac, prf_hash, forward_secret, rsa = row
    suite = find_suite(number)
    assert suite.key_exchange == exchange
    assert suite.authentication == authentication
    assert suite.cipher == cipher
    assert suite.bulk is CIPHERS[cipher]
    assert (suite.mac, suite.prf_hash) == (mac, prf_hash)
    assert suite.forward_secret is forward_secret
    assert suite.rsa_key_exchange is rsa
    assert suite.tls13 is (number >> 8 == 0x13)


@given(st.integers(0, 0xFFFF))
def test_no_number_raises(number: int) -> None:
    assert find_suite(number).name == suite_name(number)


@pytest.mark.parametrize("number", SUITE_NAMES)
def test_every_registered_name_can_be_read(number: int) -> None:
    """Whatever is readable has all that a key block needs."""
    suite = find_suite(number)
    assert suite.name == SUITE_NAMES[number]
    if suite.bulk is None:
        return
    assert suite.cipher == suite.bulk.name
    aead = suite.bulk.protection in (Protection.AEAD_EXPLICIT, Protection.AEAD_IMPLICIT)
    assert (suite.mac is None) == aead
    assert suite.bulk.tag_length > 0 or not aead


UNREADABLE = (
    "_NULL_WITH_NULL",
    "28147",
    "DES40",
    "EXPORT",
    "GOST",
    "KUZNYECHIK",
    "MAGMA",
    "RC2",
    "SALSA20",
    "SCSV",
    "SHA256_SHA256",
    "SHA384_SHA384",
    "SM4",
)
"""Weakened on purpose, national, never deployed, or no cipher at all."""


def test_only_these_kinds_are_beyond_us() -> None:
    dark = [name for number, name in SUITE_NAMES.items() if find_suite(number).bulk is None]
    assert [name for name in dark if not any(part in name for part in UNREADABLE)] == []


@pytest.mark.parametrize(("number", "grease"), [(0x0A0A, True), (0xFAFA, True), (0x0A1A, False)])
def test_grease(number: int, grease: bool) -> None:
    assert is_grease(number) is grease
