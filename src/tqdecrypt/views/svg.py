"""Pictures: text, lines and arrow heads in SVG, readable without any style and printed as it is.

Text stays text, to be searched, copied and read aloud.  A picture of its own carries its style
sheet; one inside a page leaves that to the page, whose security policy may forbid inline styles.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from tqdecrypt.views.markup import Markup, element, joined, number
from tqdecrypt.views.palette import FONT, style_sheet

__all__ = [
    "CELL",
    "SIZE",
    "area",
    "bar",
    "fitted",
    "group",
    "head",
    "line",
    "picture",
    "text",
]

SIZE = 13
"""Height of letters in pixels."""
CELL = 0.6 * SIZE
"""Width of a letter: all monospaced faces that we name have it."""
HEAD = 8
"""Length of an arrow head."""


def picture(
    width: float,
    height: float,
    content: Iterable[Markup],
    *,
    title: str,
    description: str,
    own: bool = True,
) -> Markup:
    """Return a picture.

    :param own: whether it stands alone, with its style sheet and its paper, or inside a page.
    """
    head_of_it = [element("title", title), element("desc", description)]
    if own:
        head_of_it.append(element("style", Markup(style_sheet())))
        head_of_it.append(bar(0, 0, width, height, "paper"))
    return element(
        "svg",
        *head_of_it,
        joined(content),
        xmlns="http://www.w3.org/2000/svg",
        class_="tq",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="graphics-document document",
        font_family=Markup(FONT.replace('"', "&quot;")),
        font_size=SIZE,
        fill="currentColor",
    )


def group(content: Iterable[Markup], title: str = "", tone: str = "") -> Markup:
    """Return several elements as one; *title* is what a pointer over it and a screen reader say."""
    parts = list(content)
    if title:
        parts.insert(0, element("title", title))
    return element("g", *parts, class_=tone)


def text(
    x: float,
    y: float,
    words: str,
    tone: str = "",
    *,
    anchor: str = "start",
    halo: bool = False,
    exact: bool = False,
    small: bool = False,
) -> Markup:
    """Return a line of text; *y* is its base line.

    :param anchor: ``start``, ``middle`` or ``end`` of the text stands at *x*.
    :param halo: whether lines behind it keep a distance.
    :param exact: whether it takes its cells exactly, whatever the face.
    """
    return element(
        "text",
        words,
        x=x,
        y=y,
        class_=f"{tone} halo".strip() if halo else tone,
        text_anchor=None if anchor == "start" else anchor,
        paint_order="stroke" if halo else None,
        stroke_width=4 if halo else None,
        textLength=CELL * cell_len(words) if exact else None,
        font_size=SIZE - 2 if small else None,
    )


def line(
    x1: float, y1: float, x2: float, y2: float, tone: str = "", *, dashed: bool = False
) -> Markup:
    """Return a straight line."""
    return element(
        "line",
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        class_=tone,
        stroke="currentColor",
        stroke_dasharray="4 3" if dashed else None,
    )


def head(x: float, y: float, *, to_right: bool) -> Markup:
    """Return the head of an arrow whose point is at *x*."""
    back = x - HEAD if to_right else x + HEAD
    points = (
        f"{number(x)},{number(y)} {number(back)},{number(y - 4)} {number(back)},{number(y + 4)}"
    )
    return element("polygon", points=points)


def bar(
    x: float,
    y: float,
    width: float,
    height: float,
    tone: str = "",
    *,
    outlined: bool = False,
    round_: int = 0,
) -> Markup:
    """Return a filled rectangle, or its outline."""
    return element(
        "rect",
        x=x,
        y=y,
        width=width,
        height=height,
        rx=round_ or None,
        class_=tone,
        fill="none" if outlined else None,
        stroke="currentColor" if outlined else None,
    )


def area(corners: Iterable[tuple[float, float]]) -> Markup:
    """Return a filled shape."""
    return element("polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in corners))


def fitted(words: str, cells: int) -> str:
    """Return *words*, cut to so many cells."""
    if cell_len(words) <= cells:
        return words
    return set_cell_size(words, max(cells - 1, 0)).rstrip() + "…"
