"""Which messages are the same one on two hops: the INVITE that came in, and the one that went out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from tqdecrypt.sip import Message
from tqdecrypt.views.words import host_of

__all__ = ["Pair", "Side", "pair_up", "parents_of", "sides_of"]

MOST_APART = 32_000_000_000
"""Nanoseconds: 64*T1 (RFC 3261 section 17.1.1.2), when a transaction is over."""


class Side(NamedTuple):
    """One Call-ID between two hosts."""

    call_id: str
    hosts: tuple[str, str]
    """Sorted."""
    messages: list[Message]
    """Without retransmissions."""

    @property
    def source(self) -> str:
        """Host that sent the first request."""
        first = self.messages[0]
        return host_of(first.flow.source if first.status is None else first.flow.destination)


class Pair(NamedTuple):
    """A message before and after whoever stands between two hops."""

    before: Message
    after: Message


def sides_of(messages: Sequence[Message], method: str = "INVITE") -> list[Side]:
    """Return the hops on which messages of one method went, in order of appearance.

    100 (Trying) is left out: it goes no farther than one hop (RFC 3261 section 16.7).
    """
    sides: dict[tuple[str, tuple[str, str]], Side] = {}
    seen: set[tuple[str, str, bytes]] = set()
    for message in messages:
        flow = message.flow
        identity = (flow.source, flow.destination, message.raw)
        belongs = message.cseq_method == method and message.method in (None, method)
        if not belongs or message.status == 100 or identity in seen:
            continue
        seen.add(identity)
        first, second = sorted((host_of(flow.source), host_of(flow.destination)))
        key = (message.call_id, (first, second))
        sides.setdefault(key, Side(*key, [])).messages.append(message)
    return list(sides.values())


def pair_up(one: Side, other: Side) -> list[Pair]:
    """Return what is the same message on two sides, in order of time; the earlier one is *before*.

    The same method or status nearest in time, each message once: with credentials asked for on one
    side only, the INVITE that was let through is the one just before that on the other side.
    """
    places: dict[object, list[Message]] = {}
    for message in sorted(one.messages, key=lambda message: message.time):
        places.setdefault(_kind(message), []).append(message)
    pairs = []
    for message in sorted(other.messages, key=lambda message: message.time):
        candidates = places.get(_kind(message), [])
        times = [candidate.time for candidate in candidates]
        at = bisect_left(times, message.time)
        near = [n for n in (at - 1, at) if 0 <= n < len(candidates)]
        if not near:
            continue
        nearest = min(near, key=lambda n: abs(times[n] - message.time))
        if abs(times[nearest] - message.time) <= MOST_APART:
            partner = candidates.pop(nearest)
            first, second = sorted((partner, message), key=lambda one: (one.time, one.frame))
            pairs.append(Pair(first, second))
    return sorted(pairs, key=lambda pair: pair.before.time)


def parents_of(sides: Sequence[Side]) -> list[int | None]:
    """Return for each hop that which its messages came from, as far as it can be told; else ``None``.

    Two that begin at the same host are branches of one request, and come from the same hop: the last
    one that ends at that host.  A host with several addresses hides both: then it is the hop before.
    """
    by_source: dict[str, int | None] = {}
    last_with: dict[str, int] = {}
    parents: list[int | None] = []
    for number, side in enumerate(sides):
        source = side.source
        if source not in by_source:
            before = last_with.get(source, number - 1)
            by_source[source] = before if before >= 0 else None
        parents.append(by_source[source])
        for host in side.hosts:
            last_with[host] = number
    return parents


def _kind(message: Message) -> object:
    return message.method if message.status is None else message.status
