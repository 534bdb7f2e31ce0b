"""The transactions that are going on: which one a message belongs to, and when each is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from tqdecrypt.calls.call import SECOND, TIMER_B, TIMER_C
from tqdecrypt.calls.fields import host_of, maybe_field, same_hosts, tag_in
from tqdecrypt.calls.transaction import MOST_TEXT, Cancellation, Response, Transaction, on_hop
from tqdecrypt.calls.transaction_state import (
    INVITE,
    OTHERS,
    UNANSWERED,
    Event,
    TransactionState,
)
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Flow, Message

__all__ = ["LINGER", "TransactionTable", "has_cookie", "over_at"]

TIMER_F = TIMER_B
"""64*T1: when a request other than INVITE is given up without a final response."""
LINGER = TIMER_B
"""64*T1: Timers H, J, L and D in about: how long what follows a final response may come."""
MOST_TRANSACTIONS = 500_000
"""Those of the last minute at 8000 requests a second; about 500 MB."""
MOST_CHAINED = 64
"""Transactions with the same branch, Call-ID and CSeq: methods and hops."""
MOST_REVERSED = 10_000
"""Flows made up for requests that were not captured; a full table is emptied and fills anew."""

RETENTION = TIMER_F + SECOND
"""How long after it began a transaction is looked at first: most are answered at once, and then their
next timer ends within this second."""

_COOKIES = frozenset({"z9hG4bK", "z9hg4bk", "Z9HG4BK"})
"""The magic cookie (section 8.1.1.7), and how some spell it, since tokens ignore case."""
_NEVER = 1 << 63

_Key = tuple[str, str, int]
"""Branch (empty when it is none of RFC 3261), Call-ID, CSeq."""


class TransactionTable:
    """Finds the transaction of each message; everything is told by capture time.

    A transaction leaves the table when the timers of its state are over, those that timed out
    after as long again.  When the table is full, the one whose timer is due first leaves early.

    Every message belongs to exactly one transaction, or is counted in ``messages_without_call_id``,
    ``messages_without_cseq``, ``messages_with_crowded_branch`` (:data:`MOST_CHAINED`) or
    ``acks_without_invite``.

    :ivar counters: besides those, ``transactions_evicted`` left early because the table was full;
        ``transactions_without_request`` made up from responses; ``cancels_without_invite``.
    :ivar next_due: when timers are to be looked at again.
    :ivar fresh: whether the last message was the first of its kind on its hop, no retransmission.
    :ivar response: what the last message was as a response; ``None`` for requests and retransmissions.
    """

    def __init__(
        self,
        on_over: Callable[[Transaction], None] | None = None,
        most_transactions: int = MOST_TRANSACTIONS,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.fresh = True
        self.response: Response | None = None
        self._on_over = on_over
        self._most = most_transactions
        self._size = 0
        self._by_key: dict[_Key, Transaction] = {}
        """Heads of chains: what has the same branch (a CANCEL, other hops)."""
        self._accepted: dict[_Key, Transaction] = {}
        """INVITE transactions with a 2xx by Call-ID and CSeq, where the ACK looks for them."""
        self._due: dict[int, list[Transaction]] = {}
        """By the second in which the timer is to be looked at."""
        self.next_due = _NEVER
        self._now = 0
        self._made: dict[Flow, Flow] = {}

    def __len__(self) -> int:
        return self._size

    def pass_time(self, time: int) -> None:
        """It is *time*, unless it was later already."""
        if time > self._now:
            self._now = time
            if time >= self.next_due:
                self._look_at_timers(time)

    def receive(self, message: Message) -> Transaction | None:
        """Return the transaction of the next message; ``None`` when it belongs to none."""
        self.pass_time(message.time)
        self.fresh = True
        self.response = None
        method = message.cseq_method
        if not message.call_id:
            self.counters["messages_without_call_id"] += 1
            return None
        if message.status is not None:
            if not method:
                self.counters["messages_without_cseq"] += 1
                return None
            return self._receive_response(message, method, message.status)
        method = message.method or method
        if method == "ACK":
            return self._receive_ack(message)
        return self._receive_request(message, method)

    def knows(self, message: Message) -> bool:
        """Return whether there is a transaction with the branch, Call-ID and CSeq of *message*."""
        return bool(self._by_key) and _key(message) in self._by_key

    def adopt(self, transaction: Transaction, now: int) -> None:
        """Take a transaction that was followed elsewhere so far.

        :param now: the latest capture time of any message.
        """
        self._add(transaction, _key(transaction))
        if transaction.method == "INVITE" and transaction.state is TransactionState.ACCEPTED:
            self._remember_accepted(transaction)
        self.pass_time(now)
        self._look_at_timers(self._now)

    def finish(self, time: int | None = None) -> None:
        """End of input at capture time *time* (that of the last message, unless given)."""
        now = self._now = self._now if time is None else max(time, self._now)
        self._look_at_timers(now)
        left = [
            transaction
            for second, bucket in self._due.items()
            for transaction in bucket
            if transaction._due == second
        ]
        self._due.clear()
        self._by_key.clear()
        self._accepted.clear()
        self._size = 0
        self.next_due = _NEVER
        for transaction in left:
            if _deadline(transaction) <= now:
                _time_out(transaction)
            self._hand_over(transaction)

    def _receive_request(self, message: Message, method: str) -> Transaction | None:
        flow = message.flow
        key = _key(message)
        found = self._by_key.get(key)
        chained = 0
        while found is not None:
            if found.method == method and (found.flow is flow or same_hosts(found.flow, flow)):
                found.messages += 1
                if not found.frame:  # its response was faster
                    found.take_request(message)
                else:
                    self.fresh = False
                    found.request_retransmissions += 1
                    found.retransmitted_reliably |= flow.transport != "UDP"
                    found.last_time = message.time
                return found
            found = found._next
            chained += 1
        if chained >= MOST_CHAINED:
            self.counters["messages_with_crowded_branch"] += 1
            return None
        transaction = Transaction(method, message, flow)
        transaction.take_request(message)
        transaction.messages = 1
        if method == "CANCEL":
            self._mark_cancelled(message, key)
        self._add(transaction, key)
        return transaction

    def _receive_response(self, message: Message, method: str, status: int) -> Transaction | None:
        key = _key(message)
        transaction = self._find_for_response(message, key, method)
        if transaction is None:
            if sum(1 for _ in _chain(self._by_key.get(key))) >= MOST_CHAINED:
                self.counters["messages_with_crowded_branch"] += 1
                return None
            transaction = Transaction(method, message, self._reversed(message.flow))
            transaction.from_tag = tag_in(message.from_)
            self.counters["transactions_without_request"] += 1
            self._add(transaction, key)
        transaction.messages += 1
        transaction.last_time = message.time
        self.response = transaction.take_response(message, status)
        self.fresh = self.response is not None
        if self.response is not None and status >= 200:
            self._hasten(transaction, self.response.time + LINGER)
        if method == "INVITE" and 200 <= status < 300:
            self._remember_accepted(transaction)
        return transaction

    def _receive_ack(self, message: Message) -> Transaction | None:
        """Mark the INVITE's transaction: that of this hop, or all when it took none of theirs."""
        candidates = [
            found for found in _chain(self._by_key.get(_key(message))) if found.method == "INVITE"
        ]
        accepted = self._accepted.get(("", message.call_id, message.cseq))
        while accepted is not None:
            if accepted not in candidates:
                candidates.append(accepted)
            accepted = accepted._next_accepted
        if not candidates:
            self.counters["acks_without_invite"] += 1
            return None
        flow = message.flow
        here = on_hop(candidates, flow)
        marked = here or [found for found in candidates if found.acknowledged is None]
        transaction = marked[0] if marked else candidates[0]
        transaction.messages += 1
        transaction.last_time = message.time
        if transaction.acknowledged is not None:
            self.fresh = False
            transaction.ack_retransmissions += 1
            answered = transaction.final is not None and transaction.final.status < 300
            transaction.retransmitted_reliably |= flow.transport != "UDP" and not answered
            return transaction
        for found in marked[:1] if here else marked:
            found.acknowledged, found.acknowledged_frame = message.time, message.frame
        return transaction

    def _mark_cancelled(self, message: Message, key: _Key) -> None:
        """Mark the INVITE with the same branch on the same hop."""
        for found in _chain(self._by_key.get(key)):
            if found.method == "INVITE" and same_hosts(found.flow, message.flow):
                reason = text(maybe_field(message, b"reason") or b"")[:MOST_TEXT]
                found.cancelled = Cancellation(message.time, message.frame, reason)
                return
        self.counters["cancels_without_invite"] += 1

    def _find_for_response(self, message: Message, key: _Key, method: str) -> Transaction | None:
        """Return the transaction on whose hop the response comes back, as closely as can be told.

        Connections may have been renewed, and a host may answer from another address than it was
        asked at: one end must be the same.
        """
        found = self._by_key.get(key)
        flow = message.flow
        back, there = flow.destination, flow.source
        near: Transaction | None = None
        nearness = 0
        while found is not None:
            if found.method == method:
                sent = found.flow
                if sent.source == back and sent.destination == there:
                    return found
                same = (host_of(sent.source) == host_of(back)) + (
                    host_of(sent.destination) == host_of(there)
                )
                if same > nearness:
                    near, nearness = found, same
            found = found._next
        return near

    def _add(self, transaction: Transaction, key: _Key) -> None:
        if self._size >= self._most:
            self._evict()
        self._size += 1
        transaction._next = self._by_key.get(key)
        self._by_key[key] = transaction
        self._schedule(transaction, transaction.started + RETENTION)

    def _remember_accepted(self, transaction: Transaction) -> None:
        key = ("", transaction.call_id, transaction.cseq)
        found = self._accepted.get(key)
        if found is None:
            self._accepted[key] = transaction
            return
        for _ in range(MOST_CHAINED):
            if found is transaction:
                return
            if found._next_accepted is None:
                found._next_accepted = transaction
            found = found._next_accepted

    def _schedule(self, transaction: Transaction, due: int) -> None:
        second = transaction._due = due // SECOND + 1
        bucket = self._due.get(second)
        if bucket is None:
            self._due[second] = [transaction]
            self.next_due = min(self.next_due, second * SECOND)
        else:
            bucket.append(transaction)

    def _hasten(self, transaction: Transaction, due: int) -> None:
        """A final response came long after the first look: its timer runs out before the next one."""
        if transaction._due > due // SECOND + 3:
            self._schedule(transaction, due)

    def _look_at_timers(self, now: int) -> None:
        """Look at the transactions whose timer may be over by *now*.

        What becomes of each depends on when its timer is due, not on when somebody looks.
        """
        due = self._due
        while self.next_due <= now:
            then = self.next_due
            second = then // SECOND
            for transaction in due.pop(second):
                if transaction._due != second:
                    continue  # hastened
                deadline = _deadline(transaction)
                if deadline > then:
                    self._schedule(transaction, deadline)
                    continue
                _time_out(transaction)
                if transaction.state.timed_out and then < deadline + LINGER:
                    self._schedule(transaction, deadline + LINGER)
                else:
                    self._forget(transaction)
                    self._hand_over(transaction)
            self.next_due = min(due) * SECOND if due else _NEVER

    def _evict(self) -> None:
        while True:
            second = min(self._due)
            bucket = self._due[second]
            transaction = bucket.pop()
            if not bucket:
                del self._due[second]
            if transaction._due == second:
                break
        self.counters["transactions_evicted"] += 1
        self._forget(transaction)
        self._hand_over(transaction)

    def _forget(self, transaction: Transaction) -> None:
        self._size -= 1
        table = self._by_key
        key = _key(transaction)
        head = table[key]
        if head is not transaction:
            while head._next is not None and head._next is not transaction:
                head = head._next
            head._next = transaction._next
        elif transaction._next is None:
            del table[key]
        else:
            table[key] = transaction._next
        transaction._next = None
        if transaction.final is not None and transaction.method == "INVITE":
            self._forget_accepted(transaction)

    def _forget_accepted(self, transaction: Transaction) -> None:
        key = ("", transaction.call_id, transaction.cseq)
        found = self._accepted.get(key)
        if found is transaction:
            if transaction._next_accepted is None:
                del self._accepted[key]
            else:
                self._accepted[key] = transaction._next_accepted
        else:
            while found is not None and found._next_accepted is not transaction:
                found = found._next_accepted
            if found is not None:
                found._next_accepted = transaction._next_accepted
        transaction._next_accepted = None

    def _reversed(self, flow: Flow) -> Flow:
        """Return the flow that the request of a response must have taken."""
        made = self._made.get(flow)
        if made is None:
            if len(self._made) >= MOST_REVERSED:
                self._made.clear()
            made = self._made[flow] = Flow(
                flow.destination,
                flow.source,
                flow.transport,
                flow.integrity,
                flow.session,
                mirrored_by=flow.mirrored_by,
            )
        return made

    def _hand_over(self, transaction: Transaction) -> None:
        transaction._hashes = ()
        if self._on_over is not None:
            self._on_over(transaction)


def _key(message: Message | Transaction) -> _Key:
    """Return what transactions are looked up by: branch, Call-ID and CSeq.

    Without the magic cookie (RFC 2543), a branch may be the same for all that a client sends, or
    another one in the ACK: it does not count.
    """
    branch = message.branch
    return branch if has_cookie(branch) else "", message.call_id, message.cseq


def has_cookie(branch: str) -> bool:
    """Return whether a branch is one of RFC 3261, and so unlike any other (section 8.1.1.7)."""
    return branch[:7] in _COOKIES and len(branch) > 7


def over_at(started: int, deadline: int) -> int:
    """Return when a transaction that nothing happens to any more leaves the table.

    :param deadline: when the timer of its state is over.
    """
    looked_at = ((started + RETENTION) // SECOND + 1) * SECOND
    return looked_at if deadline <= looked_at else (deadline // SECOND + 1) * SECOND


def _chain(found: Transaction | None) -> Iterator[Transaction]:
    while found is not None:
        yield found
        found = found._next


def _deadline(transaction: Transaction) -> int:
    """Return when the timer of its state is over."""
    state = transaction.state
    if state in UNANSWERED:
        if state is TransactionState.PROCEEDING and transaction.method == "INVITE":
            return transaction.last_time + TIMER_C
        return transaction.started + TIMER_F
    if state.timed_out:
        return 0
    final = transaction.final
    return (transaction.last_time if final is None else final.time) + LINGER


def _time_out(transaction: Transaction) -> None:
    """The timer of its state is over."""
    is_invite = transaction.method == "INVITE"
    state = transaction.state
    if not is_invite:
        transaction.state = OTHERS[state].get(Event.TIMER, state)
    elif state in UNANSWERED and transaction.acknowledged is not None:
        transaction.state = TransactionState.TERMINATED  # the ACK tells of a response not captured
    elif state is TransactionState.COMPLETED and transaction.acknowledged is None:
        transaction.state = TransactionState.TIMED_OUT_H
    else:
        transaction.state = INVITE[state].get(Event.TIMER, state)
