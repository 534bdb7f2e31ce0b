"""AES in counter mode by ``cryptography`` does what libsrtp does, packet by packet.

libsrtp derives the keys of AES-192 unlike RFC 6188 up to version 2.7, so the two are compared with the key
lengths that it has no such trouble with; the code is the same for all three.
"""

from __future__ import annotations

import random
import struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.srtp import Protector, rtcp_packet
from tqdecrypt.media.srtp import MasterKey
from tqdecrypt.media.srtp.counter_mode import CounterModeContext
from tqdecrypt.media.srtp.library import (
    AUTHENTICATION_FAILURE,
    OK,
    REPLAYED,
    TOO_OLD,
    Context,
    load_library,
)
from tqdecrypt.media.srtp.suites import AES_CM_192, SUITES, variants

SSRC = 0x1234ABCD
CM = "AES_CM_128_HMAC_SHA1_80"
SUITE_NAMES = [
    name for name in SUITES if name.startswith("AES") and SUITES[name].cipher != AES_CM_192
]


class Both(NamedTuple):
    """The two implementations at the same place."""

    ours: CounterModeContext
    theirs: Context

    def open(self, packet: bytes) -> bytes | None:
        """Open with both; they agree on the clear packet and on the reason why there is none."""
        clear, expected = self.ours.open(packet), self.theirs.open(packet)
        assert (clear, reason(self.ours.status)) == (expected, reason(self.theirs.status))
        return clear


def reason(status: int) -> int:
    """libsrtp has a status of its own for headers that do not fit, for all that is dark one is enough."""
    return status if status in (OK, REPLAYED, TOO_OLD) else AUTHENTICATION_FAILURE


def both(
    suite: str,
    *,
    rtcp: bool = False,
    encrypted: bool = True,
    authenticated: bool = True,
    rollovers: int | None = None,
) -> Both:
    key = MasterKey(
        suite,
        material(suite),
        unencrypted_rtp=not encrypted,
        unauthenticated_rtp=not authenticated,
    )
    library = load_library()
    policy, kept = library.policy(key, SUITES[suite], encrypted_rtcp=encrypted)
    pair = Both(
        CounterModeContext(key, SUITES[suite], rtcp=rtcp, encrypted=encrypted),
        Context(library, policy, SSRC, rtcp=rtcp),
    )
    del kept
    if rollovers is not None:
        for one in pair:
            one.place(rollovers)
    return pair


def material(suite: str) -> bytes:
    return random.Random(7).randbytes(SUITES[suite].material_length)


def rtp_packet(number: int, contributors: int = 0, extension: int = -1, payload: int = 33) -> bytes:
    """An RTP packet whose header has some of what it may have (RFC 3550 section 5.1)."""
    first = 0x80 | contributors | (0x10 if extension >= 0 else 0)
    packet = struct.pack(">BBHII", first, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, SSRC)
    packet += bytes(range(4 * contributors))
    if extension >= 0:
        packet += struct.pack(">HH", 0xBEDE, extension) + b"x" * 4 * extension
    return packet + number.to_bytes(8, "big") * (payload // 8) + bytes(payload % 8)


def sealed(protector: Protector, packet: bytes, rollovers: int, authenticate: bool) -> bytes:
    """Protect *packet* whatever its header has: the kit takes all behind twelve octets for payload."""
    start = payload_start(packet)
    return protector.rtp(packet, rollovers, start=start, authenticate=authenticate)


def payload_start(packet: bytes) -> int:
    start = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return start


@given(
    suite=st.sampled_from(SUITE_NAMES),
    authenticated=st.booleans(),
    first=st.integers(0, 3 << 16),
    steps=st.lists(
        st.one_of(
            st.integers(-3, 3), st.integers(-1100, 1100), st.sampled_from([30_000, 32_767, 32_768])
        ),
        max_size=30,
    ),
    shapes=st.lists(
        st.tuples(st.integers(0, 15), st.integers(-1, 3), st.integers(0, 200)),
        min_size=1,
        max_size=5,
    ),
    broken=st.sets(st.integers(0, 30)),
)
def test_any_order_and_shape_of_packets_opens_as_libsrtp_opens_it(
    suite: str,
    authenticated: bool,
    first: int,
    steps: list[int],
    shapes: list[tuple[int, int, int]],
    broken: set[int],
) -> None:
    pair = both(suite, authenticated=authenticated, rollovers=first >> 16)
    protector = Protector(suite, material(suite))
    number = first
    opened = 0
    for place, step in enumerate([0, *steps]):
        number = max(0, number + step)
        packet = rtp_packet(number, *shapes[place % len(shapes)])
        secret = bytearray(sealed(protector, packet, number >> 16, authenticated))
        if place in broken and authenticated:
            # Not where the header says how long it is, and whose packet it is: libsrtp looks there first.
            places = [*range(1, 8), *range(payload_start(packet), len(secret))]
            secret[places[place % len(places)]] ^= 1 << place % 8
        opened += pair.open(bytes(secret)) == packet
    assert opened or 0 in broken


@pytest.mark.parametrize(
    "step",
    [0, -1022, -1023, -1024, -1025, 32_766, 32_767, 32_768, 32_769, -32_767, -32_768, -32_769],
)
@pytest.mark.parametrize("first", [100_000, 2 << 16, (2 << 16) - 1])
def test_the_limits_of_window_and_roll_over_are_those_of_libsrtp(first: int, step: int) -> None:
    pair = both(CM, rollovers=first >> 16)
    protector = Protector(CM, material(CM))
    assert pair.open(protector.rtp(rtp_packet(first), first >> 16)) == rtp_packet(first)
    number = first + step
    for rollovers in {max(0, (number >> 16) + more) for more in (-1, 0, 1)}:
        pair.open(protector.rtp(rtp_packet(number), rollovers))


@given(
    suite=st.sampled_from(SUITE_NAMES),
    encrypted=st.booleans(),
    indexes=st.lists(st.integers(0, 120) | st.just(0x7FFFFFFF), min_size=1, max_size=30),
)
def test_reports_open_as_libsrtp_opens_them(
    suite: str, encrypted: bool, indexes: list[int]
) -> None:
    """Its window for them is of 128, which ours is not; none of these comes so late."""
    pair = both(suite, rtcp=True, encrypted=encrypted)
    protector = Protector(suite, material(suite))
    for index in indexes:
        pair.open(protector.rtcp(rtcp_packet(index), index, encrypt=encrypted))


@pytest.mark.parametrize("suite", SUITE_NAMES)
def test_unencrypted_packets_are_authenticated_as_libsrtp_does(suite: str) -> None:
    pair = both(suite, encrypted=False)
    packet = rtp_packet(1)
    secret = Protector(suite, material(suite)).rtp(packet, 0, encrypt=False)
    assert pair.open(secret[:-1] + bytes([secret[-1] ^ 1])) is None
    assert pair.open(secret) == packet


@pytest.mark.parametrize("name", [name for name in SUITES if SUITES[name].cipher == AES_CM_192])
def test_nothing_of_one_derivation_opens_under_the_other(name: str) -> None:
    suite, padded = variants(SUITES[name], rtcp=False)
    key = MasterKey(name, material(name))
    secret = Protector(name, material(name)).rtp(rtp_packet(5), 0)
    other = CounterModeContext(key, padded, rtcp=False, encrypted=True)
    assert other.open(secret) is None
    right = CounterModeContext(key, suite, rtcp=False, encrypted=True)
    assert right.open(secret) == rtp_packet(5)
    assert right.status == OK
