"""Headers as rows: their layouts, how to gather them, and what follows them.

Headers are gathered: one fancy index into a view of the buffer in which a row begins at every byte
copies the first bytes of all packets into neighbouring rows, and fields of rows are cheap.  What
follows a header is looked up in tables that are made from those of the scalar decoder, so that both
know the same numbers.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import Buffer
from tqdecrypt.packet.links import ADDRESS_FAMILIES, LEAST_ETHER_TYPE
from tqdecrypt.packet.scalar import ETHER_TYPES, IP4_IN_IP, IP6_IN_IP, IP_PROTOCOLS, TCP, UDP
from tqdecrypt.packet.tunnels import GRE, UDP_TUNNELS, vxlan
from tqdecrypt.packet.walk import EtherType

__all__ = [
    "GRE_HEADER",
    "GRE_KINDS",
    "IPV4_HEADER",
    "IPV6_HEADER",
    "LINKS",
    "PROTOCOL_KINDS",
    "TRANSPORT",
    "TUNNEL_PORTS",
    "VLAN_TAG",
    "VXLAN_PORTS",
    "Integers",
    "Kind",
    "Kinds",
    "Link",
    "Rows",
    "gather",
    "kinds_by_ether_type",
]

Integers: TypeAlias = npt.NDArray[np.int64]
Kinds: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[Any]
"""Structured rows; their layouts follow."""


class Kind(enum.IntEnum):
    """What follows a header."""

    NONE = 0
    """Nothing that is decoded."""
    SCALAR = 1
    """Something that columns do not express."""
    IPV4 = 2
    IPV6 = 3
    VLAN = 4
    TCP = 5
    UDP = 6
    GRE = 7
    ETHERNET = 8
    """A frame in a tunnel."""


def _layout(size: int, **fields: tuple[str | tuple[str, int], int]) -> np.dtype[Any]:
    """Return the layout of a header: type and offset of each field, and the size of all."""
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype(
        {"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": size}
    )


_TRANSPORT_SIZE = 21
"""A TCP header without options, and a byte more: all that is ever looked at."""
TRANSPORT = _layout(
    _TRANSPORT_SIZE,
    source_port=(">u2", 0),
    destination_port=(">u2", 2),
    udp_length=(">u2", 4),
    udp_first_byte=("u1", 8),
    sequence=(">u4", 4),
    acknowledgment=(">u4", 8),
    data_offset=("u1", 12),
    flags=("u1", 13),
)
IPV4_HEADER = _layout(
    20 + _TRANSPORT_SIZE,
    first=("u1", 0),
    traffic_class=("u1", 1),
    total=(">u2", 2),
    place=(">u2", 6),
    protocol=("u1", 9),
    source=(">u4", 12),
    destination=(">u4", 16),
)
IPV6_HEADER = _layout(
    40 + _TRANSPORT_SIZE,
    first=("u1", 0),
    first_word=(">u2", 0),
    length=(">u2", 4),
    protocol=("u1", 6),
    source=((">u8", 2), 8),
    destination=((">u8", 2), 24),
)
VLAN_TAG = _layout(4, ether_type=(">u2", 2))
GRE_HEADER = _layout(4, flags=(">u2", 0), ether_type=(">u2", 2))


def _table(size: int, default: int, kinds: dict[int, int]) -> Kinds:
    table = np.full(size, default, np.uint8)
    for number, kind in kinds.items():
        table[number] = kind
    return table


_ETHER_KINDS = _table(
    1 << 16,
    Kind.NONE,
    {
        **dict.fromkeys(range(LEAST_ETHER_TYPE), Kind.SCALAR),
        **dict.fromkeys(ETHER_TYPES, Kind.SCALAR),
        EtherType.IPV4: Kind.IPV4,
        EtherType.IPV6: Kind.IPV6,
        EtherType.VLAN: Kind.VLAN,
        EtherType.VLAN_OUTER: Kind.VLAN,
        EtherType.VLAN_OUTER_OLD: Kind.VLAN,
    },
)
_FAMILIES = np.zeros(256, np.uint16)
"""EtherTypes by address family; 0 where it is none of IP."""
_FAMILIES[list(ADDRESS_FAMILIES)] = list(ADDRESS_FAMILIES.values())
_VERSION_KINDS = _table(16, Kind.NONE, {4: Kind.IPV4, 6: Kind.IPV6})
GRE_KINDS = _ETHER_KINDS.copy()
GRE_KINDS[[EtherType.ETHERNET, EtherType.ERSPAN]] = Kind.ETHERNET
PROTOCOL_KINDS = _table(
    256,
    Kind.NONE,
    {
        **dict.fromkeys(IP_PROTOCOLS, Kind.SCALAR),
        TCP: Kind.TCP,
        UDP: Kind.UDP,
        IP4_IN_IP: Kind.IPV4,
        IP6_IN_IP: Kind.IPV6,
        GRE: Kind.GRE,
    },
)
TUNNEL_PORTS = np.zeros(1 << 16, np.bool_)
TUNNEL_PORTS[list(UDP_TUNNELS)] = True
VXLAN_PORTS = np.zeros(1 << 16, np.bool_)
VXLAN_PORTS[[port for port, tunnel in UDP_TUNNELS.items() if tunnel is vxlan]] = True


class Link(NamedTuple):
    """How a link layer says what it carries."""

    header: np.dtype[Any]
    length: int
    kinds: Callable[[Rows], Kinds]


def kinds_by_ether_type(rows: Rows) -> Kinds:
    """Return what the field ``ether_type`` of each row announces."""
    kinds: Kinds = _ETHER_KINDS[rows["ether_type"]]
    return kinds


def _kinds_by_family(rows: Rows) -> Kinds:
    number = rows["family"].astype(np.uint32)
    family = np.where(number > 0xFFFF, number.byteswap(), number)
    ether_type = _FAMILIES[np.minimum(family, len(_FAMILIES) - 1)]
    ether_type = np.where(ether_type, ether_type, number & 0xFFFF)
    kinds = _ETHER_KINDS[ether_type]
    kinds[ether_type < LEAST_ETHER_TYPE] = Kind.NONE
    return kinds


def _kinds_by_version(rows: Rows) -> Kinds:
    kinds: Kinds = _VERSION_KINDS[rows["first"] >> 4]
    return kinds


_RAW = Link(_layout(1, first=("u1", 0)), 0, _kinds_by_version)
_LOOPBACK = Link(_layout(4, family=(">u4", 0)), 4, _kinds_by_family)

LINKS: dict[int, Link] = {
    0: _LOOPBACK,
    1: Link(_layout(14, ether_type=(">u2", 12)), 14, kinds_by_ether_type),
    12: _RAW,
    14: _RAW,
    101: _RAW,
    108: _LOOPBACK,
    113: Link(_layout(16, ether_type=(">u2", 14)), 16, kinds_by_ether_type),
    228: _RAW,
    229: _RAW,
    276: Link(_layout(20, ether_type=(">u2", 0)), 20, kinds_by_ether_type),
}
"""Those of :data:`tqdecrypt.packet.links.LINK_TYPES` that columns express."""


def gather(buffer: Buffer, offsets: Integers, layout: np.dtype[Any]) -> Rows:
    """Return a row of the given layout from each offset; behind the buffer's end stand zeros."""
    size = layout.itemsize
    kind = f"V{size}"
    last = len(buffer) - size
    """The last offset at which a whole row begins."""
    if not len(offsets):
        return np.empty(0, layout)
    if offsets.max() <= last:
        # A fancy index copies rows of any size quickly; .take() would go through the whole view.
        return np.ndarray((last + 1,), kind, buffer, 0, (1,))[offsets].view(layout)
    tail = max(last, 0)
    padded = bytes(buffer[tail:]) + bytes(size)
    late = offsets > last
    rows = np.empty(len(offsets), kind)
    rows[late] = np.ndarray((len(padded) - size + 1,), kind, padded, 0, (1,))[offsets[late] - tail]
    if last >= 0:
        rows[~late] = np.ndarray((last + 1,), kind, buffer, 0, (1,))[offsets[~late]]
    return rows.view(layout)
