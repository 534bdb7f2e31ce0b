"""Draws loss, jitter and level over time: in text, as a picture (SVG), as a part of a page."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.views import svg, theme
from tqdecrypt.views.canvas import Canvas
from tqdecrypt.views.course import Course, CourseLine, Measure, Piece, columns
from tqdecrypt.views.markup import Markup, element, joined
from tqdecrypt.views.media_words import silence_text
from tqdecrypt.views.timeline import ticks
from tqdecrypt.views.timeline_drawing import length
from tqdecrypt.views.words import clean, count, date_of, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.media.association import Assigned, LegMedia

__all__ = ["CourseChart", "WorstCalls", "course_of"]

SECOND = 1_000_000_000

LEFT = 10
"""Cells for ``jitter`` and its like."""
RIGHT = 16
"""Cells for ``most 1,234.5 ms``."""
LEAST_CELLS = 16
_LEVELS = " ▁▂▃▄▅▆▇█"
_ASCII_LEVELS = " .:-=+*#%"
MARGIN = 12
AXIS = 640
SLICES = 160
BAND = 34
"""Height of a row in the picture."""
MOST_TICKS = 6
_STYLES = {"bad": theme.FAILURE, "notice": theme.NOTICE, "name": theme.NAME}


def course_of(legs: Sequence[LegMedia]) -> Course | None:
    """Return the course of all streams of these legs; ``None`` when there are none."""
    return Course.of([_line_of(one) for leg in legs for one in leg.streams])


def _line_of(one: Assigned) -> CourseLine:
    stream, heard = one.stream, one.heard
    step = round(stream.course_step * SECOND)
    pieces = []
    for at, piece in enumerate(stream.course):
        begin = stream.started + at * step
        level = None if heard is None else heard.between(begin, begin + step)
        pieces.append(Piece(piece.packets, piece.lost, piece.jitter, level))
    label = f"{stream.source} → {stream.destination}, to the {one.to.value}"
    if one.encoding:
        label += f", {one.encoding}"
    silence = "" if heard is None else silence_text(heard)
    return CourseLine(label, stream.started, stream.course_step, pieces, silence)


class WorstCalls:
    """Keeps the legs of the calls that fared worst: those that lost most, then the most uneven.

    :param most: calls that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ranked: list[tuple[tuple[float, float, str], Sequence[LegMedia]]] = []

    def __iter__(self) -> Iterator[Sequence[LegMedia]]:
        """Yield the legs of each call, the worst first."""
        return (legs for _, legs in self._ranked)

    def add(self, legs: Sequence[LegMedia]) -> None:
        """Take the legs of a call."""
        streams = [one.stream for leg in legs for one in leg.streams]
        if streams:
            loss = max(one.network_lost / max(one.expected, 1) for one in streams)
            jitter = max(one.jitter_max or 0.0 for one in streams)
            insort(self._ranked, ((-loss, -jitter, legs[0].call_id), legs), key=itemgetter(0))
            del self._ranked[self._most :]


class CourseChart:
    """The streams of one call over one axis of time."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _lines(self._course, options)

    def svg(self, *, own: bool = True) -> Markup:
        """Return a picture.

        :param own: whether it stands alone, and not inside a page.
        """
        return _picture(self._course, own=own)

    def html(self) -> Markup:
        """Return picture and table as a fragment of a page."""
        names = (
            "Stream",
            "Began (UTC)",
            "Packets",
            "Lost",
            "Worst loss",
            "Worst jitter",
            "Loudest",
            "Silent",
        )
        table = element(
            "table",
            element("caption", _title(self._course)),
            element("thead", element("tr", *(element("th", name, scope="col") for name in names))),
            element("tbody", joined(map(_row, self._course.lines))),
        )
        return element(
            "section",
            element("h2", _title(self._course)),
            element("figure", self.svg(own=False)),
            element("details", element("summary", "The same as a table"), table),
            class_="tq course",
        )


def _title(course: Course) -> str:
    levels = ", jitter and level" if any(line.heard for line in course.lines) else " and jitter"
    return f"Loss{levels} of {count(len(course.lines) + course.more, 'stream')} over time"


def _lines(course: Course, options: ConsoleOptions) -> Iterator[Text]:
    cells = max(options.max_width - LEFT - RIGHT - 2, LEAST_CELLS)
    levels = _ASCII_LEVELS if options.ascii_only else _LEVELS
    marks = theme.glyphs(options)
    span = course.end - course.start
    heading = Text(_title(course), theme.HEADING)
    heading.append(
        f"  {date_of(course.start)}, UTC; {length(span)}, {length(span // cells)} a column",
        theme.DIM,
    )
    yield heading
    yield from _axis(course, cells, marks)
    for line in course.lines:
        label = clean(line.label)
        if cell_len(label) > options.max_width:
            label = set_cell_size(label, options.max_width - 1) + marks.more
        yield Text(label)
        for measure in columns(course, line, cells):
            canvas = Canvas(cells)
            for at in range(cells):
                canvas.write(at, _level(measure.height(at), levels), _STYLES[measure.tone])
            row = Text(f"  {measure.name}".ljust(LEFT), theme.DIM, no_wrap=True, overflow="crop")
            row.append_text(canvas.text()).append("  ").append(measure.worst, theme.DIM)
            yield row
    if course.more:
        yield Text(f"and {count(course.more, 'more stream')}.", theme.NOTICE)


def _axis(course: Course, cells: int, marks: theme.Glyphs) -> Iterator[Text]:
    found = ticks(course.start, course.end, max(cells // 12, 1))
    names, dashes = Canvas(cells), Canvas(cells)
    dashes.write(0, marks.dash * cells, theme.DIM)
    free = 0
    for tick in found:
        at = min((tick - course.start) * cells // (course.end - course.start), cells - 1)
        name = time_of_day(tick, 0)
        dashes.write(at, marks.bar, theme.DIM)
        if at >= free and at + len(name) <= cells:
            names.write(at, name, theme.DIM)
            free = at + len(name) + 2
    for canvas in (names, dashes):
        row = Text(" " * LEFT)
        row.append_text(canvas.text())
        row.rstrip()
        yield row


def _level(height: float | None, levels: str) -> str:
    """Return a block: blank without packets or at 0, and at least the lowest for anything more."""
    if not height:
        return " "
    steps = len(levels) - 1
    return levels[min(max(-int(-height * steps // 1), 1), steps)]


def _picture(course: Course, *, own: bool) -> Markup:
    left = MARGIN + 8 * svg.CELL
    right = left + AXIS + 10
    y = MARGIN + 60.0
    content = [
        svg.text(MARGIN, MARGIN + 12, _title(course), "strong"),
        svg.text(right - 10, MARGIN + 12, f"{date_of(course.start)}, UTC", "dim", anchor="end"),
    ]
    top = y - 12
    for line in course.lines:
        content.append(svg.text(MARGIN, y + 12, svg.fitted(clean(line.label), 96)))
        y += 22
        for measure in columns(course, line, SLICES):
            content.append(_band(measure, left, right, y))
            y += BAND + 6
        y += 10
    if course.more:
        content.append(svg.text(MARGIN, y + 8, f"and {count(course.more, 'more stream')}", "dim"))
        y += 18
    guides = list(_guides(course, left, top, y))
    return svg.picture(
        right + RIGHT * svg.CELL + MARGIN,
        y + MARGIN,
        [*guides, *content],
        title=_title(course),
        description=" ".join(_sentence(line) for line in course.lines),
        own=own,
    )


def _guides(course: Course, left: float, top: float, bottom: float) -> Iterator[Markup]:
    for tick in ticks(course.start, course.end, MOST_TICKS):
        x = left + AXIS * (tick - course.start) / (course.end - course.start)
        yield svg.line(x, top, x, bottom, "line")
        name = time_of_day(tick, 0)
        yield svg.text(x, top - 4, name, "dim", anchor="middle", small=True)
    yield svg.line(left, top, left + AXIS, top, "line")


def _band(measure: Measure, left: float, right: float, y: float) -> Markup:
    """Return one row: an area for each stretch without a hole."""
    width, bottom = AXIS / SLICES, y + BAND
    shapes = [svg.line(left, bottom, left + AXIS, bottom, "line")]
    corners: list[tuple[float, float]] = []
    for at in range(SLICES + 1):
        height = measure.height(at) if at < SLICES else None
        if height is None:
            if corners:
                shapes.append(svg.area([*corners, (corners[-1][0], bottom)]))
                corners = []
            continue
        if not corners:
            corners = [(left + at * width, bottom)]
        level = bottom - BAND * height
        corners += [(left + at * width, level), (left + (at + 1) * width, level)]
    tone = measure.tone if measure.shows_anything else "dim"
    words = [
        svg.text(MARGIN, bottom - 4, measure.name, "dim"),
        svg.text(right, bottom - 4, measure.worst, tone),
    ]
    title = f"{measure.name}: {measure.worst}"
    return svg.group([*words, svg.group(shapes, tone=measure.tone)], title=title)


def _sentence(line: CourseLine) -> str:
    lost = sum(piece.lost for piece in line.pieces)
    worst = max(piece.jitter for piece in line.pieces)
    return f"{clean(line.label)}: {count(lost, 'packet')} lost, jitter up to {worst:.1f} ms."


def _row(line: CourseLine) -> Markup:
    packets = sum(piece.packets for piece in line.pieces)
    lost = sum(piece.lost for piece in line.pieces)
    levels = [piece.level for piece in line.pieces if piece.level is not None]
    cells = (
        time_of_day(line.started),
        f"{packets:,}",
        f"{lost:,}",
        f"{max(piece.loss for piece in line.pieces):.1f} %",
        f"{max(piece.jitter for piece in line.pieces):.1f} ms",
        f"{max(levels)} dBov" if levels else "not decoded",
        line.silence,
    )
    return element(
        "tr",
        element("th", clean(line.label), scope="row"),
        *(element("td", cell, class_="number") for cell in cells),
    )
