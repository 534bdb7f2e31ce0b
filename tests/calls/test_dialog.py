"""Dialogs, as flows after RFC 3665 and RFC 5359."""

from __future__ import annotations

from tqdecrypt.calls import DialogEnd, DialogState, Party

from .script import MILLISECOND, SECOND, watch

SET_UP = """
    alice -> bob: INVITE 1 | Contact: <sip:alice@192.0.2.1>
    bob -> alice: 180 INVITE 1 | Contact: <sip:bob@192.0.2.3>
    bob -> alice: 200 INVITE 1 | Contact: "Bob" <sip:bob@192.0.2.3;transport=udp>
    alice -> bob: ACK 1 to=b1
"""


class TestSetUpAndEnd:
    def test_caller_hangs_up(self) -> None:
        """RFC 3665 section 3.1."""
        leg = watch(
            f"""{SET_UP}
            alice -> bob: BYE 2 to=b1 | Reason: Q.850;cause=16
            bob -> alice: 200 BYE 2
            """
        ).leg
        [dialog] = leg.dialogs
        assert dialog.id == ("call-1", "a1", "b1")
        assert dialog.state is DialogState.TERMINATED
        assert dialog.end is DialogEnd.BYE
        assert (dialog.started, dialog.confirmed, dialog.ended) == (
            20 * MILLISECOND,
            30 * MILLISECOND,
            50 * MILLISECOND,
        )
        assert dialog.caller_contact == "sip:alice@192.0.2.1"
        assert dialog.callee_contact == "sip:bob@192.0.2.3;transport=udp"
        assert dialog.bye is not None
        assert (dialog.bye.by, dialog.bye.frame) == (Party.CALLER, 5)
        assert dialog.bye.reason_header == "Q.850;cause=16"
        assert dialog.other_bye is None

    def test_callee_hangs_up(self) -> None:
        [dialog] = watch(f"{SET_UP} \n bob -> alice: BYE 1 from=b1 to=a1").leg.dialogs
        assert dialog.hung_up_by is Party.CALLEE

    def test_both_hang_up_at_once(self) -> None:
        [dialog] = watch(
            f"""{SET_UP}
            bob -> alice: BYE 1 from=b1 to=a1
            alice -> bob: BYE 2 to=b1
            """
        ).leg.dialogs
        assert dialog.other_bye is not None
        assert (dialog.hung_up_by, dialog.other_bye.by) == (Party.CALLEE, Party.CALLER)

    def test_on_both_sides_of_a_proxy_it_is_one_dialog(self) -> None:
        """RFC 3665 section 3.2."""
        leg = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1 | Record-Route: <sip:proxy.example.com;lr>
            bob -> proxy: 200 INVITE 1 | Record-Route: <sip:proxy.example.com;lr>
            proxy -> alice: 200 INVITE 1 | Record-Route: <sip:proxy.example.com;lr>
            alice -> proxy: ACK 1 to=b1
            proxy -> bob: ACK 1 to=b1
            bob -> proxy: BYE 1 from=b1 to=a1
            proxy -> alice: BYE 1 from=b1 to=a1
            """
        ).leg
        [dialog] = leg.dialogs
        assert dialog.route_set == ("sip:proxy.example.com;lr",)
        assert dialog.bye is not None
        assert dialog.bye.frame == 7
        assert dialog.other_bye is None
        assert len(leg.transactions) == 4
        assert len(leg.hops) == 4

    def test_still_talking(self) -> None:
        [dialog] = watch(SET_UP).leg.dialogs
        assert (dialog.state, dialog.end) == (DialogState.CONFIRMED, None)

    def test_refused(self) -> None:
        """RFC 3665 section 3.8: busy."""
        [dialog] = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 180 INVITE 1
            bob -> alice: 486 INVITE 1
            alice -> bob: ACK 1 to=b1 branch=INVITE1
            """
        ).leg.dialogs
        assert (dialog.state, dialog.end) == (DialogState.TERMINATED, DialogEnd.FAILURE)

    def test_refused_without_ringing_makes_no_dialog(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 486 INVITE 1
            alice -> bob: ACK 1 to=b1 branch=INVITE1
            """
        ).leg
        assert leg.dialogs == []

    def test_the_other_side_does_not_know_it_any_more(self) -> None:
        [dialog] = watch(
            f"""{SET_UP}
            alice -> bob: INFO 2 to=b1
            bob -> alice: 481 INFO 2
            """
        ).leg.dialogs
        assert (dialog.state, dialog.end) == (DialogState.TERMINATED, DialogEnd.GONE)

    def test_credentials_are_asked_for(self) -> None:
        """RFC 3665 section 3.3."""
        leg = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> alice: 407 INVITE 1 to=p1
            alice -> proxy: ACK 1 to=p1 branch=INVITE1
            alice -> proxy: INVITE 2
            proxy -> alice: 200 INVITE 2
            """
        ).leg
        assert leg.invites == 2
        [dialog] = leg.dialogs
        assert dialog.callee_tag == "b1"


class TestForking:
    def test_one_dialog_for_each_who_rings(self) -> None:
        leg = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> alice: 180 INVITE 1 to=b1
            proxy -> alice: 180 INVITE 1 to=b2
            proxy -> alice: 200 INVITE 1 to=b2
            alice -> proxy: ACK 1 to=b2
            """
        ).leg
        first, second = leg.dialogs
        assert (first.callee_tag, first.end) == ("b1", DialogEnd.OTHER_ANSWERED)
        assert (second.callee_tag, second.state) == ("b2", DialogState.CONFIRMED)

    def test_both_answer_and_one_is_let_go(self) -> None:
        leg = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> alice: 200 INVITE 1 to=b1
            proxy -> alice: 200 INVITE 1 to=b2
            alice -> proxy: ACK 1 to=b1
            alice -> proxy: ACK 1 to=b2
            alice -> proxy: BYE 2 to=b2
            proxy -> alice: 200 BYE 2 to=b2
            """
        ).leg
        assert [dialog.state for dialog in leg.dialogs] == [
            DialogState.CONFIRMED,
            DialogState.TERMINATED,
        ]

    def test_a_fork_that_fails_behind_the_proxy_ends_alone(self) -> None:
        leg = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1 branch=f1
            proxy -> carol: INVITE 1 branch=f2
            bob -> proxy: 180 INVITE 1 to=b1 branch=f1
            carol -> proxy: 180 INVITE 1 to=c1 branch=f2
            bob -> proxy: 486 INVITE 1 to=b1 branch=f1
            carol -> proxy: 200 INVITE 1 to=c1 branch=f2
            proxy -> alice: 200 INVITE 1 to=c1
            """
        ).leg
        assert [dialog.end for dialog in leg.dialogs] == [DialogEnd.FAILURE, None]


class TestMidDialogStart:
    def test_with_a_bye(self) -> None:
        leg = watch("alice -> bob: BYE 7 to=b1").leg
        [dialog] = leg.dialogs
        assert not dialog.roles_known
        assert dialog.state is DialogState.TERMINATED
        assert leg.invite is None

    def test_with_a_session_refresh(self) -> None:
        leg = watch(
            """
            bob -> alice: UPDATE 3 from=b1 to=a1
            alice -> bob: 200 UPDATE 3 from=b1 to=a1 | Session-Expires: 1800;refresher=uac
            """
        ).leg
        [dialog] = leg.dialogs
        assert dialog.state is DialogState.CONFIRMED
        assert dialog.session_timer is not None
        assert dialog.session_timer.refresher is Party.CALLER  # who asked first counts as caller

    def test_with_an_answer(self) -> None:
        leg = watch("bob -> alice: 200 INVITE 1").leg
        [dialog] = leg.dialogs
        assert (dialog.state, dialog.roles_known) == (DialogState.CONFIRMED, False)
        assert leg.answer is not None


class TestTargets:
    def test_a_re_invite_moves_one(self) -> None:
        [dialog] = watch(
            f"""{SET_UP}
            bob -> alice: INVITE 1 from=b1 to=a1 branch=re | Contact: <sip:bob@192.0.2.77>
            alice -> bob: 200 INVITE 1 from=b1 to=a1 branch=re | Contact: <sip:alice@192.0.2.78>
            """
        ).leg.dialogs
        assert dialog.callee_contact == "sip:bob@192.0.2.77"
        assert dialog.caller_contact == "sip:alice@192.0.2.78"


class TestSessionTimer:
    def test_agreed_and_refreshed(self) -> None:
        [dialog] = watch(
            """
            alice -> bob: INVITE 1 | Session-Expires: 1800 | Supported: timer
            bob -> alice: 200 INVITE 1 | Session-Expires: 90;refresher=uac
            alice -> bob: ACK 1 to=b1
            wait 45 s
            alice -> bob: UPDATE 2 to=b1
            bob -> alice: 200 UPDATE 2 | Session-Expires: 90;refresher=uac
            """
        ).leg.dialogs
        timer = dialog.session_timer
        assert timer is not None
        assert (timer.interval, timer.refresher, timer.refreshes) == (90, Party.CALLER, 1)
        assert timer.expires == timer.refreshed + 90 * SECOND
        assert timer.frame == 5

    def test_the_callee_refreshes(self) -> None:
        [dialog] = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1 | x: 1800;refresher=uas
            """
        ).leg.dialogs
        assert dialog.session_timer is not None
        assert dialog.session_timer.refresher is Party.CALLEE

    def test_not_refreshed(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1 | Session-Expires: 90
            alice -> bob: ACK 1 to=b1
            wait 200 s
            alice -> bob: MESSAGE 1 id=other
            """
        ).leg
        [dialog] = leg.dialogs
        assert (dialog.state, dialog.end) == (DialogState.TERMINATED, DialogEnd.EXPIRED)
        assert dialog.ended == 20 * MILLISECOND + 90 * SECOND
        assert leg.given_up == "the session was not refreshed"

    def test_seen_on_two_hops_it_is_one_refresh(self) -> None:
        [dialog] = watch(
            """
            alice -> proxy: INVITE 1
            proxy -> bob: INVITE 1
            bob -> proxy: 200 INVITE 1 | Session-Expires: 90
            proxy -> alice: 200 INVITE 1 | Session-Expires: 90
            alice -> proxy: UPDATE 2 to=b1
            proxy -> bob: UPDATE 2 to=b1
            bob -> proxy: 200 UPDATE 2 | Session-Expires: 90
            proxy -> alice: 200 UPDATE 2 | Session-Expires: 90
            """
        ).leg.dialogs
        assert dialog.session_timer is not None
        assert dialog.session_timer.refreshes == 1


class TestTransfer:
    def test_with_consultation(self) -> None:
        """RFC 5359 section 2.5."""
        target = "sip:carol@192.0.2.4?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2"
        [dialog] = watch(
            f"""{SET_UP}
            alice -> bob: REFER 2 to=b1 | Refer-To: <{target}> | Referred-By: <sip:alice@example.com>
            bob -> alice: 202 REFER 2
            bob -> alice: NOTIFY 1 from=b1 to=a1 | Event: refer | body message/sipfrag SIP/2.0 100 Trying
            alice -> bob: 200 NOTIFY 1 from=b1 to=a1
            bob -> alice: NOTIFY 2 from=b1 to=a1 | Event: refer | body message/sipfrag SIP/2.0 200 OK
            """
        ).leg.dialogs
        [transfer] = dialog.transfers
        assert transfer.by is Party.CALLER
        assert transfer.refer_to == "sip:carol@192.0.2.4"
        assert transfer.replaces == "x@y;to-tag=1;from-tag=2"
        assert transfer.referred_by == "sip:alice@example.com"
        assert transfer.status == 202
        assert [status for _, _, status in transfer.notified] == [100, 200]
        assert transfer.succeeded is True

    def test_refused(self) -> None:
        [dialog] = watch(
            f"""{SET_UP}
            alice -> bob: REFER 2 to=b1 | Refer-To: sip:carol@192.0.2.4
            bob -> alice: 603 REFER 2
            """
        ).leg.dialogs
        assert dialog.transfers[0].succeeded is False

    def test_the_target_was_busy(self) -> None:
        [dialog] = watch(
            f"""{SET_UP}
            bob -> alice: REFER 5 from=b1 to=a1 | Refer-To: <sip:carol@192.0.2.4>
            alice -> bob: 202 REFER 5 from=b1 to=a1
            alice -> bob: NOTIFY 9 to=b1 | Event: refer;id=5 | body message/sipfrag SIP/2.0 486 Busy Here
            """
        ).leg.dialogs
        [transfer] = dialog.transfers
        assert (transfer.by, transfer.succeeded) == (Party.CALLEE, False)


class TestReliableProvisionalResponses:
    def test_prack(self) -> None:
        """RFC 3262."""
        leg = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 183 INVITE 1 | Require: 100rel | RSeq: 813
            alice -> bob: PRACK 2 to=b1 | RAck: 813 1 INVITE
            bob -> alice: 200 PRACK 2
            bob -> alice: 180 INVITE 1 | Require: 100rel | RSeq: 814
            """
        ).leg
        assert leg.transactions[0].pracked == (813,)
        assert [one.rseq for one in leg.transactions[0].provisionals] == [813, 814]
