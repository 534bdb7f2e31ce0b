"""Which session description is an offer and which an answer (RFC 3264, RFC 6337)."""

from __future__ import annotations

import pytest

from tqdecrypt.calls import Offer, Party
from tqdecrypt.calls.negotiation import direction_of

from .script import watch


def told(offers: list[Offer]) -> list[tuple[str, bool, int, str, int | None]]:
    """What it stood in, whether the caller's, its port, what the answer stood in, and its port."""
    return [
        (one.carrier, one.by_caller, port_of(one.body), one.answer_carrier, port_of(one.answer))
        for one in offers
    ]


def port_of(body: bytes | None) -> int:
    return int(body.partition(b"m=audio ")[2].split()[0]) if body else 0


class TestWhereTheyStand:
    def test_invite_and_2xx(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1 | offer 4000
            bob -> alice: 200 INVITE 1 | offer 5000
            """
        ).leg
        assert told(leg.offers) == [("INVITE", True, 4000, "200", 5000)]
        assert leg.dialogs[0].offers == leg.offers
        [offer] = leg.offers
        assert (offer.frame, offer.answer_frame) == (1, 2)
        assert not offer.pending

    def test_2xx_and_ack(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1 | offer 5000
            alice -> bob: ACK 1 to=b1 | offer 4000
            """
        ).leg
        assert told(leg.offers) == [("200", False, 5000, "ACK", 4000)]

    def test_reliable_1xx_answers(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1 | offer 4000
            bob -> alice: 183 INVITE 1 | RSeq: 1 | offer 5000
            alice -> bob: PRACK 2 to=b1 | RAck: 1 1 INVITE
            bob -> alice: 200 PRACK 2
            bob -> alice: 200 INVITE 1 | offer 5000
            """
        ).leg
        assert told(leg.offers) == [("INVITE", True, 4000, "183", 5000)]

    def test_reliable_1xx_and_prack(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1
            bob -> alice: 183 INVITE 1 | RSeq: 1 | offer 5000
            alice -> bob: PRACK 2 to=b1 | RAck: 1 1 INVITE | offer 4000
            bob -> alice: 200 PRACK 2
            """
        ).leg
        assert told(leg.offers) == [("183", False, 5000, "PRACK", 4000)]

    def test_prack_and_its_2xx(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1 | offer 4000
            bob -> alice: 183 INVITE 1 | RSeq: 1 | offer 5000
            alice -> bob: PRACK 2 to=b1 | RAck: 1 1 INVITE | offer 4002
            bob -> alice: 200 PRACK 2 | offer 5002
            """
        ).leg
        assert told(leg.offers)[1] == ("PRACK", True, 4002, "200", 5002)

    def test_update_and_its_2xx(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1 | offer 4000
            bob -> alice: 183 INVITE 1 | RSeq: 1 | offer 5000
            bob -> alice: UPDATE 1 from=b1 to=a1 | offer 5002
            alice -> bob: 200 UPDATE 1 from=b1 to=a1 | offer 4002
            bob -> alice: 200 INVITE 1
            """
        ).leg
        assert told(leg.offers)[1] == ("UPDATE", False, 5002, "200", 4002)

    def test_unreliable_1xx_is_early_media_only(self) -> None:
        leg = watch(
            """
            alice -> bob: INVITE 1 | offer 4000
            bob -> alice: 183 INVITE 1 | offer 5000
            bob -> alice: 200 INVITE 1 | offer 5000
            """
        ).leg
        [offer] = leg.offers
        assert (port_of(offer.early), offer.early_frame) == (5000, 2)
        assert (offer.answer_carrier, offer.answer_frame) == ("200", 3)


class TestReInvite:
    SET_UP = """
        alice -> bob: INVITE 1 | offer 4000
        bob -> alice: 200 INVITE 1 | offer 5000
        alice -> bob: ACK 1 to=b1
    """

    def test_rejected(self) -> None:
        leg = watch(
            f"""{self.SET_UP}
            bob -> alice: INVITE 1 from=b1 to=a1 | offer 5002
            alice -> bob: 488 INVITE 1 from=b1 to=a1
            bob -> alice: ACK 1 from=b1 to=a1 branch=INVITE1
            """
        ).leg
        assert leg.offers[1].rejected == 488
        assert leg.offers[1].answer is None

    def test_update_rejected(self) -> None:
        leg = watch(
            f"""{self.SET_UP}
            bob -> alice: UPDATE 1 from=b1 to=a1 | offer 5002
            alice -> bob: 504 UPDATE 1 from=b1 to=a1
            """
        ).leg
        assert leg.offers[1].rejected == 504

    def test_glare(self) -> None:
        """RFC 3261 section 14.1: both at once, both refused with 491, one tries again."""
        leg = watch(
            f"""{self.SET_UP}
            alice -> bob: INVITE 2 to=b1 branch=r | offer 4002
            bob -> alice: INVITE 1 from=b1 to=a1 branch=s | offer 5002
            bob -> alice: 491 INVITE 2 branch=r
            alice -> bob: 491 INVITE 1 from=b1 to=a1 branch=s
            alice -> bob: INVITE 3 to=b1 branch=t | offer 4004
            bob -> alice: 200 INVITE 3 branch=t | offer 5004
            """
        ).leg
        assert [one.rejected for one in leg.offers] == [None, 491, 491, None]
        assert told(leg.offers)[3] == ("INVITE", True, 4004, "200", 5004)

    def test_hold_and_back(self) -> None:
        """RFC 5359 section 2.1."""
        [dialog] = watch(
            f"""{self.SET_UP}
            alice -> bob: INVITE 2 to=b1 branch=h | offer 4000 sendonly
            bob -> alice: 200 INVITE 2 branch=h | offer 5000 recvonly
            alice -> bob: ACK 2 to=b1
            alice -> bob: INVITE 3 to=b1 branch=i | offer 4000
            bob -> alice: 200 INVITE 3 branch=i | offer 5000
            """
        ).leg.dialogs
        assert [(change.by, change.held, change.frame) for change in dialog.holds] == [
            (Party.CALLER, True, 4),
            (Party.CALLER, False, 7),
        ]
        assert not dialog.caller_holds

    def test_both_hold(self) -> None:
        [dialog] = watch(
            f"""{self.SET_UP}
            alice -> bob: INVITE 2 to=b1 branch=h | offer 4000 sendonly
            bob -> alice: 200 INVITE 2 branch=h | offer 5000 inactive
            """
        ).leg.dialogs
        assert (dialog.caller_holds, dialog.callee_holds) == (True, True)


class TestForks:
    def test_each_answers_the_same_offer(self) -> None:
        leg = watch(
            """
            alice -> proxy: INVITE 1 | offer 4000
            proxy -> alice: 183 INVITE 1 to=b1 | RSeq: 1 | offer 5000
            proxy -> alice: 200 INVITE 1 to=b2 | offer 6000
            """
        ).leg
        assert [(one.callee_tag, port_of(one.answer)) for one in leg.offers] == [
            ("b1", 5000),
            ("b2", 6000),
        ]
        assert [dialog.offers for dialog in leg.dialogs] == [leg.offers[:1], leg.offers[1:]]


class TestHops:
    def test_seen_twice_and_kept_once(self) -> None:
        leg = watch(
            """
            alice -> proxy: INVITE 1 | offer 4000
            proxy -> bob: INVITE 1 | offer 4000
            bob -> proxy: 200 INVITE 1 | offer 5000
            proxy -> alice: 200 INVITE 1 | offer 5000
            """
        ).leg
        first, second = leg.offers
        assert (first.repeats, second.repeats) == (False, True)
        assert first.body is second.body
        assert first.answer is second.answer
        assert (first.answer_frame, second.answer_frame) == (4, 3)

    def test_changed_on_the_way(self) -> None:
        """A proxy that relays media."""
        leg = watch(
            """
            alice -> proxy: INVITE 1 | offer 4000
            proxy -> bob: INVITE 1 | offer 7000
            bob -> proxy: 200 INVITE 1 | offer 5000
            proxy -> alice: 200 INVITE 1 | offer 7002
            """
        ).leg
        assert told(leg.offers) == [
            ("INVITE", True, 4000, "200", 7002),
            ("INVITE", True, 7000, "200", 5000),
        ]


@pytest.mark.parametrize(
    ("lines", "direction"),
    [
        ("m=audio 4000 RTP/AVP 8", "sendrecv"),
        ("m=audio 4000 RTP/AVP 8|a=sendonly", "sendonly"),
        ("a=inactive|m=audio 4000 RTP/AVP 8", "inactive"),
        ("a=inactive|m=audio 4000 RTP/AVP 8|a=sendrecv", "sendrecv"),
        ("c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 8", "sendonly"),
        ("c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 8|c=IN IP4 192.0.2.1", "sendrecv"),
        ("m=audio 0 RTP/AVP 8|a=inactive|m=video 4000 RTP/AVP 96|a=recvonly", "recvonly"),
        ("m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 96|a=inactive", "sendrecv"),
    ],
)
def test_direction(lines: str, direction: str) -> None:
    assert direction_of(b"v=0\r\n" + lines.replace("|", "\r\n").encode() + b"\r\n") == direction
