"""Telephone events without their digits."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.reading import rtp
from tqdecrypt.errors import Malformed
from tqdecrypt.export.hidden_digits import NO_EVENT, DigitMask

FORMATS = [
    ("0", "PCMU/8000"),
    ("96", "opus/48000/2"),
    ("97", "red/8000"),
    ("101", "telephone-event/8000"),
    ("102", "Telephone-Event/16000"),
]
MASK = DigitMask(FORMATS)
DIGIT, HIDDEN = b"\x05\x0a\x01\x40", b"\xff\x0a\x01\x40"


def event(payload: bytes = DIGIT, payload_type: int = 101) -> bytes:
    return rtp(1, 160, payload_type=payload_type, payload=payload)


def redundant(*blocks: tuple[int, bytes], last: tuple[int, bytes] = (0, b"speech")) -> bytes:
    """Return a packet with blocks of redundant data (RFC 2198 section 3) in front of what is new."""
    heads = b"".join(
        bytes([0x80 | number]) + struct.pack("!I", 160 << 10 | len(data))[1:]
        for number, data in blocks
    )
    data = b"".join(data for _, data in blocks)
    return event(heads + bytes([last[0]]) + data + last[1], 97)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=3, max_size=3)), min_size=1))
def test_only_the_codes_change(reports: list[tuple[int, bytes]]) -> None:
    plain = event(b"".join(bytes([code]) + rest for code, rest in reports))
    assert MASK.hide(plain) == event(b"".join(bytes([NO_EVENT]) + rest for _, rest in reports))


def test_it_is_found_behind_sources_and_extension_and_in_front_of_padding() -> None:
    head = b"\xb1" + event()[1:12] + b"csrc" + b"\xbe\xde\x00\x01" + b"ext."
    assert MASK.hide(head + DIGIT + b"\x00\x00\x00\x04") == head + HIDDEN + b"\x00\x00\x00\x04"


def test_of_a_type_that_nobody_announces_shape_decides() -> None:
    assert MASK.hide(event(payload_type=110)) == event(HIDDEN, 110)
    assert MASK.hide(event(DIGIT + b"more", 110)) is None


@pytest.mark.parametrize("payload_type", [0, 8, 96])
def test_speech_stays(payload_type: int) -> None:
    assert MASK.hide(event(payload_type=payload_type)) is None


def test_redundant_blocks_are_hidden_each_by_its_type() -> None:
    packet = redundant((101, DIGIT), (0, DIGIT), (102, DIGIT + DIGIT), last=(101, DIGIT))
    wanted = redundant((101, HIDDEN), (0, DIGIT), (102, HIDDEN + HIDDEN), last=(101, HIDDEN))
    assert MASK.hide(packet) == wanted
    assert MASK.hide(redundant((101, DIGIT))) == redundant((101, HIDDEN))
    assert MASK.hide(redundant((110, DIGIT))) == redundant((110, HIDDEN))
    assert MASK.hide(redundant((0, DIGIT), (96, DIGIT))) is None
    assert MASK.hide(redundant(last=(101, DIGIT))) == redundant(last=(101, HIDDEN))


@pytest.mark.parametrize("size", range(10))
def test_redundant_data_that_is_cut_short_is_not_let_through(size: int) -> None:
    """Headers of nine octets announce eight of data."""
    whole = redundant((101, DIGIT), (101, DIGIT), last=(101, b""))
    with pytest.raises(Malformed):
        MASK.hide(whole[: 12 + size])


@given(st.binary(max_size=60), st.sampled_from([97, 101, 110]))
def test_whatever_it_is_the_length_stays(data: bytes, payload_type: int) -> None:
    packet = event(data, payload_type)
    try:
        hidden = MASK.hide(packet)
    except Malformed:
        return
    if hidden is not None:
        assert len(hidden) == len(packet)
        assert hidden[:12] == packet[:12]


@given(st.binary(max_size=40))
def test_what_is_no_rtp_is_said_to_be_none(data: bytes) -> None:
    try:
        hidden = MASK.hide(data)
    except Malformed:
        return
    assert hidden is None or len(hidden) == len(data)
