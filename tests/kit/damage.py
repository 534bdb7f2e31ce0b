"""What happens to packets between the wire and the capture file.

Each function returns a :data:`Damage`: packets in, packets out, nothing changed in place.
:func:`apply` chains them in the order given::

    apply(packets, split_segments(300), reorder(seed=7), drop([4]), cut_snaplen(200))

Positions count packets from 0.  What rewrites TCP (``split_segments``, ``overlap``, ``keepalive``,
``fragment``) needs packets that still know their segment whole, so it stands before
``cut_snaplen``.  The rest also does for the packets of a finished capture
(:func:`kit.capture.read_pcap`); there :func:`rtp_at` says which ones are worth damaging.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from kit.link import LinkType
from kit.packets import ACK, FIN, PSH, SYN, Packet, Segment, internet_checksum, ip_packet

__all__ = [
    "Damage",
    "apply",
    "cut_snaplen",
    "drop",
    "duplicate",
    "fragment",
    "keepalive",
    "overlap",
    "reorder",
    "retime",
    "retransmit",
    "rtp_at",
    "rtp_of",
    "split_segments",
    "start_at",
    "swap_adjacent",
    "with_payload",
]

Damage = Callable[[Sequence[Packet]], list[Packet]]


def apply(packets: Sequence[Packet], *damages: Damage) -> list[Packet]:
    """Return *packets* after all *damages*, the first one first."""
    result = list(packets)
    for damage in damages:
        result = damage(result)
    return result


def with_payload(packets: Sequence[Packet]) -> list[int]:
    """Return the positions of packets that carry payload: what is worth damaging."""
    return [i for i, packet in enumerate(packets) if packet.segment and packet.segment.payload]


def drop(indexes: Collection[int]) -> Damage:
    """The capture lacks the packets at *indexes*."""
    gone = frozenset(indexes)
    return lambda packets: [p for i, p in enumerate(packets) if i not in gone]


def start_at(frame: int) -> Damage:
    """The capture begins with frame number *frame* (from 1, as Wireshark counts)."""
    return lambda packets: list(packets[frame - 1 :])


def duplicate(delay_ns: int = 1000, indexes: Collection[int] | None = None) -> Damage:
    """Every packet comes twice, as from a mirror port that sees both directions, or those at *indexes*."""
    return lambda packets: [
        copy
        for i, p in enumerate(packets)
        for copy in (p, replace(p, time_ns=p.time_ns + delay_ns))[: _copies(i, indexes)]
    ]


def _copies(index: int, indexes: Collection[int] | None) -> int:
    return 2 if indexes is None or index in indexes else 1


def retime(times: Mapping[int, int]) -> Damage:
    """Packets come at other times, nanoseconds by position; the capture is in order of time again."""

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        moved = [replace(p, time_ns=times.get(i, p.time_ns)) for i, p in enumerate(packets)]
        return sorted(moved, key=lambda packet: packet.time_ns)

    return damage


def rtp_of(packet: Packet) -> bytes | None:
    """Return the RTP in a packet, if it is RTP in UDP and IPv4 on Ethernet, without options."""
    data = packet.data
    if data[12:15] != b"\x08\x00\x45" or data[23] != 17 or len(data) < 54:
        return None
    payload = data[42:]
    return payload if payload[0] >> 6 == 2 and not 192 <= payload[1] <= 223 else None


def rtp_at(packets: Sequence[Packet], ssrc: int) -> list[int]:
    """Return the positions of a stream's packets."""
    found = [rtp_of(packet) for packet in packets]
    wanted = ssrc.to_bytes(4, "big")
    return [i for i, rtp in enumerate(found) if rtp is not None and rtp[8:12] == wanted]


def swap_adjacent(indexes: Collection[int] | None = None) -> Damage:
    """Data packets that follow each other in one direction change places; times stay in order.

    With *indexes*, each packet there changes places with the one behind it, whatever it is.
    """

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        result, position = list(packets), 0
        while position + 1 < len(result):
            a, b = result[position], result[position + 1]
            if position in indexes if indexes is not None else _same_way(a, b):
                result[position : position + 2] = _in_time_of([b, a], [a, b])
                position += 1
            position += 1
        return result

    return damage


def _same_way(a: Packet, b: Packet) -> bool:
    if a.segment is None or b.segment is None or not (a.segment.payload and b.segment.payload):
        return False
    return a.segment.source == b.segment.source


def reorder(seed: int, distance: int = 4) -> Damage:
    """Shuffle packets, none by more than about *distance* places; times stay in order."""

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        dice = random.Random(seed)
        places = [(i + dice.uniform(0, distance), i) for i in range(len(packets))]
        return _in_time_of([packets[i] for _, i in sorted(places)], packets)

    return damage


def _in_time_of(packets: Sequence[Packet], times: Sequence[Packet]) -> list[Packet]:
    return [replace(p, time_ns=t.time_ns) for p, t in zip(packets, times, strict=True)]


def cut_snaplen(length: int) -> Damage:
    """The capture keeps at most *length* bytes of each packet."""
    return lambda packets: [replace(p, data=p.data[:length]) for p in packets]


def retransmit(index: int, later: int = 2) -> Damage:
    """The packet at *index* is sent again, *later* packets behind itself."""

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        result = list(packets)
        place = min(index + later, len(result) - 1)
        segment = _segment(result[index])
        again = replace(
            segment,
            time_ns=result[place].time_ns + 1,
            identification=segment.identification + 0x8000,
        )
        result.insert(place + 1, again.packet())
        return result

    return damage


def overlap(index: int, count: int) -> Damage:
    """The packet behind the one at *index* repeats that one's last *count* bytes before its own.

    Both must go in the same direction: a sender that packs lost and new bytes together.
    """

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        first, second = _segment(packets[index]), _segment(packets[index + 1])
        if first.source != second.source or not 0 < count <= len(first.payload):
            raise ValueError("overlap needs two segments of one direction, and bytes to repeat")
        longer = replace(
            second,
            sequence=second.sequence - count & 0xFFFFFFFF,
            payload=first.payload[-count:] + second.payload,
        )
        return [*packets[: index + 1], longer.packet(), *packets[index + 2 :]]

    return damage


def keepalive(index: int, garbage: bytes = b"\0") -> Damage:
    """Behind the packet at *index* its sender probes: one byte before what it has to send next.

    The probe's byte need not be the stream's byte (RFC 9293 section 3.8.4); ``b""`` sends none.
    """

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        segment = _segment(packets[index])
        flags = segment.flags or 0
        behind = segment.sequence + len(segment.payload) + bool(flags & SYN) + bool(flags & FIN)
        probe = replace(
            segment,
            time_ns=segment.time_ns + 1,
            sequence=behind - 1 & 0xFFFFFFFF,
            payload=garbage,
            flags=ACK,
        )
        return [*packets[: index + 1], probe.packet(), *packets[index + 1 :]]

    return damage


def split_segments(size: int) -> Damage:
    """TCP sends at most *size* bytes of payload in a segment."""

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        return [part for packet in packets for part in _split(packet, size)]

    return damage


def _split(packet: Packet, size: int) -> list[Packet]:
    segment = packet.segment
    if segment is None or segment.flags is None or len(segment.payload) <= size:
        return [packet]
    parts = []
    for start in range(0, len(segment.payload), size):
        last = start + size >= len(segment.payload)
        part = replace(
            segment,
            time_ns=segment.time_ns + start // size,
            sequence=segment.sequence + start & 0xFFFFFFFF,
            payload=segment.payload[start : start + size],
            flags=segment.flags if last else segment.flags & ~(PSH | FIN),
        )
        parts.append(part.packet())
    return parts


def fragment(size: int) -> Damage:
    """IP carries at most *size* bytes (a multiple of 8) of a packet's payload in each fragment."""
    if size % 8 or size <= 0:
        raise ValueError("fragments hold multiples of 8 bytes (RFC 791)")

    def damage(packets: Sequence[Packet]) -> list[Packet]:
        return [part for packet in packets for part in _fragments(packet, size)]

    return damage


def _fragments(packet: Packet, size: int) -> list[Packet]:
    segment = _segment(packet)
    version6 = ":" in segment.source[0]
    header_length = 40 if version6 else 20
    raw = replace(segment, link_type=LinkType.RAW, vlan=()).packet().data
    header, payload = raw[:header_length], raw[header_length:]
    if len(payload) <= size:
        return [packet]
    parts = []
    for start in range(0, len(payload), size):
        more = start + size < len(payload)
        part = payload[start : start + size]
        ip = (
            _fragment6(segment, header[6], start, more, part)
            if version6
            else _fragment4(header, start, more, part)
        )
        time = packet.time_ns + start // size
        parts.append(Packet.whole(time, segment.frame(ip), packet.link_type))
    return parts


def _fragment4(header: bytes, start: int, more: bool, part: bytes) -> bytes:
    lengths = struct.pack("!H2sH", 20 + len(part), header[4:6], more << 13 | start // 8)
    header = header[:2] + lengths + header[8:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + part


def _fragment6(segment: Segment, protocol: int, start: int, more: bool, part: bytes) -> bytes:
    extension = struct.pack("!BBHI", protocol, 0, start | more, segment.identification)
    return ip_packet(segment.source[0], segment.destination[0], 44, extension + part)


def _segment(packet: Packet) -> Segment:
    if packet.segment is None or len(packet.data) < packet.length:
        raise ValueError("this packet does not know its segment: damage it before it is cut")
    return packet.segment
