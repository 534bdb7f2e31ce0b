"""A message cut into pieces that look different: names, values, URIs, parameters, session descriptions.

Only what the eye needs: nothing here decides what a header field means, and every byte of the message is
in exactly one piece, made visible by :func:`~tqdecrypt.views.words.clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from tqdecrypt.sip import Message, header
from tqdecrypt.views.words import clean

__all__ = ["Line", "Part", "Piece", "lines_of"]

Part = Literal["start", "name", "value", "uri", "parameter", "description", "body"]

# Each alternative runs to the end of the text when its own end is missing, so that nothing is read
# twice, whatever a peer sends.
_PIECES = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*(?:"|\\?\Z))'
    r"|<(?P<uri>[^>]*)"
    r"|(?P<bare>\b(?:sips?|tel|urn|cid):[^\s;,>\"]+)"
    r"|;[ ]*(?P<parameter>[^\s=;,<>\"]+)",
    re.IGNORECASE,
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+[ ]*:")
_DESCRIPTION = re.compile(r"[a-z]=")


class Piece(NamedTuple):
    """Some characters of a line."""

    part: Part
    text: str
    """Safe to show in a terminal."""


class Line(NamedTuple):
    """One line of a message."""

    pieces: tuple[Piece, ...]
    problem: str = ""
    """What is wrong with it, in words; empty when nothing is."""

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(piece.text for piece in self.pieces)


def lines_of(message: Message, problems: Mapping[int, str] | None = None) -> list[Line]:
    """Return the lines of a message.

    :param problems: what else is known to be wrong, by the number of the line, from 0.
    """
    problems = problems or {}
    lines = message.raw.decode("utf-8", "backslashreplace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    head = message.raw[: message.body_start].count(b"\n") or len(lines)
    description = "sdp" in (header(message, "Content-Type") or "").lower()
    result = []
    for number, line in enumerate(lines):
        shown = clean(line.removesuffix("\r").replace("\t", "    "))
        problem = problems.get(number, "")
        if number == 0:
            pieces = tuple(_start(shown))
        elif number < head:
            pieces = tuple(_field(shown))
            if not problem and shown and pieces[0].part == "body":
                problem = "not a header field"
        elif description and _DESCRIPTION.match(shown):
            pieces = (Piece("description", shown[:2]), Piece("body", shown[2:]))
        else:
            pieces = (Piece("body", shown),)
        result.append(Line(pieces, problem))
    return result


def _start(line: str) -> Iterator[Piece]:
    """Cut a start line: in a request the URI stands between two blanks."""
    words = line.split(" ")
    if len(words) == 3 and line[:4].upper() != "SIP/":
        yield Piece("start", f"{words[0]} ")
        yield Piece("uri", words[1])
        yield Piece("start", f" {words[2]}")
    else:
        yield Piece("start", line)


def _field(line: str) -> Iterator[Piece]:
    name = _HEADER_NAME.match(line)
    if name is None:
        folded = line[:1] == " " or not line
        yield from _value(line) if folded else (Piece("body", line),)
        return
    yield Piece("name", name[0])
    yield from _value(line[name.end() :])


def _value(value: str) -> Iterator[Piece]:
    position = 0
    for found in _PIECES.finditer(value):
        group = found.lastgroup
        if group == "quoted" or group is None:
            continue
        start, end = found.span(group)
        if start > position:
            yield Piece("value", value[position:start])
        yield Piece("parameter" if group == "parameter" else "uri", value[start:end])
        position = end
    if position < len(value) or not value:
        yield Piece("value", value[position:])
