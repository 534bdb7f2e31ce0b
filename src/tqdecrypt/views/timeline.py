"""Calls and TLS sessions over time, before they are drawn: bars on one axis, or how many at once.

A few dozen are shown one by one: a call rings and then talks, a session begins with its handshake.
Of more than that the picture is how many there were at the same time, and how many of them failed or
were dark.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

from tqdecrypt.calls import Call, CallState
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import MEANINGS, Verdict
from tqdecrypt.views.calls import STATE_TONES, outcome
from tqdecrypt.views.theme import Tone, tone_of
from tqdecrypt.views.words import user_of

__all__ = ["CallBar", "Crowd", "SessionBar", "Timeline", "TimelineRows", "at_once", "ticks"]

SECOND = 1_000_000_000
MOST_BARS = 40
"""Bars of either kind that are drawn one by one: about a screen."""
MOST_SPANS = 500_000
"""Beginnings and ends that are kept, 17 bytes each, for how many there were at once."""

_STEPS = (
    *(unit * factor for unit in (1_000, 1_000_000) for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(SECOND * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)),
    *(SECOND * 3_600 * n for n in (2, 3, 6, 12, 24, 48, 168, 720, 8_760)),
)  # fmt: skip
"""Nanoseconds between two ticks that people can read."""


class CallBar(NamedTuple):
    """One call."""

    call_id: str
    caller: str
    """What a person recognises in the caller's URI."""
    callee: str
    outcome: str
    tone: Tone
    started: int
    answered: int | None
    until: int
    """When it was over, or its last message."""
    over: bool
    """Whether it was over by then."""


class SessionBar(NamedTuple):
    """One TLS session."""

    session: int
    client: str
    server: str
    verdict: Verdict
    started: int
    until: int
    handshake: bool
    """Whether it began with a handshake, or was under way when the capture began."""

    @property
    def tone(self) -> Tone:
        """How its verdict looks."""
        return tone_of(self.verdict)


class Crowd(NamedTuple):
    """Very many calls or sessions."""

    started: Sequence[int]
    until: Sequence[int]
    bad: Sequence[int]
    """1 for a call that failed, or a session that stayed dark at least partly; else 0."""


@dataclass(slots=True)
class _Kept:
    started: array[int] = field(default_factory=lambda: array("q"))
    until: array[int] = field(default_factory=lambda: array("q"))
    bad: array[int] = field(default_factory=lambda: array("b"))
    unkept: int = 0

    def add(self, started: int, until: int, bad: bool) -> bool:
        """Return whether there was room, and the times fit."""
        if len(self.bad) >= MOST_SPANS or not all(-_MOST <= t < _MOST for t in (started, until)):
            self.unkept += 1
            return False
        self.started.append(started)
        self.until.append(max(until, started))
        self.bad.append(bad)
        return True


_MOST = 1 << 63


class Timeline(NamedTuple):
    """Everything that is drawn."""

    start: int
    """Nanoseconds since 1970-01-01 UTC."""
    end: int
    """Later than *start*."""
    calls: tuple[CallBar, ...]
    """In the order in which they began; empty when there are too many to tell apart."""
    sessions: tuple[SessionBar, ...]
    call_crowd: Crowd
    session_crowd: Crowd
    total_calls: int
    total_sessions: int
    unkept: int
    """Calls and sessions beyond :data:`MOST_SPANS`, which are in neither picture."""


class TimelineRows:
    """Collects calls and sessions for a time line, with a bound on the memory that they take."""

    def __init__(self) -> None:
        self._calls: list[CallBar] = []
        self._sessions: list[SessionBar] = []
        self._call_spans = _Kept()
        self._session_spans = _Kept()

    def add_call(self, call: Call) -> None:
        """Take a call."""
        until = call.last_time if call.ended is None else call.ended
        bad = call.state in (CallState.FAILED, CallState.UNANSWERED)
        if not self._call_spans.add(call.started, until, bad) or len(self._calls) > MOST_BARS:
            return
        self._calls.append(
            CallBar(
                call.call_id,
                user_of(call.from_uri),
                user_of(call.to_uri),
                outcome(call).plain,
                STATE_TONES[call.state],
                call.started,
                call.answered,
                max(until, call.started),
                call.ended is not None,
            )
        )

    def add_session(self, report: SessionReport) -> None:
        """Take a session."""
        dark = not MEANINGS[report.verdict].clear
        kept = self._session_spans.add(report.started, report.ended, dark)
        if not kept or len(self._sessions) > MOST_BARS:
            return
        self._sessions.append(
            SessionBar(
                report.session,
                report.client,
                report.server,
                report.verdict,
                report.started,
                max(report.ended, report.started),
                report.roles_known,
            )
        )

    def timeline(self) -> Timeline | None:
        """Return the time line; ``None`` when there is nothing to show."""
        calls, sessions = self._call_spans, self._session_spans
        if not calls.bad and not sessions.bad:
            return None
        start = min(chain(calls.started, sessions.started))
        end = max(chain(calls.until, sessions.until))
        return Timeline(
            start,
            max(end, start + 1),
            _bars(self._calls),
            _bars(self._sessions),
            Crowd(calls.started, calls.until, calls.bad),
            Crowd(sessions.started, sessions.until, sessions.bad),
            len(calls.bad) + calls.unkept,
            len(sessions.bad) + sessions.unkept,
            calls.unkept + sessions.unkept,
        )


_Bar = TypeVar("_Bar", CallBar, SessionBar)


def _bars(bars: list[_Bar]) -> tuple[_Bar, ...]:
    if len(bars) > MOST_BARS:
        return ()
    return tuple(sorted(bars, key=lambda bar: bar.started))


def ticks(start: int, end: int, most: int) -> list[int]:
    """Return round times between two times, at most so many (but one step a year at least)."""
    span = end - start
    step = next((step for step in _STEPS if span // step < max(most, 1)), _STEPS[-1])
    first = -(-start // step) * step
    return list(range(first, end + 1, step))[: max(most, 1)]


def at_once(crowd: Crowd, start: int, end: int, slices: int) -> tuple[list[int], list[int]]:
    """Return how many went on in each slice of the time, and how many of those were bad."""
    every, bad = [0] * (slices + 1), [0] * (slices + 1)
    span = end - start
    for begun, over, is_bad in zip(crowd.started, crowd.until, crowd.bad, strict=True):
        first = min((begun - start) * slices // span, slices - 1)
        after = min((over - start) * slices // span, slices - 1) + 1
        every[first] += 1
        every[after] -= 1
        if is_bad:
            bad[first] += 1
            bad[after] -= 1
    for counts in (every, bad):
        for number in range(1, slices):
            counts[number] += counts[number - 1]
    return every[:slices], bad[:slices]
