"""The parts of a SIP message's grammar that framing, index and display share (RFC 3261 section 25).

This is the complete, slow way to read a header: every spelling, every fold.  What
:mod:`tqdecrypt.sip.index` finds in a hurry must be what these functions find.

**Line ends.**  A message whose start line ends with CRLF has CRLF line ends throughout; then a lone
CR or LF is a byte of a value.  When the start line ends with a bare LF, which RFC 3261 does not
allow but hand-made messages have, lines end with LF and a CR in front of it belongs to the line end.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = [
    "COMPACT_FORMS",
    "Field",
    "find_body",
    "is_header_line",
    "is_start_line",
    "parse_cseq",
    "parse_length",
    "parse_request_line",
    "parse_status_line",
    "pull_fields",
    "text",
]

COMPACT_FORMS: dict[bytes, bytes] = {
    b"a": b"accept-contact",
    b"b": b"referred-by",
    b"c": b"content-type",
    b"d": b"request-disposition",
    b"e": b"content-encoding",
    b"f": b"from",
    b"i": b"call-id",
    b"j": b"reject-contact",
    b"k": b"supported",
    b"l": b"content-length",
    b"m": b"contact",
    b"n": b"identity-info",
    b"o": b"event",
    b"r": b"refer-to",
    b"s": b"subject",
    b"t": b"to",
    b"u": b"allow-events",
    b"v": b"via",
    b"x": b"session-expires",
    b"y": b"identity",
}
"""Compact form → name in lower case (IANA registry of SIP header fields)."""

# Each pattern takes linear time whatever a peer sends: no two repetitions may share a blank.
_TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]+"
_VERSION = rb"(?i:SIP)/\d+\.\d+"
_REQUEST_LINE = re.compile(rb"(%s)[ \t]+([^ \t].*)[ \t]%s[ \t]*" % (_TOKEN, _VERSION), re.DOTALL)
_STATUS_LINE = re.compile(rb"%s[ \t]+(\d{3,10})(?:[ \t]+(.*))?" % _VERSION, re.DOTALL)
_START_LINE = re.compile(
    rb"%s[ \t]+\d|%s[ \t]+[^ \t].*[ \t]%s[ \t]*\Z" % (_VERSION, _TOKEN, _VERSION), re.DOTALL
)
_HEADER_LINE = re.compile(rb"%s[ \t]*:" % _TOKEN)
_CSEQ = re.compile(rb"(\d{1,10})[ \t]+(%s)" % _TOKEN)
_MOST_LENGTH_DIGITS = 18


class Field(NamedTuple):
    """One header field, unfolded."""

    name: bytes
    """As it stands, without blanks."""
    key: bytes
    """In lower case and the long form: what names are compared by."""
    value: bytes
    """Without blanks around it; line folds are single spaces (RFC 3261 section 7.3.1)."""
    canonical: bool
    """Whether the line reads exactly ``Name: value``, with one space and nothing before the colon."""


def text(value: bytes) -> str:
    """Return *value* as text: UTF-8, with backslash escapes for bytes that are not."""
    return value.decode("utf-8", "backslashreplace")


def find_body(data: bytes, start: int = 0) -> int:
    """Return where the body of the message at *start* begins; −1 when its header has no end yet."""
    line_end = data.find(b"\n", start)
    if line_end < 0:
        return -1
    if line_end > start and data[line_end - 1] == 0x0D:
        blank_line = data.find(b"\r\n\r\n", line_end - 1)
        # A bare LF is an empty line here, too: echo servers and scripts mix the two.
        bare = data.find(b"\n\n", line_end, len(data) if blank_line < 0 else blank_line)
        if bare >= 0:
            return bare + 2
        return -1 if blank_line < 0 else blank_line + 4
    short, long = data.find(b"\n\n", line_end), data.find(b"\n\r\n", line_end)
    if short >= 0 and (long < 0 or short < long):
        return short + 2
    return -1 if long < 0 else long + 3


def pull_fields(raw: bytes, body_start: int) -> tuple[bytes, list[Field]]:
    """Return the start line and the header fields of a message.

    Lines that are no header field are left out: peers send them, and nothing can be done with them.
    """
    line_end = raw.find(b"\n", 0, body_start)
    if line_end > 0 and raw[line_end - 1] == 0x0D:
        lines = raw[:body_start].split(b"\r\n")
    else:
        lines = [line.removesuffix(b"\r") for line in raw[:body_start].split(b"\n")]
    fields: list[Field] = []
    foldable = False
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t"):
            if foldable:
                last = fields[-1]
                fields[-1] = last._replace(value=(last.value + b" " + line.strip()).strip())
            continue
        name, colon, value = line.partition(b":")
        foldable = bool(colon)
        if colon:
            bare = name.rstrip(b" \t")
            key = bare.lower()
            fields.append(
                Field(
                    bare,
                    COMPACT_FORMS.get(key, key),
                    value.strip(),
                    name == bare and value[:1] == b" ",
                )
            )
    return lines[0], fields


def is_start_line(line: bytes) -> bool:
    """Return whether *line*, without its line end, has the shape of a request or status line."""
    return _START_LINE.match(line) is not None


def is_header_line(line: bytes) -> bool:
    """Return whether *line* begins like a header field."""
    return _HEADER_LINE.match(line) is not None


def parse_request_line(line: bytes) -> tuple[str, str]:
    """Return method and Request-URI (RFC 3261 section 7.1); blanks in excess are tolerated."""
    match = _REQUEST_LINE.fullmatch(line)
    uri = match[2].strip() if match else b""
    if match is None or not uri:
        raise Malformed("a request line", line[:80], 0)
    return text(match[1]), text(uri)


def parse_status_line(line: bytes) -> tuple[int, str]:
    """Return status code and reason phrase (RFC 3261 section 7.2).

    A code has three digits; longer ones that a peer sends are shown as they are (RFC 4475 section 3.1.2.19).
    """
    match = _STATUS_LINE.fullmatch(line)
    if match is None or int(match[1]) < 100:
        raise Malformed("a status line", line[:80], 0)
    return int(match[1]), text((match[2] or b"").strip())


def parse_cseq(value: bytes) -> tuple[int, str]:
    """Return number and method of a CSeq value; ``(0, "")`` when it is not one."""
    match = _CSEQ.fullmatch(value)
    return (int(match[1]), text(match[2])) if match else (0, "")


def parse_length(value: bytes) -> int:
    """Return the number of a Content-Length value; −1 when it is not one."""
    number = value.strip()
    if number.isdigit() and len(number) <= _MOST_LENGTH_DIGITS:
        return int(number)
    return -1
