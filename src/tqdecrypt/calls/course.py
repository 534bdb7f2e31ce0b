"""The ordinary course of a call, followed in a hurry.

Most calls go the same way: on one hop, in order, nothing sent twice::

    INVITE with an offer, 100, 18x, 2xx with the answer, ACK, BYE, 2xx

As long as a call does, a message says what the one before lets expect: it costs a few comparisons, and
the leg keeps what the messages said instead of what the machines of
:mod:`~tqdecrypt.calls.transaction_table`, :mod:`~tqdecrypt.calls.following` and
:mod:`~tqdecrypt.calls.negotiation` would make of it.  The first message that is not the expected one
ends that: :mod:`~tqdecrypt.calls.unfolding` makes what the machines would have made, and they go on.
It is made, too, when somebody asks a leg that is over for its transactions, dialogs or offers.

A property test holds equal what comes out of both ways, whatever is sent and whenever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.calls.call import SECOND, TIMER_B, TIMER_C
from tqdecrypt.calls.facts import FactFields, InviteFacts, facts_of
from tqdecrypt.calls.fields import contact_of, fields_of, tag_in
from tqdecrypt.calls.following import MOST_DESCRIPTION, reason_in, session_timer_of
from tqdecrypt.calls.negotiation import direction_of
from tqdecrypt.calls.traits import Trait, traits_of_answer, traits_of_facts, traits_of_offer
from tqdecrypt.calls.transaction import (
    MOST_PROVISIONALS,
    Response,
    max_forwards_of,
    response_of,
)
from tqdecrypt.calls.transaction_table import LINGER, TransactionTable, has_cookie, over_at
from tqdecrypt.sip.message import Flow, Message

if TYPE_CHECKING:
    from tqdecrypt.calls.dialog import SessionTimer
    from tqdecrypt.calls.leg import Leg

__all__ = ["Bye", "Course", "Ringing", "Stage"]


class Stage:
    """What was seen last: numbers, since they are compared with every message."""

    INVITED = 0
    TRYING = 1
    """100."""
    RINGING = 2
    """101 to 199, with a To tag."""
    ANSWERED = 3
    """2xx."""
    ESTABLISHED = 4
    """ACK."""
    ENDING = 5
    """BYE."""
    ENDED = 6
    """2xx to BYE."""


MOST_HEADER = 1 << 13
"""Bytes of header of an ordinary INVITE or 2xx: some of its values are kept as they stand."""

_NEVER = 1 << 62
_LIMITS = (TIMER_B, TIMER_C, TIMER_C, LINGER, _NEVER, TIMER_B, _NEVER)
"""By stage, how long after the last message a timer runs out that the machines see to."""


class Ringing(NamedTuple):
    """What the 18x of a course say that the 2xx will say again.

    Messages themselves are not kept: each would hold on to a dozen objects, and to the memory around them.
    """

    to: bytes
    """Value of To."""
    contact: bytes | None
    """Value of Contact in the first of them."""
    hashes: tuple[int, ...]
    """Of each message whole."""


class Bye:
    """The BYE of a course, and what answered it."""

    __slots__ = (
        "branch",
        "by_caller",
        "cseq",
        "final",
        "final_to",
        "frame",
        "max_forwards",
        "reason",
        "time",
        "to",
    )

    final: Response
    """The 2xx."""
    final_to: bytes
    """Value of To in the 2xx."""

    def __init__(self, message: Message, to: bytes, *, by_caller: bool) -> None:
        self.time = message.time
        self.frame = message.frame
        self.cseq = message.cseq
        self.branch = message.branch
        self.to = to
        """Value of To."""
        self.by_caller = by_caller
        self.reason = reason_in(message)
        """Value of Reason; empty when it has none."""
        self.max_forwards = max_forwards_of(message)


class Course:
    """How far a leg came on the ordinary course, and what its messages said."""

    __slots__ = (
        "accepted",
        "acknowledged",
        "acknowledged_branch",
        "acknowledged_frame",
        "answer",
        "back",
        "branch",
        "bye",
        "concluded",
        "early",
        "final",
        "invite",
        "offer",
        "provisionals",
        "record_route",
        "ringing",
        "session_timer",
        "stage",
        "there",
        "traits",
    )

    back: Flow
    """Of responses, and of the callee's requests; from the first response on."""
    final: Response
    """The 2xx."""
    accepted: InviteFacts
    """Of the 2xx."""
    answer: bytes
    """Session description in the 2xx."""
    record_route: bytes
    """Value in the 2xx; empty when it has none."""
    session_timer: SessionTimer | None
    """What the 2xx says of it."""
    acknowledged: int
    """When the ACK was seen."""
    acknowledged_frame: int
    acknowledged_branch: str
    """Of the ACK."""
    bye: Bye

    def __init__(self, message: Message, invite: InviteFacts, offer: bytes) -> None:
        self.stage = Stage.INVITED
        self.there = message.flow
        """Of the INVITE."""
        self.branch = message.branch
        self.invite = invite
        self.offer = offer
        """Session description in the INVITE."""
        self.provisionals: tuple[Response, ...] = ()
        self.ringing: Ringing | None = None
        """What the 18x have besides, until the 2xx."""
        self.early: tuple[bytes, int, int] | None = None
        """The first session description in an 18x, with its time and frame."""
        self.traits = traits_of_facts(invite) | traits_of_offer(offer, message.flow)
        """What the messages so far may have, as bits; see :class:`~tqdecrypt.calls.traits.Trait`."""
        self.concluded: int | None = None
        """When the leg was handed over; ``None`` while it goes on."""

    @classmethod
    def begin(cls, message: Message, table: TransactionTable, wanted: FactFields) -> Course | None:
        """Return the course that *message* begins; ``None`` unless it is an ordinary INVITE."""
        if (
            message.method != "INVITE"
            or message.cseq_method != "INVITE"
            or not has_cookie(message.branch)
            or message.body_start > MOST_HEADER
            or table.knows(message)
        ):
            return None
        from_tag = tag_in(message.from_)
        offer = _ordinary_description(message)
        if not offer or not from_tag or tag_in(message.to):
            return None
        fields = fields_of(message, wanted.names)
        facts = facts_of(message, fields, (from_tag, ""), wanted)
        if facts.max_forwards is None and b"max-forwards" in fields:
            return None  # what is no number, or there twice, is for the machines to read
        return cls(message, facts, offer)

    @property
    def answered(self) -> int | None:
        """When the 2xx was seen."""
        return self.final.time if self.stage >= Stage.ANSWERED else None

    @property
    def ended(self) -> int | None:
        """When the BYE was seen."""
        return self.bye.time if self.stage >= Stage.ENDING else None

    def is_over(self, now: int) -> bool:
        """Return whether no request is open, and the timers of all transactions are over."""
        return (
            self.stage in (Stage.ESTABLISHED, Stage.ENDED)
            and now >= over_at(self.invite.time, self.final.time + LINGER)
            and (
                self.stage == Stage.ESTABLISHED
                or now >= over_at(self.bye.time, self.bye.final.time + LINGER)
            )
        )

    def receive(
        self, leg: Leg, message: Message, now: int, table: TransactionTable, wanted: FactFields
    ) -> bool:
        """Take the next message of the leg; ``False``: it is not the one expected, nothing was done.

        :param now: the latest capture time of any message.
        """
        stage = self.stage
        if now - leg.last_time > _LIMITS[stage]:
            return False
        status = message.status
        if status is not None:
            if stage < Stage.ANSWERED:
                expected = self._receive_response(leg, message, status, wanted)
            else:
                expected = stage == Stage.ENDING and self._receive_bye_answer(message, status)
        elif stage == Stage.ANSWERED:
            expected = self._receive_ack(message)
        else:
            expected = stage == Stage.ESTABLISHED and self._receive_bye(message, table)
        if expected:
            leg.messages += 1
            leg.last_time = message.time
            leg.last_frame = message.frame
        return expected

    def _receive_response(
        self, leg: Leg, message: Message, status: int, wanted: FactFields
    ) -> bool:
        """A response to the INVITE."""
        if (
            message.cseq != self.invite.cseq
            or message.cseq_method != "INVITE"
            or message.branch != self.branch
        ):
            return False
        flow = message.flow
        first = self.stage == Stage.INVITED
        if not first:
            if flow is not self.back:
                return False
        elif flow.source != self.there.destination or flow.destination != self.there.source:
            return False
        if status == 100:
            expected = first and message.to == self.invite.to
            if expected:
                self.provisionals = (response_of(message, status, ""),)
                self.stage = Stage.TRYING
        elif status < 200:
            expected = self._receive_ringing(message, status)
        else:
            expected = status < 300 and self._receive_answer(leg, message, status, wanted)
        if first and expected:
            self.back = flow
            leg.note_hop(flow)
        return expected

    def _receive_ringing(self, message: Message, status: int) -> bool:
        ringing = self.ringing
        if ringing is None:
            to_tag = tag_in(message.to)
        elif (
            message.to == ringing.to
            and len(ringing.hashes) < MOST_PROVISIONALS - 1
            and all(at.status != status for at in self.provisionals)
        ):
            to_tag = self.provisionals[-1].to_tag
        else:
            return False
        if not to_tag or to_tag == self.invite.from_tag:
            return False
        response = response_of(message, status, to_tag)
        description = b""
        if message.body_start < len(message.raw):
            description = _ordinary_description(message)
            if not description:
                return False
        if response.rseq:
            return False
        if description and self.early is None:
            self.early = description, message.time, message.frame
        self.provisionals = (*self.provisionals, response)
        seen = hash(message.raw)
        if ringing is None:
            self.ringing = Ringing(message.to, contact_of(message), (seen,))
        else:
            self.ringing = ringing._replace(hashes=(*ringing.hashes, seen))
        self.stage = Stage.RINGING
        return True

    def _receive_answer(self, leg: Leg, message: Message, status: int, wanted: FactFields) -> bool:
        ringing = self.ringing
        if ringing is None:
            to_tag = tag_in(message.to)
        elif message.to == ringing.to:
            to_tag = self.provisionals[-1].to_tag
        else:
            return False
        invite = self.invite
        answer = _ordinary_description(message)
        if not answer or not to_tag or to_tag == invite.from_tag:
            return False
        fields = fields_of(message, wanted.names)
        facts = facts_of(message, fields, (invite.from_tag, to_tag), wanted)
        if not facts.contact or message.body_start > MOST_HEADER:
            return False
        if facts.from_ == invite.from_:
            facts.from_ = invite.from_  # one object less
        leg.answer = self.accepted = facts
        if leg.looks == 1:
            leg.looks = 2  # the offer was in the INVITE: the answer tells the joiner nothing new
        self.final = response_of(message, status, to_tag)
        self.answer = self.offer if answer == self.offer else answer
        if self.early is not None and self.early[0] == answer:
            self.answer = self.early[0]
        self.record_route = fields.get(b"record-route", b"")
        self.session_timer = session_timer_of(message, fields, False, None)
        self.traits |= traits_of_facts(facts) | traits_of_answer(answer, self.offer, self.there)
        self.ringing = None
        self.stage = Stage.ANSWERED
        return True

    def _receive_ack(self, message: Message) -> bool:
        if (
            message.method != "ACK"
            or message.cseq_method != "ACK"
            or message.cseq != self.invite.cseq
            or message.flow is not self.there
            or message.to != self.accepted.to
            or message.body_start < len(message.raw)
        ):
            return False
        branch = message.branch
        self.acknowledged_branch = self.branch if branch == self.branch else branch
        self.acknowledged = message.time
        self.acknowledged_frame = message.frame
        self.stage = Stage.ESTABLISHED
        return True

    def _receive_bye(self, message: Message, table: TransactionTable) -> bool:
        if message.method != "BYE" or message.cseq_method != "BYE" or table.knows(message):
            return False
        by_caller = message.flow is self.there
        if by_caller:
            expected = self._is_between(message.from_, message.to)
        else:
            expected = message.flow is self.back and self._is_between(message.to, message.from_)
        if not expected:
            return False
        timer = self.session_timer
        if timer is not None and message.time - timer.refreshed > timer.interval * SECOND // 2:
            self.traits |= Trait.SESSION_TIMER
        own = self.accepted.to if by_caller else self.invite.from_
        self.bye = Bye(message, own if message.to == own else message.to, by_caller=by_caller)
        if self.bye.reason:
            self.traits |= Trait.REASON
        self.stage = Stage.ENDING
        return True

    def _is_between(self, caller: bytes, callee: bytes) -> bool:
        """Return whether these values of From and To are the caller's and the callee's."""
        invite = self.invite
        return (caller == invite.from_ or tag_in(caller) == invite.from_tag) and (
            callee == self.accepted.to or tag_in(callee) == self.final.to_tag
        )

    def _receive_bye_answer(self, message: Message, status: int) -> bool:
        bye = self.bye
        if (
            not 200 <= status < 300
            or message.cseq != bye.cseq
            or message.cseq_method != "BYE"
            or message.branch != bye.branch
            or message.flow is not (self.back if bye.by_caller else self.there)
        ):
            return False
        to = message.to
        bye.final = response_of(message, status, tag_in(to))
        bye.final_to = bye.to if to == bye.to else to
        self.stage = Stage.ENDED
        return True


def _ordinary_description(message: Message) -> bytes:
    """Return the session description that is the whole body; nothing unless it is an ordinary one.

    One that puts the other on hold takes the machines, which know what that means.
    """
    raw = message.raw
    start = message.body_start
    if not raw.startswith(b"v=0", start) or len(raw) - start > MOST_DESCRIPTION:
        return b""
    body = raw[start:]
    return body if direction_of(body) == "sendrecv" else b""
