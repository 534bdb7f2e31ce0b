"""Gives streams to calls, call by call, as soon as nothing can change any more whose they are.

That is so a minute after a call was over and its streams had their last packet: what begins later at its
endpoints is not its (:data:`~tqdecrypt.media.association.LINGER`).  Then its streams are concluded and
forgotten, so that what is kept does not grow with the capture.  Streams that no call announces go when they
were quiet for as long.

A stream is looked at together with all calls that announce one of its ends, those that go on included: the
result is the one that looking at everything at the end would give.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from tqdecrypt.media.association import LINGER, CallMedia, LegMedia, Place, find_places
from tqdecrypt.media.capture_loss import AFTER, Heard, LossMoments
from tqdecrypt.media.ends import AtEnds
from tqdecrypt.media.former_streams import FEWEST_PACKETS, FormerStreams
from tqdecrypt.media.leg_media import leg_media
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.streams import Running, StreamTable

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.media.announcements import Announcements

__all__ = ["Settling"]

SETTLE = LINGER
"""Nanoseconds of silence after which a call's media is over, and a stream that is nobody's, too."""
LOOK_EVERY = 5_000_000_000
"""Nanoseconds of capture time from one look at what has settled to the next."""
MOST_CALLS = 20_000
"""Calls that are over and wait for their media, some three kilobytes each.  When there are more, an eighth of
them, those that were over first, is settled with the streams that are there."""
MOST_AT_ONCE = 256
"""Calls, or streams of nobody, that settle together at the end."""
CROWD = 64
"""Streams at one endpoint from which on they are many: test traffic has the same one in all calls."""
MOST_WRITTEN = 20_000
"""Streams that are remembered for a minute after their call has settled, a quarter of a kilobyte each."""

_Ends = tuple[str, str, int]
"""Source, destination and SSRC."""


@dataclass(slots=True)
class _Over:
    """A call that is over."""

    number: int
    """In the order in which calls were over."""
    media: CallMedia
    ends: tuple[str, ...]
    """Every endpoint that it announced."""


class Settling:
    """Takes calls that are over, and streams that the table gave up.

    :param table: follows the streams.
    :param announcements: of the calls that go on, and of those that have not settled.
    :param losses: what the capture lost.
    :param on_call: told each call that has settled, with its streams.
    :param on_stream: told each stream that no call announces, and the Call-ID of a call that it belonged to
        before that settled; mostly empty.
    :ivar leg_of: returns the leg with a Call-ID that goes on.
    :ivar counters: ``media_calls_hurried``: settled before their time because too many waited;
        ``media_packets_after_their_call``: of streams that went on when their call had settled.
    """

    def __init__(
        self,
        table: StreamTable,
        announcements: Announcements,
        losses: LossMoments,
        on_call: Callable[[CallMedia], None],
        on_stream: Callable[[Stream, str], None],
    ) -> None:
        self.leg_of: Callable[[str], Leg | None] = lambda call_id: None
        self._counters: Counter[str] = Counter()
        self._table = table
        self._announcements = announcements
        self._losses = losses
        self._on_call = on_call
        self._on_stream = on_stream
        self._former = FormerStreams(self._forget)
        self._calls: dict[int, _Over] = {}
        self._ends: AtEnds[int, _Over] = AtEnds()
        self._due: list[tuple[int, int]] = []
        """When which call may have settled; a heap."""
        self._number = 0
        self._looked = 0
        self._going_on: dict[str, tuple[int, LegMedia]] = {}
        """What calls that go on announced, and how many messages they had then, where others announce the
        same."""
        self._written: OrderedDict[_Ends, tuple[int, str]] = OrderedDict()
        """Streams whose call has settled → when, and its Call-ID."""
        self._crowded: dict[int, str] = {}
        """Number of a stream at a crowded endpoint → Call-ID of the call that it was found to belong to."""
        self._resumed: dict[int, str] = {}
        """Number of a stream that goes on with one of those → the Call-ID."""

    @property
    def counters(self) -> Counter[str]:
        """What was given up, by name."""
        return self._counters + self._former.counters

    def begun(self, stream: Running) -> None:
        """A stream has begun."""
        if self._written:
            known = self._written.get((stream.source, stream.destination, stream.ssrc))
            if known is not None:
                self._resumed[stream.number] = known[1]

    def given_up(self, stream: Stream) -> None:
        """The table has no more room for a stream."""
        self._former.add(stream)

    def over(self, call: CallMedia) -> None:
        """Take a call that is over, with all its legs."""
        for call_id in call.call_ids:
            self._going_on.pop(call_id, None)
        if len(self._calls) >= MOST_CALLS:
            first = list(islice(self._calls.values(), MOST_CALLS // 8))
            self._counters["media_calls_hurried"] += len(first)
            self._settle(first, None)
        self._number += 1
        ends = dict.fromkeys(end for leg in call.legs for line in leg.lines for end in line.ends)
        one = self._calls[self._number] = _Over(self._number, call, tuple(ends))
        self._ends.add(one.ends, one.number, one)
        last = max(leg.last_time if leg.ended is None else leg.ended for leg in call.legs)
        heapq.heappush(self._due, (last + SETTLE, one.number))

    def settle(self, now: int) -> None:
        """Look at what has settled.

        :param now: capture time up to which all messages and packets were taken, ns.
        """
        if 0 <= now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        self._losses.judge(now - AFTER, self._heard)
        numbers = []
        while self._due and self._due[0][0] <= now:
            numbers.append(heapq.heappop(self._due)[1])
        due = [self._calls[number] for number in sorted(numbers) if number in self._calls]
        if due:
            self._settle(due, now)
        self._let_go(now - SETTLE)
        while self._written and next(iter(self._written.values()))[0] < now - SETTLE:
            self._written.popitem(last=False)

    def finish(self) -> None:
        """Everything was read, and every call is over."""
        self._losses.judge(None, self._heard)
        while self._calls:
            self._settle(list(islice(self._calls.values(), MOST_AT_ONCE)), None)
        left: list[Running | Stream] = [*self._table.running(), *self._former]
        left.sort(key=attrgetter("number"))
        for begin in range(0, len(left), MOST_AT_ONCE):
            self._leave(left[begin : begin + MOST_AT_ONCE])

    def _settle(self, due: Sequence[_Over], now: int | None) -> None:
        """Settle those calls of which everything has been quiet; the others wait on."""
        streams = self._streams_of(due)
        owners = {id(leg): one.number for one in due for leg in one.media.legs}
        theirs: dict[int, list[tuple[Running | Stream, Place]]] = {one.number: [] for one in due}
        for number, place in find_places(streams.values(), self._legs(due, streams)).items():
            owner = owners.get(id(place.leg))
            if owner is not None:
                theirs[owner].append((streams[number], place))
            elif number in self._crowded:
                self._crowded[number] = place.leg.call_id
        settled = []
        for one in due:
            last = max((stream.ended for stream, _ in theirs[one.number]), default=0)
            if now is not None and last + SETTLE > now:
                heapq.heappush(self._due, (last + SETTLE, one.number))
            else:
                del self._calls[one.number]
                self._ends.discard(one.ends, one.number)
                settled.append(one)
        over = self._concluded([stream for one in settled for stream, _ in theirs[one.number]])
        for one in settled:
            for stream, place in theirs[one.number]:
                place.leg.streams.append(place.take(over[stream.number]))
                self._resumed.pop(stream.number, None)
                if now is not None:
                    self._remember(stream, place.leg.call_id, now)
            self._on_call(one.media)

    def _streams_of(self, due: Sequence[_Over]) -> dict[int, Running | Stream]:
        """Return by their numbers the streams that may be those of the calls that are due.

        Where all calls have the same endpoint, it is not asked with each of them whose a stream is: once
        known, it comes up again with that call.
        """
        call_ids = {call_id for one in due for call_id in one.media.call_ids}
        found: dict[int, Running | Stream] = {}
        for end in dict.fromkeys(end for one in due for end in one.ends):
            there = self._at(end)
            crowded = len(there) > CROWD
            for stream in there:
                if crowded:
                    owner = self._crowded.setdefault(stream.number, "")
                    if owner and owner not in call_ids:
                        continue
                found[stream.number] = stream
        return found

    def _legs(
        self, due: Sequence[_Over], streams: Mapping[int, Running | Stream]
    ) -> Iterator[LegMedia]:
        """Yield the legs of these calls, and of all others that announce an end of the streams."""
        calls = {one.number: one for one in due}
        going_on: dict[str, None] = {}
        for stream in streams.values():
            for end in (stream.source, stream.destination):
                calls.update(self._ends.at(end))
                going_on.update(dict.fromkeys(self._announcements.calls_at(end)))
        for number in sorted(calls):
            yield from calls[number].media.legs
        for call_id in going_on:
            leg = self.leg_of(call_id)
            if leg is None:
                continue
            known = self._going_on.get(call_id)
            if known is None or known[0] != leg.messages:
                if len(self._going_on) >= MOST_CALLS:
                    self._going_on.clear()
                known = self._going_on[call_id] = leg.messages, leg_media(leg)
            yield known[1]

    def _let_go(self, before: int) -> None:
        """Let go the streams that were quiet since then, and that no call announces."""
        quiet: list[Running | Stream] = [*self._table.quiet(before), *self._former.quiet(before)]
        self._leave(
            [
                stream
                for stream in quiet
                if not any(
                    end in self._announcements or end in self._ends
                    for end in (stream.source, stream.destination)
                )
            ]
        )

    def _leave(self, streams: Sequence[Running | Stream]) -> None:
        """No call announces these streams."""
        for _, one in sorted(self._concluded(streams).items()):
            call_id = self._resumed.pop(one.number, "")
            numbers = min(one.expected, one.packets - one.duplicates)
            if numbers - one.restarts < FEWEST_PACKETS:
                self._counters["rtp_like_datagrams"] += one.packets
                continue
            if call_id:
                self._counters["media_packets_after_their_call"] += one.packets
            self._on_stream(one, call_id)

    def _at(self, end: str) -> Collection[Running | Stream]:
        former: Collection[Stream] = self._former.at(end) if len(self._former) else ()
        return (*self._table.at(end), *former)

    def _concluded(self, streams: Sequence[Running | Stream]) -> dict[int, Stream]:
        """Return what came of streams, by their numbers, and forget them."""
        running = [one for one in streams if isinstance(one, Running)]
        former = [self._former.take(one.number) for one in streams if isinstance(one, Stream)]
        found = {}
        for one in (*self._table.conclude(running), *former):
            lost = self._losses.take(one.number)
            self._crowded.pop(one.number, None)
            found[one.number] = one if lost is None else lost.on(one)
        return found

    def _remember(self, stream: Running | Stream, call_id: str, now: int) -> None:
        if len(self._written) >= MOST_WRITTEN:
            self._written.popitem(last=False)
        ends = stream.source, stream.destination, stream.ssrc
        self._written[ends] = now, call_id
        self._written.move_to_end(ends)

    def _forget(self, number: int) -> None:
        """A stream is not kept any longer."""
        self._losses.take(number)
        self._resumed.pop(number, None)
        self._crowded.pop(number, None)

    def _heard(self) -> Heard:
        """Return the streams of which there were packets lately."""
        started, ended = self._table.spans()
        kept = [one for one in self._former if one.packets >= FEWEST_PACKETS]
        return Heard(
            np.append(started, np.array([one.started for one in kept], np.int64)),
            np.append(ended, np.array([one.ended for one in kept], np.int64)),
            lambda: {
                one.number: (one.source, one.destination)
                for one in (*self._table.running(), *self._former)
            },
        )
