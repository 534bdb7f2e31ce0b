"""The parts of handshake messages that decryption does without, from bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tls.handmade import opaque
from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.handshake_details import (
    Signature,
    pull_alpn_names,
    pull_certificate_request,
    pull_certificate_verify,
    pull_key_share_groups,
    pull_numbers,
    pull_server_parameters,
    pull_ticket,
)
from tqdecrypt.tls.suites import find_suite

ECDHE, DHE, PSK, ANON = map(find_suite, (0xC02F, 0x009E, 0x008C, 0x0034))


def numbers(*values: int) -> bytes:
    return opaque(b"".join(value.to_bytes(2, "big") for value in values), 2)


def test_a_curve_and_who_signed() -> None:
    body = b"\3\0\x1d" + opaque(bytes(32), 1) + b"\x08\x04" + opaque(bytes(256), 2)
    found = pull_server_parameters(body, ECDHE, Version.TLS12)
    assert (found.group, found.prime_bits, found.public_length) == (29, 0, 32)
    assert found.signature == Signature(0x0804, 256)


def test_before_tls12_a_signature_names_no_algorithm() -> None:
    body = b"\3\0\x17" + opaque(bytes(65), 1) + opaque(bytes(128), 2)
    for version in (Version.TLS10, Version.TLS11, Version.DTLS10):
        found = pull_server_parameters(body, ECDHE, version)
        assert found.signature == Signature(None, 128)


def test_a_finite_field_has_the_length_of_its_prime() -> None:
    prime = (1 << 2047 | 1).to_bytes(256, "big")
    body = opaque(prime, 2) + opaque(b"\2", 2) + opaque(bytes(256), 2)
    found = pull_server_parameters(body, ANON, Version.TLS12)
    assert (found.group, found.prime_bits, found.public_length) == (None, 2048, 256)
    assert found.signature is None


def test_a_pre_shared_key_has_a_hint() -> None:
    found = pull_server_parameters(opaque(b"sbc", 2), PSK, Version.TLS12)
    assert found.identity_hint == b"sbc"
    assert found.public_length == 0


def test_an_explicit_curve_is_malformed_here() -> None:
    with pytest.raises(Malformed, match="a named curve"):
        pull_server_parameters(b"\1rest", ECDHE, Version.TLS12)


def test_what_a_server_asks_for() -> None:
    names = opaque(opaque(b"one", 2) + opaque(b"two", 2), 2)
    old = pull_certificate_request(opaque(b"\1\x40", 1) + names, Version.TLS10)
    assert (old.types, old.schemes, old.authorities) == ((1, 64), (), (b"one", b"two"))
    body = opaque(b"\1", 1) + numbers(0x0401, 0x0804) + names
    new = pull_certificate_request(body, Version.TLS12)
    assert (new.types, new.schemes, new.authorities) == ((1,), (0x0401, 0x0804), (b"one", b"two"))


def test_what_a_server_of_tls13_asks_for() -> None:
    schemes = (13).to_bytes(2, "big") + opaque(numbers(0x0804), 2)
    authorities = (47).to_bytes(2, "big") + opaque(opaque(opaque(b"one", 2), 2), 2)
    found = pull_certificate_request(b"\0" + opaque(schemes + authorities, 2), Version.TLS13)
    assert (found.types, found.schemes, found.authorities) == ((), (0x0804,), (b"one",))
    bare = pull_certificate_request(b"\0" + opaque(schemes, 2), Version.TLS13)
    assert bare.authorities == ()


def test_tickets_of_both_kinds() -> None:
    old = pull_ticket((7200).to_bytes(4, "big") + opaque(b"ticket", 2), Version.TLS12)
    assert old == (7200, b"ticket", None)
    early = (42).to_bytes(2, "big") + opaque((16384).to_bytes(4, "big"), 2)
    head = (60).to_bytes(4, "big") + bytes(4) + opaque(b"\0", 1) + opaque(b"t", 2)
    assert pull_ticket(head + opaque(early, 2), Version.TLS13) == (60, b"t", 16384)
    assert pull_ticket(head + opaque(b"", 2), Version.TLS13) == (60, b"t", None)


def test_lists() -> None:
    assert pull_numbers(numbers(29, 23), 2) == (29, 23)
    assert pull_numbers(opaque(b"\0\1", 1), 1, 1) == (0, 1)
    assert pull_alpn_names(opaque(opaque(b"sip/2", 1) + opaque(b"h2", 1), 2)) == ("sip/2", "h2")
    shares = opaque(b"\0\x1d" + opaque(bytes(32), 2) + b"\0\x17" + opaque(bytes(65), 2), 2)
    assert pull_key_share_groups(shares, of_client=True) == (29, 23)
    assert pull_key_share_groups(b"\0\x17", of_client=False) == (23,)
    assert pull_certificate_verify(b"\x08\x04" + opaque(b"s", 2), Version.TLS13) == (0x0804, 1)


@given(st.integers(0, 8), st.integers(0, 3), st.binary(max_size=8))
def test_a_cut_list_is_malformed(promised: int, size: int, data: bytes) -> None:
    body = (promised + len(data) + 1).to_bytes(2, "big") + data
    with pytest.raises(Malformed):
        pull_numbers(body, 2, max(size, 1))
