"""SIP messages as HEP3 packets, for Homer and every other reader of HEP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tqdecrypt.calls import Call
from tqdecrypt.hep import Chunk, encode_chunk, encode_ends, encode_time, pack
from tqdecrypt.hep.chunks import MOST_PACKET, SIP, TCP, TLS, UDP
from tqdecrypt.sip import Flow, Message, Transport
from tqdecrypt.tls.report import SessionReport

__all__ = ["HepAgent", "HepPackets"]

MOST_FLOWS = 10_000
"""Directions whose chunks are kept, 500 bytes each; the table is emptied when it is full."""

PROTOCOLS: Mapping[Transport, int] = {"UDP": UDP, "TCP": TCP, "WS": TCP, "TLS": TLS, "WSS": TLS}
"""As Kamailio writes them; HEP has no number for WebSockets, which the Via tells."""


@dataclass(frozen=True, slots=True)
class HepAgent:
    """Who sends."""

    capture_id: int = 2001
    """Number of the capture agent."""
    node_name: bytes = b""
    """Its name; empty: it has none."""
    password: bytes | None = field(default=None, repr=False)
    """The authentication key, sent in clear; ``None``: none."""


class HepPackets:
    """Makes a HEP3 packet of each message; a sink of :mod:`tqdecrypt.pipeline`.

    :param write: takes the packets.
    :param first_legs: by the Call-ID of a leg, that of the first leg of the same call; others are their own.
    :ivar packets: how many were made.
    :ivar counters: ``hep_messages_too_large`` messages that do not fit into a packet of
        :data:`~tqdecrypt.hep.chunks.MOST_PACKET` bytes, and are left out.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        agent: HepAgent,
        first_legs: Mapping[str, str] | None = None,
    ) -> None:
        self.packets = 0
        self.counters: Counter[str] = Counter()
        self._write = write
        self._first_legs = first_legs or {}
        self._ends: dict[Flow, bytes] = {}
        own = [
            encode_chunk(Chunk.PAYLOAD_TYPE, bytes([SIP])),
            encode_chunk(Chunk.CAPTURE_ID, agent.capture_id.to_bytes(4, "big")),
        ]
        if agent.password is not None:
            own.append(encode_chunk(Chunk.AUTHENTICATION_KEY, agent.password))
        if agent.node_name:
            own.append(encode_chunk(Chunk.NODE_NAME, agent.node_name))
        self._own = b"".join(own)

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        packet = self._packed(message)
        if packet is None:
            self.counters["hep_messages_too_large"] += 1
            return
        self.packets += 1
        self._write(packet)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; HEP has no packet for it."""

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`; HEP has no packet for it."""

    def _packed(self, message: Message) -> bytes | None:
        if len(message.raw) > MOST_PACKET:
            return None
        correlation = self._first_legs.get(message.call_id, message.call_id)
        return pack(
            self._ends_of(message.flow),
            encode_time(message.time),
            self._own,
            encode_chunk(Chunk.CORRELATION_ID, correlation.encode()[:MOST_PACKET])
            if correlation
            else b"",
            encode_chunk(Chunk.PAYLOAD, message.raw),
        )

    def _ends_of(self, flow: Flow) -> bytes:
        """Return the chunks that all messages of a direction have in common."""
        ends = self._ends.get(flow)
        if ends is None:
            if len(self._ends) >= MOST_FLOWS:
                self._ends.clear()
            protocol = PROTOCOLS[flow.transport]
            ends = self._ends[flow] = encode_ends(flow.source, flow.destination, protocol)
        return ends
