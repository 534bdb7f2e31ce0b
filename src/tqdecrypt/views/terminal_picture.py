"""What a terminal shows, as a picture: for documents that cannot have colours in their text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tqdecrypt.views import svg
from tqdecrypt.views.markup import Markup, element, stretches

__all__ = ["terminal_picture"]

MARGIN = 14
LINE = 18


def terminal_picture(
    lines: Sequence[Text], *, title: str, description: str, columns: int = 0
) -> Markup:
    """Return lines of styled text as a picture.

    :param columns: width of the terminal in cells; no narrower than the longest line.
    """
    widest = max([columns, *(line.cell_len for line in lines)])
    width = 2 * MARGIN + widest * svg.CELL
    height = 2 * MARGIN + len(lines) * LINE
    frame = svg.bar(0.5, 0.5, width - 1, height - 1, "line", outlined=True, round_=6)
    rows = [_line(line, MARGIN + number * LINE + 13) for number, line in enumerate(lines)]
    return svg.picture(width, height, [frame, *rows], title=title, description=description)


def _line(line: Text, y: float) -> Markup:
    """Return a line: each word in its cells, so that columns stay columns in any face."""
    words = []
    at = 0
    for piece, tone in stretches(line):
        for word in _words(piece):
            if word.strip():
                words.append(svg.text(MARGIN + at * svg.CELL, y, word, tone, exact=True))
            at += cell_len(word)
    return element("g", *words)


def _words(piece: str) -> list[str]:
    """Cut at blanks that are more than one: what stands between them is a cell of a table."""
    cut: list[str] = []
    for part in piece.split("  "):
        stripped = part.lstrip(" ")
        blanks = len(part) - len(stripped)
        if blanks:
            cut.append(" " * blanks)
        if stripped:
            cut.append(stripped)
        cut.append("  ")
    return cut[:-1]
