"""What holds for any stream, any network and any way a capture is cut into blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from tqdecrypt.tcp import Gap
from tqdecrypt.tcp.stream import WAIT_BYTES

from .segments import (
    ACK,
    FIN,
    MILLISECOND,
    RST,
    SECOND,
    SYN,
    Bench,
    Recorder,
    Segment,
    Talk,
    reassemble,
)

LETTERS = bytes(range(97, 123)) * 20
"""What is sent; never a full stop, which stands for what is missing."""


class Sent(NamedTuple):
    """Segments as they were captured, and the stream they come from."""

    stream: bytes
    captured: list[Segment]


@st.composite
def captures(
    draw: st.DrawFn, *, loss: bool, anything: bool = False, talk: int = 1, pause: int = 9
) -> Sent:
    """Draw a stream in one direction, segmented, repeated, reordered and, if *loss*, not whole.

    The first segment always comes first and whole: without it nobody knows where the stream begins.
    """
    stream = LETTERS[: draw(st.integers(1, 300))]
    isn = draw(st.sampled_from([0, 1000, 0xFFFFFFF0, 0xFFFFFFFF]))
    segments = []
    position = 0
    while position < len(stream):
        size = draw(st.integers(1, 60))
        segments.append(piece(isn, position, stream[position : position + size], talk))
        position += size
    for _ in range(draw(st.integers(0, 5))):  # retransmitted in other segments
        start = draw(st.integers(0, len(stream) - 1))
        stop = draw(st.integers(start + 1, len(stream)))
        place = draw(st.integers(0, len(segments)))
        segments.insert(place, piece(isn, start, stream[start:stop], talk))
    segments = draw(st.permutations(segments))
    if loss:
        segments = [segment for segment in segments if draw(st.integers(0, 3))]
    syn = Segment(talk, 0, (isn - 1) & 0xFFFFFFFF, flags=SYN)
    captured, now = [], 0
    for segment in [syn, *segments]:
        captured.append(segment.at(now))
        now += draw(st.sampled_from([0, MILLISECOND, SECOND // 5, pause * SECOND]))
    if anything:
        captured = [s.cut(draw(st.integers(0, 60))) if draw(st.booleans()) else s for s in captured]
    return Sent(stream, captured)


def piece(isn: int, position: int, payload: bytes, talk: int) -> Segment:
    return Segment(talk, 0, (isn + position) & 0xFFFFFFFF, payload, ACK)


cuts_anywhere = st.lists(st.integers(0, 40))


def completing_frames(sent: Sent) -> list[int]:
    """Return for each byte of the stream the frame that completed it: all before it are there."""
    first_copy: dict[int, int] = {}
    isn = sent.captured[0].sequence + 1
    for frame, segment in enumerate(sent.captured, 1):
        start = (segment.sequence - isn) & 0xFFFFFFFF
        for position in range(start, start + len(segment.payload)):
            first_copy.setdefault(position, frame)
    frames = [first_copy[position] for position in range(len(sent.stream))]
    return [max(frames[: i + 1]) for i in range(len(frames))]


@given(captures(loss=False, pause=0), cuts_anywhere)
def test_without_loss_the_stream_comes_out(sent: Sent, cuts: list[int]) -> None:
    recorder = reassemble(sent.captured, cuts).only
    assert recorder.log[0] == [sent.stream]
    assert recorder.frames[0] == completing_frames(sent)


@given(captures(loss=True, pause=0), cuts_anywhere)
def test_with_loss_the_holes_are_where_bytes_were_lost(sent: Sent, cuts: list[int]) -> None:
    result = reassemble(sent.captured, cuts)
    recorder = result.only
    isn = sent.captured[0].sequence + 1
    expected = bytearray(b"." * len(sent.stream))
    last = 0
    for segment in sent.captured[1:]:
        start = (segment.sequence - isn) & 0xFFFFFFFF
        expected[start : start + len(segment.payload)] = segment.payload
        last = max(last, start + len(segment.payload))
    assert recorder.with_holes(0) == expected[:last]
    # Each hole is one gap, between the bytes and never beside another.
    log = recorder.log[0]
    assert not any(isinstance(a, Gap) and isinstance(b, Gap) for a, b in pairwise(log))
    gaps = recorder.gaps(0)
    assert sum(gap.size for gap in gaps) == result.table.counters["bytes_missing"]
    assert all(gap.before < gap.after for gap in gaps if not gap.before)
    for gap in gaps:
        assert gap.time == sent.captured[gap.after - 1].time


@given(captures(loss=True, anything=True), cuts_anywhere)
def test_blocks_change_nothing(sent: Sent, cuts: list[int]) -> None:
    whole, cut = reassemble(sent.captured).only, reassemble(sent.captured, cuts).only
    assert cut.log == whole.log
    assert cut.frames == whole.frames
    assert cut.times == whole.times
    assert cut.ended == whole.ended


@given(captures(loss=True, anything=True), cuts_anywhere)
def test_never_a_byte_that_was_not_sent(sent: Sent, cuts: list[int]) -> None:
    holes = reassemble(sent.captured, cuts).only.with_holes(0)
    assert len(holes) <= len(sent.stream)
    assert all(byte in (ord("."), sent.stream[i]) for i, byte in enumerate(holes))


@given(captures(loss=True, anything=True), st.lists(st.integers(1, 40), min_size=1))
def test_what_still_waits_comes_with_frames_that_were_announced(
    sent: Sent, cuts: list[int]
) -> None:
    """Messages in front of ``oldest_waiting_frame`` may be handed on: nothing comes before it."""
    bench, promises = Bench(), []
    places = sorted({0, len(sent.captured), *cuts})
    for start, stop in pairwise(places):
        bench.receive(sent.captured[start:stop])
        announced = bench.table.oldest_waiting_frame or stop + 1
        delivered = len(bench.recorders[0].frames[0])
        promises.append((delivered, announced))
    frames = bench.finish().only.frames[0]
    for delivered, announced in promises:
        assert all(frame >= announced for frame in frames[delivered:])


@given(st.data(), captures(loss=True, pause=0), captures(loss=True, pause=0, talk=2), cuts_anywhere)
def test_connections_do_not_disturb_each_other(
    data: st.DataObject, one: Sent, two: Sent, cuts: list[int]
) -> None:
    left, right = list(one.captured), list(two.captured)
    mixed = []
    while left and right:
        mixed.append((left if data.draw(st.booleans()) else right).pop(0))
    together = reassemble([*mixed, *left, *right], cuts)
    apart = [reassemble(sent.captured).only for sent in (one, two)]
    together.recorders.sort(key=lambda recorder: recorder.connection.ends)
    assert [r.with_holes(0) for r in together.recorders] == [r.with_holes(0) for r in apart]


@st.composite
def lives(draw: st.DrawFn) -> list[Segment]:
    """Draw what several connections do one after the other between the same ends.

    Each begins with SYN, and nothing overtakes that.  Otherwise where the old connection ends for
    the other direction is anybody's guess, and blocks may decide it.
    """
    segments: list[Segment] = []
    now = 0
    for number in range(draw(st.integers(1, 3))):
        talk = Talk(1, (number * 500_000_000, number * 700_000_000 + 1), now)
        life = talk.open()
        for _ in range(draw(st.integers(0, 8))):
            life += talk.send(draw(st.integers(0, 1)), b"x" * draw(st.integers(1, 9)))
            talk.time += draw(st.sampled_from([0, MILLISECOND, SECOND, 5 * SECOND]))
        for side in draw(st.lists(st.integers(0, 1), max_size=2)):
            life.append(talk.rst(side) if draw(st.booleans()) else talk.fin(side))
        segments += [s for s in life if s.flags & SYN or draw(st.integers(0, 5))]
        now = talk.time + draw(st.sampled_from([0, SECOND, 5 * SECOND]))
    for _ in range(draw(st.integers(0, 2))):  # the capture swaps neighbours
        if len(segments) > 1:
            i = draw(st.integers(0, len(segments) - 2))
            one, two = segments[i : i + 2]
            if not (one.flags | two.flags) & SYN:
                segments[i : i + 2] = [two.at(one.time), one.at(two.time)]
    return segments


@given(lives(), cuts_anywhere)
def test_blocks_change_nothing_in_the_life_of_connections(
    segments: list[Segment], cuts: list[int]
) -> None:
    # What is acknowledged and not captured is given up when a block ends: see stream.py.
    segments = [segment._replace(flags=segment.flags & ~ACK) for segment in segments]
    whole, cut = reassemble(segments), reassemble(segments, cuts)
    assert [recorder.log for recorder in cut.recorders] == [r.log for r in whole.recorders]
    assert [recorder.ended for recorder in cut.recorders] == [r.ended for r in whole.recorders]
    assert cut.counters == whole.counters


numbers = st.one_of(
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 100),
    st.sampled_from([0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 26, (1 << 26) - 1]),
)
garbage = st.lists(
    st.builds(
        Segment,
        talk=st.integers(0, 2),
        side=st.integers(0, 1),
        sequence=numbers,
        payload=st.binary(max_size=20),
        flags=st.one_of(st.just(ACK), st.sampled_from([0, SYN, FIN, RST]), st.integers(0, 255)),
        time=st.integers(-SECOND, 100 * SECOND),
        acknowledgment=numbers,
        missing=st.sampled_from([0, 0, 0, 1, 1460, 65535]),
        detached=st.booleans(),
    ),
    max_size=40,
)


@given(garbage, cuts_anywhere, st.integers(1, 3))
@example(
    [Segment(0, 0, 0, b"", SYN), Segment(0, 0, 5, b"x", FIN), Segment(0, 0, 2, b"yyyy")], [], 1
)
def test_garbage_is_taken(segments: list[Segment], cuts: list[int], most: int) -> None:
    bench = Bench(most)
    places = sorted({0, len(segments), *cuts})
    for start, stop in pairwise(places):
        bench.receive(segments[start:stop])
        assert len(bench.table) <= most
        assert 0 <= bench.table.waiting_bytes <= WAIT_BYTES * 2 * most
    result = bench.finish()
    assert bench.table.waiting_bytes == 0
    assert bench.table.oldest_waiting_frame is None
    assert len(result.recorders) == result.table.counters["connections"]
    assert all(recorder.ended for recorder in result.recorders)
    for recorder in result.recorders:
        check_account(recorder)


def check_account(recorder: Recorder) -> None:
    """What was delivered and what was missed add up to where the direction stands."""
    for side, direction in enumerate(recorder.connection.directions):
        assert len(recorder.with_holes(side)) == direction.position
        assert direction.pending is None
        assert direction.pending_bytes == 0
