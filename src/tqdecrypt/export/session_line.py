"""The JSON line of one TLS session.

Most sessions between the same two ends agree on the same things and get the same verdict.  The parts
of the line that say so are made once and remembered, in a table with a bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from json.encoder import encode_basestring_ascii as quote
from operator import attrgetter
from typing import Final

from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.timing import TcpFacts, phases

__all__ = ["SessionLines"]

MOST_PARTS = 1 << 12
"""Parts of lines that are remembered, a kilobyte each; a full table is emptied."""

_FIELDS: Final = tuple(field.name for field in fields(SessionReport))
_AGREED: Final = _FIELDS[_FIELDS.index("version") : _FIELDS.index("server_not_after")]
"""What the hellos and the certificate said: texts, truth values and lists of texts."""
_CLIENT: Final = ("client_certificate", "client_subject", "client_names")
_JUDGED: Final = ("secrets_from", "verdict", "why", "side")

_agreed: Callable[[SessionReport], tuple[object, ...]] = attrgetter(*_AGREED)
_client: Callable[[SessionReport], tuple[object, ...]] = attrgetter(*_CLIENT)
_judged: Callable[[SessionReport], tuple[object, ...]] = attrgetter(*_JUDGED)
_encode = json.JSONEncoder(separators=(",", ":"), default=attrgetter("value")).encode
_WORDS: Final = {None: "null", True: "true", False: "false"}


class SessionLines:
    """Makes the lines.

    :param stamp: writes a time, in nanoseconds, as RFC 3339.
    """

    def __init__(self, stamp: Callable[[int], str]) -> None:
        self._stamp = stamp
        self._parts: dict[tuple[object, ...], str] = {}
        """By values; those of different parts differ in their number."""

    @property
    def remembered(self) -> int:
        """How many parts are remembered."""
        return len(self._parts)

    def line(self, report: SessionReport) -> str:
        """Return everything that *report* says, in the order of its fields."""
        stamp = self._stamp
        part = self._part
        frames = ",".join(map(str, report.handshake_frames))
        return (
            f'{{"type":"session","session":{report.session},"client":{quote(report.client)},'
            f'"server":{quote(report.server)},"started":"{stamp(report.started)}",'
            f'"ended":"{stamp(report.ended)}","first_frame":{report.first_frame},'
            f'"last_frame":{report.last_frame},"roles_known":{_WORDS[report.roles_known]},'
            f"{part(_AGREED, _agreed(report))},"
            f'"server_not_after":{self._end(report.server_not_after)},'
            f"{part(_CLIENT, _client(report))},"
            f'"client_not_after":{self._end(report.client_not_after)},'
            f'"handshakes":{report.handshakes},'
            f'"finished_verified":{_WORDS[report.finished_verified]},'
            f'"handshake_frames":[{frames}],"handshake_times":{_phases(report)},'
            f'"tcp":{self._tcp(report.tcp)},"alert":{_or_null(report.alert)},'
            f'"ending":{quote(report.ending)},"client_bytes":{report.client_bytes},'
            f'"server_bytes":{report.server_bytes},'
            f'"client_encrypted_bytes":{report.client_encrypted_bytes},'
            f'"server_encrypted_bytes":{report.server_encrypted_bytes},'
            f'"missing_bytes":{report.missing_bytes},"messages":{report.messages},'
            f"{part(_JUDGED, _judged(report))},"
            f'"advice":{_list(report.advice)},"notes":{_list(report.notes)},'
            f'"opened":{_WORDS[report.opened]},"closed":{_WORDS[report.closed]}}}\n'
        )

    def _part(self, names: tuple[str, ...], values: tuple[object, ...]) -> str:
        part = self._parts.get(values)
        if part is None:
            if len(self._parts) >= MOST_PARTS:
                self._parts.clear()
            part = _encode(dict(zip(names, values, strict=True)))[1:-1]
            self._parts[values] = part
        return part

    def _tcp(self, facts: TcpFacts | None) -> str:
        if facts is None:
            return "null"
        return (
            f'{{"syn":{self._end(facts.syn)},"syn_ack":{self._end(facts.syn_ack)},'
            f'"client_retransmissions":{facts.client_retransmissions},'
            f'"server_retransmissions":{facts.server_retransmissions},'
            f'"client_gaps":{facts.client_gaps},"server_gaps":{facts.server_gaps}}}'
        )

    def _end(self, time: int | None) -> str:
        return "null" if time is None else f'"{self._stamp(time)}"'


def _phases(report: SessionReport) -> str:
    """Return how long the phases of each handshake took, in milliseconds."""
    found = []
    for number, times in enumerate(report.handshake_times):
        took = phases(times, None if number else report.tcp)
        parts = [f',"{phase}":{delay / 1e6}' for phase, delay in took.items()]
        found.append(f'{{"resumed":{_WORDS[times.resumed]}{"".join(parts)}}}')
    return f"[{','.join(found)}]"


def _or_null(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _list(texts: list[str]) -> str:
    return f"[{','.join([quote(text) for text in texts])}]"
