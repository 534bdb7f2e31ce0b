"""How long TLS handshakes took, by server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.tls.timing import Phase, phases

if TYPE_CHECKING:
    from tqdecrypt.tls.report import SessionReport

__all__ = ["HandshakeStatistics", "HandshakeTable"]

MOST_SERVERS = 1_000
"""Servers that are told apart, some ten kilobytes each; further ones only count in the total."""


class HandshakeStatistics:
    """Handshakes of one server.  A session that was renegotiated has several."""

    __slots__ = ("delays", "full", "incomplete", "resumed", "resumed_delays", "retransmissions")

    def __init__(self) -> None:
        self.full = 0
        """Whole handshakes with a key exchange of their own."""
        self.resumed = 0
        """Abbreviated ones, and those with a pre-shared key of an earlier session."""
        self.incomplete = 0
        """Those that failed, were captured in part, or whose end is encrypted and was not opened."""
        self.delays: dict[Phase, Delays] = {phase: Delays() for phase in Phase}
        """Of full handshakes, as far as they went."""
        self.resumed_delays = Delays()
        """Of resumed ones, from ClientHello to the last Finished."""
        self.retransmissions = 0
        """TCP segments of the sessions that came again: a busy server has few, a bad network many."""

    def add(self, report: SessionReport) -> None:
        """Take the handshakes of a session."""
        if report.tcp is not None:
            self.retransmissions += (
                report.tcp.client_retransmissions + report.tcp.server_retransmissions
            )
        for number, times in enumerate(report.handshake_times):
            took = phases(times, None if number else report.tcp)
            if Phase.CONNECT in took:
                self.delays[Phase.CONNECT].add(took.pop(Phase.CONNECT))
            if Phase.TOTAL not in took:
                self.incomplete += 1
            elif times.resumed:
                self.resumed += 1
            else:
                self.full += 1
            if times.resumed:
                if Phase.TOTAL in took:
                    self.resumed_delays.add(took[Phase.TOTAL])
                continue
            for phase, delay in took.items():
                self.delays[phase].add(delay)


class HandshakeTable:
    """Adds up the handshakes of all sessions.

    :ivar total: all of them.
    :ivar servers: by ``ip:port``.
    :ivar counters: ``handshakes_only_in_the_total``: sessions with servers beyond the most.
    """

    def __init__(self, most_servers: int = MOST_SERVERS) -> None:
        self.total = HandshakeStatistics()
        self.servers: dict[str, HandshakeStatistics] = {}
        self.counters: Counter[str] = Counter()
        self._most = most_servers

    def add(self, report: SessionReport) -> None:
        """Take a session."""
        if not report.handshake_times:
            return
        self.total.add(report)
        server = self.servers.get(report.server)
        if server is None:
            if len(self.servers) >= self._most:
                self.counters["handshakes_only_in_the_total"] += 1
                return
            server = self.servers[report.server] = HandshakeStatistics()
        server.add(report)
