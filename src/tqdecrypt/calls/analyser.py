"""The analysis: messages in; legs, registrations, pings, subscriptions and transactions out."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter

from tqdecrypt.calls.boxes import Boxes
from tqdecrypt.calls.call import SECOND, TIMER_B, TIMER_C
from tqdecrypt.calls.course import Course, Stage
from tqdecrypt.calls.facts import FactFields
from tqdecrypt.calls.joining import Joiner
from tqdecrypt.calls.joint_call import JointCall
from tqdecrypt.calls.leg import Leg
from tqdecrypt.calls.ping import PingSeries, PingTable
from tqdecrypt.calls.registration import Registration, RegistrationTable
from tqdecrypt.calls.statistics import TransactionStatistics
from tqdecrypt.calls.subscription import Subscription, SubscriptionTable
from tqdecrypt.calls.transaction import Transaction
from tqdecrypt.calls.transaction_table import TransactionTable
from tqdecrypt.sip.message import LARGEST_STATUS, Message

__all__ = ["Analyser"]

MOST_LEGS = 500_000
"""Most legs in the table: 2 GB at four kilobytes each, and more than an SBC carries."""
LINGER = TIMER_B + 2 * SECOND
"""How long a leg stays when it is over: its transactions' timers end before."""
SWEEP = 60 * SECOND
"""How often, in capture time, all legs are looked at for those that nobody ended."""

_LEG_METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"})
"""What only happens in the dialogs of calls: a Call-ID that begins with it is a leg."""
_CALL_METHODS = _LEG_METHODS | {"INFO"}
_SUBSCRIPTION_METHODS = frozenset({"SUBSCRIBE", "NOTIFY", "REFER"})
_NEVER = 1 << 63
_LAST_FRAME = attrgetter("last_frame")
"""Orders legs by their last message, since messages come in frame order."""


class Analyser:
    """Follows transactions and dialogs, and hands over what is over.

    Everything is told by capture time.  A leg is handed over when it has been over for as long as
    timers run; then its transactions and dialogs are settled.

    :param on_leg: takes each leg.
    :param on_call: takes each call, which is one or more legs, when all of them were handed over.
    :param on_registration: takes each registration, on eviction or at the end.
    :param on_ping: takes each series of OPTIONS, likewise.
    :param on_subscription: takes each subscription that ended, was evicted, or at the end.
    :param on_transaction: takes each transaction of any method when it is over.
    :param correlation_headers: names of header fields that legs of one call have in common, such as
        ``X-Call-ID``; their values are kept in the facts of INVITE and answer.
    :param boxes: sets of addresses (without ports) that are one box each, such as an SBC.
    :param follows_courses: whether ordinary calls are followed in a hurry; the outcome is the same.
    :ivar counters: those of :class:`~tqdecrypt.calls.transaction_table.TransactionTable` and
        :class:`~tqdecrypt.calls.joining.Joiner`, and ``legs_evicted``, ``registrations_evicted``,
        ``ping_series_evicted`` and ``subscriptions_evicted`` handed over because a table was full.
    :ivar boxes: addresses that are one box, configured and learned.
    :ivar statistics: how transactions of each method went, by source and destination.
    """

    def __init__(
        self,
        on_leg: Callable[[Leg], None],
        *,
        on_call: Callable[[JointCall], None] | None = None,
        on_registration: Callable[[Registration], None] | None = None,
        on_ping: Callable[[PingSeries], None] | None = None,
        on_subscription: Callable[[Subscription], None] | None = None,
        on_transaction: Callable[[Transaction], None] | None = None,
        correlation_headers: Iterable[str] = (),
        boxes: Iterable[Collection[str]] = (),
        most_legs: int = MOST_LEGS,
        follows_courses: bool = True,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._on_leg = on_leg
        self._on_transaction = on_transaction
        self._wanted = FactFields(correlation_headers)
        self._most_legs = most_legs
        self._transactions = TransactionTable(self._transaction_over)
        self._transactions.counters = self.counters
        self._registrations = RegistrationTable(on_registration, self.counters)
        self._pings = PingTable(on_ping, self.counters)
        self._subscriptions = SubscriptionTable(on_subscription, self.counters)
        self.statistics = TransactionStatistics()
        self._legs: dict[str, Leg] = {}
        self._ended: deque[tuple[int, Leg]] = deque()
        """With the time at which they leave the table."""
        self._joiner: Joiner | None = None
        self.boxes = Boxes(boxes)
        if on_call is not None:
            self._joiner = Joiner(on_call, self._legs.get, self.counters, boxes)
            self.boxes = self._joiner.boxes
        self._follows_courses = follows_courses
        self._legs_begun = 0
        self._now = 0
        self._next_leave = _NEVER
        self._next_sweep = 0

    def __len__(self) -> int:
        """How many legs are in the table."""
        return len(self._legs)

    def receive(self, message: Message) -> None:
        """Take the next message; times may go back a little."""
        status = message.status
        if status is not None and status > LARGEST_STATUS:
            return
        transactions = self._transactions
        time = message.time
        if time > self._now:
            self.pass_time(time)
        leg = self._legs.get(message.call_id)
        if leg is None:
            if message.method == "INVITE" and self._begin_course(message):
                return
        elif leg.course is not None:
            if leg.course.receive(leg, message, self._now, transactions, self._wanted):
                if leg.course.stage == Stage.ENDING:
                    self._queue(leg, time + LINGER)
                return
            leg.leave_course(transactions, self._now)
        self._receive_fully(message, leg)

    def leg(self, call_id: str) -> Leg | None:
        """Return the leg with this Call-ID, if it was not handed over yet."""
        return self._legs.get(call_id)

    def pass_time(self, now: int) -> None:
        """Hand over what is over at capture time *now*: no message before it is still to come."""
        if now <= self._now:
            return
        self._now = now
        if now >= self._transactions.next_due:
            self._transactions.pass_time(now)
        if now >= self._next_leave:
            self._leave(now)
        if now >= self._next_sweep:
            self._sweep(now)

    def _receive_fully(self, message: Message, leg: Leg | None) -> None:
        """Take a message that no ordinary course lets expect."""
        transactions = self._transactions
        transaction = transactions.receive(message)
        method = message.cseq_method
        if transaction is not None and method not in _CALL_METHODS:
            self._receive_other(message, method, transaction)
        if leg is None:
            if method not in _LEG_METHODS or not message.call_id:
                return
            leg = self._begin(message)
            leg.leave_to_machines(message)
        leg.receive(message, transaction, transactions, self._wanted)
        if leg.looks < 2 and method == "INVITE" and self._joiner is not None:
            self._joiner.look(leg)
        if leg.call.ended is not None and not leg.ends_queued:
            self._queue(leg, message.time + LINGER)

    def finish(self, time: int | None = None) -> None:
        """End of input at capture time *time* (that of the last message, unless given)."""
        now = self._now if time is None else max(time, self._now)
        legs = sorted(self._legs.values(), key=_LAST_FRAME)
        self._legs.clear()
        self._ended.clear()
        self._next_leave = _NEVER
        for leg in legs:
            if leg.course is not None and leg.course.stage not in (Stage.ESTABLISHED, Stage.ENDED):
                leg.leave_course(self._transactions, now)
        self._transactions.finish(now)
        for leg in legs:
            self._conclude(leg, now)
        self._registrations.finish(now)
        self._pings.finish()
        self._subscriptions.finish()

    def _receive_other(self, message: Message, method: str, transaction: Transaction) -> None:
        """Take a message of a method that does not belong to calls alone."""
        transactions = self._transactions
        if method == "OPTIONS":
            if not transaction.to_tag:
                self._pings.receive(message, transaction, transactions.response, transactions.fresh)
        elif not transactions.fresh:
            return
        elif method == "REGISTER":
            self._registrations.receive(message, transaction, transactions.response)
        elif method in _SUBSCRIPTION_METHODS:
            self._subscriptions.receive(message, transaction, transactions.response)

    def _begin_course(self, message: Message) -> bool:
        """Return whether an ordinary INVITE began a leg."""
        if not message.call_id or not self._follows_courses:
            return False
        course = Course.begin(message, self._transactions, self._wanted)
        if course is None:
            return False
        leg = self._begin(message)
        leg.begin_course(course)
        if self._joiner is not None:
            self._joiner.look(leg)
        return True

    def _begin(self, message: Message) -> Leg:
        if len(self._legs) >= self._most_legs:
            self._evict()
        self._legs_begun += 1
        leg = self._legs[message.call_id] = Leg(self._legs_begun, message)
        return leg

    def _evict(self) -> None:
        """Make room: one leg in sixteen goes, those that were silent for the longest.

        Several at once, because finding them takes a look at every leg; keeping the legs in the
        order of their last messages instead would cost something with every message.
        """
        number = max(1, len(self._legs) // 16)
        for leg in heapq.nsmallest(number, self._legs.values(), key=_LAST_FRAME):
            del self._legs[leg.call_id]
            self.counters["legs_evicted"] += 1
            leg.given_up = "the table of legs was full"
            self._hand_over(leg, self._now)

    def _queue(self, leg: Leg, due: int) -> None:
        leg.ends_queued = True
        self._ended.append((due, leg))
        self._next_leave = self._ended[0][0]

    def _leave(self, now: int) -> None:
        """Hand over the legs that have been over for long enough."""
        ended = self._ended
        while ended and ended[0][0] <= now:
            _, leg = ended.popleft()
            if self._legs.get(leg.call_id) is not leg:
                continue  # evicted
            leg.ends_queued = False
            over = leg.ended
            if over is None:
                continue  # another attempt followed
            if over + LINGER > now:
                self._queue(leg, over + LINGER)
            else:
                del self._legs[leg.call_id]
                self._hand_over(leg, now)
        self._next_leave = ended[0][0] if ended else _NEVER

    def _sweep(self, now: int) -> None:
        """Hand over legs that nobody answered or refreshed and that are silent for too long."""
        self._next_sweep = now + SWEEP
        self._subscriptions.sweep(now)
        stale = [
            leg
            for leg in self._legs.values()
            if now - leg.last_time > TIMER_C
            and leg.ended is None
            and (leg.answered is None or leg.is_expired(now))
        ]
        for leg in stale:
            if leg.answered is not None:
                leg.given_up = "the session was not refreshed"
            del self._legs[leg.call_id]
            self._hand_over(leg, now)

    def _hand_over(self, leg: Leg, now: int) -> None:
        if leg.course is not None and not leg.course.is_over(now):
            leg.leave_course(self._transactions, now)
        self._conclude(leg, now)

    def _conclude(self, leg: Leg, now: int) -> None:
        course = leg.course
        leg.conclude(now)
        if course is not None:
            if self._on_transaction is None:
                self.statistics.add_course(course)
            else:
                for transaction in leg.transactions:
                    self._transaction_over(transaction)
        self._on_leg(leg)
        if self._joiner is not None:
            self._joiner.over(leg)

    def _transaction_over(self, transaction: Transaction) -> None:
        method = transaction.method
        if method == "OPTIONS":
            self._pings.over(transaction)
        elif method == "REGISTER":
            self._registrations.over(transaction)
        elif method in _SUBSCRIPTION_METHODS:
            self._subscriptions.over(transaction)
        self.statistics.add(transaction)
        if self._on_transaction is not None:
            self._on_transaction(transaction)
