"""Sinks that keep what the commands show, each with a bound on its memory."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tls.verdict import MEANINGS
from tqdecrypt.views.calls import MOST_ROWS, CallRows
from tqdecrypt.views.message import message_line
from tqdecrypt.views.sessions import SessionRows

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport
    from tqdecrypt.views.timeline import TimelineRows

__all__ = [
    "JoinedCalls",
    "ListedSessions",
    "MessageLines",
    "Nothing",
    "OneCall",
    "OneSession",
    "SeveralCalls",
    "Tables",
]

MOST_CANDIDATES = 64
"""Call-IDs that fit what was asked for and are kept until it is clear which one was meant."""
MOST_MESSAGES = 5_000
"""Messages of one call that are kept for its ladder."""
MOST_REPORTS = 100_000
"""TLS sessions that are remembered until it is known which ones a call used, 3 kB each."""


class Nothing:
    """A sink for whoever has everything from elsewhere."""

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""


class Tables:
    """Keeps rows for the tables."""

    timeline: TimelineRows | None = None
    """What is kept for a time line, when somebody wants one."""

    def __init__(self, most_calls: int = MOST_ROWS) -> None:
        self.calls = CallRows(most_calls)
        self.sessions = SessionRows()

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.sessions.add(report)
        if self.timeline is not None:
            self.timeline.add_session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.calls.add(call)
        if self.timeline is not None:
            self.timeline.add_call(call)


class MessageLines(Tables):
    """Writes a line for each message as it comes, too."""

    def __init__(self, write: Callable[[str], None], most_calls: int = MOST_ROWS) -> None:
        super().__init__(most_calls)
        self._write = write

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._write(message_line(message) + "\n")


class Kept:
    """The messages of one Call-ID."""

    __slots__ = ("call", "cut", "messages", "places")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.places: list[int] = []
        """Of each of them, how many messages of the capture came before it."""
        self.cut = 0
        """Messages beyond :data:`MOST_MESSAGES`."""
        self.call: Call | None = None


class OneCall:
    """Keeps the messages of the call that *wanted* names.

    The whole Call-ID counts before its beginning, and that before any part of it.
    """

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._ranks: tuple[dict[str, Kept], ...] = ({}, {}, {})
        self.reports: dict[int, SessionReport] = {}
        self.unkept = 0
        """Messages of further Call-IDs that fit, beyond :data:`MOST_CANDIDATES`."""
        self._seen = 0

    @property
    def wanted(self) -> str:
        """What was asked for."""
        return self._wanted

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._seen += 1
        call_id = message.call_id
        if self._wanted not in call_id:
            return
        kept = self._kept(call_id)
        if kept is None:
            self.unkept += 1
        elif len(kept.messages) < MOST_MESSAGES:
            kept.messages.append(message)
            kept.places.append(self._seen)
        else:
            kept.cut += 1

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if len(self.reports) < MOST_REPORTS:
            self.reports[report.session] = report

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        for rank in self._ranks:
            kept = rank.get(call.call_id)
            if kept is not None and (kept.call is None or call.messages > kept.call.messages):
                kept.call = call

    @property
    def candidates(self) -> dict[str, Kept]:
        """What fits best: one Call-ID when it is clear which one was meant."""
        return next((rank for rank in self._ranks if rank), {})

    def _kept(self, call_id: str) -> Kept | None:
        wanted = self._wanted
        rank = self._ranks[0 if call_id == wanted else 1 if call_id.startswith(wanted) else 2]
        kept = rank.get(call_id)
        if kept is None and len(rank) < MOST_CANDIDATES:
            kept = rank[call_id] = Kept()
        return kept


class SeveralCalls:
    """Keeps the messages of several calls, each named as for :class:`OneCall`."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.each = [OneCall(one) for one in wanted]

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        for one in self.each:
            one.message(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        for one in self.each:
            one.session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        for one in self.each:
            one.call(call)

    def found(self) -> Found:
        """Return the calls that were meant, as one; each name fits exactly one Call-ID."""
        kept = {call_id: one for sink in self.each for call_id, one in sink.candidates.items()}
        placed = [
            (place, message)
            for one in kept.values()
            for place, message in zip(one.places, one.messages, strict=True)
        ]
        return Found(
            [message for _, message in sorted(placed, key=itemgetter(0))],
            [one.call for one in kept.values() if one.call is not None],
            self.each[0].reports,
            sum(one.cut for one in kept.values()),
        )


class JoinedCalls:
    """Remembers which legs belong to the calls that are asked for.

    :param wanted: as for :class:`OneCall`.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = tuple(wanted)
        self._calls: list[JointCall] = []
        self._dark: list[DarkLeg] = []

    def take_dark(self, leg: DarkLeg) -> None:
        """Take a leg that was inferred."""
        if len(self._dark) < MOST_CANDIDATES and any(
            wanted in leg.call_id for wanted in (*self._wanted, *self.call_ids)
        ):
            self._dark.append(leg)

    def take(self, call: JointCall) -> None:
        """Take a call that is over."""
        if (
            len(call.legs) > 1
            and len(self._calls) < MOST_CANDIDATES
            and any(wanted in call_id for wanted in self._wanted for call_id in call.call_ids)
        ):
            self._calls.append(call)

    def with_legs(self, call_ids: Iterable[str]) -> list[str]:
        """Return *call_ids* and those of all legs joined to them."""
        whole = dict.fromkeys(call_ids)
        for call in self._calls:
            if not whole.keys().isdisjoint(call.call_ids):
                whole.update(dict.fromkeys(call.call_ids))
        return list(whole)

    @property
    def call_ids(self) -> list[str]:
        """Of all legs of the calls that were remembered."""
        return [call_id for call in self._calls for call_id in call.call_ids]

    def dark_legs(self, call_ids: Container[str]) -> list[DarkLeg]:
        """Return the dark legs that continue one of *call_ids*."""
        return [leg for leg in self._dark if leg.call_id in call_ids]

    def joins(self) -> dict[str, str]:
        """Return why each Call-ID that was joined to another was, in words."""
        words = {}
        for call in self._calls:
            call_ids = {leg.number: leg.call_id for leg in call.legs}
            for join in call.joins:
                words[call_ids[join.other]] = f"to {call_ids[join.leg]} by {join}"
        return words


class Found(NamedTuple):
    """Calls that were asked for."""

    messages: list[Message]
    """In the order in which they came."""
    calls: list[Call]
    reports: dict[int, SessionReport]
    cut: int
    """Messages beyond :data:`MOST_MESSAGES`."""
    joins: Mapping[str, str] = {}
    """Why a Call-ID was joined to another, in words."""
    dark_legs: Sequence[DarkLeg] = ()

    @property
    def call_ids(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(message.call_id for message in self.messages))

    def apart(self, with_legs: Callable[[Iterable[str]], list[str]]) -> Iterator[Found]:
        """Yield each call by itself, all its legs together; *with_legs* says which are."""
        left = dict.fromkeys(self.call_ids)
        while left:
            theirs = [call_id for call_id in with_legs([next(iter(left))]) if call_id in left]
            for call_id in theirs:
                del left[call_id]
            yield self._replace(
                messages=[message for message in self.messages if message.call_id in theirs],
                calls=[call for call in self.calls if call.call_id in theirs],
                dark_legs=[leg for leg in self.dark_legs if leg.call_id in theirs],
            )


class OneSession:
    """Keeps the report of one TLS session and counts the others."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.report: SessionReport | None = None
        self.total = 0

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self.total += 1
        if report.session == self.wanted:
            self.report = report

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""


class ListedSessions(OneSession):
    """Keeps the report of the first session and the rows of all: the first may be the only one."""

    def __init__(self) -> None:
        super().__init__(1)
        self.rows = SessionRows()
        self.first_dark: int | None = None
        """Number of the first session that stayed dark."""

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        super().session(report)
        self.rows.add(report)
        before = self.first_dark
        if not MEANINGS[report.verdict].clear and (before is None or report.session < before):
            self.first_dark = report.session
