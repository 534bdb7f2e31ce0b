"""From blocks of packets to TCP segments and UDP datagrams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.errors import Malformed
from tqdecrypt.packet.columns import BlockDecoder
from tqdecrypt.packet.fragments import FragmentTable
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.scalar import decode_packet
from tqdecrypt.packet.selection import Selection
from tqdecrypt.packet.transport import TransportColumns, Wanted
from tqdecrypt.packet.walk import Cut

__all__ = ["Decoded", "PacketDecoder"]

_Numbered = tuple[int, int, Transport]
"""Index of the packet in its block, where it starts in the buffer, and its row."""


class Decoded(NamedTuple):
    """What a block holds of what is wanted."""

    tcp: TransportColumns
    udp: TransportColumns


class PacketDecoder:
    """Turns blocks into transport columns.  Fragments are remembered from block to block.

    :param wanted: which packets become rows.
    :param ports: only those from or to one of these ports become rows; empty: any.
    :ivar fragments: of rows of the last block that were put together from IP fragments: index of the
        packet → frames of all of them.
    """

    def __init__(
        self, wanted: Wanted = Wanted.SIGNALLING, ports: frozenset[int] = frozenset()
    ) -> None:
        self._selection = Selection(wanted, ports)
        self._counters: Counter[str] = Counter()
        self._fragments = FragmentTable(self._counters)
        self.fragments: dict[int, tuple[int, ...]] = {}

    @property
    def counters(self) -> dict[str, int]:
        """Packets that became no row, by reason (see :class:`~tqdecrypt.packet.outcome.Dropped`).

        ``fragments_overlapping`` alone counts packets that are counted elsewhere, too.
        """
        return {str(name): count for name, count in self._counters.items() if count}

    def decode(self, block: PacketBlock) -> Decoded:
        """Decode a block.  Nothing in a packet raises; the block's buffer is not kept."""
        plain = BlockDecoder(block, self._selection, self._counters)
        self.fragments = {}
        rare = self._decode_rare(block, plain.scalar)
        return Decoded(
            _in_order([*plain.tcp, *_as_columns([r for r in rare if r[2].flags is not None])]),
            _in_order([*plain.udp, *_as_columns([r for r in rare if r[2].flags is None])]),
        )

    def _decode_rare(self, block: PacketBlock, packets: list[int]) -> list[_Numbered]:
        """Decode, one by one and in order, what columns do not express."""
        if not packets:
            return []
        rows: list[_Numbered] = []
        link_types = [interface.link_type for interface in block.interfaces]
        columns = zip(
            packets,
            block.offset[packets].tolist(),
            block.captured[packets].tolist(),
            block.length[packets].tolist(),
            block.interface[packets].tolist(),
            block.time[packets].tolist(),
            strict=True,
        )
        with memoryview(block.buffer) as buffer:
            for packet, offset, captured, length, interface, time in columns:
                data = bytes(buffer[offset : offset + captured])
                self._fragments.unit = (block.first_frame + packet,)
                result = self._decode_packet(data, length, link_types[interface], time)
                if isinstance(result, Transport):
                    rows.append((packet, offset, result))
                    if len(self._fragments.unit) > 1:
                        self.fragments[packet] = self._fragments.unit
                else:
                    self._counters[result] += 1
        return rows

    def _decode_packet(
        self, data: bytes, length: int, link_type: int, time: int
    ) -> Transport | Dropped:
        try:
            result = decode_packet(data, length, link_type, self._fragments, time)
        except Cut:
            return Dropped.HEADERS_CUT
        except Malformed:
            return Dropped.MALFORMED
        if isinstance(result, Dropped):
            return result
        return self._selection.drops(result) or result


def _as_columns(rows: Sequence[_Numbered]) -> list[TransportColumns]:
    """Return rows as a piece of columns; no piece when there are none."""
    if not rows:
        return []
    return [_columns_of(rows)]


def _columns_of(rows: Sequence[_Numbered]) -> TransportColumns:
    units = [row for _, _, row in rows]
    offsets = [row.payload_offset + (row.detached is None) * start for _, start, row in rows]
    shape = (len(rows), 2)
    return TransportColumns(
        packet=np.array([packet for packet, _, _ in rows], np.int64),
        version=np.array([row.version for row in units], np.uint8),
        source=np.array([row.source for row in units], np.uint64).reshape(shape),
        destination=np.array([row.destination for row in units], np.uint64).reshape(shape),
        source_port=np.array([row.source_port for row in units], np.uint16),
        destination_port=np.array([row.destination_port for row in units], np.uint16),
        payload_offset=np.array(offsets, np.int64),
        payload_length=np.array([row.payload_length for row in units], np.int64),
        payload_missing=np.array([row.payload_missing for row in units], np.int64),
        sequence=np.array([row.sequence for row in units], np.uint32),
        acknowledgment=np.array([row.acknowledgment for row in units], np.uint32),
        flags=np.array([row.flags or 0 for row in units], np.uint8),
        traffic_class=np.array([row.traffic_class for row in units], np.uint8),
        detached={i: row.detached for i, row in enumerate(units) if row.detached is not None},
    )


def _in_order(pieces: Sequence[TransportColumns]) -> TransportColumns:
    """Join pieces into one, in packet order."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return _columns_of([])
    order = np.argsort(np.concatenate([piece.packet for piece in pieces]))
    detached = {}
    if any(piece.detached for piece in pieces):
        place = np.argsort(order)
        start = 0
        for piece in pieces:
            for row, payload in piece.detached.items():
                detached[int(place[start + row])] = payload
            start += len(piece)
    return _map_columns(
        lambda name: np.concatenate([getattr(piece, name) for piece in pieces])[order], detached
    )


def _map_columns(
    column: Callable[[str], npt.NDArray[Any]], detached: Mapping[int, bytes]
) -> TransportColumns:
    """Return columns made one by one, by name."""
    return TransportColumns(
        packet=column("packet"),
        version=column("version"),
        source=column("source"),
        destination=column("destination"),
        source_port=column("source_port"),
        destination_port=column("destination_port"),
        payload_offset=column("payload_offset"),
        payload_length=column("payload_length"),
        payload_missing=column("payload_missing"),
        sequence=column("sequence"),
        acknowledgment=column("acknowledgment"),
        flags=column("flags"),
        traffic_class=column("traffic_class"),
        detached=detached,
    )
