"""Legs that stayed encrypted, inferred from the times of records (marked so wherever they are shown).

An SBC sends on what it gets within milliseconds: for each message that reaches it on a clear leg, a record
leaves it on the dark one shortly after; for each message that it sends on the clear leg, a record came
shortly before.  Any busy connection has records at any time, so what counts is how improbable it is that
the records of *another* call fit as well: with records at a rate of *r* in a direction, one falls into a
window of *w* by chance with the probability 1 - exp(-rw).  A leg is inferred when that all fitted by
chance is less probable than :data:`MOST_CHANCE`, after every session and window that was tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.calls.boxes import Boxes
from tqdecrypt.insight.dark_records import DarkRecord, DarkRecords, DarkSession, Direction
from tqdecrypt.insight.evidence import address_of

if TYPE_CHECKING:
    from tqdecrypt.calls.joint_call import JointCall
    from tqdecrypt.calls.leg import Leg

__all__ = ["DarkLeg", "DarkMessage", "infer_dark_legs"]

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

WINDOWS = tuple(MILLISECOND * w for w in (5, 20, 50, 100, 250, 1000))
"""How long a box takes to send a message on: some look numbers up first."""
MOST_CHANCE = 1e-4
"""How probable it may be that everything fits by chance."""
LEAST_MATCHES = 4
"""Messages with a fitting record: INVITE, ringing, answer and ACK."""
LEAST_SHARE = 0.8
"""Share of the messages that must have one: a box answers some by itself."""
AROUND = 30 * SECOND
"""Records so long before and after the call count for the rate."""
MOST_EVENTS = 40
MOST_SESSIONS = 200
"""Sessions of a box that are tried, the latest."""

_CHALLENGES = frozenset({401, 407})
_SENT_ON = frozenset({"INVITE", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO"})
_ANSWERED_ON = frozenset({"INVITE", "UPDATE"})
"""Responses to others, a box gives by itself: to CANCEL always, to BYE mostly."""


class _Event(NamedTuple):
    """A message of the clear leg that the box sends on, or has sent on."""

    time: int
    inbound: bool
    """Whether it reached the box; otherwise the box sent it."""
    label: str


class DarkMessage(NamedTuple):
    """A record that fits a message of the clear leg."""

    label: str
    """That message: ``INVITE``, ``180 INVITE``."""
    source: str
    """``ip:port``."""
    destination: str
    record: DarkRecord


class DarkLeg(NamedTuple):
    """A leg that nobody could read, inferred."""

    call_id: str
    """Of the clear leg that it continues."""
    session: int
    box: str
    """Address of the host between the two legs."""
    client: str
    """``ip:port`` of the session's TLS client."""
    server: str
    messages: tuple[DarkMessage, ...]
    expected: int
    """Messages of the clear leg that should have a record."""
    window: int
    """Nanoseconds within which they have."""
    chance: float
    """How probable it is that they have by chance, in all that was tried."""

    @property
    def sentence(self) -> str:
        """What proves it, for a person."""
        chance = "1 in a billion" if self.chance < 1e-9 else f"1 in {1 / self.chance:,.0f}"
        return (
            f"inferred: {len(self.messages)} of {self.expected} messages have a record of TLS session "
            f"{self.session} within {self.window // MILLISECOND} ms; by chance {chance} at the most"
        )


def infer_dark_legs(
    call: JointCall, records: DarkRecords, boxes: Boxes | None = None
) -> list[DarkLeg]:
    """Return the dark legs that times speak for: at most one for each box at an open end of a leg."""
    if not len(records):
        return []
    found = []
    boxes = boxes or Boxes()
    for leg in call.legs:
        for box in _open_ends(leg, call.legs):
            events = sorted(_events(leg, box))[:MOST_EVENTS]
            if len(events) >= LEAST_MATCHES:
                known = {host for pair in _hops(leg) for host in pair}
                best = _best(leg, box, events, records, known, boxes)
                if best is not None:
                    found.append(best)
    return found


def _best(
    leg: Leg,
    box: str,
    events: Sequence[_Event],
    records: DarkRecords,
    known: set[str],
    boxes: Boxes,
) -> DarkLeg | None:
    """Return the best fit among the sessions of any address of the box."""
    sides = boxes.addresses_of(box)
    candidates = [
        (session, side)
        for side in sides
        for session in records.sessions_of(side)
        if _other_end(session, side) not in known - {box} and _other_end(session, side) not in sides
    ][-MOST_SESSIONS:]
    tried = len(candidates) * len(WINDOWS)
    best: DarkLeg | None = None
    for session, side in candidates:
        for window in WINDOWS:
            attempt = _fit(leg, side, events, session, window, tried)
            if attempt is not None and (best is None or attempt.chance < best.chance):
                best = attempt
    return best


def _fit(
    leg: Leg, box: str, events: Sequence[_Event], session: DarkSession, window: int, tried: int
) -> DarkLeg | None:
    box_is_client = address_of(session.client) == box
    outward, inward = session.to_server, session.to_client
    near, far = session.client, session.server
    if not box_is_client:
        outward, inward, near, far = inward, outward, far, near
    begin, end = events[0].time - AROUND, events[-1].time + AROUND
    rates = [direction.between(begin, end) / (end - begin) for direction in (outward, inward)]
    matched: list[DarkMessage] = []
    chances: list[float] = []
    used: set[tuple[bool, int]] = set()
    for event in events:
        direction = outward if event.inbound else inward
        chances.append(-math.expm1(-rates[not event.inbound] * window))
        at = _record_for(event, direction, window)
        if at is None or (event.inbound, at) in used:
            continue
        used.add((event.inbound, at))
        ends = (near, far) if event.inbound else (far, near)
        matched.append(DarkMessage(event.label, *ends, _record(direction, at, session.number)))
    if len(matched) < max(LEAST_MATCHES, LEAST_SHARE * len(events)):
        return None
    chance = min(1.0, _at_least(len(matched), chances) * tried)
    if chance > MOST_CHANCE:
        return None
    return DarkLeg(
        leg.call_id,
        session.number,
        box,
        session.client,
        session.server,
        tuple(matched),
        len(events),
        window,
        chance,
    )


def _record_for(event: _Event, direction: Direction, window: int) -> int | None:
    if event.inbound:
        return direction.first_after(event.time, event.time + window)
    return direction.last_before(event.time - window, event.time)


def _record(direction: Direction, at: int, session: int) -> DarkRecord:
    return DarkRecord(direction.times[at], direction.sizes[at], direction.frames[at], session)


def _at_least(matches: int, chances: Sequence[float]) -> float:
    """Return the probability that at least *matches* of independent events happen (exactly)."""
    ways = [1.0]
    for chance in chances:
        with_it = [0.0, *(way * chance for way in ways)]
        without = [*(way * (1 - chance) for way in ways), 0.0]
        ways = [a + b for a, b in zip(with_it, without, strict=True)]
    return sum(ways[matches:])


def _open_ends(leg: Leg, legs: Sequence[Leg]) -> Iterator[str]:
    """Yield the hosts at the ends of a leg that no other leg of the call touches."""
    taken = {host for other in legs if other is not leg for pair in _hops(other) for host in pair}
    hops = _hops(leg)
    for host in dict.fromkeys(host for pair in hops for host in pair):
        neighbours = {other for pair in hops if host in pair for other in pair} - {host}
        if host not in taken and len(neighbours) == 1:
            yield host


def _hops(leg: Leg) -> list[tuple[str, str]]:
    return [(address_of(hop.source), address_of(hop.destination)) for hop in leg.hops]


def _events(leg: Leg, box: str) -> Iterator[_Event]:
    """Yield the messages of a leg that *box* sends on to the other leg, or got from there."""
    for transaction in leg.transactions:
        final = transaction.final
        flow = transaction.flow
        if transaction.method not in _SENT_ON or (final and final.status in _CHALLENGES):
            continue
        inbound = address_of(flow.destination) == box
        if not inbound and address_of(flow.source) != box:
            continue
        if transaction.request_seen:
            yield _Event(transaction.started, inbound, transaction.method)
        for response in transaction.responses if transaction.method in _ANSWERED_ON else ():
            if response.status > 100:
                label = f"{response.status} {transaction.method}"
                yield _Event(response.time, not inbound, label)
        if transaction.acknowledged is not None and final is not None and final.status < 300:
            yield _Event(transaction.acknowledged, inbound, "ACK")


def _other_end(session: DarkSession, box: str) -> str:
    client, server = address_of(session.client), address_of(session.server)
    return server if client == box else client
