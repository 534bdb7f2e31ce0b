"""OPTIONS as a heartbeat (RFC 3261 section 11): whether a peer answers, how fast, and since when not."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tqdecrypt.calls.delays import Delays

__all__ = ["MissedRun", "PingSeries", "Silence"]


class MissedRun(NamedTuple):
    """OPTIONS without a final response, one behind the other.  Times in nanoseconds since 1970."""

    first_time: int
    """Of the first one that was not answered."""
    first_frame: int
    last_time: int
    """Of the last one."""
    last_frame: int
    missed: int


class Silence(NamedTuple):
    """No OPTIONS was sent where some were due: the sender was away, or the capture was."""

    begun: int
    """Time of the last one before it."""
    begun_frame: int
    ended: int
    """Time of the first one behind it."""
    ended_frame: int


class PingSeries:
    """OPTIONS from one host to another.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "_last_missed_number",
        "_last_sent_frame",
        "answered",
        "destination",
        "first_frame",
        "first_time",
        "intervals",
        "last_frame",
        "last_time",
        "missed",
        "missed_runs",
        "missed_runs_dropped",
        "request_host",
        "retransmissions",
        "round_trips",
        "sent",
        "sessions",
        "silences",
        "source",
        "statuses",
    )

    def __init__(
        self, source: str, destination: str, request_host: str, time: int, frame: int
    ) -> None:
        self.source = source
        """``ip:port`` that sent the last one; the series is told by host alone."""
        self.destination = destination
        """``ip:port`` that it was sent to, likewise."""
        self.request_host = request_host
        """Host of the Request-URI."""
        self.first_time = time
        self.first_frame = frame
        self.last_time = time
        """When the last OPTIONS was sent."""
        self.last_frame = frame
        self.sent = 0
        """OPTIONS, retransmissions not counted."""
        self.retransmissions = 0
        self.answered = 0
        """Those with a final response, whatever it says: the peer is alive."""
        self.statuses: Counter[int] = Counter()
        """Final responses by status."""
        self.missed = 0
        """Those without a final response for 64*T1."""
        self.missed_runs: tuple[MissedRun, ...] = ()
        self.missed_runs_dropped = 0
        self.round_trips = Delays()
        """From the first request to the final response."""
        self.intervals = Delays()
        """From one OPTIONS to the next."""
        self.silences: tuple[Silence, ...] = ()
        self.sessions: tuple[int, ...] = ()
        """Numbers of the TLS sessions that carried it, the last ones."""
        self._last_missed_number = -1
        self._last_sent_frame = frame

    def __repr__(self) -> str:
        return f"<{self.sent} OPTIONS from {self.source} to {self.destination}>"
