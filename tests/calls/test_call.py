"""What becomes of a call, told as dialogues (after RFC 3665)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import CallState, Party

from .dialogue import ALICE, BOB, CAROL, MILLISECOND, PROXY, SECOND, Dialogue, Line


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def talk(line: Line) -> Dialogue:
    return Dialogue(line)


class TestAnswered:
    def test_from_invite_to_bye(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.hung_up()
        call = line.the_call()
        assert call.state is CallState.ENDED
        assert (call.started, call.answered, call.ended) == (
            10 * MILLISECOND,
            40 * MILLISECOND,
            60 * MILLISECOND,
        )
        assert (call.final_status, call.reason) == (200, "OK")
        assert (call.from_uri, call.to_uri) == (
            "sip:alice@atlanta.example.com",
            "sip:bob@biloxi.example.com",
        )
        assert (call.caller, call.callee) == (ALICE, BOB)
        assert call.hung_up_by is Party.CALLER
        assert (call.messages, call.retransmissions) == (7, 0)
        assert call.sessions == {1}
        assert call.findings == []

    def test_callee_hangs_up(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.hung_up(by_callee=True)
        assert line.the_call().hung_up_by is Party.CALLEE

    def test_still_talking(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        call = line.the_call()
        assert (call.state, call.ended, call.findings) == (CallState.ESTABLISHED, None, [])

    def test_no_ack(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        answer = talk.response(200)
        for _ in range(3):
            talk.again(answer)
        talk.hung_up(by_callee=True)
        call = line.the_call()
        assert call.findings == [f"no ACK for the 200 from {BOB}"]
        assert call.retransmissions == 3

    def test_no_ack_yet(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(200)
        assert line.the_call().findings == []

    def test_re_invite_does_not_restart(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.cseq = 2
        talk.request("INVITE", tag="b1", branch="re")
        talk.response(100, branch="re")
        talk.response(200, branch="re")
        talk.request("ACK", tag="b1", branch="re-ack")
        talk.hung_up()
        call = line.the_call()
        assert call.answered == 40 * MILLISECOND
        assert (call.state, call.findings) == (CallState.ENDED, [])

    def test_re_invite_that_fails(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.cseq = 7
        talk.request("INVITE", tag="b1", branch="re", backwards=True)
        talk.response(488, branch="re", backwards=True)
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.ESTABLISHED, 200)
        assert call.findings == [f"re-INVITE answered 488 Not Acceptable Here from {ALICE}"]

    def test_bye_that_nobody_knows(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.cseq = 2
        talk.request("BYE", tag="b1")
        talk.response(481, "BYE")
        finding = f"BYE answered 481 Call/Transaction Does Not Exist from {BOB}"
        assert line.the_call().findings == [finding]

    def test_mid_call(self, line: Line, talk: Dialogue) -> None:
        talk.hung_up()
        call = line.the_call()
        assert (call.state, call.answered) == (CallState.ENDED, None)
        assert call.findings == ["INVITE not captured"]

    def test_re_invite_of_a_call_that_began_earlier(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", tag="b1")
        assert line.the_call().state is CallState.ESTABLISHED


class TestNotAnswered:
    def test_busy(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(100)
        talk.response(486)
        talk.request("ACK", tag="b1")
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.FAILED, 486)
        assert call.ended == 30 * MILLISECOND
        assert call.findings == [f"486 Busy Here from {BOB}"]

    def test_cancelled(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(180)
        talk.request("CANCEL")
        talk.response(200, "CANCEL")
        talk.response(487)
        talk.request("ACK", tag="b1")
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.CANCELLED, 487)
        assert call.findings == ["cancelled by the caller"]

    def test_cancelled_without_487(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.request("CANCEL")
        call = line.the_call()
        assert call.state is CallState.CANCELLED
        assert call.findings == ["cancelled by the caller", "no final response to INVITE"]

    def test_answer_crosses_cancel(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.request("CANCEL")
        talk.response(200)
        talk.request("ACK", tag="b1", branch="ack")
        talk.response(200, "CANCEL")
        talk.hung_up()
        call = line.the_call()
        assert (call.state, call.findings) == (CallState.ENDED, [])

    def test_redirected(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(302)
        talk.request("ACK", tag="b1")
        call = line.the_call()
        assert call.state is CallState.REDIRECTED
        assert call.findings == [f"302 Moved Temporarily from {BOB}"]

    @pytest.mark.parametrize("status", [401, 407, 302, 503])
    def test_another_attempt_is_the_same_call(
        self, line: Line, talk: Dialogue, status: int
    ) -> None:
        talk.request("INVITE")
        talk.response(status, tag="p1")
        talk.request("ACK", tag="p1")
        talk.cseq = 2
        talk.answered()
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.ESTABLISHED, 200)
        assert call.started == 10 * MILLISECOND
        assert call.findings == []

    def test_challenge_that_nobody_met(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(407)
        talk.request("ACK", tag="b1")
        call = line.the_call()
        assert call.state is CallState.FAILED
        assert call.findings == [
            f"407 Proxy Authentication Required from {BOB}",
            "no INVITE with credentials followed",
        ]

    def test_stale_failure_of_the_first_attempt(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", cseq=1)
        talk.request("INVITE", cseq=2)
        talk.response(401, cseq=1)
        talk.response(180, cseq=2)
        assert line.the_call().state is CallState.RINGING

    def test_no_response(self, line: Line, talk: Dialogue) -> None:
        invite = talk.request("INVITE")
        for _ in range(6):
            talk.again(invite)
        line.wait(32 * SECOND)
        call = line.the_call()
        assert (call.state, call.retransmissions) == (CallState.UNANSWERED, 6)
        assert call.findings == ["no response to INVITE"]

    def test_no_final_response(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(180)
        line.wait(20 * SECOND)
        call = line.the_call()
        assert (call.state, call.ended) == (CallState.RINGING, None)
        assert call.findings == ["no final response to INVITE"]

    def test_bye_before_the_answer(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(180)
        talk.cseq = 2
        talk.request("BYE", tag="b1")
        talk.response(487, cseq=1)
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.CANCELLED, 487)
        assert call.findings == [f"487 Request Terminated from {BOB}"]


FIRST, SECOND_HOP, THIRD_HOP = (ALICE, PROXY), (PROXY, BOB), (PROXY, CAROL)


def proxied(talk: Dialogue) -> None:
    """An answered call, each message on both sides of a proxy."""
    talk.request("INVITE", hop=FIRST)
    talk.response(100, hop=FIRST)
    talk.request("INVITE", hop=SECOND_HOP)
    talk.response(180, hop=SECOND_HOP)
    talk.response(180, hop=FIRST)
    talk.response(200, hop=SECOND_HOP)
    talk.response(200, hop=FIRST)
    talk.request("ACK", hop=FIRST, tag="b1", branch="ack")
    talk.request("ACK", hop=SECOND_HOP, tag="b1", branch="ack")
    talk.cseq = 2
    talk.request("BYE", hop=FIRST, tag="b1", branch="bye")
    talk.request("BYE", hop=SECOND_HOP, tag="b1", branch="bye")
    talk.response(200, "BYE", hop=SECOND_HOP, branch="bye")
    talk.response(200, "BYE", hop=FIRST, branch="bye")


class TestProxies:
    def test_both_legs_are_one_call(self, line: Line, talk: Dialogue) -> None:
        proxied(talk)
        call = line.the_call()
        assert (call.state, call.hung_up_by) == (CallState.ENDED, Party.CALLER)
        assert (call.caller, call.callee) == (ALICE, PROXY)
        assert (call.messages, call.retransmissions) == (13, 0)
        assert call.sessions == {1, 2}
        assert call.findings == []

    @given(st.data())
    def test_slightly_out_of_order(self, data: st.DataObject) -> None:
        straight, shuffled = Line(), Line()
        talk = Dialogue(straight)
        proxied(talk)
        messages = list(talk.said)
        # Behind the first INVITE, neighbours may change places.
        for at in data.draw(st.lists(st.integers(1, len(messages) - 2), max_size=6)):
            messages[at : at + 2] = reversed(messages[at : at + 2])
        for message in messages:
            shuffled.table.receive(message)
        shuffled.time = straight.time
        expected, found = straight.the_call(), shuffled.the_call()
        for name in ("state", "started", "answered", "ended", "caller", "hung_up_by", "findings"):
            assert getattr(found, name) == getattr(expected, name), name

    def test_failure_is_told_from_where_it_came(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.request("INVITE", hop=SECOND_HOP)
        talk.response(486, hop=SECOND_HOP)
        talk.response(486, hop=FIRST)
        assert line.the_call().findings == [f"486 Busy Here from {BOB}"]

    def test_one_after_the_other(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.request("INVITE", hop=SECOND_HOP)
        talk.response(486, hop=SECOND_HOP)
        line.wait(5 * SECOND)
        talk.request("INVITE", hop=THIRD_HOP)
        talk.response(180, hop=THIRD_HOP, tag="c1")
        line.wait(60 * SECOND)
        talk.response(200, hop=THIRD_HOP, tag="c1")
        talk.response(200, hop=FIRST, tag="c1")
        talk.request("ACK", hop=FIRST, tag="c1", branch="ack")
        call = line.the_call()
        assert (call.state, call.final_status, call.findings) == (CallState.ESTABLISHED, 200, [])

    def test_forked_and_the_others_cancelled(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.request("INVITE", hop=SECOND_HOP)
        talk.request("INVITE", hop=THIRD_HOP)
        talk.response(180, hop=SECOND_HOP, tag="b1")
        talk.response(180, hop=THIRD_HOP, tag="c1")
        talk.response(180, hop=FIRST, tag="b1")
        talk.response(180, hop=FIRST, tag="c1")
        talk.response(200, hop=THIRD_HOP, tag="c1")
        talk.response(200, hop=FIRST, tag="c1")
        talk.request("CANCEL", hop=SECOND_HOP)
        talk.response(487, hop=SECOND_HOP, tag="b1")
        talk.request("ACK", hop=FIRST, tag="c1", branch="ack")
        call = line.the_call()
        assert (call.state, call.final_status, call.findings) == (CallState.ESTABLISHED, 200, [])
        assert call.retransmissions == 0

    def test_two_answers(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.response(200, hop=FIRST, tag="b1")
        talk.request("ACK", hop=FIRST, tag="b1", branch="ack1")
        talk.response(200, hop=FIRST, tag="c1")
        talk.request("ACK", hop=FIRST, tag="c1", branch="ack2")
        talk.cseq = 2
        talk.request("BYE", hop=FIRST, tag="c1", branch="bye")
        call = line.the_call()
        assert (call.state, call.ended) == (CallState.ESTABLISHED, None)
        assert call.findings == [f"answered by {PROXY}, too"]

    def test_late_failure_on_another_branch(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.response(486, hop=FIRST)
        talk.response(503, hop=SECOND_HOP)
        call = line.the_call()
        assert (call.final_status, call.findings) == (486, [f"486 Busy Here from {PROXY}"])

    def test_proxy_gives_up_ringing(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.request("INVITE", hop=SECOND_HOP)
        talk.response(180, hop=SECOND_HOP)
        talk.request("CANCEL", hop=SECOND_HOP)
        talk.response(487, hop=SECOND_HOP)
        talk.response(503, hop=FIRST)
        call = line.the_call()
        assert (call.state, call.final_status) == (CallState.FAILED, 503)
        assert call.findings == [f"503 Service Unavailable from {PROXY}"]


class TestOutOfOrder:
    def test_response_before_its_invite(self, line: Line, talk: Dialogue) -> None:
        talk.response(100)
        talk.response(180)
        talk.request("INVITE")
        call = line.the_call()
        assert call.started == 10 * MILLISECOND
        assert (call.caller, call.callee) == (ALICE, BOB)
        assert call.state is CallState.RINGING

    def test_invite_of_the_next_hop_behind_the_answer(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE", hop=FIRST)
        talk.response(200, hop=FIRST)
        talk.request("INVITE", hop=SECOND_HOP)
        call = line.the_call()
        assert (call.state, call.callee) == (CallState.ESTABLISHED, PROXY)

    def test_bye_before_the_200_to_invite(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.request("BYE", cseq=2, tag="b1")
        talk.request("ACK", tag="b1", branch="ack")
        talk.response(200)
        call = line.the_call()
        assert (call.state, call.ended) == (CallState.ENDED, 20 * MILLISECOND)
        assert (call.final_status, call.hung_up_by) == (200, Party.CALLER)
        assert call.findings == []

    def test_the_first_bye_ends_it(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        talk.request("BYE", cseq=2, tag="b1", branch="x")
        talk.request("BYE", cseq=3, tag="b1", branch="y")
        assert line.the_call().ended == 60 * MILLISECOND


class TestRetransmissions:
    def test_same_hop(self, line: Line, talk: Dialogue) -> None:
        invite = talk.request("INVITE")
        talk.again(invite)
        ringing = talk.response(180)
        talk.again(ringing)
        call = line.the_call()
        assert (call.messages, call.retransmissions) == (4, 2)

    def test_responses_of_forks_are_none(self, line: Line, talk: Dialogue) -> None:
        talk.request("INVITE")
        talk.response(180, tag="b1")
        talk.response(180, tag="c1")
        assert line.the_call().retransmissions == 0

    def test_long_calls_forget(self, line: Line, talk: Dialogue) -> None:
        talk.answered()
        for cseq in range(2, 300):
            talk.request("INFO", tag="b1", cseq=cseq)
        call = line.the_call()
        assert (call.messages, call.retransmissions) == (303, 0)
        assert len(call._seen) <= 24
