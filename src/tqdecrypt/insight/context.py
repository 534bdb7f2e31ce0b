"""What rules may ask beside what they look at: TLS sessions that ended, thresholds."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from tqdecrypt.insight.evidence import address_of
from tqdecrypt.tls import SessionReport, Verdict

__all__ = ["Context", "SessionNote", "Thresholds"]

MOST_SESSIONS = 20_000
"""Sessions of which a note is kept, 400 bytes each: the latest ones.  A call is looked at when it is over,
and is mostly over soon after its connection."""
MOST_FAILURES = 2_000
"""Failed handshakes whose whole report is kept, 2 kB each: the latest ones.  Who asks for them asks for those
of the last few seconds."""


@dataclass(frozen=True, slots=True)
class SessionNote:
    """What is remembered of a TLS session that ended; the fields are those of its report."""

    session: int
    client: str
    server: str
    started: int
    ended: int
    last_frame: int
    hello_frames: tuple[int, ...]
    """The first two of its handshake's frames."""
    verdict: Verdict
    ending: str
    client_names: tuple[str, ...]
    server_names: tuple[str, ...]

    @classmethod
    def of(cls, report: SessionReport) -> SessionNote:
        """Return what is remembered of a session."""
        return cls(
            report.session,
            report.client,
            report.server,
            report.started,
            report.ended,
            report.last_frame,
            report.handshake_frames[:2],
            report.verdict,
            report.ending,
            report.client_names,
            report.server_names,
        )


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
    silent_audio: int = 5_000_000_000
    """Nanoseconds of RTP without a sound, from the answer on: people say "hello" sooner."""
    media_after_bye: int = 1_000_000_000
    """Nanoseconds that RTP may go on after the BYE: packets that were on the way are faster."""
    low_max_forwards: int = 10
    """Hops that are left: 70 is the start (RFC 3261 section 8.1.1.6), and no path has sixty."""


class Context:
    """Grows while a capture is read."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.counters: Counter[str] = Counter()
        """``session_notes_evicted``, ``failed_handshakes_evicted``: forgotten because there were too many;
        and what rules count."""
        self._sessions: OrderedDict[int, SessionNote] = OrderedDict()
        self._failures: deque[SessionReport] = deque()
        self.notes: dict[str, object] = {}
        """What a rule wants to remember until the end, under its finding's name; bounded by it."""

    def add_session(self, report: SessionReport) -> None:
        """Remember a session that ended."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.popitem(last=False)
            self.counters["session_notes_evicted"] += 1
        self._sessions[report.session] = SessionNote.of(report)
        if report.verdict is Verdict.HANDSHAKE_FAILED:
            if len(self._failures) >= MOST_FAILURES:
                self._failures.popleft()
                self.counters["failed_handshakes_evicted"] += 1
            self._failures.append(report)

    def session(self, number: int) -> SessionNote | None:
        """Return what is known of a session; ``None`` while it goes on, or when it was forgotten."""
        return self._sessions.get(number)

    def failures_from(self, host: str) -> Iterable[SessionReport]:
        """Yield failed handshakes whose TLS client was *host*, an address without port, the latest first."""
        return (one for one in reversed(self._failures) if address_of(one.client) == host)
