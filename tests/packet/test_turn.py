"""Datagrams inside TURN: ChannelData, and Send and Data indications (RFC 8656)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.packet.turn import MOST_ATTRIBUTES, Span, relayed_span, relayed_spans

INNER = b"\x80\x08relayed data of any kind"


def channel(data: bytes, number: int = 0x4001, padding: int = 0) -> bytes:
    return struct.pack("!HH", number, len(data)) + data + bytes(padding)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def stun(kind: int, *attributes: bytes, cookie: int = 0x2112A442) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI12s", kind, len(body), cookie, b"transaction!") + body


PEER = attribute(0x0012, bytes(8))


def found(payload: bytes) -> bytes | None:
    span = relayed_span(payload, len(payload))
    return None if span is None else payload[span.begin : span.begin + span.length]


@pytest.mark.parametrize("padding", range(4))
def test_channel_data_has_it_behind_four_bytes(padding: int) -> None:
    assert found(channel(INNER, padding=padding)) == INNER


@pytest.mark.parametrize("kind", [0x0016, 0x0017])
def test_indications_have_it_in_an_attribute(kind: int) -> None:
    assert found(stun(kind, PEER, attribute(0x0013, INNER))) == INNER
    assert found(stun(kind, attribute(0x0013, INNER + b"."), PEER)) == INNER + b"."


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        channel(b"abc"),
        channel(INNER, padding=4),
        channel(INNER, 0x5000),
        channel(INNER)[:-1],
        stun(0x0001, PEER, attribute(0x0013, INNER)),  # a binding request
        stun(0x0116, PEER, attribute(0x0013, INNER)),
        stun(0x0016, PEER),
        stun(0x0016, PEER, attribute(0x0013, INNER), cookie=1),
        stun(0x0016, PEER, attribute(0x0013, INNER)) + b"more",
        stun(0x0016, PEER, struct.pack("!HH", 0x0013, 400) + INNER + bytes(2)),
        stun(0x0016, *[PEER] * MOST_ATTRIBUTES, attribute(0x0013, INNER)),
    ],
)
def test_what_has_none(payload: bytes) -> None:
    assert found(payload) is None


def test_what_the_snap_length_cut_is_told_as_it_was_on_the_wire() -> None:
    whole = stun(0x0017, PEER, attribute(0x0013, INNER))
    assert relayed_span(whole[:40], len(whole)) == Span(36, len(INNER))


inners = st.binary(max_size=30)
wholes = st.one_of(
    st.binary(max_size=60),
    st.builds(channel, inners, st.integers(0x3FFE, 0x5001), st.integers(0, 4)),
    st.builds(
        stun,
        st.sampled_from([0x0016, 0x0017, 0x0015]),
        *[st.builds(attribute, st.sampled_from([0x0012, 0x0013, 0x8022]), inners)] * 3,
    ),
)


@given(st.lists(st.tuples(wholes, st.integers(0, 12)), min_size=1, max_size=8))
def test_columns_say_what_each_datagram_says(cases: Sequence[tuple[bytes, int]]) -> None:
    buffer, offset, length, wire, expected = b"", [], [], [], []
    for place, (whole, cut) in enumerate(cases):
        captured = whole[: max(len(whole) - cut, 0)]
        offset.append(len(buffer))
        length.append(len(captured))
        wire.append(len(whole))
        buffer += captured
        span = relayed_span(captured, len(whole))
        if span is not None:
            expected.append((place, *span))
    columns = (np.array(column, np.int64) for column in (offset, length, wire))
    spans = relayed_spans(buffer, *columns)
    assert list(zip(*(column.tolist() for column in spans), strict=True)) == expected
