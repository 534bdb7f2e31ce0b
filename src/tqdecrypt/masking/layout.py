"""Where things stand in a message, whatever is wrong with it.

Cut more finely than the parser does: at each CR and LF, so that nothing that any reader may take for a line
of its own hides in the value of the line before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tqdecrypt.sip.field_names import key_of

__all__ = ["HeaderLine", "header_lines", "in_one_line", "multipart_pieces"]

_LINE = re.compile(r"[^\r\n]+")
_NAME = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:", re.ASCII)
_NUMBER = re.compile(r"\d{5}", re.ASCII)
_LINE_ENDS = str.maketrans("\r\n", "  ")
LONGEST_NAME = 64
"""Longer names of fields are taken for text."""


class HeaderLine(NamedTuple):
    """A header field with its continuation lines, or a line that is none."""

    key: str
    """Name in lower case, the long form; empty for what is no field."""
    begin: int
    """Where the value begins; the line when it is no field."""
    end: int


def header_lines(head: str) -> Iterator[HeaderLine]:
    """Yield what stands below the start line."""
    pending: HeaderLine | None = None
    first = True
    for match in _LINE.finditer(head):
        if first:
            first = False
            continue
        if head[match.start()] in " \t" and pending is not None and pending.key:
            pending = pending._replace(end=match.end())
            continue
        if pending is not None:
            yield pending
        name = _NAME.match(match[0])
        if name is None or len(name[1]) > LONGEST_NAME or _NUMBER.search(name[1]):
            pending = HeaderLine("", match.start(), match.end())
        else:
            pending = HeaderLine(key_of(name[1]), match.start() + name.end(), match.end())
    if pending is not None:
        yield pending


def in_one_line(value: str, mask: Callable[[str], str]) -> str:
    """Return *mask* of a value that may be folded, folded as it was."""
    if "\n" not in value and "\r" not in value:
        return mask(value)
    masked = mask(value.translate(_LINE_ENDS))
    return "".join(old if old in "\r\n" else new for old, new in zip(value, masked, strict=True))


def multipart_pieces(body: str, boundary: str) -> list[tuple[bool, str]]:
    """Cut a multipart body; (whether it is a part, piece): boundary lines and what is around are none."""
    pattern = rf"(^--{re.escape(boundary)}(?:--)?[ \t]*(?:\r?\n|\Z))"
    pieces = re.split(pattern, body, flags=re.MULTILINE)
    last = len(pieces) - 1
    closed = last > 0 and pieces[last - 1].rstrip().endswith("--")
    return [
        (place % 2 == 0 and place > 0 and not (closed and place == last), piece)
        for place, piece in enumerate(pieces)
        if piece
    ]
