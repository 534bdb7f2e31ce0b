"""Headers from which tests stack frames, blocks of frames, and rows that can be compared.

>>> frame = ethernet(0x0800, ip4(17, udp(5060, 5060, b"OPTIONS")))

The functions that make headers take what stands behind them as their last argument.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from tqdecrypt.capture.block import Buffer, Interface, PacketBlock
from tqdecrypt.errors import Malformed
from tqdecrypt.packet import (
    Dropped,
    FragmentTable,
    PacketDecoder,
    Transport,
    TransportColumns,
    Wanted,
    decode_packet,
)
from tqdecrypt.packet.selection import Selection
from tqdecrypt.packet.walk import Cut

A4, B4 = 0xC0000201, 0xC6336402  # 192.0.2.1 and 198.51.100.2
A6, B6 = (0x20010DB8_00000000, 1), (0x20010DB8_00000000, 2)
TUNNEL_A, TUNNEL_B = 0x0A000001, 0x0A000002

EVERYTHING = Wanted.SIGNALLING | Wanted.ACKNOWLEDGMENTS | Wanted.ALL_UDP

Make: TypeAlias = Callable[[int, bytes], bytes]
"""What makes a header: the number of what stands behind it, and that."""


def tcp(
    payload: bytes = b"",
    *,
    ports: tuple[int, int] = (40000, 5061),
    sequence: int = 1000,
    acknowledgment: int = 2000,
    flags: int = 0x18,
    options: bytes = b"",
) -> bytes:
    offset = (20 + len(options)) // 4 << 4
    fields = (*ports, sequence, acknowledgment, offset, flags, 0xFFFF, 0xBAD, 0)
    return struct.pack("!HHIIBBHHH", *fields) + options + payload


def udp(source: int, destination: int, payload: bytes, *, length: int | None = None) -> bytes:
    length = 8 + len(payload) if length is None else length
    return struct.pack("!HHHH", source, destination, length, 0xBAD) + payload


def ip4(
    protocol: int,
    payload: bytes,
    *,
    source: int = A4,
    destination: int = B4,
    options: bytes = b"",
    total: int | None = None,
    identification: int = 0,
    place: int = 0,
    traffic_class: int = 0xB8,
) -> bytes:
    header = 20 + len(options)
    total = header + len(payload) if total is None else total
    first = 0x40 | header // 4, traffic_class
    fields = (*first, total & 0xFFFF, identification, place, 64, protocol, 0xBAD)
    return struct.pack("!BBHHHBBHII", *fields, source, destination) + options + payload


def ip6(
    protocol: int,
    payload: bytes,
    *,
    source: tuple[int, int] = A6,
    destination: tuple[int, int] = B6,
    length: int | None = None,
    traffic_class: int = 0x89,
) -> bytes:
    length = len(payload) if length is None else length
    fields = (6 << 28 | traffic_class << 20 | 0xF1085, length & 0xFFFF, protocol, 64)
    return struct.pack("!IHBBQQQQ", *fields, *source, *destination) + payload


def extension(protocol: int, payload: bytes, *, units: int = 0) -> bytes:
    """Hop-by-hop options, routing, destination options …: *units* of 8 bytes behind the first."""
    return bytes([protocol, units]) + bytes(6 + 8 * units) + payload


def fragment4(
    protocol: int, payload: bytes, start: int, more: bool, identification: int = 7
) -> bytes:
    place = more << 13 | start // 8
    return ip4(protocol, payload, identification=identification, place=place)


def fragment6(
    protocol: int, payload: bytes, start: int, more: bool, identification: int = 7
) -> bytes:
    return ip6(44, struct.pack("!BBHI", protocol, 0, start | more, identification) + payload)


def ethernet(ether_type: int, payload: bytes) -> bytes:
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack("!H", ether_type) + payload


def cooked(ether_type: int, payload: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", ether_type) + payload


def cooked2(ether_type: int, payload: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", ether_type, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + payload


def ether_type_of(ip: bytes) -> int:
    return 0x0800 if ip[0] >> 4 == 4 else 0x86DD


def vlan(ether_type: int, payload: bytes) -> bytes:
    return struct.pack("!HH", 42, ether_type) + payload


def mpls(labels: int, payload: bytes) -> bytes:
    stack = [(16 + i) << 12 | (i == labels - 1) << 8 | 64 for i in range(labels)]
    return b"".join(struct.pack("!I", label) for label in stack) + payload


def pppoe(payload: bytes, code: int = 0) -> bytes:
    return struct.pack("!BBHH", 0x11, code, 1, len(payload)) + payload


def gre(ether_type: int, payload: bytes, flags: int = 0) -> bytes:
    """With checksum (0x8000), key (0x2000) and sequence number (0x1000) as *flags* say."""
    words = sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    return struct.pack("!HH", flags, ether_type) + b"\xee" * (4 * words) + payload


def vxlan(payload: bytes, flags: int = 0x08) -> bytes:
    return struct.pack("!BxxxI", flags, 42 << 8) + payload


def geneve(ether_type: int, payload: bytes, options: bytes = b"") -> bytes:
    return struct.pack("!BBHI", len(options) // 4, 0, ether_type, 42 << 8) + options + payload


def erspan2(frame: bytes) -> bytes:
    return gre(0x88BE, struct.pack("!HHI", 1 << 12, 1, 0) + frame, 0x1000)


class Frame(NamedTuple):
    """A packet as it was captured."""

    data: bytes
    link_type: int = 1
    length: int | None = None
    """Bytes on the wire; ``None``: as many as were captured."""
    time: int = 0

    def cut(self, kept: int) -> Frame:
        """Return the frame as a capture with a snap length has it."""
        return self._replace(data=self.data[:kept], length=len(self.data))


def block_of(frames: Sequence[Frame], *, between: bytes = b"", first_frame: int = 1) -> PacketBlock:
    """Put frames into a block, with some bytes before each, as files have them."""
    offsets, place = [], 0
    for frame in frames:
        place += len(between)
        offsets.append(place)
        place += len(frame.data)
    link_types = list(dict.fromkeys(frame.link_type for frame in frames))
    lengths = [len(f.data) if f.length is None else f.length for f in frames]
    return PacketBlock(
        buffer=b"".join(between + frame.data for frame in frames),
        first_frame=first_frame,
        time=np.array([frame.time for frame in frames], np.int64),
        offset=np.array(offsets, np.int64),
        captured=np.array([len(frame.data) for frame in frames], np.int64),
        length=np.array(lengths, np.int64),
        interface=np.array([link_types.index(f.link_type) for f in frames], np.uint16),
        interfaces=[Interface(link_type, 0, "", "") for link_type in link_types],
    )


class Row(NamedTuple):
    """One row of the columns, with its payload."""

    packet: int
    version: int
    source: tuple[int, int]
    destination: tuple[int, int]
    ports: tuple[int, int]
    payload: bytes
    missing: int
    sequence: int
    acknowledgment: int
    flags: int
    traffic_class: int
    detached: bool


def rows_of(columns: TransportColumns, buffer: Buffer) -> list[Row]:
    rows = []
    for row in range(len(columns)):
        start = int(columns.payload_offset[row])
        length = int(columns.payload_length[row])
        detached = columns.detached.get(row)
        payload = bytes(buffer[start : start + length]) if detached is None else detached
        assert len(payload) == length
        source, destination = columns.source[row].tolist(), columns.destination[row].tolist()
        rows.append(
            Row(
                int(columns.packet[row]),
                int(columns.version[row]),
                (source[0], source[1]),
                (destination[0], destination[1]),
                (int(columns.source_port[row]), int(columns.destination_port[row])),
                payload,
                int(columns.payload_missing[row]),
                int(columns.sequence[row]),
                int(columns.acknowledgment[row]),
                int(columns.flags[row]),
                int(columns.traffic_class[row]),
                detached is not None,
            )
        )
    return rows


class Reference:
    """The decoder as its specification says: one packet at a time."""

    def __init__(self, wanted: Wanted, ports: frozenset[int] = frozenset()) -> None:
        self.counters: Counter[str] = Counter()
        self._selection = Selection(wanted, ports)
        self._fragments = FragmentTable(self.counters)

    def decode(self, block: PacketBlock) -> tuple[list[Row], list[Row]]:
        """Return the rows of TCP and of UDP."""
        rows: tuple[list[Row], list[Row]] = ([], [])
        for packet in range(len(block)):
            start = int(block.offset[packet])
            data = bytes(block.buffer[start : start + int(block.captured[packet])])
            result = self._decode(data, block, packet)
            if isinstance(result, Dropped):
                self.counters[result] += 1
            else:
                rows[result.flags is None].append(_row(packet, data, result))
        return rows

    def _decode(self, data: bytes, block: PacketBlock, packet: int) -> Transport | Dropped:
        link_type = block.interfaces[block.interface[packet]].link_type
        length, time = int(block.length[packet]), int(block.time[packet])
        try:
            result = decode_packet(data, length, link_type, self._fragments, time)
        except Cut:
            return Dropped.HEADERS_CUT
        except Malformed:
            return Dropped.MALFORMED
        if isinstance(result, Dropped):
            return result
        return self._selection.drops(result) or result


def _row(packet: int, data: bytes, unit: Transport) -> Row:
    payload = unit.detached
    if payload is None:
        payload = data[unit.payload_offset : unit.payload_offset + unit.payload_length]
    assert len(payload) == unit.payload_length
    return Row(
        packet,
        unit.version,
        unit.source,
        unit.destination,
        (unit.source_port, unit.destination_port),
        payload,
        unit.payload_missing,
        unit.sequence,
        unit.acknowledgment,
        unit.flags or 0,
        unit.traffic_class,
        unit.detached is not None,
    )


def assert_as_specified(
    blocks: Iterable[PacketBlock],
    wanted: Wanted = EVERYTHING,
    ports: frozenset[int] = frozenset(),
) -> None:
    """Columns and single packets agree, and every packet is accounted for."""
    decoder, reference = PacketDecoder(wanted, ports), Reference(wanted, ports)
    packets = rows = 0
    for block in blocks:
        decoded = decoder.decode(block)
        tcp_rows, udp_rows = reference.decode(block)
        assert rows_of(decoded.tcp, block.buffer) == tcp_rows
        assert rows_of(decoded.udp, block.buffer) == udp_rows
        packets += len(block)
        rows += len(tcp_rows) + len(udp_rows)
        assert decoder.counters == {str(k): v for k, v in reference.counters.items() if v}
        assert packets == rows + sum(decoder.counters.get(reason, 0) for reason in Dropped)


def decode(frame: Frame | bytes, fragments: FragmentTable | None = None) -> Transport | Dropped:
    """Decode one frame with the scalar decoder, and hold the columns to the same."""
    frame = frame if isinstance(frame, Frame) else Frame(frame)
    if fragments is None:
        assert_as_specified([block_of([frame])])
        fragments = FragmentTable()
    length = len(frame.data) if frame.length is None else frame.length
    return decode_packet(frame.data, length, frame.link_type, fragments, frame.time)


def payload_of(frame: Frame | bytes) -> bytes:
    """Return the payload that is found in a frame."""
    frame = frame if isinstance(frame, Frame) else Frame(frame)
    found = decode(frame)
    assert isinstance(found, Transport), found
    if found.detached is not None:
        return found.detached
    return frame.data[found.payload_offset : found.payload_offset + found.payload_length]
