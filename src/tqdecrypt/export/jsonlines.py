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
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from tqdecrypt.calls.delays import Delays
from tqdecrypt.errors import Malformed
from tqdecrypt.sip import Flow, Message, uri_of

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall
    from tqdecrypt.export.session_line import SessionLines
    from tqdecrypt.insight import Finding
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.insight.indicators import Indicators
    from tqdecrypt.pipeline import Summary
    from tqdecrypt.tls.report import SessionReport

__all__ = ["JsonLines", "format_time"]

LINES_JOINED = 512
"""Lines that are collected before they are written in one piece."""
MOST_ADDRESSES = 1 << 15
"""Addresses whose JSON is remembered, about 300 bytes each; a full table is emptied."""
MOST_WORDS = 1 << 12
"""Methods and status lines, likewise."""
_SECOND = 1_000_000_000


INDICATOR_RATIOS = (
    "session_establishment_ratio",
    "session_establishment_effectiveness_ratio",
    "ineffective_session_attempts",
    "session_completion_ratio",
    "ineffective_registration_attempts",
)


class JsonLines:
    """Writes results as JSON lines.

    Lines are collected; :meth:`flush` writes what is left, and has to be called at the end.

    :param stream: where to, in text or bytes.
    :param raw: whether messages carry their text.
    :param problems: whether messages carry what is wrong with them, which takes the full parse of each.
    """

    def __init__(
        self, stream: TextIO | BinaryIO, *, raw: bool = False, problems: bool = False
    ) -> None:
        self._write, self._flush = _writer(stream)
        self._raw = raw
        self._problems = problems
        self._lines: list[str] = []
        self._second_begins = 0
        """The second that :attr:`_prefix` spells, ns."""
        self._prefix = _format_second(0)
        self._starts: dict[object, str] = {}
        self._sequences: dict[tuple[int, str], str] = {}
        self._addresses: dict[bytes, str] = {}
        self._sessions: SessionLines | None = None

    def message(self, message: Message) -> None:
        """One SIP message."""
        flow = message.flow
        status = message.status
        method = message.method
        starts = self._starts
        start = starts.get(method if status is None else (status, message.reason))
        if start is None:
            start = self._remember_start(message)
        if message.request_uri is not None:
            start += quote(message.request_uri)
        key = (message.cseq, message.cseq_method)
        sequence = self._sequences.get(key)
        if sequence is None:
            sequence = self._remember_sequence(key)
        addresses = self._addresses
        from_ = addresses.get(message.from_)
        if from_ is None:
            from_ = self._remember_address(message.from_)
        to = addresses.get(message.to)
        if to is None:
            to = self._remember_address(message.to)
        since = message.time - self._second_begins
        if 0 <= since < _SECOND and not since % 1000:
            time = f"{self._prefix}.{since // 1000:06d}Z"
        else:
            time = self._stamp(message.time)
        lines = self._lines
        lines.append(
            f'{{"type":"message","time":"{time}","frame":{message.frame},'
            f'{flow.json_part or _flow_part(flow)}{start},"call_id":{quote(message.call_id)}'
            f'{sequence},"from":{from_},"to":{to}{_raw(message) if self._raw else ""}'
            f"{_problems(message) if self._problems else ''}}}\n"
        )
        if len(lines) >= LINES_JOINED:
            self._write_lines()

    def _stamp(self, time: int) -> str:
        """Return what :func:`format_time` does; the second's text is kept for the next time."""
        since = time - self._second_begins
        if not 0 <= since < _SECOND:
            second, since = divmod(time, _SECOND)
            self._second_begins = second * _SECOND
            self._prefix = _format_second(second)
        return f"{self._prefix}.{_fraction(since)}Z"

    def session(self, report: SessionReport) -> None:
        """One TLS session, with everything its report says."""
        if self._sessions is None:
            from tqdecrypt.export.session_line import SessionLines

            self._sessions = SessionLines(self._stamp)
        self._lines.append(self._sessions.line(report))
        if len(self._lines) >= LINES_JOINED:
            self._write_lines()

    def call(self, call: Call) -> None:
        """One call."""
        stamp = self._stamp
        answered = "null" if call.answered is None else f'"{stamp(call.answered)}"'
        ended = "null" if call.ended is None else f'"{stamp(call.ended)}"'
        hung_up_by = f'"{call.hung_up_by}"' if call.hung_up_by else "null"
        findings = ",".join([quote(finding) for finding in call.findings])
        sessions = sorted(call.sessions)
        numbers = sessions[0] if len(sessions) == 1 else ",".join(map(str, sessions))
        self._lines.append(
            f'{{"type":"call","call_id":{quote(call.call_id)},"started":"{stamp(call.started)}",'
            f'"answered":{answered},"ended":{ended},"state":"{call.state}",'
            f'"from":{_or_null(call.from_uri)},"to":{_or_null(call.to_uri)},'
            f'"caller":{quote(call.caller)},"callee":{quote(call.callee)},'
            f'"final_status":{call.final_status or "null"},"reason":{_or_null(call.reason)},'
            f'"hung_up_by":{hung_up_by},"messages":{call.messages},'
            f'"retransmissions":{call.retransmissions},"sessions":[{numbers}],'
            f'"findings":[{findings}]}}\n'
        )
        if len(self._lines) >= LINES_JOINED:
            self._write_lines()

    def joint_call(self, call: JointCall) -> None:
        """Legs that are one call, with why they are; nothing for a call of one leg."""
        if len(call.legs) < 2:
            return
        numbers = {leg.number: leg.call_id for leg in call.legs}
        line = {
            "type": "joint_call",
            "started": self._stamp(call.started),
            "state": call.state.value,
            "call_ids": call.call_ids,
            "sessions": call.sessions,
            "confidence": call.confidence.value,
            "joins": [
                {
                    "call_id": numbers[join.other],
                    "to": numbers[join.leg],
                    "reason": join.reason.value,
                    "confidence": join.confidence.value,
                    "evidence": join.evidence,
                }
                for join in call.joins
            ],
        }
        self._lines.append(_encode(line) + "\n")

    def dark_leg(self, leg: DarkLeg) -> None:
        """A leg that stayed encrypted, inferred from the times of its records."""
        line = {
            "type": "dark_leg",
            "call_id": leg.call_id,
            "session": leg.session,
            "box": leg.box,
            "client": leg.client,
            "server": leg.server,
            "inferred": True,
            "expected": leg.expected,
            "window_ms": leg.window / 1_000_000,
            "chance": leg.chance,
            "messages": [
                {
                    "message": message.label,
                    "time": self._stamp(message.record.time),
                    "frame": message.record.frame,
                    "size": message.record.size,
                    "source": message.source,
                    "destination": message.destination,
                }
                for message in leg.messages
            ],
        }
        self._lines.append(_encode(line) + "\n")

    def indicators(self, source: str, destination: str, begin: int, row: Indicators) -> None:
        """One row of indicators (RFC 6076); *begin* is that of its slice of time, 0 for all."""
        line: dict[str, object] = {
            "type": "indicator",
            "source": source or None,
            "destination": destination or None,
            "time": self._stamp(begin) if begin else None,
        }
        for name in (*row.__slots__, *INDICATOR_RATIOS):
            value = getattr(row, name)
            line[name] = _delays(value) if isinstance(value, Delays) else value
        self._lines.append(_encode(line) + "\n")

    def finding(self, finding: Finding) -> None:
        """One finding, with its evidence and advice."""
        self._lines.append(
            _encode(
                {
                    "type": "finding",
                    "finding": finding.name,
                    "severity": finding.severity.value,
                    "time": self._stamp(finding.time),
                    "count": finding.count,
                    "sentence": finding.sentence,
                    "advice": finding.advice,
                    "frames": finding.frames,
                    "call_ids": finding.call_ids,
                    "sessions": finding.sessions,
                    "hosts": finding.hosts,
                }
            )
            + "\n"
        )

    def write_object(self, line: dict[str, object]) -> None:
        """Write one object that somebody else made; its first field is ``type``."""
        self._lines.append(_encode(line) + "\n")
        if len(self._lines) >= LINES_JOINED:
            self._write_lines()

    def summary(self, summary: Summary) -> None:
        """What was read in all: the last line."""
        values = {field.name: getattr(summary, field.name) for field in fields(summary)}
        for name in ("started", "ended"):
            values[name] = None if values[name] is None else self._stamp(values[name])
        values["interfaces"] = [interface._asdict() for interface in summary.interfaces]
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

    def _remember_start(self, message: Message) -> str:
        """Make the part that tells request from response, up to the Request-URI."""
        if message.method is not None:
            start = f',"method":{quote(message.method)},"request_uri":'
            return _keep(self._starts, message.method, start)
        start = f',"status":{message.status},"reason":{quote(message.reason or "")}'
        return _keep(self._starts, (message.status, message.reason), start)

    def _remember_sequence(self, key: tuple[int, str]) -> str:
        """Make the part for CSeq's number and method."""
        number, method = key
        known = f'{number},"cseq_method":{quote(method)}' if method else _NO_CSEQ
        return _keep(self._sequences, key, f',"cseq":{known}')

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
    return f"{_format_second(second)}.{_fraction(nanoseconds)}Z"


def _keep(table: dict[Any, str], key: object, part: str) -> str:
    if len(table) >= MOST_WORDS:
        table.clear()
    table[key] = part
    return part


def _fraction(nanoseconds: int) -> str:
    return f"{nanoseconds:09d}" if nanoseconds % 1000 else f"{nanoseconds // 1000:06d}"


@functools.lru_cache(maxsize=256)
def _format_second(second: int) -> str:
    try:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except (OverflowError, ValueError, OSError):
        # Damaged captures have times that RFC 3339 cannot say; the nearest that it can.
        return "9999-12-31T23:59:59" if second > 0 else "0001-01-01T00:00:00"


def _delays(delays: Delays) -> dict[str, object]:
    """Return delays in milliseconds."""
    found = {
        "minimum": delays.minimum,
        "mean": delays.mean,
        "p50": delays.quantile(0.5),
        "p95": delays.quantile(0.95),
        "p99": delays.quantile(0.99),
        "maximum": delays.maximum,
    }
    milliseconds = {
        name: None if value is None else round(value / 1e6, 3) for name, value in found.items()
    }
    return {"count": delays.count, **milliseconds}


def _flow_part(flow: Flow) -> str:
    session = "null" if flow.session is None else flow.session
    flow.json_part = (
        f'"session":{session},"source":{quote(flow.source)},'
        f'"destination":{quote(flow.destination)},"transport":"{flow.transport}",'
        f'"integrity":"{flow.integrity}"'
    )
    if flow.mirrored_by is not None:
        flow.json_part += f',"mirrored_by":{quote(flow.mirrored_by)}'
    return flow.json_part


def _raw(message: Message) -> str:
    return f',"raw":{quote(message.raw.decode("utf-8", "backslashreplace"))}'


def _problems(message: Message) -> str:
    from tqdecrypt.sip import parse_message  # the full parser, for those who ask

    try:
        found = parse_message(message.raw).problems
    except Malformed:  # the index pass took it, so that this is somebody else's Message
        return ""
    return f',"problems":{_encode([problem._asdict() for problem in found])}'


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _writer(stream: TextIO | BinaryIO) -> tuple[Callable[[str], object], Callable[[], None]]:
    """Return how text gets into *stream*.  It is all ASCII, so that any encoding does."""
    if isinstance(stream, io.TextIOBase):
        return stream.write, stream.flush
    binary: BinaryIO = stream  # type: ignore[assignment]
    return lambda text: binary.write(text.encode("ascii")), binary.flush
