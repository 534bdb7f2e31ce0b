"""The table of calls: when calls leave it, and its bounds."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import Call, CallState, CallTable, Kind
from tqdecrypt.calls import table as table_module
from tqdecrypt.sip import index_message

from .dialogue import SECOND, Dialogue, Line


@pytest.fixture
def line() -> Line:
    return Line()


class TestLeaving:
    def test_a_while_after_the_end(self, line: Line) -> None:
        talk, other = Dialogue(line, "1@a"), Dialogue(line, "2@a")
        talk.answered()
        talk.hung_up()
        line.wait(31 * SECOND)
        talk.again(talk.said[-1])
        assert line.calls == []
        line.wait(2 * SECOND)
        other.request("INVITE")
        [call] = line.calls
        assert (call.call_id, call.messages, call.retransmissions) == ("1@a", 8, 1)

    def test_another_attempt_stays(self, line: Line) -> None:
        talk = Dialogue(line)
        talk.request("INVITE")
        talk.response(407)
        line.wait(20 * SECOND)
        talk.cseq = 2
        talk.request("INVITE")
        talk.response(180)
        line.wait(20 * SECOND)
        talk.response(200)
        talk.request("ACK", tag="b1", branch="ack")
        line.wait(100 * SECOND)
        talk.hung_up()
        assert line.calls == []
        assert line.the_call().state is CallState.ENDED

    def test_a_second_failure_lingers_anew(self, line: Line) -> None:
        talk = Dialogue(line)
        talk.request("INVITE")
        talk.response(407)
        line.wait(20 * SECOND)
        talk.cseq = 2
        talk.request("INVITE")
        talk.response(486)
        line.wait(20 * SECOND)
        Dialogue(line, "2@a").request("INVITE")
        assert line.calls == []
        line.wait(20 * SECOND)
        Dialogue(line, "3@a").request("INVITE")
        [call] = line.calls
        assert call.final_status == 486

    def test_a_status_out_of_this_world_changes_nothing(self, line: Line) -> None:
        talk = Dialogue(line)
        talk.request("INVITE")
        talk.response(700)
        talk.response(4294967301)
        talk.response(486)
        assert line.the_call().final_status == 486

    def test_nobody_ever_answers(self, line: Line) -> None:
        Dialogue(line, "1@a").request("INVITE")
        line.wait(200 * SECOND)
        Dialogue(line, "2@a").request("INVITE")
        line.wait(1 * SECOND)
        [call] = line.calls
        assert (call.call_id, call.state) == ("1@a", CallState.UNANSWERED)
        assert len(line.table) == 1

    def test_established_calls_stay(self, line: Line) -> None:
        talk = Dialogue(line, "1@a")
        talk.answered()
        line.wait(7200 * SECOND)
        Dialogue(line, "2@a").request("INVITE")
        assert line.calls == []

    def test_finish_without_a_time(self, line: Line) -> None:
        Dialogue(line).answered()
        line.table.finish()
        line.table.finish()
        assert [call.state for call in line.calls] == [CallState.ESTABLISHED]


class TestBounds:
    def test_the_longest_silent_goes(self) -> None:
        line = Line(most_calls=2)
        first, second = Dialogue(line, "1@a"), Dialogue(line, "2@a")
        first.request("INVITE")
        second.request("INVITE")
        first.response(180)
        Dialogue(line, "3@a").request("INVITE")
        [call] = line.calls
        assert call.call_id == "2@a"
        assert call.findings[0] == "given up, the table of calls was full"
        assert line.table.counters == {"calls_evicted": 1}

    def test_an_evicted_call_that_had_ended(self) -> None:
        line = Line(most_calls=1)
        talk = Dialogue(line, "1@a")
        talk.answered()
        talk.hung_up()
        other = Dialogue(line, "2@a")
        other.answered()
        line.wait(60 * SECOND)
        other.hung_up()
        assert [call.call_id for call in line.finish()] == ["1@a", "2@a"]

    def test_memory_of_an_active_call(self, line: Line) -> None:
        number = 200
        tracemalloc.start()
        for one in range(number):
            talk = Dialogue(line, f"{one}@a")
            talk.answered()
            for cseq in range(2, 40):
                talk.request("INVITE", tag="b1", cseq=cseq)
            del talk
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(line.table) == number
        assert size / number <= 2048

    def test_flood_of_pings(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(table_module, "MOST_OTHERS", 3)
        for number in range(10):
            talk = Dialogue(line, f"{number}@a")
            talk.request("OPTIONS")
            talk.response(200, "OPTIONS")
        assert line.table.kinds == {Kind.OPTIONS: 10}
        assert line.table.counters == {"other_call_ids_evicted": 6}


class TestOtherCallIds:
    def test_are_counted_by_kind(self, line: Line) -> None:
        for method in ("REGISTER", "OPTIONS", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER"):
            talk = Dialogue(line, method)
            talk.request(method)
            talk.response(200, method)
        Dialogue(line, "SUBSCRIBE").request("NOTIFY")
        assert line.table.kinds == dict.fromkeys(Kind, 1)
        assert line.finish() == []

    def test_without_call_id(self, line: Line) -> None:
        Dialogue(line, "").request("INVITE")
        assert line.finish() == []
        assert line.table.counters == {"messages_without_call_id": 1}

    def test_in_a_call_they_belong_to_it(self, line: Line) -> None:
        talk = Dialogue(line)
        talk.answered()
        talk.request("OPTIONS", tag="b1", cseq=2)
        assert line.the_call().messages == 6
        assert not line.table.kinds


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "", 100, 180, 200, 302, 401, 486, 487]
            ),
            st.sampled_from(["INVITE", "BYE", "CANCEL", "REGISTER"]),
            st.integers(0, 3),
            st.integers(0, 2),
            st.sampled_from(["", ";tag=1", ";tag=2"]),
            st.sampled_from(["", ";tag=1", ";tag=2"]),
            st.integers(-1, 40),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_any_sequence_of_messages(
    steps: list[tuple[str | int, str, int, int, str, str, int]],
) -> None:
    line = Line()
    calls: list[Call] = []
    table = CallTable(calls.append, 2)
    received = 0
    for what, of, cseq, call, from_tag, to_tag, seconds in steps:
        start = f"SIP/2.0 {what} X" if isinstance(what, int) else f"{what or 'X'} sip:b SIP/2.0"
        method = what if isinstance(what, str) else of
        raw = (
            f"{start}\r\nVia: SIP/2.0/TLS a;branch={cseq}\r\nFrom: <sip:a>{from_tag}\r\n"
            f"To: <sip:b>{to_tag}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\r\n"
        )
        line.wait(seconds * SECOND)
        message = index_message(raw.encode(), line.flow("a", "b"), 1, line.time)
        table.receive(message)
        received += 1
        assert len(table) <= 2
    table.finish()
    assert len(table) == 0
    assert sum(call.messages for call in calls) <= received
    for ended in calls:
        assert ended.answered is None or ended.final_status is not None
        if ended.state in (CallState.ENDED, CallState.FAILED, CallState.REDIRECTED):
            assert ended.ended is not None
        if ended.state in (CallState.ESTABLISHED, CallState.UNANSWERED):
            assert ended.ended is None
