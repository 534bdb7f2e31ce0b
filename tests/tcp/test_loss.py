"""What is missing is reported once, where it is missing, and only when waiting makes no sense."""

from __future__ import annotations

import pytest

from tqdecrypt.tcp import Gap, GapCause, stream, table
from tqdecrypt.tcp.stream import WAIT, WAIT_BYTES, WINDOW

from .segments import MILLISECOND, SECOND, SYN, Bench, Segment, Talk, reassemble

ONE_BLOCK: list[int] = []


def after_a_hole() -> tuple[list[Segment], Segment, Segment, Talk]:
    """What came in order, what is lost, what stands behind it, and the talk to go on with."""
    talk = Talk()
    before = [*talk.open(), *talk.send(0, b"front ")]
    (lost,) = talk.send(0, b"lost segment ")
    (behind,) = talk.send(0, b"back")
    return before, lost, behind, talk


class TestOneLostSegment:
    def test_is_one_gap_and_all_else_is_delivered(self) -> None:
        before, lost, behind, talk = after_a_hole()
        result = reassemble([*before, behind, *talk.send(0, b" and more")])
        recorder = result.only
        gap = Gap(len(lost.payload), 3, 4, behind.time, GapCause.LOSS)
        assert recorder.log[0] == [b"front ", gap, b"back and more"]
        assert recorder.frames[0][6:] == [4] * 4 + [5] * 9
        assert result.counters["gaps"] == 1
        assert result.counters["bytes_missing"] == 13

    def test_at_the_start(self) -> None:
        talk = Talk()
        opening = talk.open()
        talk.send(0, b"lost")
        recorder = reassemble([*opening, *talk.send(0, b"here")]).only
        assert recorder.log[0] == [Gap(4, 0, 3, 3 * MILLISECOND, GapCause.LOSS), b"here"]

    def test_in_front_of_fin(self) -> None:
        before, _, _, talk = after_a_hole()
        fin = talk.fin(0)
        recorder = reassemble([*before, fin, fin]).only
        assert recorder.log[0] == [b"front ", Gap(17, 3, 4, fin.time, GapCause.LOSS)]

    def test_in_front_of_fin_and_filled_late(self) -> None:
        before, lost, behind, talk = after_a_hole()
        fin = talk.fin(0)
        for late in ([fin, lost, behind], [fin, behind, lost], [behind, fin, lost]):
            assert reassemble([*before, *late]).only.log[0] == [b"front lost segment back"]

    def test_is_filled_by_a_retransmission(self) -> None:
        before, lost, behind, _ = after_a_hole()
        again = lost.at(behind.time + SECOND)
        result = reassemble([*before, behind, again])
        assert result.only.log[0] == [b"front lost segment back"]
        assert result.only.frames[0] == [3] * 6 + [5] * 17
        assert result.only.times[0][-1] == again.time
        assert "gaps" not in result.counters

    def test_is_filled_in_part(self) -> None:
        before, lost, behind, _ = after_a_hole()
        middle = Segment(1, 0, lost.sequence + 5, b"seg", time=behind.time)
        recorder = reassemble([*before, behind, middle]).only
        assert recorder.with_holes(0) == b"front .....seg.....back"
        # Frames never fall: what stands behind frame 5 in the stream is not complete before it.
        assert recorder.frames[0] == [3] * 6 + [5] * 7

    def test_two_holes(self) -> None:
        talk = Talk()
        pieces = talk.send(0, b"11", b"22", b"33", b"44", b"55")
        recorder = reassemble(pieces[::2]).only
        assert recorder.with_holes(0) == b"11..33..55"
        assert [gap.size for gap in recorder.gaps(0)] == [2, 2]

    def test_second_hole_fills_after_the_first_was_given_up(self) -> None:
        talk = Talk()
        one, _, three, four, five = talk.send(0, b"11", b"22", b"33", b"44", b"55")
        late = five.at(WAIT - SECOND)
        end = four.at(WAIT + SECOND)
        for cuts in (ONE_BLOCK, range(5)):
            assert reassemble([one, three, late, end], cuts).only.with_holes(0) == b"11..334455"


class TestGivingUp:
    def test_by_time(self) -> None:
        before, _, behind, _ = after_a_hole()
        bench = Bench()
        bench.receive([*before, behind])
        bench.pass_time(behind.time + WAIT)
        assert bench.recorders[0].gaps(0) == []
        assert bench.table.oldest_waiting_frame == 4
        bench.pass_time(behind.time + WAIT + 1)
        assert bench.recorders[0].with_holes(0) == b"front .............back"
        assert bench.table.oldest_waiting_frame is None

    @pytest.mark.parametrize("cuts", [ONE_BLOCK, range(9)])
    def test_by_time_does_not_depend_on_blocks(self, cuts: list[int]) -> None:
        before, lost, behind, _ = after_a_hole()
        late = lost.at(behind.time + WAIT + 1)
        result = reassemble([*before, behind, late], cuts)
        assert result.only.with_holes(0) == b"front .............back"
        assert result.counters["retransmitted_segments"] == 1

    @pytest.mark.parametrize("cuts", [ONE_BLOCK, range(600)])
    def test_by_bytes(self, cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "WAIT_BYTES", 100_000)
        before, lost, behind, talk = after_a_hole()
        bulk = talk.send(0, *[bytes(1000)] * 100)
        segments = [segment.at(behind.time) for segment in [*before, behind, *bulk, lost]]
        recorder = reassemble(segments, cuts).only
        assert [gap.size for gap in recorder.gaps(0)] == [13]
        assert len(recorder.data(0)) == 10 + 100_000

    def test_by_bytes_counts_segments_that_have_none(self) -> None:
        bench = Bench()
        before, _, behind, talk = after_a_hole()
        bulk = [segment.cut(0) for segment in talk.send(0, *[b"x" * 9] * (WAIT_BYTES // 256))]
        bench.receive([segment.at(behind.time) for segment in [*before, behind, *bulk]])
        assert bench.table.waiting_bytes == 0

    def test_for_memory_in_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(table, "WAIT_BYTES_ALL", 10_000)
        bench = Bench()
        for number in range(4):
            one, _, three = Talk(number).send(0, b"one", b"two", b"x" * 3000)
            bench.receive([one, three])
        assert bench.table.waiting_bytes == 0
        assert bench.table.counters["holes_given_up_for_memory"] == 4

    def test_because_the_other_end_acknowledged(self) -> None:
        before, _, behind, talk = after_a_hole()
        bench = Bench()
        bench.receive([*before, behind, *talk.send(1, b"got it")])
        assert bench.recorders[0].gaps(0) == []
        bench.pass_time(talk.time + SECOND // 5)
        assert bench.recorders[0].with_holes(0) == b"front .............back"

    def test_not_because_the_other_end_acknowledged_what_stands_in_front(self) -> None:
        before, lost, behind, talk = after_a_hole()
        bench = Bench()
        answer = talk.segment(1, b"got less")._replace(acknowledgment=lost.sequence + 12)
        bench.receive([*before, behind, answer])
        bench.pass_time(talk.time + SECOND // 5)
        bench.pass_time(talk.time + SECOND)
        bench.receive([lost.at(talk.time + SECOND)])
        assert bench.finish().only.log[0] == [b"front lost segment back"]

    def test_out_of_order_in_the_capture_though_acknowledged(self) -> None:
        before, lost, behind, talk = after_a_hole()
        bench = Bench()
        bench.receive([*before, behind, *talk.send(1, b"got it")])
        bench.receive([lost.at(talk.time)])
        assert bench.finish().only.log[0] == [b"front lost segment back"]

    def test_by_the_end_of_the_capture(self) -> None:
        before, _, behind, _ = after_a_hole()
        bench = Bench()
        bench.receive([*before, behind])
        assert bench.recorders[0].gaps(0) == []
        assert bench.finish().only.with_holes(0) == b"front .............back"

    def test_when_the_clock_was_set_back(self) -> None:
        hour = 3600 * SECOND
        before, _, behind, talk = after_a_hole()
        segments = [segment.at(segment.time + hour) for segment in [*before, behind]]
        bench = Bench()
        bench.receive(segments)
        bench.pass_time(0)  # does not wait for an hour to come again …
        assert bench.recorders[0].with_holes(0) == b"front .............back"
        lost, later = talk.send(0, b"reordered ", b"later")
        bench.receive([later.at(MILLISECOND)])
        bench.receive([lost.at(2 * MILLISECOND)])  # … nor loses its patience for good
        assert bench.finish().only.data(0) == b"front backreordered later"


class TestOutsideTheWindow:
    def test_noise_is_dropped_and_counted(self) -> None:
        before, lost, behind, _ = after_a_hole()
        noise = Segment(1, 0, 3_000_000_000, b"noise", time=behind.time)
        result = reassemble([*before, noise, lost, noise, behind])
        assert result.only.log[0] == [b"front lost segment back"]
        assert result.counters["segments_outside_window"] == 2

    @pytest.mark.parametrize("cuts", [ONE_BLOCK, [4], [5], range(9)])
    def test_what_goes_on_is_a_new_connection(self, cuts: list[int]) -> None:
        first = Talk()
        later = Talk(sequences=(3_000_000_000, 2_000_000_000), time=first.time + SECOND)
        segments = [*first.open(), *first.send(0, b"old"), *later.send(0, b"new ", b"start")]
        old, new = reassemble(segments, cuts).recorders
        assert old.log[0] == [b"old"]
        assert old.reason is not None
        assert old.reason.value == "ports reused"
        assert old.ended == (old.reason, 3, first.time - MILLISECOND)
        assert new.log[0] == [b"new start"]
        assert new.connection.first_frame == 4

    @pytest.mark.parametrize("cuts", [ONE_BLOCK, range(9)])
    def test_both_directions_go_on(self, cuts: list[int]) -> None:
        first = Talk()
        later = Talk(sequences=(3_000_000_000, 2_000_000_000), time=first.time)
        segments = [*first.open(), *first.send(0, b"old"), *first.send(1, b"older")]
        segments += later.send(0, b"question")  # one segment: noise at first
        segments += later.send(1, b"long ", b"answer")
        segments += later.send(0, b" again")
        old, new = reassemble(segments, cuts).recorders
        assert (old.data(0), old.data(1)) == (b"old", b"older")
        assert (new.data(0), new.data(1)) == (b"question again", b"long answer")
        assert new.connection.ends[0] == old.connection.ends[0]

    def test_the_window_is_that_of_the_expected_segment(self) -> None:
        talk = Talk(sequences=(0, 0))
        (start,) = talk.send(0, b"start")
        inside = Segment(1, 0, 5 + WINDOW - 1, b"inside")
        outside = Segment(1, 0, 5 + WINDOW, b"outside")
        result = reassemble([start, outside])
        assert result.counters["segments_outside_window"] == 1
        result = reassemble([start, inside])
        assert result.only.gaps(0)[0].size == WINDOW - 1


def test_a_syn_is_never_noise() -> None:
    talk = Talk()
    segments = [*talk.open(), *talk.send(0, b"old"), Segment(1, 0, 77, b"new", SYN)]
    old, new = reassemble(segments).recorders
    assert (old.data(0), new.data(0)) == (b"old", b"new")


def test_each_direction_counts_what_came_again_and_what_was_given_up() -> None:
    talk = Talk()
    syn, syn_ack, *rest = talk.open()
    (said,) = talk.send(0, b"once and again")
    (answer,) = talk.send(1, b"yes")
    talk.send(1, b"lost")
    (behind,) = talk.send(1, b"behind")
    again = said.at(behind.time + MILLISECOND)
    end = talk.send(0, b".")[0].at(behind.time + 10 * SECOND)
    result = reassemble([syn, syn.at(1), syn_ack, *rest, said, answer, behind, again, end])
    client, server = result.only.connection.directions
    assert (client.retransmissions, client.gaps) == (2, 0)
    assert (server.retransmissions, server.gaps) == (0, 1)
    assert client.synchronized_at == syn.time
    assert server.synchronized_at == syn_ack.time
