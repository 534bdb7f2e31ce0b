"""Link-layer headers of the kit's packets, one function a link type."""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable

__all__ = ["FRAMINGS", "LinkType"]


class LinkType(enum.IntEnum):
    """LINKTYPE_ numbers (https://www.tcpdump.org/linktypes.html)."""

    NULL = 0
    """BSD loopback; written in little-endian order."""
    ETHERNET = 1
    RAW = 101
    """IP without anything before it."""
    LOOP = 108
    """OpenBSD loopback."""
    LINUX_SLL = 113
    """Linux cooked capture."""
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


_MAC_LOW, _MAC_HIGH = bytes.fromhex("020000000010"), bytes.fromhex("020000000020")
_AF_INET, _AF_INET6 = 2, 24  # of NetBSD, as the registry has it

Framing = Callable[[bytes, bool, tuple[int, ...]], bytes]
"""IP packet, whether the source address is the lower one, VLAN ids -> frame."""


def _is_ipv4(ip: bytes) -> bool:
    return ip[0] >> 4 == 4


def _ether_type(ip: bytes) -> int:
    return 0x0800 if _is_ipv4(ip) else 0x86DD


def _tagged(ip: bytes, vlan: tuple[int, ...]) -> tuple[int, bytes]:
    """Return the first EtherType, and what stands behind it."""
    types = [0x8100] * len(vlan)
    if len(vlan) > 1:
        types[0] = 0x88A8  # the outer tag of 802.1ad
    types.append(_ether_type(ip))
    tags = b"".join(struct.pack("!HH", tag, types[i + 1]) for i, tag in enumerate(vlan))
    return types[0], tags + ip


def _ethernet(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    ether_type, rest = _tagged(ip, vlan)
    source, destination = (_MAC_LOW, _MAC_HIGH) if low_first else (_MAC_HIGH, _MAC_LOW)
    return destination + source + struct.pack("!H", ether_type) + rest


def _cooked(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    protocol, rest = _tagged(ip, vlan)
    address = (_MAC_LOW if low_first else _MAC_HIGH) + b"\0\0"
    return struct.pack("!HHH8sH", 0 if low_first else 4, 1, 6, address, protocol) + rest


def _cooked2(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    protocol, rest = _tagged(ip, vlan)
    address = (_MAC_LOW if low_first else _MAC_HIGH) + b"\0\0"
    kind = 0 if low_first else 4
    return struct.pack("!HHIHBB8s", protocol, 0, 2, 1, kind, 6, address) + rest


def _null(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    return struct.pack("<I", _AF_INET if _is_ipv4(ip) else _AF_INET6) + ip


def _loop(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    return struct.pack("!I", _AF_INET if _is_ipv4(ip) else _AF_INET6) + ip


def _raw(ip: bytes, low_first: bool, vlan: tuple[int, ...]) -> bytes:
    return ip


FRAMINGS: dict[LinkType, Framing] = {
    LinkType.NULL: _null,
    LinkType.ETHERNET: _ethernet,
    LinkType.RAW: _raw,
    LinkType.LOOP: _loop,
    LinkType.LINUX_SLL: _cooked,
    LinkType.IPV4: _raw,
    LinkType.IPV6: _raw,
    LinkType.LINUX_SLL2: _cooked2,
}
