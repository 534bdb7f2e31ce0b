"""Byte streams as packets: TCP and UDP conversations over IPv4 or IPv6, checksums and all.

>>> talk = Conversation(vlan=(42,))
>>> talk.open().send(True, b"hello").close()
>>> [hex(p.segment.flags) for p in talk.packets][:3]
['0x2', '0x12', '0x10']

Times start at :data:`START` and advance one millisecond a packet; nothing here looks at a clock.
Damage (loss, reordering, …) is in :mod:`kit.damage`.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from kit.link import FRAMINGS, LinkType
from kit.tls import Flight

__all__ = [
    "ACK",
    "CLIENT",
    "FIN",
    "PSH",
    "RST",
    "SERVER",
    "START",
    "SYN",
    "Conversation",
    "Endpoint",
    "Packet",
    "Segment",
    "interleave",
    "internet_checksum",
    "ip_packet",
    "tcp_packets",
]

Endpoint = tuple[str, int]
"""Address and port."""

CLIENT: Endpoint = ("192.0.2.10", 40000)
SERVER: Endpoint = ("192.0.2.20", 5061)
_CLIENT6, _SERVER6 = "2001:db8::10", "2001:db8::20"

START = 1_700_000_000_000_000_000
"""When conversations start: 2023-11-14T22:13:20Z, in nanoseconds."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment or UDP datagram before it is put into a packet."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    payload: bytes = b""
    sequence: int = 0
    acknowledgment: int = 0
    flags: int | None = None
    """TCP control bits; ``None`` makes it a UDP datagram."""
    link_type: LinkType = LinkType.ETHERNET
    vlan: tuple[int, ...] = ()
    """VLAN ids, outermost first (IEEE 802.1Q, 802.1ad)."""
    identification: int = 0
    """Of the IP header; tells an IPv4 packet from its retransmission."""
    traffic_class: int = 0
    """The byte with DSCP and ECN."""

    def packet(self) -> Packet:
        """Return it as a packet."""
        source, destination = (ipaddress.ip_address(e[0]) for e in (self.source, self.destination))
        protocol, transport = (17, self._udp()) if self.flags is None else (6, self._tcp())
        checksum_at = 6 if self.flags is None else 16
        pseudo = source.packed + destination.packed + struct.pack("!IHBB", len(transport), 0, 0, 0)
        pseudo = pseudo[:-1] + bytes([protocol])
        checksum = internet_checksum(pseudo + transport)
        if self.flags is None and checksum == 0:
            checksum = 0xFFFF  # RFC 768: zero means "no checksum"
        transport = (
            transport[:checksum_at] + struct.pack("!H", checksum) + transport[checksum_at + 2 :]
        )
        data = ip_packet(self.source[0], self.destination[0], protocol, transport, self)
        return Packet.whole(self.time_ns, self.frame(data), self.link_type, self)

    def frame(self, ip: bytes) -> bytes:
        """Put an IP packet behind this segment's link-layer header."""
        return FRAMINGS[self.link_type](ip, self.source < self.destination, self.vlan)

    def _tcp(self) -> bytes:
        flags = self.flags or 0
        options = b"\x02\x04\x05\x78" if flags & SYN else b""  # maximum segment size 1400
        return (
            struct.pack(
                "!HHIIBBHHH",
                self.source[1],
                self.destination[1],
                self.sequence & 0xFFFFFFFF,
                self.acknowledgment & 0xFFFFFFFF,
                (20 + len(options)) // 4 << 4,
                flags,
                0xFFFF,
                0,
                0,
            )
            + options
            + self.payload
        )

    def _udp(self) -> bytes:
        length = 8 + len(self.payload)
        return struct.pack("!HHHH", self.source[1], self.destination[1], length, 0) + self.payload


@dataclass(frozen=True, slots=True)
class Packet:
    """What a capture keeps of one packet."""

    time_ns: int
    """Nanoseconds since 1970-01-01 UTC."""
    data: bytes
    """What was captured, from the link-layer header on."""
    length: int
    """Bytes on the wire: more than ``data`` when the snap length cut it."""
    link_type: LinkType = LinkType.ETHERNET
    segment: Segment | None = None
    """What the packet was made from; ``None`` for IP fragments and packets made by hand."""

    @classmethod
    def whole(
        cls,
        time_ns: int,
        data: bytes,
        link_type: LinkType = LinkType.ETHERNET,
        segment: Segment | None = None,
    ) -> Self:
        """Return a packet that was captured whole."""
        return cls(time_ns, data, len(data), link_type, segment)


def ip_packet(
    source: str, destination: str, protocol: int, payload: bytes, like: Segment | None = None
) -> bytes:
    """Return an IPv4 or IPv6 packet, as the addresses have it, without options."""
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if a.version == 6:
        first = 6 << 28 | (like.traffic_class if like else 0) << 20
        return struct.pack("!IHBB", first, len(payload), protocol, 64) + (
            a.packed + b.packed + payload
        )
    identification = like.identification if like else 0
    traffic_class = like.traffic_class if like else 0
    fields = (0x45, traffic_class, 20 + len(payload), identification & 0xFFFF, 0, 64, protocol)
    header = struct.pack("!BBHHHBB", *fields)
    addresses = a.packed + b.packed
    checksum = internet_checksum(header + b"\0\0" + addresses)
    return header + struct.pack("!H", checksum) + addresses + payload


def internet_checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(slots=True)
class Conversation:
    """A TCP connection or an exchange of UDP datagrams; its methods append to ``packets``.

    The methods return the conversation, so that calls chain.
    """

    client: Endpoint = CLIENT
    server: Endpoint = SERVER
    ipv6: bool = False
    """Use ``2001:db8::10`` and ``::20`` (default addresses only; others speak for themselves)."""
    link_type: LinkType = LinkType.ETHERNET
    vlan: tuple[int, ...] = ()
    mss: int = 1400
    """Most bytes of payload in one TCP segment."""
    client_sequence: int = 1_000_000
    """Initial sequence number; ``2**32 - 100`` wraps soon."""
    server_sequence: int = 2_000_000
    acknowledge: bool = True
    """Whether the receiver acknowledges each :meth:`send` with an empty segment."""
    time_ns: int = START
    """When the next packet is captured."""
    step_ns: int = 1_000_000
    packets: list[Packet] = field(default_factory=list)
    _identification: int = 0

    def __post_init__(self) -> None:
        if self.ipv6 and self.client == CLIENT and self.server == SERVER:
            self.client, self.server = (_CLIENT6, CLIENT[1]), (_SERVER6, SERVER[1])

    def open(self) -> Self:
        """Three-way handshake."""
        self._segment(True, SYN)
        self._segment(False, SYN | ACK)
        self._segment(True, ACK)
        return self

    def send(self, from_client: bool, data: bytes) -> Self:
        """Send *data* in segments of at most ``mss`` bytes."""
        for start in range(0, len(data), self.mss):
            part = data[start : start + self.mss]
            last = start + self.mss >= len(data)
            self._segment(from_client, ACK | PSH if last else ACK, part)
        if self.acknowledge and data:
            self._segment(not from_client, ACK)
        return self

    def close(self, from_client: bool = True) -> Self:
        """Close in both directions with FIN, *from_client* first."""
        self._segment(from_client, FIN | ACK)
        self._segment(not from_client, FIN | ACK)
        self._segment(from_client, ACK)
        return self

    def reset(self, from_client: bool = True) -> Self:
        """Close with RST."""
        self._segment(from_client, RST | ACK)
        return self

    def datagram(self, from_client: bool, payload: bytes) -> Self:
        """Send one UDP datagram."""
        self._append(from_client, None, payload, 0, 0)
        return self

    def wait(self, seconds: float) -> Self:
        """Let time pass."""
        self.time_ns += round(seconds * 1e9)
        return self

    def _segment(self, from_client: bool, flags: int, payload: bytes = b"") -> None:
        mine, theirs = self.client_sequence, self.server_sequence
        if not from_client:
            mine, theirs = theirs, mine
        self._append(from_client, flags, payload, mine, theirs if flags & ACK else 0)
        mine = (mine + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        if from_client:
            self.client_sequence = mine
        else:
            self.server_sequence = mine

    def _append(
        self, from_client: bool, flags: int | None, payload: bytes, sequence: int, ack: int
    ) -> None:
        source, destination = self.client, self.server
        if not from_client:
            source, destination = destination, source
        self._identification += 1
        segment = Segment(
            self.time_ns,
            source,
            destination,
            payload,
            sequence,
            ack,
            flags,
            self.link_type,
            self.vlan,
            self._identification,
        )
        self.packets.append(segment.packet())
        self.time_ns += self.step_ns


def tcp_packets(
    flights: Iterable[Flight], conversation: Conversation | None = None, close: bool = True
) -> list[Packet]:
    """Put what a :class:`~kit.tls.TlsPair` sent into one TCP connection, opened and closed."""
    talk = (conversation or Conversation()).open()
    for flight in flights:
        talk.send(flight.from_client, flight.data)
    return talk.close().packets if close else talk.packets


def interleave(*conversations: Sequence[Packet] | Conversation) -> list[Packet]:
    """Merge conversations in order of time; equal times keep the order of the arguments."""
    lists = [c.packets if isinstance(c, Conversation) else c for c in conversations]
    return sorted((p for packets in lists for p in packets), key=lambda p: p.time_ns)
