"""Loss, jitter and level of a call's streams over time, before they are drawn: columns over one axis.

Each stream has the pieces in which it was measured, of a second or more.  A column of a picture shows the
worst of the pieces that fall into it, so that a burst of a second is seen in a call of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LOUDEST", "QUIETEST", "Course", "CourseLine", "Measure", "Piece", "columns"]

SECOND = 1_000_000_000
MOST_LINES = 12
"""Streams of a call that are drawn: six legs with both directions."""
QUIETEST, LOUDEST = -70, 0
"""dBov between which levels are drawn."""


class Piece(NamedTuple):
    """What was measured in a piece of time."""

    packets: int
    lost: int
    jitter: float
    """Milliseconds, the worst."""
    level: int | None = None
    """dBov; ``None`` when nobody listened."""

    @property
    def loss(self) -> float:
        """Percent of the packets that should have come."""
        expected = self.packets + self.lost
        return 100 * self.lost / expected if expected else 0.0


class CourseLine(NamedTuple):
    """One stream."""

    label: str
    """Who speaks, and with which codec."""
    started: int
    """Nanoseconds since 1970-01-01 UTC."""
    step: float
    """Seconds of a piece."""
    pieces: Sequence[Piece]
    silence: str = ""
    """How much of it was silent, in words; empty when nobody listened."""

    @property
    def until(self) -> int:
        """When its last piece ends."""
        return self.started + round(len(self.pieces) * self.step * SECOND)

    @property
    def heard(self) -> bool:
        """Whether levels are known."""
        return any(piece.level is not None for piece in self.pieces)


class Measure(NamedTuple):
    """One row of a picture: what is measured of a stream."""

    name: str
    unit: str
    tone: str
    values: tuple[float | None, ...]
    """One a column; ``None`` where there was nothing."""
    least: float
    """Of the scale."""
    most: float

    @property
    def worst(self) -> str:
        """The remark beside it."""
        known = [value for value in self.values if value is not None]
        if not known:
            return "nothing"
        digits = 0 if self.unit == "dBov" else 1
        return f"most {max(known):,.{digits}f} {self.unit}"

    @property
    def shows_anything(self) -> bool:
        """Whether any column is above the bottom."""
        return any(map(self.height, range(len(self.values))))

    def height(self, at: int) -> float | None:
        """Return how high column *at* is, from 0 to 1."""
        value = self.values[at]
        if value is None:
            return None
        return min(max((value - self.least) / (self.most - self.least), 0.0), 1.0)


class Course(NamedTuple):
    """Everything that is drawn."""

    start: int
    end: int
    """Later than *start*."""
    lines: tuple[CourseLine, ...]
    more: int
    """Streams beyond :data:`MOST_LINES`."""

    @classmethod
    def of(cls, lines: Sequence[CourseLine]) -> Course | None:
        """Return what is drawn of these streams; ``None`` when there is nothing."""
        shown = [line for line in lines if line.pieces]
        if not shown:
            return None
        start = min(line.started for line in shown)
        end = max(line.until for line in shown)
        kept = tuple(shown[:MOST_LINES])
        return cls(start, max(end, start + 1), kept, len(shown) - len(kept))


def columns(course: Course, line: CourseLine, cells: int) -> list[Measure]:
    """Return the rows of one stream in so many columns."""
    span = course.end - course.start
    loss: list[float | None] = [None] * cells
    jitter: list[float | None] = [None] * cells
    level: list[float | None] = [None] * cells
    for number, piece in enumerate(line.pieces):
        begin = line.started + round(number * line.step * SECOND) - course.start
        end = line.started + round((number + 1) * line.step * SECOND) - course.start
        first = min(begin * cells // span, cells - 1)
        last = min(max(-(-end * cells // span) - 1, first), cells - 1)
        for at in range(first, last + 1):
            if piece.packets or piece.lost:
                loss[at] = max(loss[at] or 0.0, piece.loss)
            if piece.packets:
                jitter[at] = max(jitter[at] or 0.0, piece.jitter)
            if piece.level is not None:
                before = level[at]
                level[at] = piece.level if before is None else max(before, piece.level)
    worst_loss = max((value for value in loss if value is not None), default=0.0)
    worst_jitter = max((value for value in jitter if value is not None), default=0.0)
    found = [
        # A tenth of a percent is no mountain: scales end at 2 % and 20 ms at least.
        Measure("loss", "%", "bad", tuple(loss), 0, max(worst_loss, 2.0)),
        Measure("jitter", "ms", "notice", tuple(jitter), 0, max(worst_jitter, 20.0)),
    ]
    if line.heard:
        found.append(Measure("level", "dBov", "name", tuple(level), QUIETEST, LOUDEST))
    return found
