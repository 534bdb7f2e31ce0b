"""Tunnels: packets in packets, as carriers, clouds and mirror ports make them."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TypeAlias

from tqdecrypt.packet.links import ethernet, mpls, ppp, raw
from tqdecrypt.packet.outcome import Dropped
from tqdecrypt.packet.walk import EtherType, Layer, Next, Space, Walk

__all__ = ["ENCAPSULATIONS", "GRE", "MIRRORS", "UDP_TUNNELS", "UdpTunnel", "vxlan"]

UdpTunnel: TypeAlias = Callable[[Walk], Next | None]
"""As :data:`Layer`, or ``None`` with the walk where it was: it is a datagram like any other."""

GRE = 47
"""IP protocol."""

_GRE = Struct("!HH")
_GRE_ROUTE = Struct("!3xB")
_GENEVE = Struct("!BxH4x")
_GTP_EXTENSION = 4

_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGMENT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_GRE_ENHANCED = 1


def gre(walk: Walk) -> Next | Dropped:
    """RFC 2784 with the fields of RFC 2890 and RFC 1701; version 1 is that of PPTP (RFC 2637)."""
    flags, ether_type = walk.pull_fields(_GRE)
    version = flags & 7
    if version > _GRE_ENHANCED:
        return Dropped.OTHER_IP_PROTOCOL
    if flags & (_CHECKSUM | _ROUTING):
        walk.skip(4)
    walk.skip(4 * (bool(flags & _KEY) + bool(flags & _SEQUENCE)))
    if version == _GRE_ENHANCED and flags & _ACKNOWLEDGMENT:
        walk.skip(4)
    if version == 0 and flags & _ROUTING:
        _skip_routes(walk)
    if version == _GRE_ENHANCED and not walk.remaining:
        return Dropped.NOT_IP  # an acknowledgment of PPTP without payload
    if ether_type == EtherType.ERSPAN and not flags & _SEQUENCE:
        return ethernet(walk)  # type I is the one without a header of its own
    return Next(Space.ETHER_TYPE, ether_type)


def _skip_routes(walk: Walk) -> None:
    """RFC 1701: source route entries up to one of length 0."""
    while length := walk.pull_fields(_GRE_ROUTE)[0]:
        walk.skip(length)


def _erspan2(walk: Walk) -> Next:
    """draft-foschiano-erspan, section 4.2: eight bytes, then the mirrored frame."""
    walk.skip(8)
    return ethernet(walk)


def _erspan3(walk: Walk) -> Next | Dropped:
    """draft-foschiano-erspan, section 4.3: twelve bytes, eight more if the last bit says so."""
    header = walk.pull(12)
    if header[11] & 1:
        walk.skip(8)
    frame_type = header[10] >> 2 & 0x1F
    layer = {0: ethernet, 2: raw}.get(frame_type)
    return Dropped.NOT_IP if layer is None else layer(walk)


def _ethernet_in_ip(walk: Walk) -> Next:
    """RFC 3378: two bytes, then a frame."""
    walk.skip(2)
    return ethernet(walk)


def vxlan(walk: Walk) -> Next | None:
    """RFC 7348 section 5; the flag of draft-smith-vxlan-group-policy does not matter."""
    flags = walk.peek()
    if flags is None or flags & 0x7F != 0x08:
        return None
    walk.skip(8)
    return ethernet(walk)


def _geneve(walk: Walk) -> Next | None:
    """RFC 8926 section 3.4."""
    start = walk.position
    if walk.end - start < 8:
        return None
    first, ether_type = walk.pull_fields(_GENEVE)
    if first >> 6 != 0 or ether_type not in _GENEVE_PAYLOADS:
        walk.position = start
        return None
    walk.skip(4 * (first & 0x3F))
    return Next(Space.ETHER_TYPE, ether_type)


_GENEVE_PAYLOADS = frozenset(
    (EtherType.IPV4, EtherType.IPV6, EtherType.ETHERNET, EtherType.MPLS, EtherType.VLAN)
)


def _gtp_user(walk: Walk) -> Next | None:
    """3GPP TS 29.281 section 5: version 1, a user's packet (message type 255)."""
    start = walk.position
    if walk.end - start < 8:
        return None
    header = walk.pull(8)
    if header[0] >> 4 != 3 or header[1] != 255:
        walk.position = start
        return None
    if header[0] & 7:  # any of sequence number, N-PDU number and extension headers: all are there
        extension = walk.pull(4)[3]
        while header[0] & _GTP_EXTENSION and extension:
            length = walk.pull(1)[0] * 4
            extension = walk.pull(max(length, 4) - 1)[-1]
    return raw(walk)


ENCAPSULATIONS: dict[int, Layer] = {
    GRE: gre,
    97: _ethernet_in_ip,
    137: mpls,  # RFC 4023
    143: ethernet,  # RFC 8986 section 4.9
}
"""By IP protocol; those that carry IP itself are not among them."""

MIRRORS: dict[int, Layer] = {
    EtherType.ERSPAN: _erspan2,
    EtherType.ERSPAN_III: _erspan3,
    EtherType.PPP: ppp,
}
"""By EtherType, in GRE."""

UDP_TUNNELS: dict[int, UdpTunnel] = {
    2152: _gtp_user,
    4789: vxlan,
    6081: _geneve,
    8472: vxlan,  # Linux before the port was assigned
}
"""By destination port."""
