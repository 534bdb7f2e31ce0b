"""Draws a ladder in text: times on the left, arrows between the columns, frames and proof on the right.

Where the labels (or enough of them) fit between the columns they stand on the arrows; where they do
not, all of them stand above.  Where the names of the columns do not fit, letters stand for them, told above.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.sip import Message
from tqdecrypt.views import ladder_pages, theme
from tqdecrypt.views.canvas import Canvas
from tqdecrypt.views.heading import heading
from tqdecrypt.views.hops import Caption, captions
from tqdecrypt.views.ladder import Arrow, Ladder, Row, Story, lay_out, waits
from tqdecrypt.views.markup import Markup
from tqdecrypt.views.words import clean, delta, ports_of, time_of_day

__all__ = ["CallLadder"]

LEAST_GAP = 4
"""Columns are never nearer: an arrow needs a shaft and a head."""
MOST_GAP = 40
"""Columns are never farther apart: the eye has to follow."""
LEAST_LABEL = 24
"""Cells of a label that have to fit on its arrow: one long reason phrase is cut rather than that it
changes the whole picture."""
ROOM_FOR_MICROSECONDS = 100
DELTA = 5
"""Cells of ``+123.`` and of the point; the digits come on top."""


class CallLadder:
    """One call from its header to its last message, over all its legs.

    :param story: its messages, at least one, and what else is known.
    :param to_scale: whether empty rows stand for time that passed.
    """

    def __init__(self, story: Story, *, to_scale: bool = False) -> None:
        self._story = story
        self._to_scale = to_scale
        self._ladder = lay_out(story)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        yield from heading(self._story, self._ladder, marks)
        yield Text()
        yield from _Drawing(self._ladder, options.max_width, marks, self._to_scale).lines()

    def svg(self) -> Markup:
        """Return the ladder as a picture of its own."""
        return ladder_pages.ladder_picture(self._ladder, to_scale=self._to_scale)

    def html(self) -> Markup:
        """Return heading, picture and table as a fragment of a page."""
        return ladder_pages.ladder_section(self._story, self._ladder, to_scale=self._to_scale)


class _Drawing:
    """A ladder at one width."""

    def __init__(self, ladder: Ladder, width: int, marks: theme.Glyphs, to_scale: bool) -> None:
        self._ladder = ladder
        self._width = width
        self._marks = marks
        self._waits = waits(ladder) if to_scale else [0] * len(ladder.rows)
        self._digits = 6 if width >= ROOM_FOR_MICROSECONDS else 3
        self._legs = len(ladder.legs) > 1
        self._frames = max((len(_frame(row)) for row in ladder.rows), default=1)
        self._leg = 0
        if self._legs:  # then the names of the columns stand above them
            self._frames = max(self._frames, len("frame"))
            self._leg = max(len(str(len(ladder.legs))), len("leg")) + 2
        proofs = [self._proof(row)[0] for row in ladder.rows]
        self._right = self._frames + 2 + self._leg + max(map(len, proofs), default=0)
        self._delta = DELTA + self._digits
        self._left = len(time_of_day(0, self._digits)) + 1 + self._delta + 2
        self._lettered = False
        self._lanes = self._place()
        self._on_arrow = all(map(self._fits_on_arrow, ladder.arrows))

    def lines(self) -> Iterator[Text | Padding]:
        """Yield the picture from top to bottom."""
        yield from self._heads()
        for row, empty in zip(self._ladder.rows, self._waits, strict=True):
            for _ in range(empty):
                yield self._line("", self._bars(self._inner, self._marks.wait), None)
            if not self._stands_on(row):
                yield self._line("", self._label_above(row), None)
            yield self._line(self._when(row), self._shaft(row), row)
            if isinstance(row, Arrow) and row.marks:
                yield Padding(theme.said(row.marks, theme.DIM), (0, 0, 0, self._left + 2))

    # Where things stand.

    def _place(self) -> list[int]:
        """Return the cell of each column, counted from the end of the left gutter."""
        names = [clean(column.host) for column in self._ladder.columns]
        ports = [ports_of(column.ports) for column in self._ladder.columns]
        sizes = [max(len(name), len(port)) for name, port in zip(names, ports, strict=True)]
        inner = max(self._width - self._left - self._right - 2, 0)
        between = max(len(sizes) - 1, 1)
        first = sizes[0] // 2
        gap = min((inner - 1 - first - (sizes[-1] + 1) // 2) // between, MOST_GAP)
        needed = max((a + b + 1) // 2 + 2 for a, b in zip(sizes, sizes[1:] or sizes, strict=False))
        if gap < needed:
            self._lettered = True
            first = 1
            gap = max(min((inner - 3) // between, MOST_GAP), LEAST_GAP)
        lanes = [first + gap * number for number in range(len(sizes))]
        self._inner = lanes[-1] + 2 if self._lettered else lanes[-1] + (sizes[-1] + 1) // 2 + 1
        return lanes

    def _stands_on(self, row: Row) -> bool:
        """Return whether the label stands on the line between the columns."""
        return self._on_arrow if isinstance(row, Arrow) else self._fits(row, cell_len(row.text))

    def _fits_on_arrow(self, arrow: Arrow) -> bool:
        return self._fits(arrow, min(cell_len(clean(arrow.text)), LEAST_LABEL))

    def _fits(self, row: Row, cells: int) -> bool:
        span = abs(self._lanes[row.source] - self._lanes[row.destination]) - 1
        return span >= cells + _slack(row)

    # What stands there.

    def _heads(self) -> Iterator[Text]:
        columns = self._ladder.columns
        when = f"{'time':<{self._left - self._delta - 3}} {'delta':>{self._delta}}"
        if self._lettered:
            names = [_letter(number) for number in range(len(columns))]
            for name, column in zip(names, columns, strict=True):
                yield Text(f"{name:>3}  ", theme.HEADING).append(clean(column.name), "default")
            yield Text()
            yield self._head(when, self._names(names))
        else:
            yield self._line("", self._names([clean(column.host) for column in columns]), None)
            yield self._head(when, self._names([ports_of(column.ports) for column in columns]))
        yield from self._hops()

    def _head(self, when: str, names: Canvas) -> Text:
        line = self._line(when, names, None)
        blanks = self._left + self._inner - line.cell_len
        leg = f"{'leg':>{self._leg}}" if self._legs else ""
        return line.append(f"{' ' * blanks}  {'frame':>{self._frames}}{leg}", theme.DIM)

    def _names(self, names: Sequence[str]) -> Canvas:
        canvas = Canvas(self._inner)
        for lane, name in zip(self._lanes, names, strict=True):
            canvas.write(max(lane - len(name) // 2, 0), name, theme.HEADING)
        return canvas

    def _hops(self) -> Iterator[Text]:
        """Yield lines that say what runs between the columns, as many as there is to say."""
        rows: list[list[Caption]] = []
        for caption in captions(self._ladder.hops, self._marks):
            for row in rows:
                if all(c.right <= caption.left or c.left >= caption.right for c in row):
                    row.append(caption)
                    break
            else:
                rows.append([caption])
        for row in rows:
            canvas = self._bars(self._inner)
            for caption in row:
                left, right = self._lanes[caption.left], self._lanes[caption.right]
                room = right - left - 1
                words = next((w for w in caption.wordings if cell_len(w) <= room), "")
                if words:
                    start = left + 1 + (right - left - 1 - cell_len(words)) // 2
                    canvas.write(start, words, theme.STYLES[caption.tone])
            yield self._line("", canvas, None)

    def _when(self, row: Row) -> str:
        time = time_of_day(row.time, self._digits)
        if not isinstance(row, Arrow) or row.delta is None:
            return time
        return f"{time} {delta(row.delta, self._digits):>{self._delta}}"

    def _proof(self, row: Row) -> tuple[str, str]:
        """Return transport, session and proof of a row, and their style."""
        if isinstance(row, Arrow):
            return _proof(row.message, self._marks)
        session = row.mark.session
        return ("" if session is None else f"TLS {session}"), theme.DIM

    def _bars(self, width: int, glyph: str = "") -> Canvas:
        canvas = Canvas(max(width, self._inner))
        for lane in self._lanes:
            canvas.write(lane, glyph or self._marks.bar, theme.DIM)
        return canvas

    def _label_above(self, row: Row) -> Canvas:
        room = self._width - self._left
        canvas = self._bars(room)
        label = clean(row.text)
        left = min(self._lanes[row.source], self._lanes[row.destination]) + 2
        canvas.write(max(min(left, room - cell_len(label)), 0), label, _style(row))
        return canvas

    def _shaft(self, row: Row) -> Canvas:
        canvas = self._bars(self._inner)
        marks, style = self._marks, _style(row)
        dash = marks.dash if isinstance(row, Arrow) else marks.dots
        headed = isinstance(row, Arrow) or row.mark.directed
        left, right = sorted((self._lanes[row.source], self._lanes[row.destination]))
        if left == right:
            canvas.write(left + 1, (marks.left if headed else dash) + dash, style)
            return canvas
        canvas.write(left + 1, dash * (right - left - 1), style)
        to_left = row.destination < row.source
        if headed and to_left:
            canvas.write(left + 1, marks.left, style)
        elif headed:
            canvas.write(right - 1, marks.right, style)
        if self._stands_on(row):
            label = clean(row.text)
            room = right - left - 1 - _slack(row)
            if cell_len(label) > room:
                label = set_cell_size(label, room - 1) + marks.more
            label = f" {label} "
            first = left + 1 + to_left  # behind a head on the left
            start = first + (right - left - 2 - cell_len(label)) // 2
            canvas.write(start, label, style)
        return canvas

    def _line(self, when: str, middle: Canvas, row: Row | None) -> Text:
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{when:<{self._left}}", theme.DIM)
        line.append_text(middle.text())
        if row is not None:
            proof, style = self._proof(row)
            line.append(f"  {_frame(row):>{self._frames}}", theme.DIM)
            if self._legs:
                leg = str(row.leg + 1) if isinstance(row, Arrow) else ""
                line.append(f"{leg:>{self._leg}}", theme.HEADING)
            line.append("  ").append(proof, style)
        line.rstrip()
        return line


def _proof(message: Message, marks: theme.Glyphs) -> tuple[str, str]:
    flow = message.flow
    if flow.mirrored_by is not None:
        return f"{flow.transport} mirrored", theme.DIM
    if flow.session is None:
        return flow.transport, theme.DIM
    if flow.integrity == "verified":
        return f"{flow.transport} {flow.session} {marks.tick}", theme.SUCCESS
    return f"{flow.transport} {flow.session} ?", theme.DIM


def _frame(row: Row) -> str:
    frame = row.message.frame if isinstance(row, Arrow) else row.mark.frame
    return "" if frame is None else str(frame)


def _slack(row: Row) -> int:
    """Return the cells beside a label: a blank on either side, of an arrow two of shaft and its head."""
    return 5 if isinstance(row, Arrow) or row.mark.directed else 3


def _style(row: Row) -> str:
    return theme.STYLES[row.tone if isinstance(row, Arrow) else row.mark.tone]


def _letter(number: int) -> str:
    """Return A … Z, A1 … Z1, A2 …"""
    turn, place = divmod(number, 26)
    return string.ascii_uppercase[place] + (str(turn) if turn else "")
