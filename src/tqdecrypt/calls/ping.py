"""OPTIONS as a heartbeat (RFC 3261 section 11): whether a peer answers, how fast, and since when not."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from tqdecrypt.calls.delays import Delays
from tqdecrypt.calls.fields import host_of
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.sip.message import Message

__all__ = ["MissedRun", "PingSeries", "PingTable", "Silence"]

MOST_SERIES = 50_000
"""Series in the table, some three kilobytes each: the peers of an SBC and clients that ping it."""
MOST_RUNS = 32
"""Runs of missed OPTIONS, and silences, kept of one series."""
MOST_SESSIONS = 16
LEAST_INTERVALS = 4
"""From so many intervals on it is known how often OPTIONS are due."""
SILENT_INTERVALS = 3
"""Longer than so many usual intervals without OPTIONS is a silence."""


class MissedRun(NamedTuple):
    """OPTIONS without a final response, one behind the other.  Times in nanoseconds since 1970."""

    first_time: int
    """Of the first one that was not answered."""
    first_frame: int
    last_time: int
    """Of the last one."""
    last_frame: int
    missed: int
    """How many."""


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

    def __repr__(self) -> str:
        return f"<{self.sent} OPTIONS from {self.source} to {self.destination}>"


class PingTable:
    """Finds the series of each OPTIONS outside of dialogs.

    When the table is full, the series that was silent for the longest is handed over.

    :ivar counters: ``ping_series_evicted``.
    """

    def __init__(
        self,
        on_ping: Callable[[PingSeries], None] | None,
        counters: Counter[str],
        most_series: int = MOST_SERIES,
    ) -> None:
        self.counters = counters
        self._on_ping = on_ping
        self._most = most_series
        self._table: OrderedDict[tuple[str, str, str], PingSeries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._table)

    def receive(
        self, message: Message, transaction: Transaction, response: Response | None, fresh: bool
    ) -> None:
        """Take an OPTIONS outside of a dialog, or a response to one."""
        context = transaction.context
        if message.status is None:
            if context is None:
                transaction.context = self._begin(message)
            elif isinstance(context, _Ping) and not fresh:
                context.series.retransmissions += 1
        elif (
            response is not None
            and response.status >= 200
            and isinstance(context, _Ping)
            and not context.answered
        ):
            context.answered = True
            series = context.series
            series.answered += 1
            series.statuses[response.status] += 1
            series.round_trips.add(response.time - transaction.started)

    def over(self, transaction: Transaction) -> None:
        """The transaction of an OPTIONS is over."""
        context = transaction.context
        transaction.context = None
        if isinstance(context, _Ping) and not context.answered and transaction.state.timed_out:
            _note_missed(context, transaction)

    def finish(self) -> None:
        """End of input: hand over all.  OPTIONS that still may be answered are not missed yet."""
        left = list(self._table.values())
        self._table.clear()
        if self._on_ping is not None:
            for series in left:
                self._on_ping(series)

    def _begin(self, message: Message) -> _Ping:
        flow = message.flow
        request_host = _request_host(message.request_uri or "")
        key = host_of(flow.source), host_of(flow.destination), request_host
        series = self._table.get(key)
        if series is None:
            if len(self._table) >= self._most:
                _, oldest = self._table.popitem(last=False)
                self.counters["ping_series_evicted"] += 1
                if self._on_ping is not None:
                    self._on_ping(oldest)
            series = self._table[key] = PingSeries(
                flow.source, flow.destination, request_host, message.time, message.frame
            )
        else:
            self._table.move_to_end(key)
            _note_interval(series, message)
        ping = _Ping(series, series.sent)
        series.sent += 1
        series.source, series.destination = flow.source, flow.destination
        series.last_time, series.last_frame = message.time, message.frame
        if flow.session is not None and flow.session not in series.sessions:
            series.sessions = (*series.sessions[-MOST_SESSIONS + 1 :], flow.session)
        return ping


class _Ping:
    """One OPTIONS until it is answered."""

    __slots__ = ("answered", "number", "series")

    def __init__(self, series: PingSeries, number: int) -> None:
        self.series = series
        self.number = number
        self.answered = False


def _note_interval(series: PingSeries, message: Message) -> None:
    interval = message.time - series.last_time
    usual = series.intervals.quantile(0.5)
    if (
        usual is not None
        and series.intervals.count >= LEAST_INTERVALS
        and interval > SILENT_INTERVALS * usual
    ):
        silence = Silence(series.last_time, series.last_frame, message.time, message.frame)
        series.silences = (*series.silences[-MOST_RUNS + 1 :], silence)
    series.intervals.add(interval)


def _note_missed(ping: _Ping, transaction: Transaction) -> None:
    series = ping.series
    series.missed += 1
    runs = series.missed_runs
    if runs and series._last_missed_number == ping.number - 1:
        run = runs[-1]._replace(
            last_time=transaction.started,
            last_frame=transaction.frame,
            missed=runs[-1].missed + 1,
        )
        series.missed_runs = (*runs[:-1], run)
    else:
        if len(runs) >= MOST_RUNS:
            series.missed_runs_dropped += 1
        at = transaction.started, transaction.frame
        series.missed_runs = (*runs[-MOST_RUNS + 1 :], MissedRun(*at, *at, 1))
    series._last_missed_number = ping.number


def _request_host(uri: str) -> str:
    """Return the host of a SIP URI, IPv6 in brackets."""
    host = uri.partition(":")[2].rpartition("@")[2].partition(";")[0].partition("?")[0]
    if host[:1] == "[":
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()
