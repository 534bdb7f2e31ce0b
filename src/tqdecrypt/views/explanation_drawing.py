"""Draws an explained session in text; as picture and page see :mod:`tqdecrypt.views.explanation_pages`."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tqdecrypt.explain import Explanation
from tqdecrypt.views import explanation_pages, theme
from tqdecrypt.views.canvas import Canvas
from tqdecrypt.views.explanation import lay_out_explanation
from tqdecrypt.views.explanation_lines import ArrowLine, Line, lines_of
from tqdecrypt.views.markup import Markup

__all__ = ["ExplainedSession"]


class ExplainedSession:
    """One TLS session: its ladder, its keys, its verdict and what would have opened it.

    :param full: whether long lists of what was offered are written out.
    """

    def __init__(self, explanation: Explanation, *, full: bool = False) -> None:
        self._page = lay_out_explanation(explanation)
        self._full = full

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = theme.glyphs(options)
        for line in lines_of(self._page, options.max_width, marks, full=self._full):
            yield _drawn(line, marks)

    def svg(self) -> Markup:
        """Return all of it as a picture of its own."""
        return explanation_pages.explanation_picture(self._page, full=self._full)

    def html(self) -> Markup:
        """Return it as a fragment of a page: the picture of the ladder, and everything as text."""
        return explanation_pages.explanation_section(self._page)


def _drawn(line: Line, marks: theme.Glyphs) -> Text:
    width = max((piece.at + cell_len(piece.words) for piece in line.pieces), default=0)
    canvas = Canvas(max(width, line.right + 1 if isinstance(line, ArrowLine) else 0))
    for piece in line.pieces:
        canvas.write(piece.at, piece.words, theme.STYLES[piece.tone])
    if isinstance(line, ArrowLine):
        _draw_arrow(canvas, line, marks)
    text = canvas.text()
    text.no_wrap, text.overflow = True, "crop"
    text.rstrip()
    return text


def _draw_arrow(canvas: Canvas, line: ArrowLine, marks: theme.Glyphs) -> None:
    style = theme.STYLES[line.tone]
    inner = line.right - line.left - 1
    dash = marks.dots if line.dashed or line.to_right is None else marks.dash
    for lane in (line.left, line.right):
        canvas.write(lane, marks.bar, theme.DIM)
    canvas.write(line.left + 1, dash * inner, style)
    if line.to_right:
        canvas.write(line.right - 1, marks.right, style)
    elif line.to_right is not None:
        canvas.write(line.left + 1, marks.left, style)
    room = inner - 4
    label = line.label
    if cell_len(label) > room:
        label = set_cell_size(label, max(room - 1, 0)) + marks.more
    start = line.left + 1 + (inner - cell_len(label) - 2) // 2
    bold = f"{style} bold".strip() if line.tone != "dim" else style
    canvas.write(start, f" {label} ", bold)
