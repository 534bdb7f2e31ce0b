"""What rules may ask beside what they look at: TLS sessions by number and by host, thresholds."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.tls import SessionReport

__all__ = ["Context", "Thresholds", "host_of"]

MOST_SESSIONS = 50_000
"""Reports of TLS sessions that are remembered, 3 kB each: the latest ones."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a finding.  Each has the reason beside it."""

    authentication_rounds: int = 3
    """INVITEs or REGISTERs challenged in a row: one round is digest, two a stale nonce."""
    missed_pings: int = 3
    """OPTIONS in a row without an answer; Teams takes a trunk out about then."""
    low_max_forwards: int = 10
    """Hops that are left: 70 is the start (RFC 3261 section 8.1.1.6), and no path has sixty."""


class Context:
    """Grows while a capture is read."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.counters: Counter[str] = Counter()
        """``session_reports_evicted``: forgotten because there were too many."""
        self._sessions: OrderedDict[int, SessionReport] = OrderedDict()
        self.notes: dict[str, object] = {}
        """What a rule wants to remember until the end, under its finding's name; bounded by it."""

    def add_session(self, report: SessionReport) -> None:
        """Remember a session that ended."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.popitem(last=False)
            self.counters["session_reports_evicted"] += 1
        self._sessions[report.session] = report

    def session(self, number: int) -> SessionReport | None:
        """Return a session's report; ``None`` while it goes on, or when it was forgotten."""
        return self._sessions.get(number)

    def sessions(self) -> Iterator[SessionReport]:
        """Yield the reports that are remembered, in the order in which sessions ended."""
        yield from self._sessions.values()


def host_of(endpoint: str) -> str:
    """Return the address of ``ip:port`` without brackets."""
    return endpoint.rpartition(":")[0].strip("[]")
