"""Results as JSON lines: one object a line, ``type`` first (RFC 8259, RFC 3339).

Everything outside ASCII is escaped, so that whatever a peer sends, a line is valid UTF-8 and has no
control character in it, also when it ends up on a terminal.

A message's line is put together from parts: those that repeat (flow, method, status, addresses, the
second of the time) are made once and remembered, in tables with a bound.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, BinaryIO, TextIO

from tqdecrypt.sip import Flow, Message, uri_of

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.tls.report import SessionReport

__all__ = ["JsonLines", "format_time"]

LINES_JOINED = 512
"""Lines that are collected before they are written in one piece."""
MOST_ADDRESSES = 1 << 15
"""Addresses whose JSON is remembered, about 300 bytes each; a full table is emptied."""
MOST_WORDS = 1 << 12
"""Methods and status lines, likewise."""

EASY_DIGITS = 8
"""Digits of microseconds from which on the last six are the fraction of a positive second."""
_SECOND = 1_000_000_000


class JsonLines:
    """Writes results as JSON lines.

    Lines are collected; :meth:`flush` writes what is left, and has to be called at the end.

    :param stream: where to, in text or bytes.
    :param raw: whether messages carry their text.
    """

    def __init__(self, stream: TextIO | BinaryIO, *, raw: bool = False) -> None:
        self._write, self._flush = _writer(stream)
        self._raw = raw
        self._lines: list[str] = []
        self._second = ""
        self._prefix = ""
        self._starts: dict[object, str] = {}
        self._addresses: dict[bytes, str] = {}

    def message(self, message: Message) -> None:
        """One SIP message."""
        flow = message.flow
        flow_part = flow.json_part
        if flow_part is None:
            flow_part = flow.json_part = _flow_part(flow)
        status = message.status
        key = message.method if status is None else (status, message.reason)
        start = self._starts.get(key)
        if start is None:
            start = self._remember_start(message, key)
        if message.request_uri is not None:
            start += quote(message.request_uri)
        method = message.cseq_method
        sequence = f'{message.cseq},"cseq_method":{quote(method)}' if method else _NO_CSEQ
        addresses = self._addresses
        from_ = addresses.get(message.from_)
        if from_ is None:
            from_ = self._remember_address(message.from_)
        to = addresses.get(message.to)
        if to is None:
            to = self._remember_address(message.to)
        raw = (
            f',"raw":{quote(message.raw.decode("utf-8", "backslashreplace"))}' if self._raw else ""
        )
        lines = self._lines
        lines.append(
            f'{{"type":"message","time":"{self._stamp(message.time)}","frame":{message.frame},'
            f'{flow_part},{start},"call_id":{quote(message.call_id)},"cseq":{sequence},'
            f'"from":{from_},"to":{to}{raw}}}\n'
        )
        if len(lines) >= LINES_JOINED:
            self._write_lines()

    def _stamp(self, time: int) -> str:
        """Return what :func:`format_time` does; the second's text is kept for the next time."""
        microseconds = time // 1000
        digits = str(microseconds)
        if microseconds * 1000 != time or len(digits) < EASY_DIGITS:
            return format_time(time)
        second = digits[:-6]
        if second != self._second:
            self._second = second
            self._prefix = _format_second(int(second))
        return f"{self._prefix}.{digits[-6:]}Z"

    def session(self, report: SessionReport) -> None:
        """One TLS session, with everything its report says."""
        line: dict[str, object] = {"type": "session"}
        for name in _session_fields():
            line[name] = getattr(report, name)
        line["started"] = self._stamp(report.started)
        line["ended"] = self._stamp(report.ended)
        line["verdict"] = report.verdict.value
        self._lines.append(_encode(line) + "\n")
        if len(self._lines) >= LINES_JOINED:
            self._write_lines()

    def call(self, call: Call) -> None:
        """One call."""
        stamp = self._stamp
        answered = "null" if call.answered is None else f'"{stamp(call.answered)}"'
        ended = "null" if call.ended is None else f'"{stamp(call.ended)}"'
        hung_up_by = "null" if call.hung_up_by is None else f'"{call.hung_up_by.value}"'
        findings = ",".join([quote(finding) for finding in call.findings])
        sessions = ",".join(map(str, sorted(call.sessions)))
        self._lines.append(
            f'{{"type":"call","call_id":{quote(call.call_id)},"started":"{stamp(call.started)}",'
            f'"answered":{answered},"ended":{ended},"state":"{call.state.value}",'
            f'"from":{_or_null(call.from_uri)},"to":{_or_null(call.to_uri)},'
            f'"caller":{quote(call.caller)},"callee":{quote(call.callee)},'
            f'"final_status":{call.final_status or "null"},"reason":{_or_null(call.reason)},'
            f'"hung_up_by":{hung_up_by},"messages":{call.messages},'
            f'"retransmissions":{call.retransmissions},"sessions":[{sessions}],'
            f'"findings":[{findings}]}}\n'
        )
        if len(self._lines) >= LINES_JOINED:
            self._write_lines()

    def summary(self, summary: Summary) -> None:
        """What was read in all: the last line."""
        values = {field.name: getattr(summary, field.name) for field in fields(summary)}
        self._lines.append(_encode({"type": "summary"} | values) + "\n")
        self.flush()

    def flush(self) -> None:
        """Write everything that was collected, and flush the stream."""
        self._write_lines()
        self._flush()

    def _write_lines(self) -> None:
        if self._lines:
            # DEL is the one control character that the encoder leaves as it is.
            text = "".join(self._lines).replace("\x7f", "\\u007f")
            self._lines.clear()
            self._write(text)

    def _remember_start(self, message: Message, key: object) -> str:
        """Make the part that tells request from response, up to the Request-URI."""
        if message.method is not None:
            start = f'"method":{quote(message.method)},"request_uri":'
        else:
            start = f'"status":{message.status},"reason":{quote(message.reason or "")}'
        if len(self._starts) >= MOST_WORDS:
            self._starts.clear()
        self._starts[key] = start
        return start

    def _remember_address(self, value: bytes) -> str:
        uri = uri_of(value)
        quoted: str = quote(uri) if uri else "null"
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[value] = quoted
        return quoted


def _or_null(text: str | None) -> str:
    return quote(text) if text else "null"


_NO_CSEQ = 'null,"cseq_method":null'


def format_time(time: int) -> str:
    """Return nanoseconds since 1970-01-01 UTC as RFC 3339: with microseconds, or nanoseconds when
    there are any.
    """
    second, nanoseconds = divmod(time, _SECOND)
    digits = f"{nanoseconds:09d}" if nanoseconds % 1000 else f"{nanoseconds // 1000:06d}"
    return f"{_format_second(second)}.{digits}Z"


@functools.lru_cache(maxsize=256)
def _format_second(second: int) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except (OverflowError, ValueError, OSError):
        # Damaged captures have times that RFC 3339 cannot say; the nearest that it can.
        return "9999-12-31T23:59:59" if second > 0 else "0001-01-01T00:00:00"


def _flow_part(flow: Flow) -> str:
    session = "null" if flow.session is None else flow.session
    return (
        f'"session":{session},"source":{quote(flow.source)},'
        f'"destination":{quote(flow.destination)},"transport":"{flow.transport}",'
        f'"integrity":"{flow.integrity}"'
    )


_encode = json.JSONEncoder(separators=(",", ":")).encode


@functools.cache
def _session_fields() -> tuple[str, ...]:
    from tqdecrypt.tls.report import SessionReport

    return tuple(field.name for field in fields(SessionReport))


def _writer(stream: TextIO | BinaryIO) -> tuple[Callable[[str], object], Callable[[], None]]:
    """Return how text gets into *stream*.  It is all ASCII, so that any encoding does."""
    if isinstance(stream, io.TextIOBase):
        return stream.write, stream.flush
    binary: BinaryIO = stream  # type: ignore[assignment]
    return lambda text: binary.write(text.encode("ascii")), binary.flush
