"""Tokens, quoted strings, lists and parameters of header values (RFC 3261 section 25.1).

Values come as text, unfolded.  Every function takes linear time, whatever a peer sends.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.sip.problems import Note, ignore

__all__ = [
    "BLANKS",
    "LARGEST_SECONDS",
    "NO_PARAMETERS",
    "Parameter",
    "Parameters",
    "excerpt",
    "is_token",
    "maybe_number",
    "read_number",
    "read_parameters",
    "read_tokens",
    "split_list",
    "split_quoted",
    "unquote",
]

BLANKS = " \t"
LARGEST_SECONDS = 2**32 - 1
"""The largest delta-seconds (RFC 3261 section 20.19)."""

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_MARKS = re.compile(r'[,"<]')
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"[ \t]*([^ \t;=\"]*)[ \t]*(=?)[ \t]*")
_PLAIN = re.compile(r"[^;]*")
_ODD = re.compile(r'[ \t,<>"\\{}]')


class Parameter(NamedTuple):
    """``name`` or ``name=value``."""

    name: str
    """As it stands; names compare without regard to case."""
    value: str | None
    """Without quotation marks; ``None`` when there is no equals sign."""


class Parameters(tuple[Parameter, ...]):
    """The parameters of a value, in their order."""

    __slots__ = ()

    def get(self, name: str) -> str | None:
        """Return the value of the first parameter *name*: empty when it has none, ``None`` when
        there is no such parameter.
        """
        wanted = name.lower()
        for parameter in self:
            if parameter.name.lower() == wanted:
                return parameter.value or ""
        return None


NO_PARAMETERS = Parameters()


def excerpt(text: str) -> str:
    """Return *text* as a sentence quotes it: short, and without control characters."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


def is_token(text: str) -> bool:
    """Return whether *text* is a token."""
    return _TOKEN.fullmatch(text) is not None


def split_list(value: str, note: Note = ignore) -> list[str]:
    """Return the values that commas separate; those in quoted strings and in ``<>`` do not."""
    if "," not in value:
        return [value] if value else []
    parts = []
    start = at = 0
    quotes = brackets = True  # whether one that opens may still find its partner
    while (mark := _MARKS.search(value, at)) is not None:
        at = mark.end()
        if mark[0] == ",":
            parts.append(value[start : at - 1].strip(BLANKS))
            start = at
        elif mark[0] == "<" and brackets:
            end = value.find(">", at)
            brackets = end >= 0
            at = max(at, end + 1)
        elif mark[0] == '"' and quotes:
            closing = _QUOTED.match(value, at - 1)
            quotes = closing is not None
            at = closing.end() if closing else at
    parts.append(value[start:].strip(BLANKS))
    found = [part for part in parts if part]
    if len(found) < len(parts):
        note("empty-element", "Between two commas of the list, or at its end, there is no value.")
    return found


def split_quoted(text: str, start: int = 0) -> int:
    """Return where the quoted string that begins at *start* ends; −1 when it has no end."""
    match = _QUOTED.match(text, start)
    return match.end() if match else -1


def unquote(text: str) -> str:
    """Return the content of a quoted string, without its marks and backslashes."""
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def read_parameters(text: str, note: Note = ignore) -> Parameters:
    """Read ``;name=value;name`` up to the end of *text*."""
    if not text:
        return NO_PARAMETERS
    found = []
    text = text.strip(BLANKS)
    at = 0
    size = len(text)
    if size and text[0] != ";":
        at = text.find(";")
        junk = text if at < 0 else text[:at]
        note("parameter", f"{excerpt(junk)} stands where parameters begin with a semicolon.")
        at = size if at < 0 else at
    while at < size:
        match = _NAME.match(text, at + 1)
        assert match is not None  # every part of the pattern may be empty
        name, equals = match.groups()
        at = match.end()
        value: str | None = None
        if equals:
            value, at = _read_value(text, at, name, note)
        if at < size and text[at] != ";":
            end = text.find(";", at)
            end = size if end < 0 else end
            note("parameter", f"{excerpt(text[at:end])} is no part of parameter {excerpt(name)}.")
            at = end
        if not name:
            note("empty-element", "A semicolon has no parameter behind it.")
            continue
        if not is_token(name):
            note("parameter", f"{excerpt(name)} cannot be the name of a parameter.")
        found.append(Parameter(name, value))
    return Parameters(found)


def _read_value(text: str, at: int, name: str, note: Note) -> tuple[str, int]:
    """Return the value of a parameter at *at*, and where it ends."""
    if text[at : at + 1] == '"':
        end = split_quoted(text, at)
        if end >= 0:
            rest = _PLAIN.match(text, end)
            assert rest is not None
            if rest[0].strip(BLANKS):
                note("parameter", f"Something stands behind the quoted value of {excerpt(name)}.")
            return unquote(text[at:end]), rest.end()
        note("quotation", f"The quoted value of parameter {excerpt(name)} has no end.")
        return text[at + 1 :], len(text)
    plain = _PLAIN.match(text, at)
    assert plain is not None
    value = plain[0].rstrip(BLANKS)
    if not value:
        note("parameter", f"Parameter {excerpt(name)} has an equals sign, but no value.")
    elif _ODD.search(value):
        note("parameter", f"The value of parameter {excerpt(name)} needs quotation marks.")
    return value, plain.end()


def read_tokens(value: str, note: Note = ignore) -> tuple[str, ...]:
    """Read a list of tokens (Require, Supported, Allow …), which may be empty."""
    tokens = split_list(value, note)
    for token in tokens:
        if not is_token(token):
            note("value", f"{excerpt(token)} in a list of names is none.")
    return tuple(tokens)


def read_number(text: str, what: str, largest: int, note: Note = ignore) -> int | None:
    """Read a number, leading zeros and all; ``None`` when it is none.

    :param what: what it is the number of, as the subject of a sentence.
    :param largest: what must not be exceeded; a larger one is noted and returned.
    """
    if not (text.isascii() and text.isdigit()):
        note("number", f"{what} is {excerpt(text)}, not a number.")
        return None
    if len(text) > 100:  # int() takes longer than linear time; nobody means such a number
        text = text.lstrip("0")[:100] or "0"
    number = int(text)
    if number > largest:
        note("number-too-large", f"{what} is {excerpt(text)}, more than {largest}.")
    return number


def maybe_number(text: str, largest: int) -> int | None:
    """Return the number that *text* is, when it is one and not larger than *largest*."""
    # More digits than that would take int() its time; the largest number asked for has nineteen.
    if text.isascii() and text.isdigit() and len(text) < 24:
        number = int(text)
        return number if number <= largest else None
    return None
