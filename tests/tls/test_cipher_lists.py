"""Cipher lists in OpenSSL's language, IANA's names and vendors' spellings."""

from __future__ import annotations

import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.handshakes import openssl_suites
from tqdecrypt.errors import UsageError
from tqdecrypt.tls.cipher_lists import parse_cipher_list, suite_named, written
from tqdecrypt.tls.suite_names import SUITE_NAMES
from tqdecrypt.tls.suites import find_suite


def names(text: str) -> list[str]:
    parsed = parse_cipher_list(text)
    return [find_suite(number).name for number in (*parsed.tls13_suites, *parsed.suites)]


def test_names_of_openssl_are_those_of_openssl() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    for cipher in context.get_ciphers():
        assert suite_named(cipher["name"]) == cipher["id"] & 0xFFFF, cipher["name"]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("tls_rsa_with_aes_128_gcm_sha256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("0x009C", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        # Ribbon
        ("rsa-with-aes-128-cbc-sha", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("tls_ecdhe_rsa_with_aes_256_cbc_sha384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
        # Cisco
        ("RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
        ("ECDHE_RSA_AES128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("AES128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        # Java
        ("SSL_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        # What no OpenSSL of today has
        ("DES-CBC3-SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("RC4-SHA", "TLS_RSA_WITH_RC4_128_SHA"),
        ("ECDHE-RSA-DES-CBC3-SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    ],
)
def test_a_suite_has_many_names(spelling: str, name: str) -> None:
    number = suite_named(spelling)
    assert number is not None
    assert find_suite(number).name == name


@given(st.sampled_from(sorted(SUITE_NAMES)))
def test_every_suite_is_found_by_its_iana_name(number: int) -> None:
    found = suite_named(SUITE_NAMES[number])
    assert found is not None
    assert SUITE_NAMES[found] == SUITE_NAMES[number]


def test_a_list_of_names_keeps_its_order_whatever_this_machine_has() -> None:
    assert names("DES-CBC3-SHA, TLS_RSA_WITH_AES_128_CBC_SHA; ECDHE-RSA-AES128-GCM-SHA256") == [
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ]
    assert not parse_cipher_list("DES-CBC3-SHA:AES128-SHA:RC4-SHA:@SECLEVEL=0").notes


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("level", range(6))
@pytest.mark.parametrize("text", ["ALL:COMPLEMENTOFALL", "HIGH:!aNULL", "kRSA+AESGCM:kRSA:-SHA1"])
def test_openssl_s_language_comes_to_what_openssl_says(text: str, level: int) -> None:
    command = ["openssl", "ciphers", "-s", "-tls1_2", f"{text}:@SECLEVEL={level}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = [name for name in done.stdout.strip().split(":") if name in openssl_suites()]
    try:
        suites = parse_cipher_list(f"{text}:@SECLEVEL={level}").suites
    except UsageError:
        suites = ()
    found = [name for name in written(suites, "openssl").split(":") if name in openssl_suites()]
    assert found == expected


def test_what_openssl_here_has_not_is_said() -> None:
    for text in ("3DES:AES128-SHA", "DES-CBC3-SHA:AES128:!ECDHE", "RC4:AES128:!ECDHE:!DHE"):
        assert any(
            "the OpenSSL of this machine has them not" in n for n in parse_cipher_list(text).notes
        )
    assert parse_cipher_list("AES128:!3DES").notes == parse_cipher_list("AES128").notes


def test_what_nobody_knows_is_said() -> None:
    assert parse_cipher_list("NONSENSE:AES128-SHA").notes == (
        "Not known to OpenSSL, IANA or here, and left out: NONSENSE.",
    )
    with pytest.raises(UsageError, match="names no cipher suite"):
        parse_cipher_list("NONSENSE")
    with pytest.raises(UsageError, match="names no cipher suite"):
        parse_cipher_list("  ")


def test_a_security_level_is_kept_to_and_what_it_costs_is_said() -> None:
    parsed = parse_cipher_list("DES-CBC3-SHA:AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=3")
    assert [find_suite(n).name for n in parsed.suites] == ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]
    assert parsed.notes == ("@SECLEVEL=3 forbids DES-CBC3-SHA, AES128-SHA.",)
    (note,) = parse_cipher_list("RC4-MD5:AES128-SHA").notes
    assert "at level 2, which Debian and Ubuntu set, OpenSSL does not use RC4-MD5" in note


def test_suites_of_tls13_have_a_list_of_their_own() -> None:
    parsed = parse_cipher_list("TLS_AES_128_GCM_SHA256:HIGH:!ECDHE:!DHE:!aNULL")
    assert parsed.tls13_suites == (0x1301,)
    assert all(not find_suite(number).tls13 for number in parsed.suites)
    assert parsed.suites
