"""Mirrored and decrypted messages in the order of time, each of them once.

A mirrored message comes later than it was seen, and times of other clocks are its own; so every message
waits for :data:`HOLD`, and goes on with those that are not later than it.

A message may be there several times: decrypted, and mirrored by both servers that it passed between.  Its
bytes tell, since each hop adds its Via.  But a retransmission has the same bytes, too, and must stay one.
So sightings are counted for each observer (our decryption is one, each capture agent another): the n-th
sighting is the n-th transmission, whoever saw it, and of each transmission the first goes on; what
was decrypted takes the place of a copy that still waits, since it is proven.  A relay in front of a server
(a TLS offloader) may send the same bytes on, over another hop: so copies have the source or the destination
host in common, too.  Ports do not count, as servers name the one that they listen on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tqdecrypt.sip import Message

__all__ = ["HOLD", "Merger"]

HOLD = 1_000_000_000
"""How long a message waits for earlier ones, ns: servers mirror at once, and clocks that are kept by NTP
differ by less."""
MOST_HELD = 200_000
"""Most messages that wait, some 400 MB at the very most; the earlier half goes on early, and is counted."""
REMEMBERED = 32_000_000_000
"""How long a message is remembered, ns: there are no retransmissions after 64 T1 (RFC 3261 section 17)."""
MOST_REMEMBERED = 100_000
"""Most messages that are remembered, some 600 bytes each; the oldest is forgotten, and counted when
that is earlier than :data:`REMEMBERED`."""
MOST_HOPS = 8
"""Hops of one message with the same bytes that are told apart; a further one counts as the last."""
MOST_OBSERVERS = 32
"""Observers of one message that are told apart, and transmissions of it whose copies may wait."""

_DECRYPTED = None
"""The observer that is ourselves."""


class _Held:
    """A message that waits."""

    __slots__ = ("arrived", "message")

    def __init__(self, message: Message, arrived: int) -> None:
        self.message: Message | None = message
        self.arrived = arrived


class _Hop:
    """The sightings of one message between two hosts."""

    __slots__ = ("destination", "seen", "shown", "source", "waiting")

    def __init__(self, source: str, destination: str) -> None:
        self.source = source
        self.destination = destination
        self.seen: dict[str | None, int] = {}
        """Sightings by observer."""
        self.shown = 0
        """Transmissions so far."""
        self.waiting: list[_Held] = []
        """Mirrored ones that wait, in order of transmission."""


class _Known:
    """What is remembered of messages with the same bytes."""

    __slots__ = ("arrived", "hops")

    def __init__(self, arrived: int) -> None:
        self.arrived = arrived
        self.hops: list[_Hop] = []


class Merger:
    """Holds messages back, puts them in order, and leaves copies out.

    :ivar counters: ``mirrored_copies`` mirrored messages that were decrypted, or mirrored by somebody
        else, too; ``decrypted_copies`` decrypted after the copy had gone on; for want of room
        ``mirrored_messages_early`` that went on early, and ``mirrored_sightings_forgotten``.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._held: list[_Held] = []
        self._known: dict[int, _Known] = {}

    def remember(self, messages: Iterable[Message]) -> None:
        """Take note of decrypted messages that have gone on already."""
        for message in messages:
            hop = self._hop(message, message.time)
            hop.seen[_DECRYPTED] = hop.seen.get(_DECRYPTED, 0) + 1
            hop.shown += 1

    def add(self, messages: Iterable[Message], now: int) -> None:
        """Take messages that have arrived at *now*, ns."""
        for message in messages:
            self._add(message, now)
        self._forget(now)

    def take(self, now: int | None) -> Sequence[Message]:
        """Return what may go on at *now*, in the order of time; ``None``: everything."""
        held = self._held
        if not held:
            return ()
        held.sort(key=_in_order)
        if now is None:
            count = len(held)
        else:
            count = next(
                (at for at in range(len(held), 0, -1) if held[at - 1].arrived <= now - HOLD), 0
            )
            if len(held) - count > MOST_HELD:
                self.counters["mirrored_messages_early"] += len(held) // 2 - count
                count = len(held) // 2
        ready, self._held = held[:count], held[count:]
        messages = []
        for one in ready:
            if one.message is not None:
                messages.append(one.message)
                one.message = None
        return messages

    def _add(self, message: Message, now: int) -> None:
        hop = self._hop(message, now)
        observer = message.flow.mirrored_by
        if observer not in hop.seen and len(hop.seen) >= MOST_OBSERVERS:
            observer = next(one for one in hop.seen if one is not _DECRYPTED)
        number = hop.seen[observer] = hop.seen.get(observer, 0) + 1
        if number > hop.shown:
            hop.shown = number
            held = _Held(message, now)
            self._held.append(held)
            if observer is not _DECRYPTED:
                hop.waiting = [*hop.waiting[1 - MOST_OBSERVERS :], held]
        elif observer is not _DECRYPTED:
            self.counters["mirrored_copies"] += 1
        elif not self._take_place(message, hop, now):
            self.counters["decrypted_copies"] += 1

    def _take_place(self, message: Message, hop: _Hop, now: int) -> bool:
        """Put a decrypted message in the place of a mirrored one that waits."""
        while hop.waiting:
            held = hop.waiting.pop(0)
            if held.message is not None:
                held.message = None
                self.counters["mirrored_copies"] += 1
                self._held.append(_Held(message, now))
                return True
        return False

    def _hop(self, message: Message, now: int) -> _Hop:
        """Return the hop that a message was seen on."""
        key = hash(message.raw)
        known = self._known.get(key)
        if known is None or known.arrived < now - REMEMBERED:
            self._known.pop(key, None)
            known = self._known[key] = _Known(now)
        source, destination = _host(message.flow.source), _host(message.flow.destination)
        for hop in known.hops:
            if hop.source == source or hop.destination == destination:
                return hop
        if len(known.hops) >= MOST_HOPS:
            return known.hops[-1]
        hop = _Hop(source, destination)
        known.hops.append(hop)
        return hop

    def _forget(self, now: int) -> None:
        known = self._known
        while known:
            oldest = next(iter(known))
            if known[oldest].arrived >= now - REMEMBERED:
                if len(known) <= MOST_REMEMBERED:
                    return
                self.counters["mirrored_sightings_forgotten"] += 1
            del known[oldest]


def _host(end: str) -> str:
    return end.rpartition(":")[0]


def _in_order(held: _Held) -> tuple[int, int]:
    message = held.message
    return (0, 0) if message is None else (message.time, message.frame)
