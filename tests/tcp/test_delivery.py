"""Whatever order and however often segments come: each byte is delivered once, in its place."""

from __future__ import annotations

import random

import pytest

from tqdecrypt.tcp import runs
from tqdecrypt.tcp.connection import Connection
from tqdecrypt.tcp.stream import Direction

from .segments import (
    ACK,
    MILLISECOND,
    SECOND,
    Bench,
    Recorder,
    Segment,
    Talk,
    block_of,
    reassemble,
)


def conversation(talk: Talk | None = None) -> list[Segment]:
    talk = talk or Talk()
    return [
        *talk.open(),
        *talk.send(0, b"INVITE", b" sip:bob", b"\r\n"),
        *talk.send(1, b"SIP/2.0 ", b"200 OK"),
        *talk.send(0, b"ACK"),
        talk.fin(0),
        talk.fin(1),
    ]


class TestInOrder:
    def test_each_side_gets_its_bytes(self) -> None:
        recorder = reassemble(conversation()).only
        assert recorder.log == ([b"INVITE sip:bob\r\nACK"], [b"SIP/2.0 200 OK"])

    def test_a_run_of_segments_is_one_call(self) -> None:
        talk = Talk()
        recorder = reassemble(talk.send(0, *[b"ten bytes."] * 1000)).only
        assert recorder.calls == 1
        assert recorder.data(0) == b"ten bytes." * 1000

    def test_bytes_keep_frame_and_time_of_their_packet(self) -> None:
        recorder = reassemble(conversation()).only
        assert recorder.frames[0] == [3] * 6 + [4] * 8 + [5] * 2 + [8] * 3
        assert recorder.times[1] == [5 * MILLISECOND] * 8 + [6 * MILLISECOND] * 6

    def test_connections_that_interleave_stay_apart(self) -> None:
        talks = [conversation(Talk(number)) for number in range(5)]
        mixed = [segment for turn in zip(*talks, strict=True) for segment in turn]
        result = reassemble(mixed)
        assert len(result.recorders) == 5
        for recorder in result.recorders:
            assert recorder.log == ([b"INVITE sip:bob\r\nACK"], [b"SIP/2.0 200 OK"])

    def test_endpoints_and_initiator(self) -> None:
        connection = reassemble(conversation()).only.connection
        assert connection.ends == ("10.0.0.1:20001", "10.0.0.2:5061")
        assert connection.initiator == 0
        assert (connection.first_frame, connection.last_frame) == (1, 10)
        assert (connection.started, connection.last_time) == (0, 9 * MILLISECOND)

    def test_syn_ack_alone_tells_the_initiator(self) -> None:
        connection = reassemble(conversation()[1:]).only.connection
        assert connection.ends[0] == "10.0.0.2:5061"
        assert connection.initiator == 1

    def test_without_a_start_nobody_is_the_initiator(self) -> None:
        recorder = reassemble(conversation()[3:]).only
        assert recorder.connection.initiator is None
        assert recorder.log == ([b" sip:bob\r\nACK"], [b"SIP/2.0 200 OK"])

    def test_payload_of_syn_counts(self) -> None:
        talk = Talk()
        opening = [talk.segment(0, b"early", 0x02), *talk.send(0, b" data")]
        assert reassemble(opening).only.data(0) == b"early data"

    def test_sequence_numbers_wrap(self) -> None:
        talk = Talk(sequences=(0xFFFFFFF0, 0xFFFFFFFF))
        segments = [*talk.open(), *talk.send(0, *[b"12345678"] * 5), *talk.send(1, b"ab", b"cd")]
        recorder = reassemble(segments).only
        assert recorder.log == ([b"12345678" * 5], [b"abcd"])

    def test_segments_without_payload_between_runs(self) -> None:
        talk = Talk()
        segments = [*talk.send(0, b"one"), talk.segment(0), *talk.send(0, b"two"), talk.segment(0)]
        recorder = reassemble(segments).only
        assert recorder.log[0] == [b"onetwo"]
        assert recorder.frames[0] == [1] * 3 + [3] * 3

    def test_payload_of_fragments_stands_outside_the_buffer(self) -> None:
        talk = Talk()
        segments = talk.send(0, b"one ", b"two ", b"three")
        segments[1] = segments[1]._replace(detached=True)
        assert reassemble(segments).only.log[0] == [b"one two three"]

    def test_frames_continue_over_blocks_and_packets_of_other_kinds(self) -> None:
        talk = Talk()
        bench = Bench()
        bench.receive(talk.send(0, b"a"))
        bench.pass_time(talk.time)
        columns, block = block_of(talk.send(0, b"b"), 10)
        columns.packet[:] = 3  # the fourth packet of its block
        block.time = block.time.repeat(4)
        bench.table.receive(columns, block)
        assert bench.finish().only.frames[0] == [1, 13]


class TestRepetition:
    def test_retransmission(self) -> None:
        segments = conversation()
        segments.insert(4, segments[2])
        result = reassemble(segments)
        assert result.only.data(0) == b"INVITE sip:bob\r\nACK"
        assert result.counters["retransmitted_segments"] == 1

    def test_first_copy_wins(self) -> None:
        talk = Talk()
        (first,) = talk.send(0, b"truth")
        result = reassemble([first, first._replace(payload=b"liars and more")])
        assert result.only.data(0) == b"truth" + b" and more"
        assert result.counters["overlapping_segments"] == 1

    def test_first_copy_wins_behind_a_hole_too(self) -> None:
        talk = Talk(sequences=(0, 0))
        start = talk.send(0, b"0123")
        segments = [
            *start,
            Segment(1, 0, 8, b"89ab"),
            Segment(1, 0, 6, b"XX????YY"),  # both ends are new, the middle is not
            Segment(1, 0, 5, b"Z????????W"),
            Segment(1, 0, 4, b"4"),
        ]
        result = reassemble(segments)
        assert result.only.log[0] == [b"01234ZXX89abYYW"]
        assert result.only.gaps(0) == []

    def test_everything_twice(self) -> None:
        once = reassemble(conversation())
        twice = reassemble([segment for segment in conversation() for _ in range(2)])
        assert twice.only.log == once.only.log
        assert twice.only.reason == once.only.reason
        assert twice.counters["retransmitted_segments"] == 6

    def test_the_whole_conversation_twice_in_a_block(self) -> None:
        result = reassemble(conversation() + conversation())
        assert result.only.log == reassemble(conversation()).only.log

    def test_keepalive(self) -> None:
        segments = conversation()
        keepalive = Segment(1, 0, segments[4].sequence + 1, b"\0")
        result = reassemble([*segments[:7], keepalive, *segments[7:]])
        assert result.only.data(0) == b"INVITE sip:bob\r\nACK"
        assert result.counters["keepalives"] == 1


class TestDisorder:
    def test_adjacent_swap(self) -> None:
        segments = conversation()
        segments[2], segments[3] = segments[3], segments[2]
        result = reassemble(segments)
        assert result.only.data(0) == b"INVITE sip:bob\r\nACK"
        # Complete is what has everything in front of it: frame 4 completed both.
        assert result.only.frames[0][:14] == [4] * 14
        assert result.counters["out_of_order_segments"] == 1

    @pytest.mark.parametrize("seed", range(5))
    def test_permutation(self, seed: int) -> None:
        talk = Talk()
        opening = talk.open()
        stream = [b"%03d " % n for n in range(200)]
        segments = talk.send(0, *stream)
        random.Random(seed).shuffle(segments)
        recorder = reassemble([*opening, *segments]).only
        assert recorder.log[0] == [b"".join(stream)]

    def test_syn_behind_the_first_data(self) -> None:
        segments = conversation()
        segments[0], segments[2] = segments[2], segments[0]
        recorder = reassemble(segments).only
        assert recorder.data(0) == b"INVITE sip:bob\r\nACK"
        assert recorder.connection.initiator == 0

    def test_syn_behind_later_data_does_not_tear_the_connection(self) -> None:
        syn, syn_ack, first, second, *rest = conversation()
        result = reassemble([second, syn, syn_ack, first, *rest])
        assert result.only.data(0) == b" sip:bob\r\nACK"
        assert result.only.connection.initiator == 0
        assert result.counters["segments_before_start"] == 1

    def test_segment_before_the_start_is_counted(self) -> None:
        talk = Talk()
        first, second, third = talk.send(0, b"one", b"two", b"three")
        result = reassemble([second, first, third])
        assert result.only.data(0) == b"twothree"
        assert result.counters["segments_before_start"] == 1

    def test_server_first(self) -> None:
        syn, syn_ack, *rest = conversation()
        recorder = reassemble([syn_ack, syn, *rest]).only
        assert recorder.connection.initiator == 1
        assert recorder.data(1) == b"INVITE sip:bob\r\nACK"

    def test_late_segments_after_fin(self) -> None:
        segments = conversation()
        segments.append(segments.pop(7))  # ACK comes last
        for cuts in (range(0), range(9, 10), range(10)):
            recorder = reassemble(segments, cuts).only
            assert recorder.data(0) == b"INVITE sip:bob\r\nACK"
            assert recorder.gaps(0) == []


class TestSnapLength:
    def test_a_cut_segment_leaves_a_gap_behind_its_bytes(self) -> None:
        talk = Talk()
        segments = talk.send(0, b"0123456789", b"abcdefghij")
        result = reassemble([segment.cut(4) for segment in segments])
        recorder = result.only
        assert recorder.with_holes(0) == b"0123......abcd......"
        assert [gap.cause.value for gap in recorder.gaps(0)] == ["snap length"] * 2
        assert recorder.gaps(0)[0][:4] == (6, 1, 0, 0)
        assert result.counters["bytes_cut_by_snap_length"] == 12

    def test_a_segment_that_lost_all_its_bytes(self) -> None:
        talk = Talk()
        whole, cut, after = talk.send(0, b"0123", b"abcdefghij", b"xyz")
        for segments in ([whole, cut.cut(0), after], [whole, after, cut.cut(0)]):
            assert reassemble(segments).only.with_holes(0) == b"0123..........xyz"

    def test_cut_segments_out_of_order(self) -> None:
        talk = Talk()
        one, two, three = (segment.cut(2) for segment in talk.send(0, b"1111", b"2222", b"3333"))
        assert reassemble([one, three, two]).only.with_holes(0) == b"11..22..33.."

    def test_a_cut_retransmission_adds_what_is_new(self) -> None:
        talk = Talk()
        (first,) = talk.send(0, b"0123")
        longer = first._replace(payload=b"0123456789")
        assert reassemble([first, longer.cut(6)]).only.with_holes(0) == b"012345...."
        assert reassemble([first, longer.cut(2)]).only.with_holes(0) == b"0123......"


class TestHandlers:
    def test_nobody_wants_the_connection(self) -> None:
        bench = Bench(accept=lambda connection: None)
        segments = conversation()
        segments.append(segments.pop(2))
        bench.receive(segments)
        assert len(bench.table) == 1
        assert bench.table.waiting_bytes == 0
        assert bench.finish().counters == {"connections": 1}

    def test_position_is_kept_when_nobody_reads(self) -> None:
        connection = Connection(4, ((0,) * 6, (0,) * 6), 1, 0)
        direction = Direction(connection, 0)
        connection.directions = (direction, Direction(connection, 1))
        counters = Bench().table.counters
        for sequence in (100, 104, 112, 108, 100):
            direction.receive(sequence, b"four", [4], [1], [0], 0, counters)
        assert (direction.position, direction.pending) == (16, None)
        assert not counters

    def test_letting_go_while_segments_wait(self) -> None:
        bench = Bench()
        talk = Talk()
        one, _, three, four = talk.send(0, *[b"data"] * 4)
        bench.receive([one, three])
        bench.recorders[0].connection.handler = None
        bench.receive([four])
        bench.pass_time(10 * SECOND)
        assert bench.table.oldest_waiting_frame is None
        bench.receive(talk.send(0, b"more"))
        result = bench.finish()
        assert result.only.data(0) == b"data"
        assert result.only.ended is None
        assert "gaps" not in result.counters

    def test_letting_go_and_nothing_more_comes(self) -> None:
        bench = Bench()
        one, _, three = Talk().send(0, *[b"data"] * 3)
        bench.receive([one, three])
        bench.recorders[0].connection.handler = None
        bench.pass_time(10 * SECOND)
        assert bench.table.waiting_bytes == 0
        assert "gaps" not in bench.finish().counters

    def test_a_handler_may_be_replaced_while_it_receives(self) -> None:
        class Sniffer(Recorder):
            def receive(
                self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
            ) -> None:
                successor = Recorder(self.connection)
                made.append(successor)
                self.connection.handler = successor
                successor.receive(side, data, ends, frames, times)

        made: list[Recorder] = []
        bench = Bench(accept=Sniffer)
        one, two, three = Talk().send(0, b"one", b"cut here", b"three")
        bench.receive([two.cut(3), three, one])  # the gap of the snap length comes with the bytes
        bench.finish()
        assert made[0].with_holes(0) == b"cut.....three"
        assert made[0].ended is not None

    def test_letting_go_in_the_middle_of_what_waited(self) -> None:
        class Fickle(Recorder):
            def receive(
                self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
            ) -> None:
                super().receive(side, data, ends, frames, times)
                self.connection.handler = None

        made: list[Fickle] = []

        def accept(connection: Connection) -> Fickle:
            made.append(Fickle(connection))
            return made[-1]

        bench = Bench(accept=accept)
        talk = Talk()
        opening = talk.open()
        one, two, three, four = talk.send(0, b"1", b"2", b"3", b"4")
        bench.receive([*opening, two, four, one, three])
        bench.finish()
        assert made[0].data(0) == b"1"
        assert made[0].ended is None


def test_hash_collisions_cost_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    talks = [conversation(Talk(number)) for number in range(4)]
    mixed = [segment for turn in zip(*talks, strict=True) for segment in turn]
    expected = [recorder.log for recorder in reassemble(mixed).recorders]
    monkeypatch.setattr(runs, "_by_direction", lambda columns: columns.packet.copy())
    assert [recorder.log for recorder in reassemble(mixed).recorders] == expected


def test_a_socket_that_talks_to_itself() -> None:
    columns, block = block_of(Talk().send(0, b"to ", b"myself"))
    columns.destination[:] = columns.source
    columns.destination_port[:] = columns.source_port
    bench = Bench()
    bench.table.receive(columns, block)
    assert bench.finish().only.data(0) == b"to myself"
    assert len(bench.table) == 0


def test_an_empty_block() -> None:
    bench = Bench()
    bench.receive([])
    assert bench.finish().recorders == []


def test_flags_that_mean_nothing_here_do_not_break_runs() -> None:
    talk = Talk()
    segments = [talk.segment(0, b"x", ACK | flag) for flag in (0x08, 0x20, 0x40, 0x80)]
    assert reassemble(segments).only.calls == 1
