"""When the steps of a handshake were captured, and which phase took how long.

Times are those of the packets at the capture point, which may stand anywhere between client and server:
what one side took includes the way from the capture point to it and back.
"""

from __future__ import annotations

import enum
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tqdecrypt.tls.exchange import Exchange

__all__ = ["HandshakeTimes", "Phase", "Step", "TcpFacts", "handshake_times", "phases"]

MOST_EXCHANGES = 4
"""Handshakes of one session whose times are kept, the first ones: a trunk that renegotiates every hour
says with those what it says with all."""
MOST_NAMES = 4096
"""Lists of messages that are shared: nearly all handshakes have the same few."""
_names: dict[tuple[str, ...], tuple[str, ...]] = {}


class Phase(enum.StrEnum):
    """A part of setting up a session; the value is the name in JSON."""

    CONNECT = "connect"
    """From the first SYN to the SYN with ACK: a round trip to the server, and SYNs that were lost."""
    SERVER_HELLO = "server_hello"
    """From ClientHello to ServerHello: the server takes it (with HelloRetryRequest, both do)."""
    SERVER_FLIGHT = "server_flight"
    """From ServerHello to ServerHelloDone: certificates and a signature, where there is one."""
    CLIENT_FLIGHT = "client_flight"
    """From ServerHelloDone to ClientKeyExchange: the client looks at the certificate."""
    SERVER_FINISHED = "server_finished"
    """From ClientKeyExchange to the server's ChangeCipherSpec and Finished: the server's private
    operation with RSA key exchange, and its look at the client's certificate."""
    TOTAL = "total"
    """From ClientHello to the last Finished (or ChangeCipherSpec, where Finished cannot be read)."""


class Step(NamedTuple):
    """One message of a handshake."""

    name: str
    """``client ClientHello``: who sent it, and what it is called in the specification."""
    frame: int
    time: int
    """Nanoseconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class HandshakeTimes:
    """One handshake: its messages in the order in which they were captured, as far as readable."""

    resumed: bool
    """Whether it was abbreviated, or used a pre-shared key of an earlier session."""
    names: tuple[str, ...]
    """Of the steps."""
    frames: array[int]
    times: array[int]
    """Nanoseconds since 1970-01-01 UTC."""

    @property
    def steps(self) -> Iterator[Step]:
        """The messages."""
        return map(Step, self.names, self.frames, self.times)


@dataclass(frozen=True, slots=True)
class TcpFacts:
    """The TCP connection below a session.  Times in nanoseconds since 1970-01-01 UTC."""

    syn: int | None
    """First SYN of the one who opened it; ``None`` when it was not captured."""
    syn_ack: int | None
    """First SYN of the other one."""
    client_retransmissions: int
    """Segments (SYNs included) that held nothing new, from the TLS client."""
    server_retransmissions: int
    client_gaps: int
    """Holes in what the client sent that nothing filled; how many bytes, the report says."""
    server_gaps: int


def handshake_times(exchanges: Iterable[Exchange]) -> tuple[HandshakeTimes, ...]:
    """Return the times of the first handshakes of a session."""
    found = []
    for exchange in exchanges:
        if not exchange.frames:  # it was not seen; its secrets are known from elsewhere
            continue
        steps = sorted(exchange.frames, key=lambda step: (step[2], step[1]))
        names = tuple(name for name, _, _ in steps)
        if len(_names) >= MOST_NAMES:
            _names.clear()
        found.append(
            HandshakeTimes(
                exchange.resumed_by is not None and not exchange.external_psk,
                _names.setdefault(names, names),
                array("q", [frame for _, frame, _ in steps]),
                array("q", [time for _, _, time in steps]),
            )
        )
        if len(found) >= MOST_EXCHANGES:
            break
    return tuple(found)


def phases(times: HandshakeTimes, tcp: TcpFacts | None = None) -> dict[Phase, int]:
    """Return how long each phase took, ns; what cannot be told is left out.

    :param tcp: of the connection, for its first handshake.
    """
    last = dict(zip(times.names, times.times, strict=True))
    first = dict(zip(reversed(times.names), reversed(times.times), strict=True))
    hello, answer = first.get("client ClientHello"), last.get("server ServerHello")
    done, key_exchange = first.get("server ServerHelloDone"), first.get("client ClientKeyExchange")
    client_end = last.get("client Finished", last.get("client ChangeCipherSpec"))
    server_end = last.get("server Finished", last.get("server ChangeCipherSpec"))
    whole = client_end is not None and server_end is not None
    spans = (
        (Phase.CONNECT, None if tcp is None else tcp.syn, None if tcp is None else tcp.syn_ack),
        (Phase.SERVER_HELLO, hello, answer),
        (Phase.SERVER_FLIGHT, answer, done),
        (Phase.CLIENT_FLIGHT, done, key_exchange),
        (Phase.SERVER_FINISHED, key_exchange, server_end),
        (Phase.TOTAL, hello, max(client_end or 0, server_end or 0) if whole else None),
    )
    return {
        phase: max(end - begin, 0)  # ports that are mirrored one by one may be a little apart
        for phase, begin, end in spans
        if begin is not None and end is not None
    }
