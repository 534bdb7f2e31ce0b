"""When the steps of a handshake were captured, and which phase took how long.

Times are those of the packets at the capture point, which may stand anywhere between client and server:
what one side took includes the way from the capture point to it and back.
"""

from __future__ import annotations

import enum
import functools
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
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
_ORDER = itemgetter(2, 1)
"""By time, then by frame."""


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
        names, frames, moments = zip(*sorted(exchange.frames, key=_ORDER), strict=True)
        if len(_names) >= MOST_NAMES:
            _names.clear()
        found.append(
            HandshakeTimes(
                exchange.resumed_by is not None and not exchange.external_psk,
                _names.setdefault(names, names),
                array("q", frames),
                array("q", moments),
            )
        )
        if len(found) >= MOST_EXCHANGES:
            break
    return tuple(found)


def phases(times: HandshakeTimes, tcp: TcpFacts | None = None) -> dict[Phase, int]:
    """Return how long each phase took, ns; what cannot be told is left out.

    :param tcp: of the connection, for its first handshake.
    """
    moments = [None if place is None else times.times[place] for place in _places(times.names)]
    hello, answer, done, key_exchange, client_end, server_end = moments
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


@functools.lru_cache(maxsize=MOST_NAMES)
def _places(names: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return where the phases begin and end among the messages of a handshake.

    ClientHello, ServerHello, ServerHelloDone, ClientKeyExchange, the client's and the server's end.
    """
    last = {name: place for place, name in enumerate(names)}
    first = {name: names.index(name) for name in last}
    return (
        first.get("client ClientHello"),
        last.get("server ServerHello"),
        first.get("server ServerHelloDone"),
        first.get("client ClientKeyExchange"),
        last.get("client Finished", last.get("client ChangeCipherSpec")),
        last.get("server Finished", last.get("server ChangeCipherSpec")),
    )
