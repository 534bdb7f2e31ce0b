"""Transactions by the tables of RFC 3261 section 17, as somebody between the two sees them."""

from __future__ import annotations

import pytest

from tqdecrypt.calls import Transaction, TransactionState, TransactionTable

from .script import MILLISECOND, SECOND, messages_of, watch

ANSWERED = """
    alice -> bob: INVITE 1
    bob -> alice: 100 INVITE 1
    bob -> alice: 180 INVITE 1
    bob -> alice: 200 INVITE 1
    alice -> bob: ACK 1 to=b1
"""


def state_after(script: str) -> TransactionState:
    return watch(script).transactions[0].state


class TestInvite:
    @pytest.mark.parametrize(
        ("script", "state"),
        [
            ("", TransactionState.CALLING),
            ("bob -> alice: 100 INVITE 1", TransactionState.PROCEEDING),
            ("bob -> alice: 180 INVITE 1", TransactionState.PROCEEDING),
            ("bob -> alice: 200 INVITE 1", TransactionState.ACCEPTED),
            ("bob -> alice: 302 INVITE 1", TransactionState.COMPLETED),
            ("bob -> alice: 486 INVITE 1", TransactionState.COMPLETED),
            ("bob -> alice: 603 INVITE 1", TransactionState.COMPLETED),
            ("wait 31 s", TransactionState.CALLING),
            ("wait 32 s", TransactionState.TIMED_OUT_B),
            ("bob -> alice: 100 INVITE 1 \n wait 179 s", TransactionState.PROCEEDING),
            ("bob -> alice: 100 INVITE 1 \n wait 180 s", TransactionState.TIMED_OUT_C),
            ("bob -> alice: 200 INVITE 1 \n wait 31 s", TransactionState.ACCEPTED),
            ("bob -> alice: 200 INVITE 1 \n wait 32 s", TransactionState.TERMINATED),
            ("bob -> alice: 486 INVITE 1 \n wait 32 s", TransactionState.TIMED_OUT_H),
            (
                "bob -> alice: 486 INVITE 1 \n alice -> bob: ACK 1 to=b1 branch=INVITE1 \n wait 32 s",
                TransactionState.TERMINATED,
            ),
        ],
    )
    def test_states(self, script: str, state: TransactionState) -> None:
        assert state_after(f"alice -> bob: INVITE 1\n{script}") is state

    def test_what_is_kept_of_it(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1 | Max-Forwards: 70
            bob -> alice: 100 INVITE 1
            bob -> alice: 183 INVITE 1 | RSeq: 7 | Require: 100rel
            bob -> alice: 480 INVITE 1 | Reason: Q.850;cause=19 | Reason: SIP;cause=480
            alice -> bob: ACK 1 to=b1 branch=INVITE1
            """
        )
        invite = watched.transaction("INVITE")
        assert (invite.frame, invite.started, invite.max_forwards) == (1, 10 * MILLISECOND, 70)
        assert [(one.status, one.frame, one.rseq) for one in invite.provisionals] == [
            (100, 2, 0),
            (183, 3, 7),
        ]
        assert invite.final is not None
        assert invite.final.status == 480
        assert invite.final.reason_header == "Q.850;cause=19, SIP;cause=480"
        assert invite.final.to_tag == "b1"
        assert (invite.acknowledged, invite.acknowledged_frame) == (50 * MILLISECOND, 5)
        assert invite.messages == 5
        assert (invite.from_tag, invite.to_tag) == ("a1", "")

    def test_timer_c_begins_anew_with_every_provisional_response(self) -> None:
        ringing = "alice -> bob: INVITE 1\n" + 4 * "bob -> alice: 180 INVITE 1\nwait 100 s\n"
        assert state_after(ringing) is TransactionState.PROCEEDING

    def test_an_answer_behind_the_timer_leads_on(self) -> None:
        watched = watch("alice -> bob: INVITE 1 \n wait 40 s \n bob -> alice: 200 INVITE 1")
        invite = watched.transaction("INVITE")
        assert invite.state is TransactionState.ACCEPTED
        assert invite.request_seen

    def test_a_2xx_outweighs_another_final_response(self) -> None:
        """A proxy forwards it even so (section 16.7)."""
        watched = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> alice: 486 INVITE 1 to=b1
            proxy -> alice: 200 INVITE 1 to=b2
            """
        )
        invite = watched.transaction("INVITE")
        assert invite.state is TransactionState.ACCEPTED
        assert invite.final is not None
        assert invite.final.status == 200
        assert [one.status for one in invite.other_finals] == [486]

    def test_forks_answer_in_one_transaction(self) -> None:
        watched = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> alice: 180 INVITE 1 to=b1
            proxy -> alice: 180 INVITE 1 to=b2
            proxy -> alice: 200 INVITE 1 to=b2
            proxy -> alice: 200 INVITE 1 to=b1
            """
        )
        invite = watched.transaction("INVITE")
        assert [one.to_tag for one in invite.provisionals] == ["b1", "b2"]
        assert [one.to_tag for one in invite.responses[2:]] == ["b2", "b1"]
        assert invite.response_retransmissions == 0


class TestAck:
    def test_to_a_2xx_has_a_branch_of_its_own(self) -> None:
        watched = watch(ANSWERED)
        [invite] = watched.transactions
        assert (invite.acknowledged_frame, invite.messages) == (5, 5)
        assert not watched.counters

    def test_to_a_2xx_with_the_branch_of_the_invite(self) -> None:
        """Against section 17.1.1.3, but frequent."""
        watched = watch(ANSWERED.replace("ACK 1 to=b1", "ACK 1 to=b1 branch=INVITE1"))
        assert watched.transaction("INVITE").acknowledged_frame == 5

    def test_each_hop_has_its_own(self) -> None:
        watched = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1
            bob -> proxy: 200 INVITE 1
            proxy -> alice: 200 INVITE 1
            alice -> proxy: ACK 1 to=b1
            """
        )
        first, second = watched.transactions
        assert first.acknowledged_frame == 5
        assert second.acknowledged is None

    def test_past_the_proxy_it_counts_for_all_hops(self) -> None:
        """Without Record-Route it goes straight to the Contact."""
        watched = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1
            bob -> proxy: 200 INVITE 1
            proxy -> alice: 200 INVITE 1
            alice -> bob: ACK 1 to=b1
            """
        )
        assert [one.acknowledged_frame for one in watched.transactions] == [5, 5]

    def test_where_all_run_on_one_machine(self) -> None:
        """Hops are told apart by their ports, then."""
        one, two, three = (f"127.0.0.1:{port}" for port in (5060, 5070, 5080))
        watched = watch(
            f"""
            {one} -> {two}: INVITE 1
            {two} -> {three}: INVITE 1
            {three} -> {two}: 200 INVITE 1
            {two} -> {one}: 200 INVITE 1
            {one} -> {two}: ACK 1 to=b1
            {two} -> {three}: ACK 1 to=b1
            """
        )
        assert [at.acknowledged_frame for at in watched.transactions] == [5, 6]
        assert [at.final.frame for at in watched.transactions if at.final] == [4, 3]

    def test_again_for_a_2xx_that_came_again(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1
            alice -> bob: ACK 1 to=b1
            bob -> alice: 200 INVITE 1
            alice -> bob: ACK 1 to=b1
            """,
            "TLS",
        )
        [invite] = watched.transactions
        assert (invite.ack_retransmissions, invite.response_retransmissions) == (1, 1)
        assert not invite.retransmitted_reliably  # a 2xx is repeated on every transport

    def test_without_invite(self) -> None:
        watched = watch("alice -> bob: ACK 1 to=b1")
        assert watched.counters["acks_without_invite"] == 1
        assert watched.transactions == []


class TestOtherMethods:
    @pytest.mark.parametrize(
        ("script", "state"),
        [
            ("", TransactionState.TRYING),
            ("bob -> alice: 100 MESSAGE 1", TransactionState.PROCEEDING),
            ("bob -> alice: 200 MESSAGE 1", TransactionState.COMPLETED),
            ("bob -> alice: 404 MESSAGE 1", TransactionState.COMPLETED),
            ("wait 32 s", TransactionState.TIMED_OUT_F),
            ("bob -> alice: 100 MESSAGE 1 \n wait 32 s", TransactionState.TIMED_OUT_F),
            ("bob -> alice: 200 MESSAGE 1 \n wait 32 s", TransactionState.TERMINATED),
        ],
    )
    def test_states(self, script: str, state: TransactionState) -> None:
        assert state_after(f"alice -> bob: MESSAGE 1\n{script}") is state


class TestCancel:
    def test_is_a_transaction_and_marks_the_other(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 180 INVITE 1
            alice -> bob: CANCEL 1 branch=INVITE1 | Reason: SIP;cause=200;text="elsewhere"
            bob -> alice: 200 CANCEL 1 branch=INVITE1
            bob -> alice: 487 INVITE 1
            alice -> bob: ACK 1 to=b1 branch=INVITE1
            """
        )
        invite, cancel = watched.transaction("INVITE"), watched.transaction("CANCEL")
        assert invite.cancelled == (30 * MILLISECOND, 3, 'SIP;cause=200;text="elsewhere"')
        assert invite.final is not None
        assert invite.final.status == 487
        assert not invite.crossed_cancel
        assert cancel.final is not None
        assert cancel.final.status == 200
        assert (invite.messages, cancel.messages) == (4, 2)

    def test_crosses_the_answer(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1
            alice -> bob: CANCEL 1 branch=INVITE1
            bob -> alice: 200 INVITE 1
            bob -> alice: 200 CANCEL 1 branch=INVITE1
            alice -> bob: ACK 1 to=b1
            alice -> bob: BYE 2 to=b1
            bob -> alice: 200 BYE 2
            """
        )
        assert watched.transaction("INVITE").crossed_cancel

    def test_of_another_hop(self) -> None:
        watched = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1
            proxy -> bob: CANCEL 1 branch=INVITE1
            """
        )
        first, second, _ = watched.transactions
        assert first.cancelled is None
        assert second.cancelled is not None

    def test_without_invite(self) -> None:
        watched = watch("alice -> bob: CANCEL 1")
        assert watched.counters["cancels_without_invite"] == 1
        assert len(watched.transactions) == 1


class TestRetransmissions:
    SCRIPT = """
        alice -> bob: INVITE 1
        alice -> bob: INVITE 1
        bob -> alice: 486 INVITE 1
        bob -> alice: 486 INVITE 1
        alice -> bob: ACK 1 to=b1 branch=INVITE1
        alice -> bob: ACK 1 to=b1 branch=INVITE1
    """

    def test_over_udp(self) -> None:
        invite = watch(self.SCRIPT).transaction("INVITE")
        assert invite.request_retransmissions == 1
        assert invite.response_retransmissions == 1
        assert invite.ack_retransmissions == 1
        assert not invite.retransmitted_reliably

    def test_over_tls_is_remarkable(self) -> None:
        assert watch(self.SCRIPT, "TLS").transaction("INVITE").retransmitted_reliably

    def test_a_provisional_response_is_new_when_it_says_something_new(self) -> None:
        invite = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 183 INVITE 1 | RSeq: 1
            bob -> alice: 183 INVITE 1 | RSeq: 1
            bob -> alice: 183 INVITE 1 | RSeq: 2
            """
        ).transaction("INVITE")
        assert [one.rseq for one in invite.provisionals] == [1, 2]
        assert invite.response_retransmissions == 1

    def test_the_same_branch_behind_a_load_balancer_is_another_hop(self) -> None:
        watched = watch(
            """
            alice -> edge: INVITE 1 branch=!z9hG4bKone
            edge -> bob: INVITE 1 branch=!z9hG4bKone
            bob -> edge: 486 INVITE 1 branch=!z9hG4bKone
            edge -> alice: 486 INVITE 1 branch=!z9hG4bKone
            """
        )
        first, second = watched.transactions
        assert (first.request_retransmissions, second.request_retransmissions) == (0, 0)
        assert first.final is not None
        assert second.final is not None
        assert (first.final.frame, second.final.frame) == (4, 3)

    def test_over_a_new_connection_of_the_same_hosts(self) -> None:
        watched = watch(
            """
            192.0.2.1:4001 -> 192.0.2.3:5061: OPTIONS 1 branch=!z9hG4bKa
            192.0.2.1:4002 -> 192.0.2.3:5061: OPTIONS 1 branch=!z9hG4bKa
            192.0.2.3:5061 -> 192.0.2.1:4002: 200 OPTIONS 1 branch=!z9hG4bKa
            """,
            "TLS",
        )
        options = watched.transaction("OPTIONS")
        assert options.request_retransmissions == 1
        assert options.final is not None


class TestOldBranches:
    """RFC 2543: no magic cookie, so the branch may be missing or always the same (17.2.3)."""

    def test_requests_are_told_apart_by_cseq(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1 branch=!1
            bob -> alice: 200 INVITE 1 branch=!1
            alice -> bob: ACK 1 to=b1 branch=!1
            alice -> bob: BYE 2 to=b1 branch=!1
            bob -> alice: 200 BYE 2 branch=!1
            """
        )
        assert [(one.method, one.messages) for one in watched.transactions] == [
            ("INVITE", 3),
            ("BYE", 2),
        ]

    def test_a_retransmission(self) -> None:
        watched = watch("alice -> bob: MESSAGE 7 branch=! \n alice -> bob: MESSAGE 7 branch=!")
        assert watched.transaction("MESSAGE").request_retransmissions == 1

    def test_cancel_finds_its_invite(self) -> None:
        watched = watch("alice -> bob: INVITE 1 branch=!x \n alice -> bob: CANCEL 1 branch=!x")
        assert watched.transaction("INVITE").cancelled is not None


class TestWhatWasNotCaptured:
    def test_the_request(self) -> None:
        watched = watch("bob -> alice: 200 MESSAGE 1")
        message = watched.transaction("MESSAGE")
        assert not message.request_seen
        assert (message.flow.source, message.flow.destination) == (
            "192.0.2.1:5060",
            "192.0.2.3:5060",
        )
        assert watched.counters["transactions_without_request"] == 1

    def test_the_request_comes_behind_its_response(self) -> None:
        """Two capture points, merged with clocks that differ."""
        watched = watch("bob -> alice: 200 MESSAGE 1 \n alice -> bob: MESSAGE 1")
        message = watched.transaction("MESSAGE")
        assert (message.frame, message.started) == (2, 10 * MILLISECOND)
        assert message.request_retransmissions == 0

    def test_the_response_of_an_inner_hop_makes_no_retransmission(self) -> None:
        watched = watch(
            """
            alice -> edge: MESSAGE 1 branch=!z9hG4bKone
            bob -> edge: 200 MESSAGE 1 branch=!z9hG4bKone
            edge -> alice: 200 MESSAGE 1 branch=!z9hG4bKone
            """
        )
        outer, inner = watched.transactions
        assert outer.response_retransmissions == inner.response_retransmissions == 0
        assert outer.final is not None
        assert outer.final.frame == 3

    @pytest.mark.parametrize(
        ("raw", "counter"),
        [
            ("id= MESSAGE 1", "messages_without_call_id"),
            ("id= 200 MESSAGE 1", "messages_without_call_id"),
        ],
    )
    def test_the_call_id(self, raw: str, counter: str) -> None:
        watched = watch(f"alice -> bob: {raw}")
        assert watched.counters[counter] == 1
        assert watched.transactions == []


class TestTable:
    def test_bound(self) -> None:
        over: list[str] = []
        table = TransactionTable(lambda one: over.append(one.call_id), most_transactions=2)
        messages, _ = messages_of(
            "alice -> bob: MESSAGE 1 id=1 branch=a \n wait 2 s \n"
            "alice -> bob: MESSAGE 1 id=2 branch=b \n wait 2 s \n"
            "alice -> bob: MESSAGE 1 id=3 branch=c"
        )
        for message in messages:
            table.receive(message)
        assert over == ["1"]
        assert len(table) == 2
        assert table.counters["transactions_evicted"] == 1

    def test_one_branch_for_everything(self) -> None:
        script = "".join(f"alice -> bob: METHOD{n} 1 branch=!z9hG4bKa\n" for n in range(100))
        watched = watch(script)
        crowded = watched.counters["messages_with_crowded_branch"]
        assert (len(watched.transactions), crowded) == (64, 36)

    def test_one_branch_for_all_that_a_client_sends(self) -> None:
        """Against section 8.1.1.7: they are told apart by Call-ID and CSeq."""
        script = "".join(
            f"alice -> bob: MESSAGE {n} id={n} branch=!z9hG4bKa\n"
            f"bob -> alice: 200 MESSAGE {n} id={n} branch=!z9hG4bKa\n"
            for n in range(100)
        )
        assert [one.messages for one in watch(script).transactions] == 100 * [2]

    def test_forgets_what_is_over(self) -> None:
        over: list[Transaction] = []
        table = TransactionTable(over.append)
        messages, end = messages_of(ANSWERED + "wait 200 s \n alice -> bob: MESSAGE 1 id=2")
        for message in messages:
            table.receive(message)
        assert [one.method for one in over] == ["INVITE"]
        assert len(table) == 1
        table.finish(end + 32 * SECOND)
        assert [one.state for one in over] == [
            TransactionState.TERMINATED,
            TransactionState.TIMED_OUT_F,
        ]
        assert len(table) == 0
