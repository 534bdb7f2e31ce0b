"""The table of calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.calls import Call, CallState, JointCall
from tqdecrypt.insight.dark_legs import DarkLeg
from tqdecrypt.views import theme
from tqdecrypt.views.grid import Column, Row, draw, table
from tqdecrypt.views.markup import Markup, element
from tqdecrypt.views.words import count, date_of, duration, listed, time_of_day, user_of

__all__ = ["STATE_TONES", "CallRows", "CallsTable", "outcome"]

MOST_ROWS = 1_000
"""Calls that are kept for the table, some two kilobytes each; nobody reads more rows."""
ROOM_FOR_MILLISECONDS = 100
"""Columns of a terminal from which on times have milliseconds."""
MOST_SHOWN_SESSIONS = 6

_COLUMNS = (
    Column("Started", least=8),
    Column("From", least=8, most=32, yields=1),
    Column("To", least=8, most=32, yields=1),
    Column("Result", least=12, most=28, yields=4),
    Column("Time", least=0, right=True, yields=2),
    Column("TLS", least=0, yields=3),
    Column("Call-ID", least=12, yields=5),
)

STATE_TONES: dict[CallState, theme.Tone] = {
    CallState.TRYING: "plain",
    CallState.RINGING: "plain",
    CallState.ESTABLISHED: "good",
    CallState.ENDED: "good",
    CallState.FAILED: "bad",
    CallState.UNANSWERED: "bad",
    CallState.CANCELLED: "notice",
    CallState.REDIRECTED: "notice",
}
"""How a call looks that came so far."""


@dataclass(slots=True)
class CallRows:
    """Collects calls for the table, with a bound on the memory that they take."""

    most: int = MOST_ROWS
    calls: list[Call] = field(default_factory=list)
    """The first calls that ended; :data:`MOST_ROWS` of them unless said otherwise."""
    total: int = 0
    states: Counter[CallState] = field(default_factory=Counter)
    """How all calls ended, also those that are not kept."""
    dark_legs: dict[str, str] = field(default_factory=dict)
    """For a Call-ID whose other leg stayed dark: why that is thought, in words."""
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """For a Call-ID that is a leg of the call of another: that other one, and why, in words."""

    def add(self, call: Call) -> None:
        """Take a call."""
        self.total += 1
        self.states[call.state] += 1
        if len(self.calls) < self.most:
            self.calls.append(call)

    def add_dark_leg(self, leg: DarkLeg) -> None:
        """Take a leg that was inferred."""
        if len(self.dark_legs) < self.most:
            self.dark_legs[leg.call_id] = leg.sentence

    def join(self, call: JointCall) -> None:
        """Take what is known of the legs of a call."""
        if len(self.origins) < self.most:
            call_ids = {leg.number: leg.call_id for leg in call.legs}
            for join in call.joins:
                self.origins[call_ids[join.other]] = call.first.call_id, str(join)


class CallsTable:
    """One row a call, in the order in which they began; adapts to the width of the terminal.

    Further legs of a call stand below its first one, and say why they do.
    """

    def __init__(self, rows: CallRows) -> None:
        self._rows = rows
        begun = {call.call_id: call.started for call in rows.calls}
        self._origins = {leg: why for leg, why in rows.origins.items() if why[0] in begun}
        self._calls = sorted(rows.calls, key=lambda call: self._place(call, begun))

    def _place(self, call: Call, begun: Mapping[str, int]) -> tuple[int, str, bool, int]:
        """Return what calls are sorted by: when the first leg began; the first leg, then the others."""
        first, _ = self._origins.get(call.call_id, (call.call_id, ""))
        return begun[first], first, first != call.call_id, call.started

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._heading()
        if self._calls:
            marks = theme.glyphs(options)
            digits = 3 if options.max_width >= ROOM_FOR_MILLISECONDS else 0
            rows = [self._row(call, digits, marks) for call in self._calls]
            yield from draw(_COLUMNS, rows, options.max_width)
        left = self._rows.total - len(self._calls)
        if left:
            yield Text(
                f"and {count(left, 'more call')}; --calls N lists more, --json all.", theme.NOTICE
            )

    def html(self) -> Markup:
        """Return the table as a fragment of a page."""
        rows = [self._row(call, 3, theme.UNICODE) for call in self._calls]
        left = self._rows.total - len(self._calls)
        return element(
            "section",
            table(_COLUMNS, rows, self._heading()),
            element("p", f"and {count(left, 'more call')}.", class_="notice") if left else None,
            class_="tq calls",
        )

    def _row(self, call: Call, digits: int, marks: theme.Glyphs) -> Row:
        _, joined = self._origins.get(call.call_id, ("", ""))
        return _row(call, digits, marks, joined, self._rows.dark_legs.get(call.call_id, ""))

    def _heading(self) -> Text:
        rows = self._rows
        heading = Text(count(rows.total, "call"), theme.HEADING)
        legs = [f"{len(self._origins):,} of them further legs"] if self._origins else []
        parts = legs + [f"{number:,} {state.value}" for state, number in rows.states.most_common()]
        if parts:
            day = f"; {date_of(self._calls[0].started)}, UTC" if self._calls else ""
            heading.append(f"  {', '.join(parts)}{day}", theme.DIM)
        return heading


def _row(call: Call, digits: int, marks: theme.Glyphs, joined: str, dark: str) -> Row:
    time = time_of_day(call.started, digits)
    said = [*call.findings]
    if joined:
        said.append(f"joined by {joined}")
    if dark:
        said.append(f"a dark leg, {dark}")
    cells = [
        Text(f" {marks.branch}{time}" if joined else time, theme.DIM),
        theme.said(user_of(call.from_uri)),
        theme.said(user_of(call.to_uri)),
        outcome(call),
        Text(_talked(call)),
        Text(_sessions(call, marks)),
        theme.said(call.call_id, theme.DIM),
    ]
    return Row(cells, theme.said("; ".join(said), theme.DIM) if said else None)


def outcome(call: Call) -> Text:
    """Return how a call came out: its final status, or how far it got without one."""
    style = theme.STYLES[STATE_TONES[call.state]]
    if call.final_status is not None:
        return theme.said(f"{call.final_status} {call.reason or ''}".rstrip(), style)
    return Text(call.state.value, style)


def _talked(call: Call) -> str:
    """Return how long the call was answered, as far as it was captured."""
    if call.answered is None:
        return ""
    if call.ended is None:
        return f">{duration(call.last_time - call.answered)}"
    return duration(call.ended - call.answered)


def _sessions(call: Call, marks: theme.Glyphs) -> str:
    sessions = sorted(call.sessions)
    if len(sessions) > MOST_SHOWN_SESSIONS:
        return f"{listed(sessions[:MOST_SHOWN_SESSIONS])} {marks.more}"
    return listed(sessions)
