"""What a UDP datagram holds: SIP, DTLS records, messages that somebody mirrors, or nothing for us."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.hep import looks_like_hep
from tqdecrypt.packet import endpoint_text
from tqdecrypt.sip import Flow, Message, parse_datagram
from tqdecrypt.tls.dtls import looks_like_dtls

if TYPE_CHECKING:
    from tqdecrypt.capture import PacketBlock
    from tqdecrypt.dispatch import Dispatcher
    from tqdecrypt.mirror import Mirror
    from tqdecrypt.packet.transport import TransportColumns

__all__ = ["Datagrams"]

MAX_FLOWS = 100_000
"""Most directions remembered; the table is emptied when it is full, and filled anew."""


class Datagrams:
    """Hands datagrams on by their first bytes.

    :param messages: what messages are appended to.
    """

    def __init__(self, dispatcher: Dispatcher, mirror: Mirror, messages: list[Message]) -> None:
        self._dispatcher = dispatcher
        self._mirror = mirror
        self._messages = messages
        self._flows: dict[tuple[int, ...], Flow] = {}
        self.counters: Counter[str] = Counter()

    def receive(self, columns: TransportColumns, block: PacketBlock) -> None:
        """Take the datagrams of one block, in order."""
        buffer = memoryview(block.buffer)
        rows = zip(
            columns.packet.tolist(),
            columns.version.tolist(),
            columns.source.tolist(),
            columns.source_port.tolist(),
            columns.destination.tolist(),
            columns.destination_port.tolist(),
            columns.payload_offset.tolist(),
            columns.payload_length.tolist(),
            block.time[columns.packet].tolist(),
            strict=True,
        )
        for row, (
            packet,
            version,
            source,
            sport,
            destination,
            dport,
            offset,
            length,
            moment,
        ) in enumerate(rows):
            data = columns.detached.get(row)
            if data is None:
                data = bytes(buffer[offset : offset + length])
            key = (*source, sport, *destination, dport)
            flow = self._flows.get(key)
            if flow is None:
                if len(self._flows) >= MAX_FLOWS:
                    self._flows.clear()
                flow = self._flows[key] = Flow(
                    endpoint_text(version, source[0], source[1], sport),
                    endpoint_text(version, destination[0], destination[1], dport),
                    "UDP",
                    "clear",
                )
            frame = block.first_frame + packet
            if looks_like_hep(data):
                message = self._mirror.receive(data, frame, moment)
                if message is not None:
                    self._messages.append(message)
                continue
            if looks_like_dtls(data):
                self._dispatcher.receive_dtls(flow.source, flow.destination, data, frame, moment)
                continue
            message = parse_datagram(data, flow, frame, moment, self.counters)
            if message is None:
                self.counters["other_udp_datagrams"] += 1
            else:
                self._messages.append(message)
