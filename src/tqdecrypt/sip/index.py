"""The index pass: from the bytes of one message to the fields that calls need.

Two ways lead to the same fields.  :func:`index_completely` splits the header into fields and knows
every spelling.  :func:`index_framed` looks for the spelling that nearly everybody sends
(``\\r\\nCall-ID: ``) with ``bytes.find`` and turns to the complete way when it does not find it, or
when a value is folded; it is what keeps a message at about two microseconds.  A property test holds
the two equal, which also settles what a header that stands there twice means: of a field that may
stand once, the first line in the usual spelling counts, or else the first in any; of Via, the first
in any.

Start lines of responses and CSeq and Content-Length values repeat all the time: what they mean is
remembered, in tables with a bound.
"""

from __future__ import annotations

import re

from tqdecrypt.errors import Malformed
from tqdecrypt.sip.address import parameter
from tqdecrypt.sip.grammar import (
    Field,
    find_body,
    parse_cseq,
    parse_length,
    parse_request_line,
    parse_status_line,
    pull_fields,
    text,
)
from tqdecrypt.sip.message import Flow, Message

__all__ = ["KNOWN_LENGTHS", "content_length", "index_completely", "index_framed", "index_message"]

MOST_REMEMBERED = 4096
"""Entries of each table below, some 100 bytes each; a full table is emptied and fills anew."""

_status_lines: dict[bytes, tuple[int, str]] = {}
_methods: dict[bytes, str] = {}
_cseqs: dict[bytes, tuple[int, str]] = {}
KNOWN_LENGTHS: dict[bytes, int] = {}
"""Content-Length values that were met; the framer looks here first."""

_CR = 0x0D
_BLANKS = (b" ", b"\t")

_TOP_VIA = re.compile(
    rb'\r\nVia: [^\r;,"]*(?:;(?!branch=)[^\r;,"]*)*;branch=([^\r;,"]*)(?:[;,]|\r\n[^ \t])'
)
"""Via directly below the start line, where nearly everybody puts it, up to the branch."""
_BRANCH = re.compile(rb'[^\r;,"]*(?:;(?!branch=)[^\r;,"]*)*;branch=([^\r;,"]*)(?:[;,]|\Z)')
"""The same in a value that was cut out."""
_USUAL_ORDER = re.compile(
    rb"\r\nFrom: ([^\r]*)\r\nTo: ([^\r]*)\r\nCall-ID: ([^\r]*)\r\nCSeq: ([^\r]*)\r\n[^ \t]"
)
"""The four in the order of RFC 3261's examples, which most implementations keep; not folded."""
_NEEDLES = (b"\r\nFrom: ", b"\r\nTo: ", b"\r\nCall-ID: ", b"\r\nCSeq: ")


def index_message(raw: bytes, flow: Flow, frame: int, time: int) -> Message:
    """Return the message whose bytes are *raw*, start line to the end of the body.

    A header without its empty line (a datagram that was cut) is read as far as it goes.

    :raises Malformed: when the start line is none; whatever else is wrong leaves a field empty.
    """
    line_end = raw.find(b"\n")
    body_start = find_body(raw)
    if body_start < 0 or raw[line_end - 1] != _CR:
        return index_completely(raw, len(raw) if body_start < 0 else body_start, flow, frame, time)
    return index_framed(raw, line_end - 1, body_start, flow, frame, time)


def index_framed(
    raw: bytes, line_end: int, body_start: int, flow: Flow, frame: int, time: int
) -> Message:
    """Index a message whose start line ends with the CRLF at *line_end*.

    :raises Malformed: when the start line is none.
    """
    find = raw.find
    message = Message()

    line = raw[:line_end]
    start_line = _status_lines.get(line)
    if start_line is not None:
        message.status, message.reason = start_line
        message.method = message.request_uri = None
    else:
        words = line.split(b" ")
        method = _methods.get(words[0])
        if method is None or len(words) != 3 or words[2] != b"SIP/2.0":
            return index_completely(raw, body_start, flow, frame, time)
        message.method = method
        message.request_uri = words[1].strip().decode("utf-8", "backslashreplace")
        if not message.request_uri:
            raise Malformed("a request line", line[:80], 0)
        message.status = message.reason = None

    top = _TOP_VIA.match(raw, line_end, body_start)
    if top is not None:
        via_end = top.end(1)
        message.branch = top[1].strip().decode("utf-8", "backslashreplace")
    else:
        via, via_end = _find_via(raw, line_end, body_start)
        if via is None:
            return index_completely(raw, body_start, flow, frame, time)
        message.branch = _branch_of(via)

    usual = _USUAL_ORDER.match(raw, find(b"\r\nFrom: ", via_end, body_start), body_start)
    values = usual.groups() if usual else _find_values(raw, line_end, via_end, body_start)
    if values is None:
        return index_completely(raw, body_start, flow, frame, time)
    from_, to, call_id, sequence = values
    message.from_ = from_.strip()
    message.to = to.strip()
    message.call_id = call_id.strip().decode("utf-8", "backslashreplace")
    cseq = _cseqs.get(sequence)
    if cseq is None:
        cseq = _remember_cseq(sequence)
    message.cseq, message.cseq_method = cseq

    message.raw = raw
    message.body_start = body_start
    message.frame = frame
    message.time = time
    message.flow = flow
    message.behind_gap = False
    return message


def index_completely(raw: bytes, body_start: int, flow: Flow, frame: int, time: int) -> Message:
    """Index a message in any spelling.

    :raises Malformed: when the start line is none.
    """
    line, fields = pull_fields(raw, body_start)
    message = Message()
    if line[:4].upper() == b"SIP/":
        message.status, message.reason = _remember_status(line)
        message.method = message.request_uri = None
    else:
        message.method, message.request_uri = parse_request_line(line)
        _remember_method(message.method)
        message.status = message.reason = None
    via = next((at for at, field in enumerate(fields) if field.key == b"via"), -1)
    message.branch = _branch_of(_value(fields, via))
    at = _below(fields, via, b"from", b"From")
    message.from_ = _value(fields, at)
    at = _below(fields, at, b"to", b"To")
    message.to = _value(fields, at)
    at = _below(fields, at, b"call-id", b"Call-ID")
    message.call_id = text(_value(fields, at))
    at = _below(fields, at, b"cseq", b"CSeq")
    message.cseq, message.cseq_method = parse_cseq(_value(fields, at))
    message.raw = raw
    message.body_start = body_start
    message.frame = frame
    message.time = time
    message.flow = flow
    message.behind_gap = False
    return message


def content_length(data: bytes, start: int, body_start: int) -> int | None:
    """Return the Content-Length of the message at *start*.

    The last line in the usual spelling counts, or else the last in any: it mostly stands last.
    ``None`` when it has none, −1 when the value is not a number.
    """
    at = data.rfind(b"\r\nContent-Length: ", start, body_start) + 18
    if at >= 18 and data[data.find(b"\n", start) - 1] == _CR:
        end = data.find(_CR, at, body_start)
        if end >= 0 and data[end + 2 : end + 3] not in _BLANKS:
            value = data[at:end]
            length = KNOWN_LENGTHS.get(value)
            return _remember_length(value) if length is None else length
    _, fields = pull_fields(data[start:body_start], body_start - start)
    fields.reverse()
    at = _below(fields, -1, b"content-length", b"Content-Length")
    return None if at < 0 else parse_length(_value(fields, at))


def _below(fields: list[Field], start: int, key: bytes, usual: bytes) -> int:
    """Return which field counts: −1 when there is none.

    In this order: the first in the usual spelling below *start*, the first in the usual spelling,
    the first in any.
    """
    spelled = [
        at for at, field in enumerate(fields) if field.canonical and field.name == usual
    ] or [at for at, field in enumerate(fields) if field.key == key]
    return next((at for at in spelled if at > start), spelled[0] if spelled else -1)


def _value(fields: list[Field], at: int) -> bytes:
    """Return the value of field *at*, up to a CR, which no value may hold; empty for −1."""
    return fields[at].value.partition(b"\r")[0].strip() if at >= 0 else b""


def _find_via(raw: bytes, line_end: int, body_start: int) -> tuple[bytes | None, int]:
    """Return the value of the topmost Via and its end; ``None`` when it takes the complete way."""
    at = raw.find(b"\r\nVia: ", line_end, body_start)
    if at < 0 or raw[line_end:at].lower().find(b"\r\nv") >= 0:
        return None, -1  # another spelling above it would be the topmost
    end = raw.find(_CR, at + 7, body_start)
    if end < 0 or raw[end + 2 : end + 3] in _BLANKS:
        return None, -1
    return raw[at + 7 : end], end


def _find_values(
    raw: bytes, line_end: int, via_end: int, body_start: int
) -> tuple[bytes, ...] | None:
    """Return the values of From, To, Call-ID and CSeq, each sought below the one before it, and
    from the top when it is not there; ``None`` when it takes the complete way to tell.
    """
    values = []
    end = via_end
    for needle in _NEEDLES:
        at = raw.find(needle, end, body_start)
        if at < 0:
            at = raw.find(needle, line_end, body_start)
            if at < 0:
                return None
        at += len(needle)
        end = raw.find(_CR, at, body_start)
        if end < 0 or raw[end + 2 : end + 3] in _BLANKS:
            return None
        values.append(raw[at:end])
    return tuple(values)


def _branch_of(via: bytes) -> str:
    """Return the branch parameter of the first of the values of a Via line."""
    match = _BRANCH.match(via)
    return text(match[1].strip() if match else parameter(via, b"branch", first_only=True))


def _remember_status(line: bytes) -> tuple[int, str]:
    known = parse_status_line(line)
    if len(_status_lines) >= MOST_REMEMBERED:
        _status_lines.clear()
    _status_lines[line] = known
    return known


def _remember_method(method: str) -> None:
    if len(_methods) >= MOST_REMEMBERED:
        _methods.clear()
    _methods[method.encode()] = method


def _remember_cseq(value: bytes) -> tuple[int, str]:
    cseq = parse_cseq(value.strip())
    if len(_cseqs) >= MOST_REMEMBERED:
        _cseqs.clear()
    _cseqs[value] = cseq
    return cseq


def _remember_length(value: bytes) -> int:
    length = parse_length(value)
    if len(KNOWN_LENGTHS) >= MOST_REMEMBERED:
        KNOWN_LENGTHS.clear()
    KNOWN_LENGTHS[value] = length
    return length
