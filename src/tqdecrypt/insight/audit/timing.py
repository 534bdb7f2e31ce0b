"""How long handshakes take, which part of them, and whether the server or the network takes it.

Theory.  Packets are seen at one point.  From a SYN to its SYN/ACK it is one round trip from there to the
server and back, in which the server's kernel does next to nothing: that is the network's share.  From
ClientHello to ServerHello it is the same round trip *plus* the time in which the TLS server gets round to
it: what is over is the server's.  With RSA key exchange the server's private operation follows the
ClientKeyExchange, with (EC)DHE the signature stands in front of its ServerHelloDone.  From SYN/ACK to
ClientHello it is a round trip to the client, plus what the client needs to begin.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.audit.slices import Slices
from tqdecrypt.tls.timing import Phase, phases
from tqdecrypt.tls.verdict import Verdict

if TYPE_CHECKING:
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Bottleneck", "HandshakeTiming"]

MILLISECOND = 1_000_000
BUSY = 100 * MILLISECOND
"""A server that takes longer over a hello, or over a private operation, at the median is busy: RSA-2048
takes less than a millisecond, and a person does not notice a tenth of a second."""
SLOW = 150 * MILLISECOND
"""Round trips from which on the network is slow (ITU-T G.114 wants mouth to ear below 150 ms)."""
LOSSY = 0.02
"""Retransmissions a connection's handshake from which on it is lossy: one in fifty."""
ENOUGH = 5
"""Handshakes from which on something is said."""


class Bottleneck(enum.StrEnum):
    """What holds handshakes up."""

    NOTHING = "nothing"
    SERVER = "server"
    CLIENT = "client"
    NETWORK = "network"
    LOSS = "loss"
    UNKNOWN = "unknown"
    """Too few handshakes, or the TCP connects were not captured."""


class HandshakeTiming:
    """The handshakes of one server, relation or peer."""

    __slots__ = (
        "client_begin",
        "connections",
        "failed",
        "full",
        "full_phases",
        "gaps",
        "resumed",
        "resumed_phases",
        "retransmissions",
        "server_private",
        "server_think",
        "slices",
    )

    def __init__(self) -> None:
        self.full = 0
        self.resumed = 0
        self.failed = 0
        self.connections = 0
        """TCP connections with TLS."""
        self.full_phases: dict[Phase, Delays] = {}
        self.resumed_phases: dict[Phase, Delays] = {}
        self.client_begin = Delays()
        """From SYN/ACK to ClientHello."""
        self.server_think = Delays()
        """From ClientHello to ServerHello, less the round trip: the server's share."""
        self.server_private = Delays()
        """From ClientKeyExchange to the server's Finished, less the round trip: its private operation
        with RSA key exchange."""
        self.retransmissions = 0
        """Segments that came again, of both sides, in the whole connections."""
        self.gaps = 0
        """Holes in what was captured."""
        self.slices = Slices()

    def add(self, report: SessionReport) -> None:
        """Take a session that ended."""
        self.connections += 1
        tcp = report.tcp
        if tcp is not None:
            self.retransmissions += tcp.client_retransmissions + tcp.server_retransmissions
            self.gaps += tcp.client_gaps + tcp.server_gaps
        if report.closed:
            self.slices.add(report.ended, closed=1)
        if report.verdict is Verdict.HANDSHAKE_FAILED:
            self.failed += 1
            self.slices.add(report.started, failed=1)
            return
        for number, times in enumerate(report.handshake_times):
            below = None if number else tcp
            took = phases(times, below)
            if Phase.TOTAL not in took:
                continue
            hellos = (step.time for step in times.steps if step.name == "client ClientHello")
            begun = next(hellos, report.started)
            if times.resumed:
                self.resumed += 1
                self.slices.add(begun, resumed=1)
            else:
                self.full += 1
                self.slices.add(begun, full=1)
            into = self.resumed_phases if times.resumed else self.full_phases
            for phase, delay in took.items():
                into.setdefault(phase, Delays()).add(delay)
            self._add_shares(took)
            if below is not None and below.syn_ack is not None:
                self.client_begin.add(begun - below.syn_ack)

    def _add_shares(self, took: Mapping[Phase, int]) -> None:
        """Tell the server's share from the network's, where the round trip was seen."""
        trip = took.get(Phase.CONNECT)
        if trip is None:
            return
        if Phase.SERVER_HELLO in took:
            self.server_think.add(took[Phase.SERVER_HELLO] - trip)
        if Phase.SERVER_FINISHED in took:
            self.server_private.add(took[Phase.SERVER_FINISHED] - trip)

    def merge(self, other: HandshakeTiming) -> None:
        """Add what *other* counted."""
        for name in ("full", "resumed", "failed", "connections", "retransmissions", "gaps"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("client_begin", "server_think", "server_private"):
            getattr(self, name).merge(getattr(other, name))
        for mine, theirs in (
            (self.full_phases, other.full_phases),
            (self.resumed_phases, other.resumed_phases),
        ):
            for phase, delays in theirs.items():
                mine.setdefault(phase, Delays()).merge(delays)
        self.slices.merge(other.slices)

    @property
    def handshakes(self) -> int:
        """Completed ones."""
        return self.full + self.resumed

    @property
    def bottleneck(self) -> Bottleneck:
        """What holds handshakes up, by their medians."""
        trip = self.full_phases.get(Phase.CONNECT) or self.resumed_phases.get(Phase.CONNECT)
        if trip is None or self.handshakes < ENOUGH:
            return Bottleneck.UNKNOWN
        thinking = max(_median(self.server_think), _median(self.server_private))
        network, client = _median(trip), _median(self.client_begin)
        if thinking >= BUSY and thinking > network:
            return Bottleneck.SERVER
        if (
            self.connections
            and self.retransmissions / self.connections >= LOSSY
            and (_late(trip) or _late(self.client_begin))
        ):
            return Bottleneck.LOSS
        if network >= SLOW:
            return Bottleneck.NETWORK
        return Bottleneck.CLIENT if client >= SLOW else Bottleneck.NOTHING

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for JSON; delays in milliseconds."""
        busiest = self.slices.busiest
        return {
            "connections": self.connections,
            "full": self.full,
            "resumed": self.resumed,
            "failed": self.failed,
            "retransmissions": self.retransmissions,
            "gaps": self.gaps,
            "bottleneck": self.bottleneck.value,
            "busiest_handshakes_per_second": None
            if busiest is None
            else round(busiest[1].handshakes / (self.slices.length / 1e9), 3),
            "full_phases_ms": _phases(self.full_phases),
            "resumed_phases_ms": _phases(self.resumed_phases),
            "client_begin_ms": milliseconds(self.client_begin),
            "server_think_ms": milliseconds(self.server_think),
            "server_private_ms": milliseconds(self.server_private),
        }


def milliseconds(delays: Delays) -> dict[str, float | int | None]:
    """Return a summary of delays, in milliseconds."""
    found = {
        "minimum": delays.minimum,
        "p50": delays.quantile(0.5),
        "p95": delays.quantile(0.95),
        "p99": delays.quantile(0.99),
        "maximum": delays.maximum,
    }
    return {"count": delays.count} | {
        name: None if value is None else round(value / MILLISECOND, 3)
        for name, value in found.items()
    }


def _phases(by_phase: Mapping[Phase, Delays]) -> dict[str, object]:
    return {phase.value: milliseconds(by_phase[phase]) for phase in Phase if phase in by_phase}


def _median(delays: Delays) -> int:
    return delays.quantile(0.5) or 0


def _late(delays: Delays) -> bool:
    """Return whether some took far longer than most: a segment that was lost costs a second."""
    return (delays.quantile(0.99) or 0) >= 5 * max(_median(delays), 20 * MILLISECOND)
