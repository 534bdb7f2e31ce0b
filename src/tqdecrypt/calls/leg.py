"""A leg: all that the analysis keeps of one Call-ID, in about three kilobytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tqdecrypt.calls.call import SECOND, Call, CallState
from tqdecrypt.calls.course import Course
from tqdecrypt.calls.dialog import Dialog
from tqdecrypt.calls.facts import FactFields, InviteFacts, ViaHop
from tqdecrypt.calls.following import follow, settle
from tqdecrypt.calls.offer import Offer
from tqdecrypt.calls.transaction import Transaction
from tqdecrypt.calls.transaction_table import TransactionTable
from tqdecrypt.calls.unfolding import offer_of, unfold
from tqdecrypt.sip.message import Flow, Message

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall

__all__ = ["InviteFacts", "Leg", "ViaHop"]


MOST_HOPS = 32
"""Flows kept: more than hops and reconnections make."""
MOST_TRANSACTIONS = 48
"""Transactions kept; those in the middle go first: how it began and how it ended says most."""

MOST_SHARED_HOPS = 1 << 14
"""Lists of hops that are shared: legs on the same connections take the same ones."""
_FAILED = frozenset({CallState.FAILED, CallState.REDIRECTED, CallState.CANCELLED})
_MADE_LATER = frozenset({"call", "transactions", "dialogs", "offers"})
_hops: dict[tuple[Flow, ...], tuple[Flow, ...]] = {}


class Leg:
    """One Call-ID as far as it was captured.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "answer",
        "call",
        "call_id",
        "course",
        "descriptions_dropped",
        "dialogs",
        "dialogs_dropped",
        "ends_queued",
        "first_frame",
        "first_time",
        "given_up",
        "hops",
        "hops_dropped",
        "invite",
        "invites",
        "joint",
        "last_frame",
        "last_time",
        "looks",
        "messages",
        "newest_invite",
        "number",
        "offers",
        "offers_dropped",
        "over",
        "transactions",
        "transactions_dropped",
    )

    call: Call
    """The same Call-ID as the call list sees it: state, parties, outcome."""
    transactions: list[Transaction]
    """In the order in which they began; the first ones and the last ones when there are many."""
    dialogs: list[Dialog]
    """In the order in which they were made; several when the INVITE forked."""
    offers: list[Offer]
    """Offers and answers in the order of the offers, of all dialogs and hops."""

    def __init__(self, number: int, message: Message) -> None:
        self.number = number
        """From 1, in the order in which legs began."""
        self.call_id = message.call_id
        self.course: Course | None = None
        """While it goes the ordinary course, and when it was still on it when it was handed over:
        :attr:`call`, :attr:`transactions`, :attr:`dialogs` and :attr:`offers` are made when asked for."""
        self.invite: InviteFacts | None = None
        """Of the first INVITE outside of a dialog, on the first hop; ``None``: not captured."""
        self.answer: InviteFacts | None = None
        """Of the first 2xx to such an INVITE, where it was seen first (nearest to the callee)."""
        self.invites = 0
        """Attempts: INVITEs outside of a dialog with different CSeq (credentials, redirection)."""
        self.newest_invite = 0
        """CSeq of the last of them."""
        self.transactions_dropped = 0
        self.dialogs_dropped = 0
        """Messages of dialogs above the most that are kept."""
        self.offers_dropped = 0
        self.descriptions_dropped = 0
        """Session descriptions longer than any that makes sense; not looked at."""
        self.hops: tuple[Flow, ...] = ()
        """Distinct flows, requests' and responses', in the order in which they were seen."""
        self.hops_dropped = 0
        self.messages = 0
        self.first_time = message.time
        self.first_frame = message.frame
        self.last_time = message.time
        self.last_frame = message.frame
        self.given_up = ""
        """Why it was handed over although it may go on; empty for one that ended."""
        self.joint: JointCall | None = None
        """The call that it belongs to, while that goes on and has more than this leg."""
        self.looks = 0
        """How far the joiner has looked at it: 1, its INVITE; 2, its answer, too."""
        self.over = False
        """Whether it was handed over."""
        self.ends_queued = False
        """Whether the analyser has it on its list of legs that are over."""

    def __getattr__(self, name: str) -> Any:
        """Make what the ordinary course left out."""
        course = self.course if name in _MADE_LATER else None
        if course is None:
            raise AttributeError(f"a leg has no {name}", name=name, obj=self)
        unfold(self, course)
        return getattr(self, name)

    def begin_course(self, course: Course) -> None:
        """The INVITE that it begins with is an ordinary one, and was taken."""
        self.course = course
        self.invite = course.invite
        self.invites, self.newest_invite = 1, course.invite.cseq
        self.messages = 1
        self.note_hop(course.there)

    def leave_course(self, table: TransactionTable, now: int) -> None:
        """Something else than the next message came: from here on it is followed by all rules.

        :param now: the latest capture time of any message.
        """
        course = self.course
        if course is not None:
            unfold(self, course)
            self.course = None
            for transaction in self.transactions:
                table.adopt(transaction, now)

    def leave_to_machines(self, message: Message) -> None:
        """It does not begin as an ordinary one does; *message* is still to be taken."""
        self.call = Call(message)
        self.transactions, self.dialogs, self.offers = [], [], []

    @property
    def answered(self) -> int | None:
        """When the first 2xx to INVITE was seen."""
        return self.call.answered if self.course is None else self.course.answered

    @property
    def ended(self) -> int | None:
        """When it was over: the BYE, or the final response that was no 2xx."""
        return self.call.ended if self.course is None else self.course.ended

    @property
    def failed(self) -> bool:
        """Whether the call was refused, redirected or given up before an answer."""
        return self.course is None and self.call.state in _FAILED

    @property
    def bye_reasons(self) -> list[str]:
        """Value of Reason in the first BYE of each dialog; empty where there is none."""
        if self.course is not None:
            return [self.course.bye.reason] if self.course.ended is not None else []
        return [dialog.bye.reason_header for dialog in self.dialogs if dialog.bye is not None]

    @property
    def first_description(self) -> tuple[bytes, bool] | None:
        """The session description that it began with, and whether an INVITE had it."""
        if self.course is not None:
            return self.course.offer, True
        first = self.offers[0] if self.offers else None
        return None if first is None else (first.body, first.carrier == "INVITE")

    @property
    def offers_so_far(self) -> Sequence[Offer]:
        """What :attr:`offers` is; may be asked for while the leg goes on, and makes nothing else."""
        course = self.course
        return self.offers if course is None else [offer_of(course, self.call_id)]

    def is_expired(self, now: int) -> bool:
        """Return whether all its dialogs were answered, and neither refreshed nor ended for twice
        the time that they agreed on (RFC 4028)."""
        course = self.course
        if course is None:
            timers = [dialog.session_timer for dialog in self.dialogs]
        else:
            timers = [course.session_timer] if course.answered is not None else []
        for timer in timers:
            if timer is None or now - timer.refreshed <= 2 * SECOND * timer.interval:
                return False
        return bool(timers)

    @property
    def sessions(self) -> tuple[int, ...]:
        """Numbers of the TLS sessions that carried it."""
        numbers = (hop.session for hop in self.hops)
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    def __repr__(self) -> str:
        return f"<leg {self.number} {self.call_id}: {self.messages} messages>"

    def receive(
        self,
        message: Message,
        transaction: Transaction | None,
        table: TransactionTable,
        wanted: FactFields,
    ) -> None:
        """Take one message with this Call-ID, and its transaction as *table* found it just now."""
        self.messages += 1
        self.last_time = message.time
        self.last_frame = message.frame
        flow = message.flow
        if flow not in self.hops:
            self.note_hop(flow)
        self.call.receive(message)
        if transaction is None:
            return
        if transaction.messages == 1:
            self._note_transaction(transaction)
        if table.fresh:
            follow(self, message, transaction, table.response, wanted)

    def conclude(self, now: int) -> None:
        """Settle what is still open; *now* is the capture time at which the leg is handed over."""
        if self.course is not None:
            self.course.concluded = now  # no request is open
        else:
            self.call.conclude(now)
            settle(self, now)

    def note_hop(self, flow: Flow) -> None:
        """It took this flow, too."""
        if flow in self.hops:
            return
        if len(self.hops) >= MOST_HOPS:
            self.hops_dropped += 1
            return
        hops = (*self.hops, flow)
        if len(_hops) >= MOST_SHARED_HOPS:
            _hops.clear()
        self.hops = _hops.setdefault(hops, hops)

    def _note_transaction(self, transaction: Transaction) -> None:
        transactions = self.transactions
        if not transactions:
            self.transactions = [transaction]  # one that was appended to has room for four
            return
        if len(transactions) >= MOST_TRANSACTIONS:
            del transactions[MOST_TRANSACTIONS // 2]
            self.transactions_dropped += 1
        transactions.append(transaction)
