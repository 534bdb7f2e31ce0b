"""Tables: plain columns of text, cut to the width, with room for a remark below a row.

rich's own table measures and wraps every cell on its own terms; here the columns keep their order
of importance when it gets narrow, and a thousand rows take no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.padding import Padding
from rich.text import Text

from tqdecrypt.views import theme
from tqdecrypt.views.markup import Markup, element, joined, styled

__all__ = ["Column", "Grid", "Row", "draw", "natural_width", "table"]

GAP = 2
"""Blanks between columns."""


class Column(NamedTuple):
    """A column and how it gives way."""

    name: str
    least: int = 4
    """Cells that it keeps when it gets narrow; with 0 it may vanish, as numbers then do at once."""
    most: int = 1_000
    """Cells that it takes at most."""
    right: bool = False
    """Whether its cells stand on the right: numbers."""
    yields: int = 0
    """Columns with the highest number give way first."""
    whole: bool = False
    """Whether a page never breaks its cells: dates."""
    dispensable: bool = False
    """Whether it goes when there is no room although every column is as narrow as it gets."""


class Row(NamedTuple):
    """The cells of a row."""

    cells: Sequence[Text]
    remark: Text | None = None
    """Stands below them, from the second column on."""


def natural_width(columns: Sequence[Column], rows: Sequence[Row]) -> int:
    """Return how many cells the table takes when nothing is cut."""
    return sum(_wanted(columns, rows)) + GAP * (len(columns) - 1)


class Grid:
    """Columns of given widths, no line wider than *width* (unless that is absurd)."""

    def __init__(self, columns: Sequence[Column], wanted: Sequence[int], width: int) -> None:
        self._columns = columns
        self._widths = _fit(columns, wanted, width)

    def heading(self) -> Text:
        """Return the line with the names of the columns."""
        names = [Text(column.name, theme.DIM) for column in self._columns]
        return _line(self._columns, self._widths, names)

    def lines(self, row: Row) -> Iterator[Text | Padding]:
        """Yield the lines of a row."""
        yield _line(self._columns, self._widths, row.cells)
        if row.remark is not None:
            yield Padding(row.remark, (0, 0, 0, self._widths[0] + GAP))


def draw(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Iterator[Text | Padding]:
    """Yield the table line by line, no line wider than *width* (unless that is absurd)."""
    grid = Grid(columns, _wanted(columns, rows), width)
    yield grid.heading()
    for row in rows:
        yield from grid.lines(row)


def table(columns: Sequence[Column], rows: Sequence[Row], caption: Text) -> Markup:
    """Return the same table as HTML: nothing is cut, a remark has a row of its own.

    A column that may vanish does when it has nothing to say.
    """
    shown = [
        number
        for number, column in enumerate(columns)
        if column.least or not rows or any(row.cells[number].plain for row in rows)
    ]
    columns = [columns[number] for number in shown]
    rows = [Row([row.cells[number] for number in shown], row.remark) for row in rows]
    names = [element("th", column.name, scope="col", class_=_side(column)) for column in columns]
    lines = []
    for row in rows:
        cells = [
            element("td", styled(cell), class_=_side(column))
            for column, cell in zip(columns, row.cells, strict=True)
        ]
        lines.append(element("tr", *cells, class_="" if row.remark is None else "remarked"))
        if row.remark is not None:
            remark = element("td", styled(row.remark), colspan=len(columns) - 1)
            lines.append(element("tr", element("td"), remark))
    return element(
        "table",
        element("caption", styled(caption)),
        element("thead", element("tr", *names)),
        element("tbody", joined(lines)),
    )


def _side(column: Column) -> str:
    return "number" if column.right else "whole" if column.whole else ""


def _wanted(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    wanted = []
    for number, column in enumerate(columns):
        longest = max((row.cells[number].cell_len for row in rows), default=0)
        wanted.append(min(max(longest, len(column.name)), max(column.most, len(column.name))))
    return wanted


def _fit(columns: Sequence[Column], wanted: Sequence[int], width: int) -> list[int]:
    """Take cells from the columns that yield first, down to what they keep."""
    widths = list(wanted)
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    for number in sorted(range(len(columns)), key=lambda n: -columns[n].yields):
        if excess <= 0:
            break
        column = columns[number]
        given = min(excess, max(widths[number] - column.least, 0))
        if column.right and not column.least:  # half a number is worse than none
            given = widths[number]
        widths[number] -= given
        excess -= given + (0 if widths[number] else GAP)
    for number in sorted(range(len(columns)), key=lambda n: -columns[n].yields):
        if excess > 0 and columns[number].dispensable and widths[number]:
            excess -= widths[number] + GAP
            widths[number] = 0
    for number in sorted(range(len(columns)), key=lambda n: columns[n].yields):
        if excess < 0 < widths[number]:
            taken = min(-excess, wanted[number] - widths[number])
            widths[number] += taken
            excess += taken
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text]) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    for column, width, cell in zip(columns, widths, cells, strict=True):
        if not width:
            continue
        shown = cell.copy()
        shown.truncate(width, overflow="ellipsis")
        blanks = " " * (width - shown.cell_len)
        if column.right:
            line.append(blanks)
        line.append_text(shown)
        line.append(" " * GAP if column.right else blanks + " " * GAP)
    line.rstrip()
    return line
