"""Streams: what RFC 3550 and RFC 3611 say, one packet at a time, is what comes out of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.packets import CLIENT, SERVER, START, Segment
from tqdecrypt.media.stream import LossAt, Stream
from tqdecrypt.media.streams import MOST_ANEW, StreamTable
from tqdecrypt.media.table import MediaTable
from tqdecrypt.packet import PacketDecoder, Wanted

from .reading import MILLISECOND, block_of, datagram, follow, rtp, talk
from .reference import Reference

steps = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 1, 2, 3, 7, 20, 0, -1, -3]),
        st.floats(0, 60),
    ),
    min_size=1,
    max_size=120,
)


def packets_of(course: Sequence[tuple[int, float]], first: int, ssrc: int) -> list[Segment]:
    sequence, moment = first, 0.0
    found = []
    for step, pause in course:
        sequence, moment = sequence + step, moment + pause
        data = rtp(sequence, sequence * 160, ssrc=ssrc)
        found.append(datagram(moment, data, ("192.0.2.10", 4000 + ssrc), SERVER))
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(steps, st.integers(1000, 65535)), min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=4),
)
def test_columns_say_what_the_appendices_do(
    courses: list[tuple[list[tuple[int, float]], int]], cuts: list[int]
) -> None:
    segments = [
        segment
        for ssrc, (course, first) in enumerate(courses, 1)
        for segment in packets_of(course, first, ssrc)
    ]
    segments.sort(key=lambda segment: segment.time_ns)
    found = {one.ssrc: one for one in follow(segments, cuts=[c for c in cuts if c < len(segments)])}
    assert len(found) == len(courses)
    for ssrc, stream in found.items():
        reference = Reference()
        for segment in segments:
            if segment.source[1] == 4000 + ssrc:
                data = segment.payload
                sequence, timestamp = int.from_bytes(data[2:4]), int.from_bytes(data[4:8])
                reference.receive(segment.time_ns, sequence, timestamp)
        assert stream.packets == reference.packets
        assert stream.expected == reference.expected
        assert stream.duplicates == reference.duplicates
        assert stream.reordered == reference.reordered
        if stream.jitter is not None and not stream.timestamp_jumps:
            assert stream.jitter == pytest.approx(reference.jitter, abs=1e-6)
            assert stream.jitter_max == pytest.approx(reference.jitter_max, abs=1e-6)
        assert (stream.bursts, stream.burst_lost) == (reference.bursts, reference.burst_lost)
        assert stream.gap_lost == reference.gap_lost


def test_an_example_of_jitter_by_hand() -> None:
    """Spacing 20, 25, 15, 20 ms at 20 ms of media: |D| = 0, 5, 5, 0; J = 0, .3125, .60546875, …"""
    segments = talk(range(5), delays=[0, 0, 5, 0, 0])
    (stream,) = follow(segments)
    assert stream.jitter_max == pytest.approx(0.3125 + (5 - 0.3125) / 16)
    assert stream.jitter == pytest.approx(0.60546875 * 15 / 16)


def test_a_stream_as_it_should_be() -> None:
    (stream,) = follow(talk(range(65_500, 65_700)))
    assert (stream.packets, stream.expected, stream.lost) == (200, 200, 0)
    assert (stream.duplicates, stream.reordered, stream.restarts) == (0, 0, 0)
    assert (stream.source, stream.destination) == ("192.0.2.10:40000", "192.0.2.20:5061")
    assert (stream.ptime, stream.clock_rate, stream.jitter) == (20.0, 8000, 0.0)
    assert (stream.spacing_min, stream.spacing_mean, stream.spacing_max) == (20.0, 20.0, 20.0)
    assert sum(piece.packets for piece in stream.course) == 200


def test_loss_is_where_it_is() -> None:
    numbers = [n for n in range(100) if n not in (50, 51, 52, 80)]
    (stream,) = follow(talk(numbers))
    assert (stream.lost, stream.expected) == (4, 100)
    assert (stream.bursts, stream.burst_lost, stream.burst_length, stream.gap_lost) == (1, 3, 3, 1)
    assert [loss.lost for loss in stream.losses] == [3, 1]
    assert stream.losses[0] == LossAt(START + 50 * 20 * MILLISECOND, 3)


def test_losses_with_fewer_than_sixteen_packets_between_are_one_burst() -> None:
    (near,) = follow(talk([n for n in range(60) if n not in (20, 36)]))
    (apart,) = follow(talk([n for n in range(60) if n not in (20, 37)]))
    assert (near.bursts, near.burst_length, near.gap_lost) == (1, 17, 0)
    assert (apart.bursts, apart.gap_lost) == (0, 2)


def test_what_comes_twice_or_late_is_no_loss() -> None:
    (stream,) = follow(talk([0, 1, 2, 2, 4, 3, 5, 3]))
    assert (stream.lost, stream.duplicates, stream.reordered) == (0, 2, 1)


def test_what_comes_late_is_taken_back_from_the_course() -> None:
    numbers = [n for n in range(200) if n not in (49, 120)]
    numbers.insert(numbers.index(50) + 1, 49)  # in the second after that in which it was missing
    (stream,) = follow(talk(numbers))
    assert [piece.lost for piece in stream.course] == [0, 0, 1, 0]
    assert sum(piece.lost for piece in stream.course) == stream.lost == 1


def test_numbers_that_begin_anew_cost_nothing() -> None:
    (stream,) = follow(talk([*range(50), *range(30_000, 30_050)]))
    assert (stream.lost, stream.restarts) == (0, 1)


def test_payload_types_ptime_and_dscp_change() -> None:
    first = talk(range(50))
    ten = [datagram(1000 + 10 * n, rtp(50 + n, 8000 + 80 * n)) for n in range(50)]
    later = talk(range(100, 150), payload_type=0, begin=1500)
    (stream,) = follow([*first, *ten, *later])
    assert [(one.before, one.after) for one in stream.type_changes] == [(8, 0)]
    assert [(one.before, one.after, one.frame) for one in stream.ptime_changes] == [
        (160, 80, 52),
        (80, 160, 102),
    ]
    assert stream.payload_types == {8: 100, 0: 50}


def test_the_first_packet_has_no_packet_time() -> None:
    (stream,) = follow(talk(range(300, 330)), cuts=[1])
    assert (stream.ptime, stream.ptime_changes) == (20.0, ())
    (alone,) = follow(talk([300]))
    assert alone.ptime is None


def test_a_first_packet_that_is_shorter_changes_no_packet_time() -> None:
    """Encoders and resamplers have a delay, which the first packet lacks."""
    short = rtp(300, 48_016, payload=b"\xd5" * 144)
    segments = [datagram(0, short), *talk(range(301, 330), begin=18)]
    for cuts in ((), (1,), (2,), (1, 2, 3)):
        (stream,) = follow(segments, cuts=cuts)
        assert (stream.ptime, stream.ptime_changes) == (20.0, ())


def test_a_pause_is_told_with_what_was_lost_in_it() -> None:
    (stream,) = follow([*talk(range(50)), *talk(range(60, 80), begin=5000)])
    (pause,) = stream.pauses
    assert (pause.duration, pause.lost) == ((5000 - 980) * MILLISECOND, 10)


def test_telephone_events_are_counted_and_leave_jitter_alone() -> None:
    voice = talk(range(50))
    event = b"\x05\x0a\x00\xa0"
    digits = [
        datagram(1000 + 20 * n, rtp(50 + n, 8000, payload_type=101, payload=event))
        for n in range(8)
    ]
    after = talk(range(58, 90), begin=58 * 20)
    (stream,) = follow([*voice, *digits, *after], cuts=[53])
    assert (stream.digit_count, stream.events) == (1, 8)
    assert stream.digits[0].time == START + 1000 * MILLISECOND
    assert stream.type_changes == ()
    assert stream.jitter_max == pytest.approx(0, abs=1e-6)


def test_a_clock_rate_is_inferred_from_timestamps() -> None:
    packets = [datagram(20 * n, rtp(n, 960 * n, payload_type=111)) for n in range(50)]
    (stream,) = follow(packets)
    assert (stream.clock_rate, stream.clock_rate_inferred, stream.ptime) == (48_000, True, 20.0)


def test_streams_with_the_same_ssrc_between_other_endpoints_are_apart() -> None:
    there, back = talk(range(20)), talk(range(500, 520), source=SERVER, destination=CLIENT)
    assert len(follow([*there, *back])) == 2


def test_ten_thousand_sources_stay_within_the_table() -> None:
    found: list[Stream] = []
    table = StreamTable(found.append, most=100)
    segments = [datagram(n, rtp(1, 1, ssrc=n)) for n in range(10_000)]
    decoder = PacketDecoder(Wanted.ALL_UDP)
    media = MediaTable(found.append)
    media.streams = table
    for start in range(0, len(segments), 1000):
        block = block_of(segments[start : start + 1000], start + 1)
        media.receive(decoder.decode(block).udp, block)
        media.settle(None)
        assert len(table) <= 100
    media.finish()
    assert len(found) == 10_000
    assert media.counters["media_streams_evicted"] >= 9_800
    assert sum(stream.packets for stream in found) == 10_000


def test_a_sender_that_runs_through_ssrcs_does_not_drive_out_those_that_talk() -> None:
    found: list[Stream] = []
    media = MediaTable(found.append)
    media.streams = StreamTable(found.append, most=100)
    decoder = PacketDecoder(Wanted.ALL_UDP)
    voice = talk(range(200), ssrc=7)
    noise = [datagram(n * 4, rtp(1, 1, ssrc=1000 + n), ("192.0.2.66", 9)) for n in range(1000)]
    segments = sorted([*voice, *noise], key=lambda segment: segment.time_ns)
    for start in range(0, len(segments), 60):
        block = block_of(segments[start : start + 60], start + 1)
        media.receive(decoder.decode(block).udp, block)
        media.settle(None)
    media.finish()
    assert [one.packets for one in found if one.ssrc == 7] == [200]


def test_a_call_of_hours_keeps_its_course_in_so_many_pieces() -> None:
    packets = [datagram(10_000 * n, rtp(n, 80_000 * n)) for n in range(1000)]
    (stream,) = follow(packets, cuts=range(0, 1000, 90))
    assert len(stream.course) <= 64
    assert stream.course_step == 256.0
    assert sum(piece.packets for piece in stream.course) == 1000
    assert stream.changes_dropped > 900, "each pause is one; the first ones are kept"


def test_columns_without_rows() -> None:
    found: list[Stream] = []
    table = MediaTable(found.append)
    block = block_of([datagram(0, b"OPTIONS sip:x SIP/2.0\r\n")])
    table.receive(PacketDecoder(Wanted.ALL_UDP).decode(block).udp, block)
    table.finish()
    assert not found
    assert not table.flows


def spurts(
    *lengths: int, silent: int = 50, noise: bool = False, marked: bool = True
) -> list[Segment]:
    """Talkspurts of so many packets of 20 ms, with so many packets' time between them."""
    found: list[Segment] = []
    sequence = slot = 0
    for length in lengths:
        for place in range(length):
            data = rtp(sequence, slot * 160, marker=marked and not place)
            found.append(datagram(slot * 20, data))
            sequence, slot = sequence + 1, slot + 1
        if noise:
            data = rtp(sequence, slot * 160, payload_type=13, payload=b"\x40")
            found.append(datagram(slot * 20, data))
            sequence += 1
        slot += silent
    return found


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_silence_that_is_not_sent_is_told_without_a_look_at_the_sound(
    noise: bool, marked: bool, size: int
) -> None:
    segments = spurts(30, 20, 10, noise=noise, marked=marked)
    (stream,) = follow(segments, cuts=range(0, len(segments), size))
    # Two pauses of a second; behind the last talkspurt there is nothing that ends one.
    assert stream.suppressed == pytest.approx(2000)
    assert stream.lost == 0


def test_what_is_lost_or_an_event_is_no_silence() -> None:
    lossy = spurts(30, 20)
    del lossy[30:33], lossy[20:24]  # the beginning of the second talkspurt, too
    (stream,) = follow(lossy)
    assert (stream.suppressed, stream.lost) == (0, 7)
    event = b"\x05\x0a\x03\x20"
    digits = [
        datagram(200 + 20 * n, rtp(10 + n, 1600, payload_type=101, payload=event))
        for n in range(10)
    ]
    voice = [*talk(range(10)), *digits, *talk(range(20, 40), begin=400)]
    (stream,) = follow(voice)
    assert stream.suppressed == 0
    assert stream.digit_count == 1


def test_a_sender_without_suppression_has_none() -> None:
    (stream,) = follow(talk(range(500), delays=[n * 7 % 31 for n in range(500)]))
    assert stream.suppressed == 0


@pytest.mark.parametrize("cuts", [(), (4,), range(1, 5)])
def test_silence_around_comfort_noise_and_events_is_told_across_blocks(cuts: Sequence[int]) -> None:
    def sent(*rows: tuple[float, int, int]) -> list[Segment]:
        return [
            datagram(time, rtp(number, units, payload_type=kind, payload=payload(kind)))
            for number, (time, units, kind) in enumerate(rows)
        ]

    def payload(kind: int) -> bytes:
        return b"\x05\x0a\x03\x20" if kind == 101 else b"\xd5" * 160

    talking = [(20.0 * n, 160 * n, 8) for n in range(4)]
    (noise,) = follow(sent(*talking, (80, 640, 13), (600, 4800, 8)), cuts=cuts)
    assert (noise.suppressed, noise.spacing_max) == (520, 20)
    (pressed,) = follow(sent(*talking, (60, 480, 101), (600, 4800, 8)), cuts=cuts)
    assert pressed.suppressed == 0


@pytest.mark.parametrize("cuts", [(), (30,), (29, 31), range(1, 60)])
def test_other_numbers_behind_silence_are_another_stream(cuts: Sequence[int]) -> None:
    """Some gateways take the same SSRC whenever they take the same port."""
    calls = [*talk(range(9_000, 9_030)), *talk(range(30), begin=5_000)]
    one, other = follow(calls, cuts=cuts)
    assert (one.packets, one.restarts, one.last_frame) == (30, 0, 30)
    assert (other.packets, other.restarts, other.first_frame, other.lost) == (30, 0, 31, 0)
    held = [*talk(range(30)), *talk(range(30, 60), begin=5_000)]
    (whole,) = follow(held, cuts=cuts)
    assert (whole.packets, whole.restarts) == (60, 0)
    (jumped,) = follow([*talk(range(9_000, 9_030)), *talk(range(30), begin=620)], cuts=cuts)
    assert (jumped.packets, jumped.restarts) == (60, 1)


def test_streams_that_begin_anew_all_at_once_are_bounded() -> None:
    packets = [
        datagram(2_500 * half + ssrc, rtp(20_000 * half, 0, ssrc=ssrc))
        for half in (0, 1)
        for ssrc in range(200)
    ]
    found = follow(packets)
    assert len(found) == 200 + MOST_ANEW
    assert sum(one.packets for one in found) == 400
    assert sum(one.restarts for one in found) == 200 - MOST_ANEW


@pytest.mark.parametrize("cuts", [(), range(1, 60), range(7, 60, 7)])
def test_a_clock_rate_is_inferred_however_few_packets_come_at_a_time(cuts: Sequence[int]) -> None:
    """From a live pipe, a block may have one packet."""
    opus = [
        datagram(20 * n, rtp(n, 960 * n, payload_type=111, payload=b"x" * 80)) for n in range(60)
    ]
    (stream,) = follow(opus, cuts=cuts)
    assert (stream.clock_rate, stream.clock_rate_inferred, stream.ptime) == (48_000, True, 20.0)


@st.composite
def anything(draw: st.DrawFn) -> list[Segment]:
    """Packets of a stream with everything that may happen to one: gaps, markers, types, steps, classes."""
    segments = []
    time, sequence, timestamp = 0.0, draw(st.integers(0, 65_535)), draw(st.integers(0, 2**32 - 1))
    for _ in range(draw(st.integers(2, 40))):
        step, lost, pause, kind, marked = draw(
            st.tuples(
                st.sampled_from([160, 160, 160, 80, 240, 0]),
                st.sampled_from([0, 0, 0, 0, 1, 3]),
                st.sampled_from([0, 0, 0, 0, 500, 1500]),
                st.sampled_from([8, 8, 8, 8, 13, 18, 101]),
                st.sampled_from([False, False, False, True]),
            )
        )
        time += (lost + 1) * step / 8 + pause
        sequence, timestamp = sequence + 1 + lost, timestamp + (lost + 1) * step + pause * 8
        payload = b"\x05\x0a\x03\x20" if kind == 101 else b"\xd5" * 160
        packet = rtp(
            sequence % 0x10000,
            timestamp % 2**32,
            payload_type=kind,
            marker=marked,
            payload=payload,
        )
        segments.append(datagram(time, packet))
    return segments


@given(anything(), st.sets(st.integers(1, 39)))
def test_blocks_make_no_difference_to_a_stream(segments: list[Segment], cuts: set[int]) -> None:
    inside = sorted(cut for cut in cuts if cut < len(segments))
    whole, parted = follow(segments), follow(segments, cuts=inside)
    assert [rounded(asdict(one)) for one in parted] == [rounded(asdict(one)) for one in whole]


def rounded(value: object) -> object:
    """Sums of floating-point numbers depend on where a block ends, in the last digits."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, (list, tuple)) else value
