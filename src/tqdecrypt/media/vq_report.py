"""Quality reports in SIP: application/vq-rtcpxr (RFC 6035), mostly in PUBLISH."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.sip.headers import header

if TYPE_CHECKING:
    from tqdecrypt.sip import Message

__all__ = ["CONTENT_TYPE", "QualityReport", "QualityReports", "read_report"]

CONTENT_TYPE = "application/vq-rtcpxr"
MOST_LINES = 200
"""Lines that are looked at; a report has some thirty."""
MOST_REPORTS = 10_000
"""Reports that are kept, a kilobyte each."""
_PAIR = re.compile(r'([A-Za-z]+)=("[^"]*"|[^\s;]+)')


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What one end says of a call (RFC 6035 section 4.6).  Numbers that it does not give are missing."""

    time: int
    """When it was captured, ns."""
    frame: int
    reporter: str
    """``ip:port`` that sent it."""
    kind: str
    """``CallTerm``, ``Interval`` or ``Alert``, as it says."""
    call_id: str
    """Of the call that it is about."""
    local: str
    """``ip:port`` at which the reporter received; empty when it does not say."""
    remote: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Names as in RFC 6035 of what the reporter received (LocalMetrics): ``NLR`` … → value."""
    remote_metrics: Mapping[str, float] = field(default_factory=dict)
    """The same that it heard from the other end (RemoteMetrics)."""


class QualityReports:
    """Takes messages that may have a report, and keeps it until somebody asks for those about a call.

    :ivar counters: ``quality_reports``, ``quality_reports_unreadable``, ``quality_reports_not_kept``.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._kept: OrderedDict[str, list[QualityReport]] = OrderedDict()
        """By the Call-ID that they are about; the one that was the first to be reported on goes first."""
        self._number = 0

    def receive(self, message: Message) -> None:
        """Take a message."""
        kind = (header(message, "Content-Type") or "").partition(";")[0].strip().lower()
        if kind != CONTENT_TYPE:
            return
        report = read_report(
            message.raw[message.body_start :], message.time, message.frame, message.flow.source
        )
        if report is None:
            self.counters["quality_reports_unreadable"] += 1
            return
        self.counters["quality_reports"] += 1
        self._kept.setdefault(report.call_id, []).append(report)
        self._number += 1
        while self._number > MOST_REPORTS:
            oldest = self.take(next(iter(self._kept)))
            self.counters["quality_reports_not_kept"] += len(oldest)

    def take(self, call_id: str) -> list[QualityReport]:
        """Return the reports about a call; they are kept no longer."""
        reports = self._kept.pop(call_id, [])
        self._number -= len(reports)
        return reports


def read_report(body: bytes, time: int, frame: int, reporter: str) -> QualityReport | None:
    """Read a report; ``None`` when it is not about a session."""
    lines = body.decode("utf-8", "replace").splitlines()[:MOST_LINES]
    heading = next((line for line in lines if line.lower().startswith("vqsessionreport")), "")
    if not heading and not any(line.lower().startswith("vqintervalreport") for line in lines):
        return None
    kind = heading.partition(":")[2].strip() or "Interval"
    facts: dict[str, str] = {}
    metrics: dict[str, float] = {}
    remote: dict[str, float] = {}
    into = metrics
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name == "remotemetrics":
            into = remote
        elif name == "localmetrics":
            into = metrics
        elif name in ("callid", "localaddr", "remoteaddr"):
            facts.setdefault(name, value.strip())
        else:
            _pull_numbers(value, into)
    return QualityReport(
        time,
        frame,
        reporter,
        kind.split()[0],
        facts.get("callid", ""),
        _endpoint(facts.get("localaddr", "")),
        _endpoint(facts.get("remoteaddr", "")),
        metrics,
        remote,
    )


def _pull_numbers(value: str, into: dict[str, float]) -> None:
    for match in _PAIR.finditer(value):
        try:
            number = float(match[2])
        except ValueError:
            continue
        if abs(number) < 1e9:
            into.setdefault(match[1].upper(), number)


def _endpoint(value: str) -> str:
    """Return ``ip:port`` of ``IP=… PORT=… SSRC=…``."""
    pairs = {match[1].upper(): match[2] for match in _PAIR.finditer(value)}
    address, port = pairs.get("IP", ""), pairs.get("PORT", "")
    if not address or not port.isdecimal():
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
