"""What rules may ask beside what they look at: TLS sessions by number and by host, thresholds."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of

if TYPE_CHECKING:
    from tqdecrypt.tls import SessionReport

__all__ = ["Context", "Thresholds"]

MOST_SESSIONS = 50_000
"""Reports of TLS sessions that are remembered, 3 kB each: the latest ones."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a finding.  Each has the reason beside it."""

    authentication_rounds: int = 3
    """INVITEs or REGISTERs challenged in a row: one round is digest, two a stale nonce."""
    missed_pings: int = 3
    """OPTIONS in a row without an answer; Teams takes a trunk out about then."""
    storm_registrations: int = 100
    """Clients that register within ten seconds: a registrar that restarted has more, a busy one less."""
    expiry_days: int = 30
    """Days before a certificate expires: renewing one at a customer's takes weeks."""
    media_loss: float = 0.02
    """Share of a stream's packets lost on the network: concealment of most codecs hides less than that
    (ITU-T G.113 appendix I gives packet-loss robustness per codec)."""
    media_jitter: float = 40.0
    """Milliseconds of jitter: more than the buffers of most telephones even out."""
    media_late: int = 1_000_000_000
    """Nanoseconds from the answer to the first packet: the callee's "hello" is over by then."""
    dead_air: int = 5_000_000_000
    """Nanoseconds without RTP before the hang-up: what makes people hang up."""
    media_after_bye: int = 1_000_000_000
    """Nanoseconds that RTP may go on after the BYE: packets that were on the way are faster."""
    low_max_forwards: int = 10
    """Hops that are left: 70 is the start (RFC 3261 section 8.1.1.6), and no path has sixty."""


class Context:
    """Grows while a capture is read."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.counters: Counter[str] = Counter()
        """``session_reports_evicted``: forgotten because there were too many."""
        self._sessions: OrderedDict[int, SessionReport] = OrderedDict()
        self._by_client: dict[str, deque[SessionReport]] = {}
        self.notes: dict[str, object] = {}
        """What a rule wants to remember until the end, under its finding's name; bounded by it."""

    def add_session(self, report: SessionReport) -> None:
        """Remember a session that ended."""
        if len(self._sessions) >= MOST_SESSIONS:
            _, oldest = self._sessions.popitem(last=False)
            host = address_of(oldest.client)
            self._by_client[host].popleft()  # in the same order
            if not self._by_client[host]:
                del self._by_client[host]
            self.counters["session_reports_evicted"] += 1
        self._sessions[report.session] = report
        self._by_client.setdefault(address_of(report.client), deque()).append(report)

    def session(self, number: int) -> SessionReport | None:
        """Return a session's report; ``None`` while it goes on, or when it was forgotten."""
        return self._sessions.get(number)

    def sessions_from(self, host: str) -> Sequence[SessionReport]:
        """Return the reports of sessions whose TLS client was *host*, an address without port."""
        return self._by_client.get(host, ())

    def sessions(self) -> Iterator[SessionReport]:
        """Yield the reports that are remembered, in the order in which sessions ended."""
        yield from self._sessions.values()
