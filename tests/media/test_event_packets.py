"""Which packets are telephone events: by the session description, else by shape, never by block cuts."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.packets import Segment
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.table import MediaTable
from tqdecrypt.sip.sdp_attributes import Codec, codec_of

from .reading import MILLISECOND, datagram, follow, rtp
from .scenes import SipCall, run_file, sdp, write

TAG = 10
"""Bytes of SRTP's usual authentication tag."""


class Sent(NamedTuple):
    """A packet: its payload type, bytes of payload, and whether its timestamp is that of the one before."""

    payload_type: int
    size: int
    same: bool = False


def speech(payload_type: int, size: int, number: int) -> list[Sent]:
    return [Sent(payload_type, size)] * number


def event(payload_type: int = 101, size: int = 4 + TAG, number: int = 7) -> list[Sent]:
    return [Sent(payload_type, size), *[Sent(payload_type, size, same=True)] * (number - 1)]


def packets(sent: Sequence[Sent]) -> list[Segment]:
    found, timestamp = [], 0
    for number, one in enumerate(sent):
        timestamp += 0 if one.same else 160 * (1 + 7 * (one.payload_type == 101))
        payload = struct.pack("!I", number) * (one.size // 4 + 1)
        data = rtp(number, timestamp, payload_type=one.payload_type, payload=payload[: one.size])
        found.append(datagram(20 * number, data))
    return found


def followed(
    sent: Sequence[Sent],
    announced: Mapping[int, str] | None = None,
    cuts: Sequence[int] = (),
) -> Stream:
    """Return the stream of packets, read in blocks that begin at *cuts*."""
    formats: dict[int, Codec] = {
        number: codec_of(str(number), encoding, "")
        for number, encoding in (announced or {}).items()
    }
    found: list[Stream] = []
    table = MediaTable(found.append, lambda source, destination: formats)
    follow(packets(sent), cuts=[cut for cut in cuts if cut < len(sent)], table=table)
    (stream,) = found
    return stream


def told(stream: Stream) -> tuple[object, ...]:
    """Return what is said of events, and what leaves them out."""
    changes = [change[1:] for change in stream.type_changes]
    return (
        stream.events,
        stream.digit_count,
        stream.digits,
        stream.payload_type,
        stream.payload_types,
        changes,
    )


def test_an_announced_type_decides_whatever_the_shape() -> None:
    opus = {96: "opus/48000/2", 101: "telephone-event/8000"}
    sent = [*speech(96, 4 + TAG, 20), *event(), *speech(96, 20, 5), *event(size=8 + TAG)]
    stream = followed(sent, opus)
    assert (stream.events, stream.digit_count, stream.payload_type) == (14, 2, 96)
    assert stream.type_changes == ()
    swapped = followed(sent, {96: "telephone-event/8000", 101: "opus/48000/2"})
    assert swapped.events == 25
    assert swapped.payload_type == 101


def test_what_is_far_too_long_is_no_event_whatever_was_announced() -> None:
    stream = followed(speech(101, 160 + TAG, 20), {101: "telephone-event/8000"})
    assert (stream.events, stream.payload_type) == (0, 101)


def test_by_shape_short_packets_of_another_type_than_the_speech_around_them() -> None:
    stream = followed([*speech(8, 160 + TAG, 10), *event(), *speech(8, 160 + TAG, 10)])
    assert (stream.events, stream.digit_count, stream.payload_type) == (7, 1, 8)
    same = followed([*speech(96, 60 + TAG, 10), *speech(96, 4 + TAG, 10)])
    assert same.events == 0


def test_events_in_clear_need_no_speech_around_them() -> None:
    stream = followed([*event(size=4), *speech(96, 20, 10)])
    assert (stream.events, stream.payload_type, stream.type_changes) == (7, 96, ())
    alone = followed(event(size=4))
    assert (alone.events, alone.payload_type) == (7, 101)


def test_an_event_lasts_over_the_cut_of_a_block() -> None:
    sent = [*speech(8, 160, 5), *event(size=4, number=11), *speech(8, 160, 5)]
    durations = {
        tuple(digit.duration for digit in followed(sent, cuts=[cut]).digits) for cut in range(1, 20)
    }
    assert durations == {(200 * MILLISECOND,)}


kinds = st.sampled_from([(8, 160), (96, 60), (96, 4), (96, 10), (97, 10), (101, 4), (101, 8)])
runs = st.lists(st.tuples(kinds, st.integers(1, 6), st.booleans()), min_size=1, max_size=12)
announcements = st.sampled_from(
    [
        None,
        {8: "PCMA/8000", 101: "telephone-event/8000"},
        {96: "opus/48000/2", 97: "telephone-event/48000"},
        {96: "telephone-event/8000", 97: "AMR/8000", 101: "telephone-event/16000"},
    ]
)


@settings(max_examples=200, deadline=None)
@given(runs, announcements, st.sampled_from([0, 4, TAG, 16]), st.sets(st.integers(1, 60)))
def test_blocks_may_begin_anywhere(
    course: list[tuple[tuple[int, int], int, bool]],
    announced: Mapping[int, str] | None,
    tag: int,
    cuts: set[int],
) -> None:
    sent = [
        Sent(payload_type, size + tag, same and number > 0)
        for (payload_type, size), times, same in course
        for number in range(times)
    ]
    assert told(followed(sent, announced, sorted(cuts))) == told(followed(sent, announced))


@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP"])
def test_a_capture_read_in_pieces_of_any_size_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    tag = TAG if protocol == "RTP/SAVP" else 0
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    caller, callee = (
        sdp(host, port, protocol=protocol, types="96 101", lines=["a=rtpmap:96 opus/48000/2", key])
        for host, port in (("198.51.100.10", 10000), ("203.0.113.20", 20000))
    )
    sent = []
    for size in (40, 10, 3, 1, 4):
        sent += [*speech(96, size + tag, 40), *event(size=4 + tag, number=9)]
    path = tmp_path / "call.pcap"
    talk = [
        replace(
            one,
            time_ns=one.time_ns + 1500 * MILLISECOND,
            source=("198.51.100.10", 10000),
            destination=("203.0.113.20", 20000),
        )
        for one in packets(sent)
    ]
    write(path, SipCall(caller, callee), talk)
    found = []
    for size in (400, 1_000, 3_333, 1 << 22):
        monkeypatch.setattr("tqdecrypt.capture.source.FIRST_WINDOW", size)
        monkeypatch.setattr("tqdecrypt.capture.source.WINDOW", size)
        (one,) = run_file(path).leg.streams
        assert one.stream.jitter_max is not None
        found.append((told(one.stream), round(one.stream.jitter_max, 6), one.stream.ptime))
    assert found == found[:1] * 4
    assert found[0][0][:2] == (45, 5)
