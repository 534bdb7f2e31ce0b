"""The readable decoder: one packet at a time, one header after the other.

It is the specification.  The columns (:mod:`tqdecrypt.packet.columns`) express the common packets
faster, and tests hold them equal to this.
"""

from __future__ import annotations

from tqdecrypt.packet.fragments import FragmentTable
from tqdecrypt.packet.internet import EXTENSIONS, ip4, ip6, tcp, udp
from tqdecrypt.packet.links import LEAST_ETHER_TYPE, LINK_TYPES, TAGS, logical_link_control, mpls
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.tunnels import ENCAPSULATIONS, MIRRORS
from tqdecrypt.packet.walk import EtherType, Layer, Next, Space, Walk

__all__ = ["ETHER_TYPES", "IP4_IN_IP", "IP6_IN_IP", "IP_PROTOCOLS", "TCP", "UDP", "decode_packet"]

TCP, UDP = 6, 17
IP4_IN_IP, IP6_IN_IP = 4, 41
"""IP protocols; tunnels of IP alone are those of RFC 2003, RFC 2473 and RFC 4213."""

ETHER_TYPES: dict[int, Layer] = {
    **dict.fromkeys(range(LEAST_ETHER_TYPE), logical_link_control),
    EtherType.IPV4: ip4,
    EtherType.IPV6: ip6,
    **TAGS,
    **MIRRORS,
}
PPP_PROTOCOLS: dict[int, Layer] = {0x0021: ip4, 0x0057: ip6, 0x0281: mpls, 0x0283: mpls}
IP_PROTOCOLS: dict[int, Layer] = {
    TCP: tcp,
    UDP: udp,
    IP4_IN_IP: ip4,
    IP6_IN_IP: ip6,
    **EXTENSIONS,
    **ENCAPSULATIONS,
}
IP_VERSIONS: dict[int, Layer] = {4: ip4, 6: ip6}

_LAYERS: dict[Space, tuple[dict[int, Layer], Dropped]] = {
    Space.LINK_TYPE: (LINK_TYPES, Dropped.UNKNOWN_LINK_TYPE),
    Space.ETHER_TYPE: (ETHER_TYPES, Dropped.NOT_IP),
    Space.PPP_PROTOCOL: (PPP_PROTOCOLS, Dropped.NOT_IP),
    Space.IP_PROTOCOL: (IP_PROTOCOLS, Dropped.OTHER_IP_PROTOCOL),
    Space.IP_VERSION: (IP_VERSIONS, Dropped.NOT_IP),
}
"""Who reads what, and what a packet is that nobody reads."""


def decode_packet(
    data: bytes, length: int, link_type: int, fragments: FragmentTable, time: int
) -> Transport | Dropped:
    """Decode one packet.

    :param data: what was captured of it.
    :param length: its length on the wire; not less than that of *data*, or it does not count.
    :param link_type: LINKTYPE_ number.
    :param fragments: keeps fragments until their datagram is complete.
    :param time: when it was captured, in nanoseconds.
    :raises Malformed: it contradicts a specification; :class:`~tqdecrypt.packet.walk.Cut` when it
        may not, but the snap length cut its headers.
    """
    walk = Walk(data, max(length - len(data), 0), fragments, time)
    step: Next | Transport | Dropped = Next(Space.LINK_TYPE, link_type)
    # It ends: every layer takes at least a byte, or hands on to one that does.
    while isinstance(step, Next):
        layers, unknown = _LAYERS[step.space]
        layer = layers.get(step.number)
        step = unknown if layer is None else layer(walk)
    return step
