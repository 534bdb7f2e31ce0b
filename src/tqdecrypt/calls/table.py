"""The calls that are going on: messages in, ended calls out."""

from __future__ import annotations

import enum
import heapq
from collections import Counter, deque
from collections.abc import Callable
from operator import attrgetter

from tqdecrypt.calls.call import SECOND, TIMER_B, TIMER_C, Call
from tqdecrypt.sip.message import LARGEST_STATUS, Message

__all__ = ["CallTable", "Kind"]

MOST_CALLS = 500_000
"""Most calls in the table: 1 GB at two kilobytes each, and more than an SBC carries."""
MOST_OTHERS = 100_000
"""Most other Call-IDs remembered in each of two generations, about 150 bytes each."""
LINGER = TIMER_B
"""How long a call stays when it is over: late retransmissions still belong to it."""
SWEEP = 60 * SECOND
"""How often, in capture time, all calls are looked at for INVITEs that nobody answered."""


class Kind(enum.Enum):
    """What a Call-ID that is no call is for."""

    REGISTRATION = "registrations"
    OPTIONS = "options"
    SUBSCRIPTION = "subscriptions"
    MESSAGE = "messages"
    PUBLICATION = "publications"
    OTHER = "other"


_CALL_METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK"})
_KINDS = {
    "REGISTER": Kind.REGISTRATION,
    "OPTIONS": Kind.OPTIONS,
    "SUBSCRIBE": Kind.SUBSCRIPTION,
    "NOTIFY": Kind.SUBSCRIPTION,
    "MESSAGE": Kind.MESSAGE,
    "PUBLISH": Kind.PUBLICATION,
}


class CallTable:
    """Finds the call of each message and hands it over when it has been over for a while.

    Everything is told by capture time.  When the table is full, the call that was silent for the
    longest is handed over as it is.

    :ivar counters: ``calls_evicted`` handed over because the table was full,
        ``other_call_ids_evicted`` forgotten, and counted again should they return,
        ``messages_without_call_id`` which belong nowhere.
    :ivar kinds: Call-IDs that are no calls, by what they are for.
    """

    def __init__(self, on_end: Callable[[Call], None], most_calls: int = MOST_CALLS) -> None:
        self.counters: Counter[str] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self._on_end = on_end
        self._most_calls = most_calls
        self._calls: dict[str, Call] = {}
        self._ended: deque[tuple[int, Call]] = deque()
        """With the time at which they leave the table."""
        self._others: dict[str, Kind] = {}
        self._older_others: dict[str, Kind] = {}
        self._now = 0
        self._next_leave = _NEVER
        self._next_sweep = 0

    def __len__(self) -> int:
        return len(self._calls)

    def receive(self, message: Message) -> None:
        """Take the next message; times may go back a little."""
        if (message.status or 0) > LARGEST_STATUS:
            return
        time = message.time
        if time > self._now:
            self._now = time
            if time >= self._next_leave:
                self._leave(time)
            if time >= self._next_sweep:
                self._sweep(time)
        call_id = message.call_id
        call = self._calls.get(call_id)
        if call is None:
            call = self._begin(message)
            if call is None:
                return
        call.receive(message)
        if call.ended is not None and not call.ends_queued:
            self._queue(call, time + LINGER)

    def finish(self, time: int | None = None) -> None:
        """End of input at capture time *time* (that of the last message, unless given)."""
        now = self._now if time is None else max(time, self._now)
        calls = list(self._calls.values())
        self._calls.clear()
        self._ended.clear()
        self._next_leave = _NEVER
        for call in calls:
            self._hand_over(call, now)

    def _begin(self, message: Message) -> Call | None:
        """Return a new call, or ``None`` when the message belongs to none."""
        call_id = message.call_id
        if message.cseq_method not in _CALL_METHODS or not call_id:
            self._count_other(call_id, message.cseq_method)
            return None
        if len(self._calls) >= self._most_calls:
            self._evict()
        call = self._calls[call_id] = Call(message)
        return call

    def _evict(self) -> None:
        """Make room: one call in sixteen goes, those that were silent for the longest.

        Several at once, because finding them takes a look at every call; keeping the calls in the
        order of their last messages instead would cost something with every message.
        """
        number = max(1, len(self._calls) // 16)
        for call in heapq.nsmallest(number, self._calls.values(), key=_LAST_TIME):
            del self._calls[call.call_id]
            self.counters["calls_evicted"] += 1
            call.findings.append("given up, the table of calls was full")
            self._hand_over(call, self._now)

    def _count_other(self, call_id: str, method: str) -> None:
        if not call_id:
            self.counters["messages_without_call_id"] += 1
        elif call_id not in self._others and call_id not in self._older_others:
            if len(self._others) >= MOST_OTHERS:
                self.counters["other_call_ids_evicted"] += len(self._older_others)
                self._older_others, self._others = self._others, {}
            kind = self._others[call_id] = _KINDS.get(method, Kind.OTHER)
            self.kinds[kind] += 1

    def _queue(self, call: Call, due: int) -> None:
        call.ends_queued = True
        self._ended.append((due, call))
        self._next_leave = self._ended[0][0]

    def _leave(self, now: int) -> None:
        """Hand over the calls that have been over for long enough."""
        ended = self._ended
        while ended and ended[0][0] <= now:
            _, call = ended.popleft()
            if self._calls.get(call.call_id) is not call:
                continue  # evicted
            call.ends_queued = False
            if call.ended is None:
                continue  # another attempt followed
            if call.ended + LINGER > now:
                self._queue(call, call.ended + LINGER)
            else:
                del self._calls[call.call_id]
                self._hand_over(call, now)
        self._next_leave = ended[0][0] if ended else _NEVER

    def _sweep(self, now: int) -> None:
        """Hand over calls that were never answered and are silent for longer than they may be.

        Looks at every call, but once a minute of capture time: with fewer messages than calls in
        that minute there is little else to do.
        """
        self._next_sweep = now + SWEEP
        stale = [
            call
            for call in self._calls.values()
            if call.answered is None and call.ended is None and now - call.last_time > TIMER_C
        ]
        for call in stale:
            del self._calls[call.call_id]
            self._hand_over(call, now)

    def _hand_over(self, call: Call, now: int) -> None:
        call.conclude(now)
        self._on_end(call)


_NEVER = 1 << 63
_LAST_TIME = attrgetter("last_time")
