"""How connections begin and end, and how their number is bounded."""

from __future__ import annotations

import gc

import pytest

from tqdecrypt.tcp import End
from tqdecrypt.tcp.table import LINGER

from .segments import ACK, FIN, MILLISECOND, RST, SECOND, SYN, Bench, Segment, Talk, reassemble


def spoken(talk: Talk, text: bytes = b"hello") -> list[Segment]:
    return [*talk.open(), *talk.send(0, text)]


class TestEnd:
    def test_fin_of_both_sides(self) -> None:
        talk = Talk()
        bench = Bench()
        bench.receive([*spoken(talk), talk.fin(0), talk.fin(1)])
        bench.pass_time(talk.time + LINGER)
        assert bench.recorders[0].ended == (End.FIN, 5, 4 * MILLISECOND)
        assert len(bench.table) == 0

    def test_closed_connections_linger(self) -> None:
        talk = Talk()
        bench = Bench()
        bench.receive([*spoken(talk), talk.fin(0), talk.fin(1)])
        bench.pass_time(talk.time + LINGER - MILLISECOND)
        assert bench.recorders[0].ended is None

    def test_an_ended_connection_leaves_no_work_for_the_garbage_collector(self) -> None:
        talk = Talk()
        bench = Bench()
        bench.receive([*spoken(talk), talk.fin(0), talk.fin(1)])
        bench.pass_time(talk.time + LINGER)
        connection = bench.recorders[0].connection
        assert connection not in gc.get_referents(*connection.directions)

    def test_fin_of_one_side(self) -> None:
        talk = Talk()
        bench = Bench()
        bench.receive([*spoken(talk), talk.fin(0), *talk.send(1, b"half closed")])
        bench.pass_time(talk.time + 60 * SECOND)
        assert bench.recorders[0].ended is None
        recorder = bench.finish().only
        assert recorder.data(1) == b"half closed"
        assert recorder.reason is End.FIN

    def test_fin_that_carries_the_last_bytes(self) -> None:
        talk = Talk()
        recorder = reassemble([*spoken(talk), talk.fin(0, b" and bye"), talk.fin(1)]).only
        assert recorder.data(0) == b"hello and bye"

    def test_repeated_fin(self) -> None:
        talk = Talk()
        fins = [talk.fin(0, b"!"), talk.fin(1)]
        recorder = reassemble([*spoken(Talk()), *fins, *fins]).only
        assert recorder.reason is End.FIN

    def test_fin_before_the_data_in_front_of_it(self) -> None:
        talk = Talk()
        syn, syn_ack, data = spoken(talk)
        segments = [syn, syn_ack, talk.fin(0), talk.fin(1), data]
        for cuts in (range(0), range(5)):
            assert reassemble(segments, cuts).only.log[0] == [b"hello"]

    @pytest.mark.parametrize("fins", [[0], [1], [0, 1]])
    def test_reset(self, fins: list[int]) -> None:
        talk = Talk()
        segments = [*spoken(talk), *(talk.fin(side) for side in fins), talk.rst(0)]
        # RST behind FIN of both sides is how many programs leave; it closed before.
        expected = End.FIN if len(fins) == 2 else End.RST
        assert reassemble(segments).only.reason is expected

    def test_refused(self) -> None:
        talk = Talk()
        syn = talk.segment(0, flags=SYN)
        assert reassemble([syn, Segment(1, 1, 0, flags=RST | ACK)]).only.reason is End.RST

    def test_refused_and_tried_again_with_the_same_number(self) -> None:
        talk = Talk()
        refused = [talk.segment(0, flags=SYN), Segment(1, 1, 0, flags=RST | ACK)]
        talk = Talk(time=SECOND // 2)
        segments = [*refused, *spoken(talk)]
        talk.time += 60 * SECOND
        recorder = reassemble([*segments, *talk.send(0, b" again")], range(9)).only
        assert recorder.data(0) == b"hello again"
        assert recorder.reason is End.CAPTURE_END

    @pytest.mark.parametrize("flag", [RST, FIN])
    def test_far_from_what_is_expected_is_ignored(self, flag: int) -> None:
        talk = Talk()
        far = Segment(1, 0, 3_000_000_000, flags=flag)
        segments = [*spoken(talk), far, *talk.send(0, b" again")]
        result = reassemble(segments)
        assert result.only.data(0) == b"hello again"
        assert result.only.reason is End.CAPTURE_END
        assert result.counters["resets_ignored"] == 1

    def test_what_reset_explains_is_not_the_stream(self) -> None:
        talk = Talk()
        reset = talk.rst(0)._replace(payload=b"go away")
        result = reassemble([*spoken(Talk()), reset])
        assert result.only.data(0) == b"hello"
        assert result.counters["reset_bytes"] == 7

    def test_a_reset_that_the_ends_do_not_believe(self) -> None:
        talk = Talk()
        segments = [*spoken(talk), talk.rst(0)]
        for _ in range(5):
            talk.time += SECOND
            segments += talk.send(0, b" more")
        for cuts in (range(0), range(9)):
            assert reassemble(segments, cuts).only.data(0) == b"hello" + b" more" * 5

    def test_capture_ends(self) -> None:
        recorder = reassemble(spoken(Talk())).only
        assert recorder.ended == (End.CAPTURE_END, 3, 2 * MILLISECOND)

    def test_finish_twice(self) -> None:
        bench = Bench()
        bench.receive(spoken(Talk()))
        bench.finish()
        assert bench.finish().only.reason is End.CAPTURE_END


class TestPortReuse:
    @pytest.mark.parametrize("cuts", [[], [3], range(9)])
    def test_new_syn(self, cuts: list[int]) -> None:
        first, second = Talk(), Talk(sequences=(9_000_000, 7_000_000))
        old, new = reassemble([*spoken(first), *spoken(second, b"again")], cuts).recorders
        assert (old.data(0), old.reason) == (b"hello", End.REUSED)
        assert (new.data(0), new.reason) == (b"again", End.CAPTURE_END)
        assert (new.connection.first_frame, old.connection.last_frame) == (4, 3)

    @pytest.mark.parametrize("cuts", [[], [5], range(9)])
    def test_new_syn_after_a_proper_end(self, cuts: list[int]) -> None:
        first, second = Talk(), Talk(sequences=(9_000_000, 7_000_000))
        segments = [*spoken(first), first.fin(0), first.fin(1), *spoken(second, b"again")]
        old, new = reassemble(segments, cuts).recorders
        assert (old.data(0), old.reason) == (b"hello", End.FIN)
        assert new.data(0) == b"again"

    def test_only_the_answer_was_captured(self) -> None:
        first, second = Talk(), Talk(sequences=(9_000_000, 7_000_000))
        old, new = reassemble([*spoken(first), *spoken(second, b"again")[1:]]).recorders
        assert old.reason is End.REUSED
        assert new.connection.initiator == 1
        assert new.connection.ends[0] == "10.0.0.2:5061"
        assert new.data(1) == b"again"

    def test_repeated_syn_is_the_same_connection(self) -> None:
        talk = Talk()
        syn, syn_ack, data = spoken(talk)
        recorder = reassemble([syn, syn, syn_ack, syn_ack, data, syn]).only
        assert recorder.data(0) == b"hello"

    def test_a_hole_is_given_up(self) -> None:
        first, second = Talk(), Talk(sequences=(9_000_000, 7_000_000))
        segments = spoken(first)
        first.send(0, b"lost")
        segments += first.send(0, b"behind")
        old, _ = reassemble([*segments, *spoken(second)]).recorders
        assert old.with_holes(0) == b"hello....behind"


class TestLateSegments:
    @pytest.mark.parametrize("cuts", [[], range(12)])
    def test_long_after_the_end_they_are_another_connection(self, cuts: list[int]) -> None:
        talk = Talk()
        segments = [*spoken(talk), talk.fin(0), talk.fin(1)]
        late = [
            s.at(10 * SECOND) for s in Talk(sequences=(talk.next[0], 0)).send(0, b"late", b" data")
        ]
        late[1] = late[1].at(20 * SECOND)
        old, new = reassemble([*segments, *late], cuts).recorders
        assert (old.data(0), old.reason) == (b"hello", End.FIN)
        assert (new.data(0), new.reason) == (b"late data", End.CAPTURE_END)

    @pytest.mark.parametrize("cuts", [[], range(12)])
    def test_in_a_run_that_goes_on_after_the_silence(self, cuts: list[int]) -> None:
        talk = Talk()
        segments = [*spoken(talk), talk.fin(0), talk.fin(1)]
        one, two = Talk(sequences=(talk.next[0], 0)).send(0, b"one", b"two")
        segments += [one.at(SECOND), two.at(9 * SECOND)]
        assert [r.data(0) for r in reassemble(segments, cuts).recorders] == [b"helloone", b"two"]

    def test_control_segments_open_nothing(self) -> None:
        talk = Talk()
        result = reassemble([talk.rst(0), talk.fin(1), talk.segment(0), talk.segment(0, b"x", RST)])
        assert result.recorders == []
        assert result.counters == {"segments_without_connection": 4}


class TestBound:
    def test_the_longest_idle_goes(self) -> None:
        bench = Bench(max_connections=32)
        first = Talk(0)
        bench.receive(spoken(first))
        for number in range(1, 33):
            bench.receive([segment.at(number * SECOND) for segment in spoken(Talk(number))])
            first.time = number * SECOND
            bench.receive(first.send(0, b" again"))
        assert len(bench.table) == 31
        evicted = [n for n, recorder in enumerate(bench.recorders) if recorder.ended]
        assert evicted == [1, 2]
        assert bench.recorders[1].reason is End.EVICTED
        result = bench.finish()
        assert result.counters["connections_evicted"] == 2
        assert result.counters["connections"] == 33

    def test_of_one(self) -> None:
        result = reassemble([s for n in range(5) for s in spoken(Talk(n))], max_connections=1)
        assert [recorder.data(0) for recorder in result.recorders] == [b"hello"] * 5
        assert result.counters["connections_evicted"] == 4

    def test_what_waits_is_given_out_before(self) -> None:
        talk = Talk()
        one, _, three = talk.send(0, b"one", b"two", b"three")
        result = reassemble([one, three, *spoken(Talk(2))], max_connections=1)
        assert result.recorders[0].with_holes(0) == b"one...three"
        assert result.recorders[0].reason is End.EVICTED

    def test_every_connection_ends_once(self) -> None:
        segments = [s for n in range(50) for s in spoken(Talk(n % 7, (n * 1000, n)))]
        result = reassemble(segments, range(0, 150, 7), max_connections=4)
        assert len(result.recorders) == result.counters["connections"]
        assert all(recorder.ended for recorder in result.recorders)
        assert len(result.table) == 0
