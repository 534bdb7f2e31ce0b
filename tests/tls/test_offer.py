"""What a ClientHello offers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import TlsPair
from kit.tls import Version as OpenSslVersion
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.handshake import ClientHello, pull_client_hello
from tqdecrypt.tls.offer import Offer, offer_of

GREASE = 0x3A3A


def vector(*numbers: int, length: int = 2) -> bytes:
    body = b"".join(struct.pack("!H", number) for number in numbers)
    return len(body).to_bytes(length, "big") + body


def hello(
    version: int = Version.TLS12, *suites: int, extensions: dict[int, bytes] | None = None
) -> ClientHello:
    return ClientHello(version, bytes(32), b"", suites, b"\0", extensions or {})


def test_what_is_no_suite_is_left_out() -> None:
    assert offer_of(hello(0x0303, GREASE, 0x009C, 0x00FF, 0x5600)).suites == (0x009C,)


def test_without_supported_versions_it_is_the_version_and_all_older_ones() -> None:
    offer = offer_of(hello(Version.TLS11, 0x002F))
    assert offer.versions == (Version.TLS11, Version.TLS10, Version.SSL3)
    assert not offer.lists_versions


def test_supported_versions_count_more_and_the_newest_comes_first() -> None:
    listed = vector(GREASE, Version.TLS12, Version.TLS13, 0x7F1C, length=1)
    offer = offer_of(hello(Version.TLS12, 0x1301, extensions={43: listed}))
    assert offer.versions == (Version.TLS13, Version.TLS12)
    assert offer.newest == Version.TLS13
    assert offer.lists_versions


def test_dtls_counts_downwards() -> None:
    offer = offer_of(hello(Version.DTLS12, 0x002F), dtls=True)
    assert offer.versions == (Version.DTLS12, Version.DTLS10)
    assert offer.newest == Version.DTLS12


def test_groups_and_signatures_are_told_from_saying_nothing() -> None:
    silent = offer_of(hello(0x0303, 0xC02F))
    assert silent.groups is None
    assert silent.signatures is None
    extensions = {10: vector(GREASE, 0x001D, 0x0017), 13: vector(0x0804, 0x0401), 23: b""}
    offer = offer_of(hello(0x0303, 0xC02F, extensions=extensions))
    assert offer.groups == (0x001D, 0x0017)
    assert offer.signatures == (0x0804, 0x0401)
    assert offer.extended_master_secret


@pytest.mark.parametrize("version", [OpenSslVersion.TLSv1_2, OpenSslVersion.TLSv1_3])
def test_clients_that_offer_the_same_have_one_offer(version: OpenSslVersion) -> None:
    """Randoms, session ids and key shares differ from one connection to the next."""
    offers = []
    for _ in range(2):
        data = TlsPair(version=version, ciphers="AES128-SHA:AES256-SHA").flights[0].data
        offers.append(offer_of(pull_client_hello(data[9 : 9 + int.from_bytes(data[6:9], "big")])))
    assert offers[0] is offers[1]
    assert isinstance(offers[0], Offer)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_damaged_extensions_are_read_as_far_as_they_go(a: bytes, b: bytes, c: bytes) -> None:
    offer = offer_of(hello(0x0303, 0x002F, extensions={43: a, 10: b, 13: c}))
    assert offer.suites == (0x002F,)
    assert offer.versions
    assert offer.groups is not None
    assert offer.signatures is not None
    assert all(0 <= number <= 0xFFFF for number in (*offer.groups, *offer.signatures))
