"""The fast decoder: a block of packets at once, as columns.

It expresses the packets that make up nearly all traffic: Ethernet with up to two VLAN tags, Linux
cooked, raw and loopback captures; IPv4 without options, IPv6 without extension headers, no
fragments; TCP and UDP; and all that in VXLAN, GRE, ERSPAN and IP, which mirror ports and clouds
put around everything.  Everything that is not plainly that is left to the scalar
decoder (:mod:`tqdecrypt.packet.scalar`), which is the specification: what is decoded here, comes
out the same there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.packet.layouts import (
    GRE_HEADER,
    GRE_KINDS,
    IPV4_HEADER,
    IPV6_HEADER,
    LINKS,
    PROTOCOL_KINDS,
    TRANSPORT,
    TUNNEL_PORTS,
    VLAN_TAG,
    VXLAN_PORTS,
    Integers,
    Kind,
    Kinds,
    Link,
    Rows,
    gather,
    kinds_by_ether_type,
)
from tqdecrypt.packet.links import LINK_TYPES
from tqdecrypt.packet.outcome import Dropped
from tqdecrypt.packet.selection import STATE_BITS, Selection
from tqdecrypt.packet.transport import TransportColumns
from tqdecrypt.packet.walk import EtherType

__all__ = ["BlockDecoder"]

_ETHERNET = 1
"""Link type."""
_MOST_VLAN_TAGS = 2
_MOST_TUNNELS = 2
"""Tunnels in tunnels that columns follow."""


class _Packets(NamedTuple):
    """Packets at the start of one layer."""

    packet: Integers
    """Index in the block."""
    offset: Integers
    """Where the layer starts in the buffer."""
    captured: Integers
    """Bytes from there that were captured."""

    def pick(self, which: Integers) -> _Packets:
        return _Packets(self.packet[which], self.offset[which], self.captured[which])

    def behind(self, size: Integers | int) -> _Packets:
        """Return the packets at the layer behind a header of *size* bytes."""
        return _Packets(self.packet, self.offset + size, self.captured - size)


class _Ip(NamedTuple):
    """IP packets behind their headers."""

    version: int
    rows: Rows
    """IP headers."""
    header: Rows
    """Transport headers."""
    packet: Integers
    offset: Integers
    """Where the transport header starts in the buffer."""
    length: Integers
    """Bytes of IP payload on the wire."""
    captured: Integers
    """Those of them that were captured."""

    def inner(self, which: Integers, size: int, captured: Integers) -> _Packets:
        """Return packets at what their transport header of *size* bytes holds."""
        return _Packets(self.packet[which], self.offset[which] + size, captured)

    def traffic_class(self, which: Integers) -> npt.NDArray[np.uint8]:
        """Return the byte with DSCP and ECN."""
        if self.version == 4:
            byte: npt.NDArray[np.uint8] = self.rows["traffic_class"][which]
            return byte
        return (self.rows["first_word"][which] >> 4 & 0xFF).astype(np.uint8)

    def addresses(self, name: str, which: Integers) -> npt.NDArray[np.uint64]:
        """Return the halves of the addresses in field *name*."""
        if self.version == 6:
            return self.rows[name][which].astype(np.uint64)
        halves = np.zeros((len(which), 2), np.uint64)
        halves[:, 1] = self.rows[name][which]
        return halves


class BlockDecoder:
    """Decodes what columns can express of one block, and says what they cannot.

    :ivar tcp: rows of TCP segments, in pieces.
    :ivar udp: rows of UDP datagrams, likewise.
    """

    def __init__(self, block: PacketBlock, selection: Selection, counters: Counter[str]) -> None:
        self.tcp: list[TransportColumns] = []
        self.udp: list[TransportColumns] = []
        self._scalar: list[Integers] = []
        self._buffer = block.buffer
        self._selection = selection
        self._counters = counters
        self._tunnels = 0
        for link_type, packets in _by_link_type(block):
            self._decode_link(link_type, packets)

    @property
    def scalar(self) -> list[int]:
        """Indexes of the packets that are left to the scalar decoder, in order."""
        if not self._scalar:
            return []
        packets: list[int] = np.sort(np.concatenate(self._scalar)).tolist()
        return packets

    def _leave(self, packets: Integers) -> None:
        if len(packets):
            self._scalar.append(packets)

    def _count(self, reason: Dropped, number: int | np.integer[Any]) -> None:
        if number:
            self._counters[reason] += int(number)

    def _decode_link(self, link_type: int, packets: _Packets) -> None:
        link = LINKS.get(link_type)
        if link is None:
            if link_type in LINK_TYPES:
                self._leave(packets.packet)
            else:
                self._count(Dropped.UNKNOWN_LINK_TYPE, len(packets.packet))
            return
        self._decode_frames(link, packets)

    def _decode_frames(self, link: Link, packets: _Packets) -> None:
        if not len(packets.packet):
            return
        least = link.header.itemsize
        if packets.captured.min() < least:
            self._leave(packets.packet[packets.captured < least])
            packets = packets.pick(np.flatnonzero(packets.captured >= least))
        kinds = link.kinds(gather(self._buffer, packets.offset, link.header))
        self._decode_kinds(packets.behind(link.length), kinds)

    def _decode_kinds(self, packets: _Packets, kinds: Kinds) -> None:
        """Hand on packets by the kind of header that they begin with."""
        self._strip_tags(packets, kinds)
        self._decode_ip4(packets.pick(np.flatnonzero(kinds == Kind.IPV4)))
        self._decode_ip6(packets.pick(np.flatnonzero(kinds == Kind.IPV6)))
        self._leave(packets.packet[(kinds == Kind.SCALAR) | (kinds == Kind.VLAN)])
        self._count(Dropped.NOT_IP, np.count_nonzero(kinds == Kind.NONE))

    def _strip_tags(self, packets: _Packets, kinds: Kinds) -> None:
        """Go behind VLAN tags, in place; what has more of them than usual keeps that kind."""
        for _ in range(_MOST_VLAN_TAGS):
            tagged = np.flatnonzero((kinds == Kind.VLAN) & (packets.captured >= VLAN_TAG.itemsize))
            if not len(tagged):
                return
            rows = gather(self._buffer, packets.offset[tagged], VLAN_TAG)
            kinds[tagged] = kinds_by_ether_type(rows)
            packets.offset[tagged] += VLAN_TAG.itemsize
            packets.captured[tagged] -= VLAN_TAG.itemsize

    def _decode_ip4(self, packets: _Packets) -> None:
        rows = gather(self._buffer, packets.offset, IPV4_HEADER)
        total = rows["total"].astype(np.int64)
        plain = (rows["first"] == 0x45) & (rows["place"] & 0x3FFF == 0)
        plain &= (total >= 20) & (packets.captured >= 20)
        self._decode_transport(4, 20, packets, rows, plain, total - 20)

    def _decode_ip6(self, packets: _Packets) -> None:
        rows = gather(self._buffer, packets.offset, IPV6_HEADER)
        length = rows["length"].astype(np.int64)
        plain = (rows["first"] >> 4 == 6) & (length > 0) & (packets.captured >= 40)
        self._decode_transport(6, 40, packets, rows, plain, length)

    def _decode_transport(
        self,
        version: int,
        size: int,
        packets: _Packets,
        rows: Rows,
        plain: npt.NDArray[np.bool_],
        length: Integers,
    ) -> None:
        """Hand on packets whose IP header of *size* bytes is *plain* by their protocol."""
        if not len(rows):
            return
        kinds = np.where(plain, PROTOCOL_KINDS[rows["protocol"]], np.uint8(Kind.SCALAR))
        ip = _Ip(
            version,
            rows,
            np.ndarray((len(rows),), TRANSPORT, rows, size, (rows.itemsize,)),
            packets.packet,
            packets.offset + size,
            length,
            np.minimum(packets.captured - size, length),
        )
        self._leave(packets.packet[kinds == Kind.SCALAR])
        self._count(Dropped.OTHER_IP_PROTOCOL, np.count_nonzero(kinds == Kind.NONE))
        self._decode_tunnels(ip, kinds)
        self._decode_udp(ip, np.flatnonzero(kinds == Kind.UDP))
        self._decode_tcp(ip, np.flatnonzero(kinds == Kind.TCP))

    def _decode_tunnels(self, ip: _Ip, kinds: Kinds) -> None:
        for kind, decode in (
            (Kind.IPV4, self._decode_ip4),
            (Kind.IPV6, self._decode_ip6),
            (Kind.GRE, self._decode_gre),
        ):
            which = np.flatnonzero(kinds == kind)
            if len(which):
                self._enter(decode, ip.inner(which, 0, ip.captured[which]))

    def _enter(self, decode: Callable[[_Packets], None], packets: _Packets) -> None:
        """Decode what a tunnel holds, unless it is one too many."""
        if self._tunnels == _MOST_TUNNELS:
            self._leave(packets.packet)
            return
        self._tunnels += 1
        decode(packets)
        self._tunnels -= 1

    def _decode_gre(self, packets: _Packets) -> None:
        rows = gather(self._buffer, packets.offset, GRE_HEADER)
        flags = rows["flags"]
        mirrored = rows["ether_type"] == EtherType.ERSPAN
        # Checksum, key and sequence number; of ERSPAN, that last one announces a header of type II.
        length = 4 + 4 * sum(
            (flags & bit != 0).astype(np.int64) for bit in (0x8000, 0x2000, 0x1000)
        )
        length += 8 * (mirrored & (flags & 0x1000 != 0))
        plain = (flags & 0x4FFF == 0) & (packets.captured >= length)
        self._leave(packets.packet[~plain])
        which = np.flatnonzero(plain)
        packets = packets.pick(which).behind(length[which])
        kinds = GRE_KINDS[rows["ether_type"][which]]
        frames = np.flatnonzero(kinds == Kind.ETHERNET)
        self._decode_frames(LINKS[_ETHERNET], packets.pick(frames))
        others = np.flatnonzero(kinds != Kind.ETHERNET)
        self._decode_kinds(packets.pick(others), kinds[others])

    def _decode_udp_tunnels(self, ip: _Ip, which: Integers, captured: Integers) -> None:
        """Decode datagrams to ports of tunnels; all but plain VXLAN is left."""
        first = ip.header["udp_first_byte"][which]
        plain = VXLAN_PORTS[ip.header["destination_port"][which]]
        plain &= (first & 0x7F == 0x08) & (captured >= 8)
        self._leave(ip.packet[which[~plain]])
        packets = ip.inner(which[plain], 8, captured[plain]).behind(8)
        self._enter(lambda frames: self._decode_frames(LINKS[_ETHERNET], frames), packets)

    def _decode_udp(self, ip: _Ip, which: Integers) -> None:
        if not len(which):
            return
        own_length = ip.header["udp_length"][which].astype(np.int64)
        length = np.minimum(ip.length[which], own_length) - 8
        captured = np.minimum(ip.captured[which] - 8, length)
        plain = (own_length >= 8) & (captured >= 0)
        tunnels = plain & TUNNEL_PORTS[ip.header["destination_port"][which]]
        plain &= ~tunnels
        self._leave(ip.packet[which[~(plain | tunnels)]])
        if tunnels.any():
            self._decode_udp_tunnels(ip, which[tunnels], captured[tunnels])
        if not self._selection.every_udp_port:
            plain = self._narrow(ip, which, plain)
        wanted = plain
        if not self._selection.empty_udp:
            first = ip.header["udp_first_byte"][which]
            wanted = plain & self._selection.first_bytes[first] & (captured > 0)
            unwanted = np.count_nonzero(plain) - np.count_nonzero(wanted)
            self._count(Dropped.UNWANTED_UDP, unwanted)
        keep = np.flatnonzero(wanted)
        if len(keep):
            which, captured = which[keep], captured[keep]
            offset, missing = ip.offset[which] + 8, length[keep] - captured
            self.udp.append(_columns(ip, which, offset, captured, missing, tcp=False))

    def _decode_tcp(self, ip: _Ip, which: Integers) -> None:
        if not len(which):
            return
        header = (ip.header["data_offset"][which] >> 4).astype(np.int64) * 4
        length = ip.length[which] - header
        plain = (ip.captured[which] >= 20) & (header >= 20) & (length >= 0)
        self._leave(ip.packet[which[~plain]])
        plain = self._narrow(ip, which, plain)
        pure = (ip.header["flags"][which] & STATE_BITS == 0) & (length == 0)
        if not self._selection.acknowledgments:
            self._count(Dropped.PURE_ACKNOWLEDGMENT, np.count_nonzero(plain & pure))
            plain = plain & ~pure
        if not self._selection.signalling:
            self._count(Dropped.UNWANTED_TCP, np.count_nonzero(plain & ~pure))
            plain = plain & pure
        keep = np.flatnonzero(plain)
        if len(keep):
            which, header, length = which[keep], header[keep], length[keep]
            captured = np.maximum(ip.captured[which] - header, 0)
            offset, missing = ip.offset[which] + header, length - captured
            self.tcp.append(_columns(ip, which, offset, captured, missing, tcp=True))

    def _narrow(
        self, ip: _Ip, which: Integers, plain: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Return *plain* without packets of other ports than those wanted."""
        ports = self._selection.ports
        if ports is None:
            return plain
        wanted = ports[ip.header["source_port"][which]]
        wanted |= ports[ip.header["destination_port"][which]]
        self._count(Dropped.UNWANTED_PORTS, np.count_nonzero(plain & ~wanted))
        narrowed: npt.NDArray[np.bool_] = plain & wanted
        return narrowed


def _by_link_type(block: PacketBlock) -> Iterator[tuple[int, _Packets]]:
    """Group a block's packets by link type; most blocks have one."""
    if not len(block):
        return
    link_types = np.array([interface.link_type for interface in block.interfaces], np.int64)
    every = _Packets(np.arange(len(block)), block.offset, block.captured)
    first = int(block.interface[0])
    if len(link_types) == 1 or (block.interface == first).all():
        yield int(link_types[first]), every
        return
    of_packet = link_types[block.interface]
    for link_type in np.unique(of_packet).tolist():
        yield link_type, every.pick(np.flatnonzero(of_packet == link_type))


def _columns(
    ip: _Ip, which: Integers, offset: Integers, captured: Integers, missing: Integers, *, tcp: bool
) -> TransportColumns:
    """Return the rows *which*, whose payload stands at *offset*."""
    header = ip.header
    none = np.zeros(0 if tcp else len(which), np.uint32)
    return TransportColumns(
        packet=ip.packet[which],
        version=np.full(len(which), ip.version, np.uint8),
        source=ip.addresses("source", which),
        destination=ip.addresses("destination", which),
        source_port=header["source_port"][which].astype(np.uint16),
        destination_port=header["destination_port"][which].astype(np.uint16),
        payload_offset=offset,
        payload_length=captured,
        payload_missing=missing,
        sequence=header["sequence"][which].astype(np.uint32) if tcp else none,
        acknowledgment=header["acknowledgment"][which].astype(np.uint32) if tcp else none,
        flags=header["flags"][which] if tcp else none.astype(np.uint8),
        traffic_class=ip.traffic_class(which),
        detached={},
    )
