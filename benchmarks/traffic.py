"""SIP trunks over TLS as a tap in front of the server sees them, packet by packet in time order."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.network import BARE_SEGMENT, TcpConnection
from benchmarks.sip import Call
from benchmarks.tls import TlsConnection, client_context, server_context

__all__ = ["START", "MediaStream", "Scenario", "Traffic"]

START = 1_767_225_600_000_000
"""When every capture begins: 2026-01-01T00:00:00Z, in microseconds."""

SERVER = "203.0.113.5"
CALL_INTERVAL = 5_000
"""Two hundred new calls a second, in microseconds."""
MEDIA_PORTS = range(10_000, 60_000, 2)
"""Handed out in turn: tshark's handling of SDP is quadratic where every call names one port."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is on the wire."""

    calls: int
    cipher: str = "AES128-GCM-SHA256"
    connections: int = 4
    """Open at a time; calls take them in turn."""
    calls_per_connection: int = 0
    """After so many a connection gives way to a fresh one; 0: never."""
    loss: float = 0.0
    """Probability that a packet with SIP inside was not captured."""
    media_every: int = 0
    """The media of one call in so many passes the tap, too; 0: of none."""
    seed: int = 1


class MediaStream(NamedTuple):
    """One direction of a call's audio while the call is up; times in microseconds."""

    start: int
    end: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    ssrc: int


@dataclass(slots=True)
class _Trunk:
    """A connection and how many calls it has carried and carries."""

    client: str
    tcp: TcpConnection
    tls: TlsConnection
    started: int = 0
    active: int = 0


@dataclass(slots=True)
class _ActiveCall:
    """A call, its connection, and the messages that it has yet to send, the next one last."""

    trunk: _Trunk
    client_calls: bool
    script: list[tuple[int, bool, bytes]]


class Traffic:
    """The packets of a scenario, and the count of what they hold."""

    def __init__(self, scenario: Scenario, key: Path) -> None:
        self.scenario = scenario
        self.messages = 0
        self.recoverable = 0
        """Messages of which no packet was lost."""
        self.sessions = 0
        self.media: list[MediaStream] = []
        """Streams of the calls so far; whoever reads them may remove them."""
        self._rng = random.Random(scenario.seed)
        self._contexts = client_context(scenario.cipher), server_context(key)
        self._trunks: list[_Trunk] = []
        self._clock = START

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Times and pcap records, in time order."""
        due: list[tuple[int, int, _ActiveCall]] = []
        for number in range(self.scenario.calls):
            start = START + number * CALL_INTERVAL
            while due and due[0][0] <= start:
                yield from self._next_message(due)
            self._clock = max(self._clock, start)
            yield from self._renew_trunk(number)
            call = self._call(number, start)
            heapq.heappush(due, (call.script[-1][0], number, call))
        while due:
            yield from self._next_message(due)
        for trunk in self._trunks:
            yield from self._close(trunk)

    def _call(self, number: int, start: int) -> _ActiveCall:
        """A call of which most of the time is talk; the server begins one in five."""
        rng = self._rng
        trunk = self._trunks[number % len(self._trunks)]
        trunk.started += 1
        trunk.active += 1
        client_calls = number % 5 != 4
        first = 2 * number % len(MEDIA_PORTS)
        ports = MEDIA_PORTS[first], MEDIA_PORTS[first + 1]
        ends = (trunk.client, SERVER) if client_calls else (SERVER, trunk.client)
        call = Call.drawn(rng, number, *ends, ports)

        ringing = start + rng.randrange(20_000, 90_000)
        answered = ringing + rng.randrange(1_000_000, 4_000_000)
        ended = answered + rng.randrange(20_000_000, 56_000_000)
        times = (start, start + 1_500, ringing, answered, answered + 9_000, ended, ended + 2_500)
        script = [(time, *message) for time, message in zip(times, call.messages(), strict=True)]
        if self.scenario.media_every and number % self.scenario.media_every == 0:
            caller, callee = (ends[0], ports[0]), (ends[1], ports[1])
            span = (answered + 15_000, ended)
            self.media.append(MediaStream(*span, *caller, *callee, rng.getrandbits(32)))
            self.media.append(MediaStream(*span, *callee, *caller, rng.getrandbits(32)))
        return _ActiveCall(trunk, client_calls, script[::-1])

    def _next_message(self, due: list[tuple[int, int, _ActiveCall]]) -> Iterator[tuple[int, bytes]]:
        """Send what is due first, and put its call back for the message after it."""
        _, number, call = heapq.heappop(due)
        time, by_caller, data = call.script.pop()
        self._clock = max(self._clock, time)
        trunk, from_client = call.trunk, by_caller == call.client_calls
        packets = trunk.tcp.send(from_client, trunk.tls.protect(from_client, data), self._clock)
        captured = packets
        if loss := self.scenario.loss:
            captured = [p for p in packets if len(p) == BARE_SEGMENT or self._rng.random() >= loss]
        self.messages += 1
        self.recoverable += len(captured) == len(packets)
        yield from self._timed(captured)
        if call.script:
            heapq.heappush(due, (call.script[-1][0], number, call))
            return
        trunk.active -= 1
        if not trunk.active and trunk not in self._trunks:
            yield from self._close(trunk)

    def _renew_trunk(self, number: int) -> Iterator[tuple[int, bytes]]:
        """See to it that the connection for this call is open and has calls to give."""
        turn, limit = number % self.scenario.connections, self.scenario.calls_per_connection
        if turn < len(self._trunks) and not (limit and self._trunks[turn].started >= limit):
            return
        client = f"198.51.{100 + self.sessions // 250 % 100}.{1 + self.sessions % 250}"
        port = 20_000 + self.sessions % 40_000
        numbers = self._rng.getrandbits(32), self._rng.getrandbits(32)
        trunk = _Trunk(
            client,
            TcpConnection((client, port), (SERVER, 5061), *numbers),
            TlsConnection(*self._contexts),
        )
        if turn < len(self._trunks):
            replaced, self._trunks[turn] = self._trunks[turn], trunk
            if not replaced.active:
                yield from self._close(replaced)
        else:
            self._trunks.append(trunk)
        self.sessions += 1
        yield from self._timed(trunk.tcp.open(self._clock), 40)
        for from_client, flight in trunk.tls.handshake():
            self._clock += 200
            yield from self._timed(trunk.tcp.send(from_client, flight, self._clock))

    def _close(self, trunk: _Trunk) -> Iterator[tuple[int, bytes]]:
        """The client's closing alert, the server's, and the end of the TCP connection."""
        for from_client in (True, False):
            alert = trunk.tls.close_notify(from_client)
            yield from self._timed(trunk.tcp.send(from_client, alert, self._clock))
        yield from self._timed(trunk.tcp.close(self._clock), 40)

    def _timed(self, packets: list[bytes], step: int = 1) -> Iterator[tuple[int, bytes]]:
        """Packets stamped ``step`` apart from the clock on, which moves behind them."""
        for packet in packets:
            yield self._clock, packet
            self._clock += step
