"""Draws a ladder: times on the left, arrows between the columns, frames and proof on the right.

Where the labels (or enough of them) fit between the columns they stand on the arrows; where they do
not, all of them stand above.  Where the names of the columns do not fit, letters stand for them, told above.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from tqdecrypt.calls import Call
from tqdecrypt.sip import Message, uri_of
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.views import theme
from tqdecrypt.views.calls import outcome
from tqdecrypt.views.ladder import Arrow, Ladder, lay_out
from tqdecrypt.views.sessions import connection
from tqdecrypt.views.words import clean, count, date_of, duration, time_of_day

__all__ = ["CallLadder"]

SECOND = 1_000_000_000
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
    """One call from its header to its last message.

    :param messages: all messages with the Call-ID, in frame order; at least one.
    :param call: what the call table made of them; ``None`` when it is no call.
    :param reports: TLS sessions by number, as far as they are known.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        call: Call | None = None,
        reports: Mapping[int, SessionReport] | None = None,
    ) -> None:
        self._messages = messages
        self._call = call
        self._reports = reports or {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        yield from self._header(marks)
        yield Text()
        yield from _Drawing(lay_out(self._messages), options.max_width, marks).lines()

    def _header(self, marks: theme.Glyphs) -> Iterator[Text | Padding]:
        first, call = self._messages[0], self._call
        call_id = clean(first.call_id) or "(no Call-ID)"
        yield Text(f"{first.cseq_method or 'Messages'} {call_id}", theme.HEADING, overflow="fold")
        from_uri = call.from_uri if call else uri_of(first.from_)
        to_uri = call.to_uri if call else uri_of(first.to)
        yield theme.said(f"{from_uri} {marks.to} {to_uri}")
        line = Text(f"{date_of(first.time)}, times in UTC; {count(len(self._messages), 'message')}")
        line.stylize(theme.DIM)
        if call is not None:
            line = outcome(call).append(f"  {_story(call)}", theme.DIM).append_text(line)
        yield line
        for number in sorted({m.flow.session for m in self._messages if m.flow.session}):
            report = self._reports.get(number)
            if report is not None:
                yield connection(report, marks)
        for finding in call.findings if call else ():
            yield theme.said(f"{marks.separator} {finding}", theme.NOTICE)


def _story(call: Call) -> str:
    """Return how long it rang and how long they talked, as far as it was captured."""
    words = []
    if call.answered is not None:
        words.append(f"answered after {(call.answered - call.started) / SECOND:.1f} s")
        if call.ended is not None:
            words.append(f"talked {duration(call.ended - call.answered)}")
    if call.hung_up_by is not None:
        words.append(f"{call.hung_up_by.value} hung up")
    return "".join(f"{word}; " for word in words)


class _Drawing:
    """A ladder at one width."""

    def __init__(self, ladder: Ladder, width: int, marks: theme.Glyphs) -> None:
        self._ladder = ladder
        self._width = width
        self._marks = marks
        self._digits = 6 if width >= ROOM_FOR_MICROSECONDS else 3
        self._frames = max((len(str(a.message.frame)) for a in ladder.arrows), default=1)
        proofs = [self._proof(arrow.message) for arrow in ladder.arrows]
        self._right = self._frames + 2 + max((len(proof) for proof in proofs), default=0)
        self._delta = DELTA + self._digits
        self._left = len(time_of_day(0, self._digits)) + 1 + self._delta + 2
        self._lettered = False
        self._lanes = self._place()
        self._on_arrow = all(map(self._fits_on_arrow, ladder.arrows))

    def lines(self) -> Iterator[Text | Padding]:
        """Yield the picture from top to bottom."""
        yield from self._heads()
        for arrow in self._ladder.arrows:
            if not self._on_arrow:
                yield self._row("", self._label_above(arrow), None)
            yield self._row(self._when(arrow), self._shaft(arrow), arrow.message)
            if arrow.marks:
                yield Padding(theme.said(arrow.marks, theme.DIM), (0, 0, 0, self._left + 2))

    # Where things stand.

    def _place(self) -> list[int]:
        """Return the cell of each column, counted from the end of the left gutter."""
        names = [clean(column.host) for column in self._ladder.columns]
        ports = [_ports(column.ports) for column in self._ladder.columns]
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

    def _heads(self) -> Iterator[Text]:
        columns = self._ladder.columns
        when = f"{'time':<{self._left - self._delta - 3}} {'delta':>{self._delta}}"
        if self._lettered:
            names = [_letter(number) for number in range(len(columns))]
            for name, column in zip(names, columns, strict=True):
                yield Text(f"{name:>3}  ", theme.HEADING).append(clean(column.name), "default")
            yield Text()
            yield self._row(when, self._names(names), None, last="frame")
            return
        yield self._row("", self._names([clean(column.host) for column in columns]), None)
        ports = self._names([_ports(column.ports) for column in columns])
        yield self._row(when, ports, None, last="frame")

    def _names(self, names: Sequence[str]) -> _Canvas:
        canvas = _Canvas(self._inner)
        for lane, name in zip(self._lanes, names, strict=True):
            canvas.write(max(lane - len(name) // 2, 0), name, theme.HEADING)
        return canvas

    def _fits_on_arrow(self, arrow: Arrow) -> bool:
        span = abs(self._lanes[arrow.source] - self._lanes[arrow.destination]) - 1
        return span >= min(cell_len(self._label(arrow)), LEAST_LABEL) + 5

    # What stands there.

    def _label(self, arrow: Arrow) -> str:
        return clean(arrow.label) + (" (again)" if arrow.again else "")

    def _when(self, arrow: Arrow) -> str:
        delta = "" if arrow.delta is None else _delta(arrow.delta, self._digits)
        return f"{time_of_day(arrow.message.time, self._digits)} {delta:>{self._delta}}"

    def _proof(self, message: Message) -> str:
        flow = message.flow
        if flow.session is None:
            return flow.transport
        mark = self._marks.tick if flow.integrity == "verified" else "?"
        return f"{flow.transport} {flow.session} {mark}"

    def _bars(self, width: int) -> _Canvas:
        canvas = _Canvas(max(width, self._inner))
        for lane in self._lanes:
            canvas.write(lane, self._marks.bar, theme.DIM)
        return canvas

    def _label_above(self, arrow: Arrow) -> _Canvas:
        room = self._width - self._left
        canvas = self._bars(room)
        label = self._label(arrow)
        left = min(self._lanes[arrow.source], self._lanes[arrow.destination]) + 2
        canvas.write(max(min(left, room - cell_len(label)), 0), label, _style(arrow))
        return canvas

    def _shaft(self, arrow: Arrow) -> _Canvas:
        canvas = self._bars(self._inner)
        marks = self._marks
        left, right = sorted((self._lanes[arrow.source], self._lanes[arrow.destination]))
        if left == right:
            canvas.write(left + 1, marks.left + marks.dash, _style(arrow))
            return canvas
        canvas.write(left + 1, marks.dash * (right - left - 1), _style(arrow))
        if arrow.destination > arrow.source:
            canvas.write(right - 1, marks.right, _style(arrow))
        else:
            canvas.write(left + 1, marks.left, _style(arrow))
        if self._on_arrow:
            label = self._label(arrow)
            room = right - left - 6  # a blank on either side, two cells of shaft, the head
            if cell_len(label) > room:
                label = set_cell_size(label, room - 1) + marks.more
            label = f" {label} "
            first = left + 1 + (arrow.destination < arrow.source)  # behind a head on the left
            start = first + (right - left - 2 - cell_len(label)) // 2
            canvas.write(start, label, _style(arrow))
        return canvas

    def _row(self, when: str, middle: _Canvas, message: Message | None, last: str = "") -> Text:
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{when:<{self._left}}", theme.DIM)
        line.append_text(middle.text())
        if message is not None:
            flow = message.flow
            proven = flow.session is not None and flow.integrity == "verified"
            line.append(f"  {message.frame:>{self._frames}}  ", theme.DIM)
            line.append(self._proof(message), theme.SUCCESS if proven else theme.DIM)
        elif last:
            line.append(f"  {last}", theme.DIM)
        line.rstrip()
        return line


class _Canvas:
    """One line of cells that can be written over."""

    def __init__(self, width: int) -> None:
        self._cells: list[tuple[str, str]] = [(" ", "")] * width

    def write(self, at: int, text: str, style: str) -> None:
        """Write from cell *at* on; what does not fit is cut."""
        cells = self._cells
        for character in text:
            size = cell_len(character)
            if size == 0:  # a combining mark belongs to the character before it
                if 0 < at <= len(cells):
                    cells[at - 1] = (cells[at - 1][0] + character, style)
                continue
            if at + size > len(cells):
                return
            cells[at] = (character, style)
            for covered in range(at + 1, at + size):
                cells[covered] = ("", style)
            at += size

    def text(self) -> Text:
        """Return what stands there."""
        text = Text()
        for character, style in self._cells:
            text.append(character, style)
        return text


def _style(arrow: Arrow) -> str:
    status = arrow.message.status
    if status is None:
        return "bold"
    if status < 200:
        return ""
    return theme.SUCCESS if status < 300 else theme.NOTICE if status < 400 else theme.FAILURE


def _ports(ports: Sequence[str]) -> str:
    """Return ``:5061``, or ``:40001,5061`` when there are several."""
    shown = ",".join(ports[:2]) + (",+" if len(ports) > 2 else "")
    return f":{shown}"


def _letter(number: int) -> str:
    """Return A … Z, A1 … Z1, A2 …"""
    turn, place = divmod(number, 26)
    return string.ascii_uppercase[place] + (str(turn) if turn else "")


def _delta(nanoseconds: int, digits: int) -> str:
    """Return ``+0.012``, rounded to so many digits; minutes when there are a thousand seconds."""
    sign = "-" if nanoseconds < 0 else "+"
    if abs(nanoseconds) >= 1000 * SECOND:
        return sign + duration(abs(nanoseconds))
    unit = 10 ** (9 - digits)
    seconds, fraction = divmod((abs(nanoseconds) + unit // 2) // unit, 10**digits)
    return f"{sign}{seconds}.{fraction:0{digits}d}"
