"""Draws a time line in text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.views import theme, timeline_pages
from tqdecrypt.views.canvas import Canvas
from tqdecrypt.views.markup import Markup
from tqdecrypt.views.timeline import (
    CallBar,
    Crowd,
    SessionBar,
    Timeline,
    at_once,
    ticks,
)
from tqdecrypt.views.words import clean, count, date_of, time_of_day

__all__ = ["TimelineChart"]

SECOND = 1_000_000_000
LEAST_BAR = 16
"""Cells of the axis, however narrow it gets."""
MOST_LABEL = 30
MOST_REMARK = 24
GAP = 2
_UNICODE = {"ring": "░", "talk": "█", "clear": "━", "dark": "╌", "nothing": "·", "begin": "┝"}
_ASCII = {"ring": "-", "talk": "#", "clear": "=", "dark": ".", "nothing": "~", "begin": "|"}
_LEVELS = " ▁▂▃▄▅▆▇█"
_ASCII_LEVELS = " .:-=+*#%"
_UNITS = (
    (3_600 * SECOND, "h"),
    (60 * SECOND, "min"),
    (SECOND, "s"),
    (1_000_000, "ms"),
    (1_000, "µs"),
)


class TimelineChart:
    """Calls and TLS sessions over one axis of time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _Chart(self._timeline, options).lines()

    def svg(self) -> Markup:
        """Return the time line as a picture of its own."""
        return timeline_pages.timeline_picture(self._timeline)

    def html(self) -> Markup:
        """Return picture and table as a fragment of a page."""
        return timeline_pages.timeline_section(self._timeline)


class _Chart:
    """A time line at one width."""

    def __init__(self, timeline: Timeline, options: ConsoleOptions) -> None:
        self._timeline = timeline
        self._marks = theme.glyphs(options)
        self._glyphs = _ASCII if options.ascii_only else _UNICODE
        self._levels = _ASCII_LEVELS if options.ascii_only else _LEVELS
        bars: list[CallBar | SessionBar] = [*timeline.calls, *timeline.sessions]
        labels = [self._label(bar) for bar in bars]
        remarks = [self._remark(bar) for bar in bars]
        room = options.max_width
        self._left = min(max([len("sessions at once"), *map(len, labels)]), MOST_LABEL, room // 3)
        longest = max([len("most 1,000"), *map(len, remarks)])
        self._right = min(longest, MOST_REMARK, room // 4)
        self._cells = max(room - self._left - self._right - 2 * GAP, LEAST_BAR)

    def lines(self) -> Iterator[Text]:
        """Yield the picture from top to bottom."""
        yield from self._heading()
        yield from self._axis()
        timeline = self._timeline
        if timeline.total_calls:
            yield from self._calls()
        if timeline.total_sessions:
            yield from self._sessions()
        if timeline.calls or timeline.sessions:
            yield self._legend()
        if timeline.unkept:
            yield Text(
                f"and {count(timeline.unkept, 'more call or session', 'more calls or sessions')} "
                "that are not shown.",
                theme.NOTICE,
            )

    def _heading(self) -> Iterator[Text]:
        timeline = self._timeline
        line = Text(count(timeline.total_calls, "call"), theme.HEADING)
        line.append(f" and {count(timeline.total_sessions, 'TLS session')}", theme.HEADING)
        span = timeline.end - timeline.start
        line.append(
            f"  {date_of(timeline.start)}, UTC; {length(span)}, "
            f"{length(span // self._cells)} a column",
            theme.DIM,
        )
        yield line

    def _axis(self) -> Iterator[Text]:
        timeline = self._timeline
        size = len(time_of_day(0, 0))
        found = ticks(timeline.start, timeline.end, max(self._cells // (size + 4), 1))
        digits = 3 if len(found) > 1 and found[1] - found[0] < SECOND else 0
        names, marks = Canvas(self._cells), Canvas(self._cells)
        marks.write(0, self._marks.dash * self._cells, theme.DIM)
        free = 0
        for tick in found:
            at = self._cell(tick)
            name = time_of_day(tick, digits)
            marks.write(at, self._marks.bar, theme.DIM)
            if at >= free and at + len(name) <= self._cells:
                names.write(at, name, theme.DIM)
                free = at + len(name) + 2
        yield self._row("", names, Text())
        yield self._row("", marks, Text())

    def _calls(self) -> Iterator[Text]:
        if not self._timeline.calls:
            yield from self._crowd(self._timeline.call_crowd, "calls", "failed")
        for bar in self._timeline.calls:
            canvas, style = Canvas(self._cells), theme.STYLES[bar.tone]
            begin, end = self._cell(bar.started), self._cell(bar.until)
            canvas.write(begin, self._glyphs["ring"] * (end - begin + 1), style)
            if bar.answered is not None:
                answered = min(self._cell(bar.answered), end)
                canvas.write(answered, self._glyphs["talk"] * (end - answered + 1), style)
            elif bar.over:
                canvas.write(end, self._marks.cross, style)
            if not bar.over:
                canvas.write(end, self._marks.right, style)
            yield self._row(self._label(bar), canvas, Text(self._remark(bar), style))

    def _sessions(self) -> Iterator[Text]:
        if not self._timeline.sessions:
            yield from self._crowd(self._timeline.session_crowd, "sessions", "dark")
        for bar in self._timeline.sessions:
            canvas, style = Canvas(self._cells), theme.STYLES[bar.tone]
            begin, end = self._cell(bar.started), self._cell(bar.until)
            kind = {"good": "clear", "bad": "dark"}.get(bar.tone, "nothing")
            canvas.write(begin, self._glyphs[kind] * (end - begin + 1), style)
            if bar.handshake:
                canvas.write(begin, self._glyphs["begin"], style)
            yield self._row(self._label(bar), canvas, Text(self._remark(bar), style))

    def _crowd(self, crowd: Crowd, noun: str, bad: str) -> Iterator[Text]:
        timeline = self._timeline
        every, some = at_once(crowd, timeline.start, timeline.end, self._cells)
        most = max(every)
        for name, counts, style in (
            (f"{noun} at once", every, ""),
            (f"{noun}, {bad}", some, theme.FAILURE),
        ):
            canvas = Canvas(self._cells)
            for at, number in enumerate(counts):
                canvas.write(at, self._level(number, most), style)
            yield self._row(name, canvas, Text(f"most {max(counts):,}", style or theme.DIM))

    def _level(self, number: int, most: int) -> str:
        """Return a block: empty for none, and at least the lowest for one."""
        steps = len(self._levels) - 1
        return self._levels[-(-number * steps // most)]

    def _legend(self) -> Text:
        glyphs, marks = self._glyphs, self._marks
        words = []
        if self._timeline.calls:
            words.append(
                f"{glyphs['ring']} rings  {glyphs['talk']} talks  {marks.cross} not answered"
            )
            if not all(bar.over for bar in self._timeline.calls):
                words.append(f"{marks.right} goes on")
        if self._timeline.sessions:
            words.append(
                f"{glyphs['begin']} handshake  {glyphs['clear']} decrypted  {glyphs['dark']} dark  "
                f"{glyphs['nothing']} nothing to decrypt"
            )
        return Text("  ".join(words), theme.DIM)

    def _label(self, bar: CallBar | SessionBar) -> str:
        if isinstance(bar, CallBar):
            return clean(f"{bar.caller} {self._marks.to} {bar.callee}")
        return clean(f"TLS {bar.session} {bar.client}")

    def _remark(self, bar: CallBar | SessionBar) -> str:
        if isinstance(bar, CallBar):
            return clean(bar.outcome)
        return f"{theme.sign(bar.verdict, self._marks)} {bar.verdict.value}"

    def _cell(self, time: int) -> int:
        timeline = self._timeline
        at = (time - timeline.start) * self._cells // (timeline.end - timeline.start)
        return min(max(at, 0), self._cells - 1)

    def _cut(self, words: str, cells: int) -> str:
        if cell_len(words) <= cells:
            return words
        return set_cell_size(words, cells - 1) + self._marks.more

    def _row(self, label: str, canvas: Canvas, remark: Text) -> Text:
        line = Text(no_wrap=True, overflow="crop")
        name = self._cut(label, self._left)
        line.append(name).append(" " * (self._left - cell_len(name) + GAP))
        line.append_text(canvas.text()).append(" " * GAP)
        line.append(self._cut(remark.plain, self._right), remark.style)
        line.rstrip()
        return line


def length(nanoseconds: int) -> str:
    """Return a time with three digits that count: ``15.2 s``, ``2.50 h``."""
    for unit, name in _UNITS:
        if nanoseconds >= unit:
            value = nanoseconds / unit
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {name}"
    return f"{nanoseconds} ns"
