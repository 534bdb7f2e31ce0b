"""HTML and SVG as text: elements whose content is escaped, whatever it is.

A :class:`Markup` is text that was made here and is safe to stand in a page.  All other text, in
content and in attributes, goes through :func:`~tqdecrypt.views.words.clean` and is escaped, so that a
peer can bring in neither a tag nor a character that XML does not allow.  There is no way to say
"trust this string": a view that wants markup builds it of elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from rich.style import Style
from rich.text import Text

from tqdecrypt.views.words import clean

__all__ = ["Markup", "classes", "coded", "element", "joined", "lines_joined", "number", "styled"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9:-]*")
_VOID = frozenset({"br", "col", "hr", "img", "meta"})
"""Elements of HTML that have no end tag."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_COLORS = {2: "good", 1: "bad", 3: "notice", 6: "name", 4: "uri", 5: "parameter"}
"""What the colours of the terminal, by their ANSI numbers, mean; see :mod:`tqdecrypt.views.theme`."""


class Markup(str):
    """Text that is HTML or SVG and was made of elements."""

    __slots__ = ()


Value = str | int | float | None


def element(tag: str, *content: str | Markup | None, **attributes: Value) -> Markup:
    """Return ``<tag attribute="value">content</tag>``.

    :param content: text, which is escaped, or :class:`Markup`; ``None`` is left out.
    :param attributes: an underscore at the end is dropped (``class_``), others are hyphens;
        ``None`` and the empty class are left out.
    """
    if not _NAME.fullmatch(tag):
        raise ValueError(f"{tag!r} is no name of an element")
    words = [tag]
    for name, value in attributes.items():
        if value is None or (name == "class_" and value == ""):
            continue
        spelled = name.rstrip("_").replace("_", "-")
        words.append(f'{spelled}="{value if isinstance(value, Markup) else _escaped(value)}"')
    inner = joined(content)
    opening = " ".join(words)
    if tag in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{inner}</{tag}>")


def joined(content: Iterable[str | Markup | None], separator: str = "") -> Markup:
    """Return all of it as one piece of markup; text is escaped."""
    pieces = [
        piece if isinstance(piece, Markup) else _escaped(piece)
        for piece in content
        if piece is not None
    ]
    return Markup(_escaped(separator).join(pieces))


def lines_joined(lines: Iterable[str | Markup]) -> Markup:
    """Return lines for an element that keeps line ends (``pre``)."""
    return Markup("\n".join(joined([line]) for line in lines))


def coded(text: str) -> Markup:
    """Return *text* with what stands between backticks as ``code``."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one of them has no partner
        return joined([text])
    return joined(element("code", piece) if at % 2 else piece for at, piece in enumerate(pieces))


def number(value: float) -> str:
    """Return a coordinate with at most one decimal, the same on every machine."""
    rounded = round(value * 10)
    whole, tenth = divmod(abs(rounded), 10)
    sign = "-" if rounded < 0 else ""
    return f"{sign}{whole}.{tenth}" if tenth else f"{sign}{whole}"


def styled(text: Text) -> Markup:
    """Return rich's text with a ``span`` for each stretch of one style."""
    return joined(
        element("span", piece, class_=names) if names else piece for piece, names in stretches(text)
    )


def stretches(text: Text) -> Iterator[tuple[str, str]]:
    """Yield pieces of *text* with the classes of their style."""
    plain, base = text.plain, _parsed(text.style)
    begins: dict[int, list[int]] = {0: [], len(plain): []}
    ends: dict[int, list[int]] = {}
    for number, span in enumerate(text.spans):
        if span.start < span.end:
            begins.setdefault(span.start, []).append(number)
            ends.setdefault(span.end, []).append(number)
    active: set[int] = set()
    for start, end in pairwise(sorted(begins.keys() | ends.keys())):
        active.difference_update(ends.get(start, ()))
        active.update(begins.get(start, ()))
        if end > len(plain):
            return
        style = base
        for number in sorted(active):
            style += _parsed(text.spans[number].style)
        yield plain[start:end], classes(style)


def classes(style: Style) -> str:
    """Return what a style of the terminal is in a style sheet: ``strong good``."""
    names = []
    if style.bold:
        names.append("strong")
    if style.dim:
        names.append("dim")
    if style.reverse:
        names.append("marked")
    color = style.color.number if style.color is not None else None
    if color in _COLORS:
        names.append(_COLORS[color])
    return " ".join(names)


def _parsed(style: str | Style) -> Style:
    return style if isinstance(style, Style) else Style.parse(style)


def _escaped(value: str | float) -> str:
    if isinstance(value, str):
        return clean(value).translate(_ESCAPES)
    return number(value)
