"""One packet on its way through its layers, and how a layer names the next one."""

from __future__ import annotations

import enum
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from tqdecrypt.errors import Malformed
from tqdecrypt.packet.fragments import FragmentTable
from tqdecrypt.packet.outcome import Address, Dropped, Transport

__all__ = ["MAX_NESTING", "Cut", "EtherType", "Layer", "Next", "Space", "Walk"]

MAX_NESTING = 8
"""Most IP headers in one packet.  Real tunnels have two or three; a packet made of nothing but
headers must not cost more than others."""


class Cut(Malformed):
    """A header ends behind what the snap length left of the packet."""


class Space(enum.Enum):
    """Number spaces in which headers name what follows them."""

    LINK_TYPE = enum.auto()
    """LINKTYPE_ numbers, https://www.tcpdump.org/linktypes.html"""
    ETHER_TYPE = enum.auto()
    """IEEE 802 numbers; also of GRE and GENEVE."""
    PPP_PROTOCOL = enum.auto()
    """IANA, "PPP DLL Protocol Numbers"."""
    IP_PROTOCOL = enum.auto()
    """IANA, "Assigned Internet Protocol Numbers"."""
    IP_VERSION = enum.auto()
    """The first half-byte of an IP header, where nothing else says which it is."""


class EtherType(enum.IntEnum):
    """Numbers of :attr:`Space.ETHER_TYPE` that more than one layer needs to know."""

    IPV4 = 0x0800
    IPV6 = 0x86DD
    VLAN = 0x8100
    VLAN_OUTER = 0x88A8
    """IEEE 802.1ad."""
    VLAN_OUTER_OLD = 0x9100
    """Before 802.1ad had a number, vendors took this one."""
    MPLS = 0x8847
    MPLS_UPSTREAM = 0x8848
    PPP = 0x880B
    PPPOE_SESSION = 0x8864
    CISCO_METADATA = 0x8909
    """Security group tags (Cisco TrustSec)."""
    ERSPAN = 0x88BE
    ERSPAN_III = 0x22EB
    ETHERNET = 0x6558
    """Transparent Ethernet Bridging: a frame in GRE or GENEVE."""


class Next(NamedTuple):
    """What follows a header."""

    space: Space
    number: int


class Walk:
    """What the layers of one packet share: where the next header starts, and what is known.

    :ivar data: the packet, or a datagram put together from fragments.
    :ivar position: offset of the next header in ``data``.
    :ivar end: offset behind the last captured byte of the layer that is being read.
    :ivar missing: bytes of that layer that the capture lacks behind ``end``.
    :ivar time: when the packet was captured, in nanoseconds.
    """

    __slots__ = (
        "data",
        "destination",
        "end",
        "fragments",
        "missing",
        "nesting",
        "position",
        "reassembled",
        "source",
        "time",
        "traffic_class",
        "version",
    )

    def __init__(self, data: bytes, missing: int, fragments: FragmentTable, time: int) -> None:
        self.data = data
        self.position = 0
        self.end = len(data)
        self.missing = missing
        self.fragments = fragments
        self.time = time
        self.nesting = 0
        self.reassembled = False
        self.version = 0
        self.traffic_class = 0
        self.source: Address = (0, 0)
        self.destination: Address = (0, 0)

    @property
    def remaining(self) -> int:
        """Bytes of this layer that are left, captured or not."""
        return self.end + self.missing - self.position

    def pull(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        start = self.position
        self.skip(size)
        return self.data[start : self.position]

    def pull_fields(self, layout: Struct) -> tuple[Any, ...]:
        """Return the fields of the next header."""
        start = self.position
        self.skip(layout.size)
        return layout.unpack_from(self.data, start)

    def peek(self) -> int | None:
        """Return the next byte; ``None`` when there is none."""
        return self.data[self.position] if self.position < self.end else None

    def skip(self, size: int) -> None:
        """Go on behind the next *size* bytes.

        :raises Cut: the snap length took some of them.
        :raises Malformed: the layer is shorter than that.
        """
        stop = self.position + size
        if stop > self.end:
            kind = Cut if self.missing else Malformed
            raise kind(f"{size} more bytes", self.end - self.position, self.position)
        self.position = stop

    def confine(self, length: int) -> None:
        """Confine what follows to *length* bytes, as a header says; it knows better than the frame.

        Behind it stands padding.  When the frame has less, the rest is missing, whatever the
        capture says of the frame's length: some devices cut packets and tell nobody.
        """
        captured = min(self.end - self.position, length)
        self.end = self.position + captured
        self.missing = length - captured

    def enter_ip(
        self, version: int, source: Address, destination: Address, traffic_class: int
    ) -> None:
        """Note that an IP header begins."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise Malformed(f"at most {MAX_NESTING} IP headers in a packet")
        self.version, self.source, self.destination = version, source, destination
        self.traffic_class = traffic_class

    def reassemble(
        self, identification: int, protocol: int, start: int, more: bool, protocol_in_key: bool
    ) -> Next | Dropped:
        """Keep the rest of this layer as a fragment; go on with the datagram that it completes."""
        if self.missing:
            return Dropped.FRAGMENT_CUT
        key = (
            self.version,
            self.source,
            self.destination,
            identification,
            protocol if protocol_in_key else -1,
        )
        data = self.data[self.position : self.end]
        result = self.fragments.receive(key, protocol, start, more, data, self.time)
        if isinstance(result, Dropped):
            return result
        protocol, self.data = result
        self.position, self.end = 0, len(self.data)
        self.reassembled = True
        return Next(Space.IP_PROTOCOL, protocol)


Layer: TypeAlias = Callable[[Walk], Next | Transport | Dropped]
"""Reads one header.  Raises :class:`Malformed` and nothing else."""
