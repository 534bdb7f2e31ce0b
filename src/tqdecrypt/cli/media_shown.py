"""How ``tqdecrypt media`` shows what has settled: as JSON lines, as a table, or line by line as calls end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tqdecrypt.cli.screen import Screen
    from tqdecrypt.insight import Finding
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.stream import Stream
    from tqdecrypt.media.verdict import MediaVerdict
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.views.course_drawing import CourseChart

__all__ = ["JsonShown", "LinesShown", "Shown", "TableShown"]

MOST_DRAWN = 100
"""Calls whose course is drawn."""


class Shown(Protocol):
    """Takes what has settled."""

    def call(self, call: CallMedia, place: int) -> None:
        """A call.

        :param place: by what calls are ordered, where something is.
        """

    def stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        """A stream that no session description announces.

        :param call_id: of the call that it belonged to until that had settled; mostly empty.
        """

    def flush(self) -> None:
        """Nothing more is there at the moment."""

    def finish(self, findings: Sequence[Finding], summary: Summary | None) -> None:
        """That was all."""


class JsonShown:
    """Writes JSON lines."""

    def __init__(self) -> None:
        from tqdecrypt.export import JsonLines

        self._sink = JsonLines(sys.stdout)

    def call(self, call: CallMedia, place: int) -> None:
        """See :class:`Shown`."""
        from tqdecrypt.export.media import media_objects

        for one in media_objects(call):
            self._sink.write_object(one)

    def stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        """See :class:`Shown`."""
        from tqdecrypt.export.media import unassigned_object

        self._sink.write_object(unassigned_object(stream, verdict, call_id))

    def flush(self) -> None:
        """See :class:`Shown`."""
        self._sink.flush()

    def finish(self, findings: Sequence[Finding], summary: Summary | None) -> None:
        """See :class:`Shown`."""
        for finding in findings:
            self._sink.finding(finding)
        if summary is not None:
            self._sink.summary(summary)
        self._sink.flush()


class TableShown:
    """Keeps rows for a table at the end.

    :param most: rows that it has.
    :param drawn: whether the courses of calls are drawn.
    """

    def __init__(self, screen: Screen, most: int, *, drawn: bool) -> None:
        from tqdecrypt.views.media import MediaRows

        self._screen = screen
        self._rows = MediaRows(most, ascii_only=screen.ascii_only)
        self._drawn = drawn
        self._charts: list[CourseChart] = []

    def call(self, call: CallMedia, place: int) -> None:
        """See :class:`Shown`."""
        self._rows.call(call, place)
        self._draw(call)

    def stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        """See :class:`Shown`."""
        self._rows.stream(stream, verdict, call_id)

    def flush(self) -> None:
        """See :class:`Shown`."""

    def finish(self, findings: Sequence[Finding], summary: Summary | None) -> None:
        """See :class:`Shown`."""
        from rich.text import Text

        from tqdecrypt.views.media import MediaTableView

        self._screen.print(MediaTableView(self._rows), Text())
        self._finish(findings, summary)

    def _draw(self, call: CallMedia) -> None:
        from tqdecrypt.views.course_drawing import CourseChart, course_of

        if self._drawn and len(self._charts) < MOST_DRAWN:
            course = course_of(call.legs)
            if course is not None:
                self._charts.append(CourseChart(course))

    def _finish(self, findings: Sequence[Finding], summary: Summary | None) -> None:
        from rich.text import Text

        from tqdecrypt.views import FindingsList, SummaryLines

        for chart in self._charts:
            self._screen.print(chart, Text())
        if findings:
            self._screen.print(FindingsList(findings), Text())
        if summary is not None:
            self._screen.print(SummaryLines(summary, () if self._screen.is_terminal else None))


class LinesShown(TableShown):
    """Prints the rows of each call when it has settled, and how many there were at the end.

    :param most: not used: every row is printed.
    """

    def __init__(self, screen: Screen, most: int, *, drawn: bool) -> None:
        from tqdecrypt.views.media import MediaLines

        super().__init__(screen, 0, drawn=drawn)
        self._lines = MediaLines()

    def call(self, call: CallMedia, place: int) -> None:
        """See :class:`Shown`."""
        self._lines.add(self._rows.call(call, place))
        self._draw(call)

    def stream(self, stream: Stream, verdict: MediaVerdict, call_id: str) -> None:
        """See :class:`Shown`."""
        self._lines.add([self._rows.stream(stream, verdict, call_id)])

    def flush(self) -> None:
        """See :class:`Shown`."""
        if self._lines:
            self._screen.print(self._lines)
        self._screen.flush()

    def finish(self, findings: Sequence[Finding], summary: Summary | None) -> None:
        """See :class:`Shown`."""
        from rich.text import Text

        if self._lines:
            self._screen.print(self._lines)
        self._screen.print(Text(), self._rows.heading(), Text())
        self._finish(findings, summary)
