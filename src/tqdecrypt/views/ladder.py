"""What a ladder shows, before it is drawn: columns, hops between them, and rows.

Columns are hosts in the order of the call's path: whoever sends a request that opens something
stands left of whoever gets it.  A host that talks to itself (a proxy and its client on one machine)
gets a column for each of its endpoints instead, or its arrows would lead nowhere.

A *leg* is one Call-ID; a ladder may have several, and hosts that only a :class:`Mark` names.  A *hop*
is what lies between two columns: a transport, and for TLS the session with its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tqdecrypt.calls import Call
from tqdecrypt.sip import Message, sdp_marks, tag_of
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.views.message import start_line
from tqdecrypt.views.theme import Tone
from tqdecrypt.views.words import count, host_of

__all__ = ["Arrow", "Column", "Event", "Hop", "Ladder", "Mark", "Row", "Story", "lay_out", "waits"]

STEP = 100_000_000
"""Nanoseconds after which a ladder to scale has the first empty row: what people call at once."""
MOST_EMPTY = 20
"""Empty rows before a row, at most: a week has 22."""
MOST_COLUMNS = 32
"""Hosts with a column; all others share one.  A scanner calls thousands with one Call-ID."""
MOST_PORTS = 8
"""Ports that a column names; a client that connects anew for every call has any number."""
_HOLDING = (b"a=sendonly", b"a=inactive", b"c=IN IP4 0.0.0.0")
"""How a session description puts the other side on hold (RFC 3264 section 8.4, and as in RFC 2543)."""


class Mark(NamedTuple):
    """Something that happened and is no message: a connection opened, an alert, bytes missing."""

    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    text: str
    source: str
    """``ip:port`` of who did it, or of one end."""
    destination: str
    """``ip:port`` of the other end."""
    directed: bool = False
    """Whether it went from the one to the other: then it has an arrow head."""
    inferred: bool = False
    """Whether nothing shows it but size and time of records that stayed dark."""
    session: int | None = None
    frame: int | None = None
    tone: Tone = "dim"


class Story(NamedTuple):
    """What a ladder is told from; messages and marks in order of time."""

    messages: Sequence[Message]
    """Of one Call-ID or of several."""
    calls: Sequence[Call] = ()
    """What the call table made of them, as far as they are calls."""
    reports: Mapping[int, SessionReport] = {}
    """TLS sessions by number, as far as they are known."""
    marks: Sequence[Mark] = ()
    joins: Mapping[str, str] = {}
    """Why a Call-ID belongs to the call, in words, for those that were joined to another."""
    notes: Sequence[str] = ()
    """What else is to be said above the ladder: one sentence each."""


class Column(NamedTuple):
    """One vertical line."""

    host: str
    ports: tuple[str, ...]
    """In order of appearance; empty for the column of all further hosts."""

    @property
    def name(self) -> str:
        """``ip:port``, with the ports that were used, up to :data:`MOST_PORTS`."""
        more = ",+" if len(self.ports) > MOST_PORTS else ""
        ports = ",".join(self.ports[:MOST_PORTS])
        return f"{self.host}:{ports}{more}" if ports else self.host


class Hop(NamedTuple):
    """What runs between two columns."""

    left: int
    """Index of a column."""
    right: int
    """Index of the other one; the same when a host has only one endpoint and talks to itself."""
    transport: str
    session: int | None = None
    report: SessionReport | None = None
    """``None`` for clear transports, and when nothing is known of the session."""


class Arrow(NamedTuple):
    """One message."""

    message: Message
    source: int
    """Index of its column."""
    destination: int
    label: str
    delta: int | None
    """Nanoseconds since the message before it; ``None`` for the first."""
    again: bool
    """Whether the same bytes went the same way before."""
    marks: str
    """What its session description says; empty when it has none."""
    leg: int
    """Index of its Call-ID in :attr:`Ladder.legs`."""
    note: str
    """``hold`` or ``resume``, when its session description does that; else empty."""

    @property
    def time(self) -> int:
        """When it was captured."""
        return self.message.time

    @property
    def text(self) -> str:
        """Label with everything that belongs to it: ``INVITE (hold, again)``."""
        notes = ", ".join(filter(None, (self.note, "again" if self.again else "")))
        return f"{self.label} ({notes})" if notes else self.label

    @property
    def tone(self) -> Tone:
        """How it looks: requests stand out, final responses say how it went."""
        status = self.message.status
        if status is None:
            return "strong"
        if status < 200:
            return "plain"
        return "good" if status < 300 else "notice" if status < 400 else "bad"


class Event(NamedTuple):
    """A mark between its columns."""

    mark: Mark
    source: int
    destination: int

    @property
    def time(self) -> int:
        """When it happened."""
        return self.mark.time

    @property
    def text(self) -> str:
        """What stands there."""
        return f"{self.mark.text} (inferred)" if self.mark.inferred else self.mark.text


Row = Arrow | Event


class Ladder(NamedTuple):
    """Everything that is drawn."""

    columns: tuple[Column, ...]
    hops: tuple[Hop, ...]
    legs: tuple[str, ...]
    """Call-IDs in order of appearance."""
    rows: tuple[Row, ...]

    @property
    def arrows(self) -> tuple[Arrow, ...]:
        """The messages."""
        return tuple(row for row in self.rows if isinstance(row, Arrow))


def lay_out(story: Story) -> Ladder:
    """Return the ladder of a story."""
    columns = _Columns(story)
    legs = tuple(dict.fromkeys(message.call_id for message in story.messages))
    arrows = _arrows(story.messages, columns, {leg: number for number, leg in enumerate(legs)})
    events = [
        Event(mark, columns.index(mark.source), columns.index(mark.destination))
        for mark in story.marks
    ]
    return Ladder(
        columns.columns(), tuple(_hops(story, columns)), legs, tuple(_merged(list(arrows), events))
    )


def waits(ladder: Ladder) -> list[int]:
    """Return how many empty rows a ladder to scale has before each row.

    One when 0.1 s passed since the row before, and one more for every doubling of that: a call has
    pauses of milliseconds and of hours, which no even scale shows on one page.
    """
    empty = []
    before: int | None = None
    for row in ladder.rows:
        wait = 0 if before is None else max(row.time - before, 0)
        empty.append(min((wait // STEP).bit_length(), MOST_EMPTY))
        before = row.time
    return empty


class _Columns:
    """Finds the columns and their order."""

    def __init__(self, story: Story) -> None:
        ends = [(m.flow.source, m.flow.destination) for m in story.messages]
        ends += [(mark.source, mark.destination) for mark in story.marks]
        self._alone = {host_of(a) for a, b in ends if host_of(a) == host_of(b)}
        self._order: list[str] = []
        for source, destination in _path(story):
            self._place(self._key(source), self._key(destination))
        self._index = {key: number for number, key in enumerate(self._order)}
        self._ports: dict[str, dict[str, None]] = {key: {} for key in self._order}
        further = set()
        for pair in ends:
            for endpoint in pair:
                key = self._key(endpoint)
                if key in self._index:
                    self._ports[key][endpoint.rpartition(":")[2]] = None
                else:
                    further.add(key)
        self._further = len(further)

    def index(self, endpoint: str) -> int:
        """Return the column of an endpoint; the last one for those without a column of their own."""
        return self._index.get(self._key(endpoint), len(self._order))

    def columns(self) -> tuple[Column, ...]:
        columns = [
            Column(host_of(key) if host_of(key) in self._alone else key, tuple(self._ports[key]))
            for key in self._order
        ]
        if self._further:
            columns.append(Column(count(self._further, "further host"), ()))
        return tuple(columns)

    def _key(self, endpoint: str) -> str:
        host = host_of(endpoint)
        return endpoint if host in self._alone else host

    def _place(self, left: str, right: str) -> None:
        """Take in two hosts, the left one before the right one where neither has its place."""
        order = self._order
        if left not in order and len(order) < MOST_COLUMNS:
            order.insert(order.index(right) if right in order else len(order), left)
        if right not in order and len(order) < MOST_COLUMNS:
            order.append(right)


def _path(story: Story) -> Iterator[tuple[str, str]]:
    """Yield pairs of endpoints, those first that say most about the path of the call.

    A request without To tag opens something (RFC 3261 section 8.1.1.2), so it comes from the left;
    all others go either way.  A response goes against its request.
    """
    opening: list[tuple[int, str, str]] = []
    others: list[tuple[int, str, str]] = []
    for message in story.messages:
        flow = message.flow
        if message.status is not None:
            others.append((message.time, flow.destination, flow.source))
        elif tag_of(message.to):
            others.append((message.time, flow.source, flow.destination))
        else:
            opening.append((message.time, flow.source, flow.destination))
    opening += [(mark.time, mark.source, mark.destination) for mark in story.marks]
    for pairs in (opening, others):
        for _, source, destination in sorted(pairs, key=lambda pair: pair[0]):
            yield source, destination


def _arrows(
    messages: Sequence[Message], columns: _Columns, legs: Mapping[str, int]
) -> Iterator[Arrow]:
    seen: set[tuple[str, str, bytes]] = set()
    held: set[tuple[str, bytes]] = set()
    before: int | None = None
    for message in messages:
        flow = message.flow
        identity = (flow.source, flow.destination, message.raw)
        marks = sdp_marks(message)
        yield Arrow(
            message,
            columns.index(flow.source),
            columns.index(flow.destination),
            start_line(message),
            None if before is None else message.time - before,
            identity in seen,
            marks,
            legs[message.call_id],
            _hold(message, held) if marks else "",
        )
        seen.add(identity)
        before = message.time


def _hold(message: Message, held: set[tuple[str, bytes]]) -> str:
    """Return whether a description puts on hold or ends that, and remember it in *held*."""
    if message.status is not None or not tag_of(message.to):
        return ""
    who = (message.call_id, message.from_)
    body = message.raw[message.body_start :]
    if any(sign in body for sign in _HOLDING):
        held.add(who)
        return "hold"
    if who in held:
        held.discard(who)
        return "resume"
    return ""


def _hops(story: Story, columns: _Columns) -> Iterator[Hop]:
    """Yield each hop once, from left to right."""
    hops: dict[tuple[int, int, str, int | None], Hop] = {}

    def add(source: str, destination: str, transport: str, session: int | None) -> None:
        left, right = sorted((columns.index(source), columns.index(destination)))
        report = None if session is None else story.reports.get(session)
        hops.setdefault(
            (left, right, transport, session), Hop(left, right, transport, session, report)
        )

    for flow in dict.fromkeys(message.flow for message in story.messages):
        add(flow.source, flow.destination, flow.transport, flow.session)
    known = {hop.session for hop in hops.values()}
    for mark in story.marks:
        if mark.session is not None and mark.session not in known:
            add(mark.source, mark.destination, "TLS", mark.session)
    yield from sorted(hops.values(), key=lambda hop: (hop.left, hop.right, hop.session or 0))


def _merged(arrows: Sequence[Arrow], events: Iterable[Event]) -> Iterator[Row]:
    """Yield messages in their order, each event before the first message that is later."""
    waiting = sorted(events, key=lambda event: event.time)
    for arrow in arrows:
        while waiting and waiting[0].time < arrow.time:
            yield waiting.pop(0)
        yield arrow
    yield from waiting
