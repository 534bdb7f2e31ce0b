"""Link layers, and what stands between them and IP: tags, labels, sessions."""

from __future__ import annotations

from struct import Struct

from tqdecrypt.capture.hep import HEP_LINK_TYPE
from tqdecrypt.errors import Malformed
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.walk import EtherType, Layer, Next, Space, Walk

__all__ = [
    "ADDRESS_FAMILIES",
    "LEAST_ETHER_TYPE",
    "LINK_TYPES",
    "TAGS",
    "ethernet",
]

LEAST_ETHER_TYPE = 0x0600
"""Smaller numbers are lengths of 802.3 frames, behind which stands an LLC header."""

ADDRESS_FAMILIES = {
    2: EtherType.IPV4,
    10: EtherType.IPV6,  # Linux
    23: EtherType.IPV6,  # Windows
    24: EtherType.IPV6,  # NetBSD, OpenBSD
    28: EtherType.IPV6,  # FreeBSD
    30: EtherType.IPV6,  # macOS
}
"""AF_INET and what systems call AF_INET6."""

_UINT16 = Struct("!H")
_UINT32 = Struct("!I")
_ETHERNET = Struct("!12xH")
_COOKED = Struct("!14xH")
_COOKED2 = Struct("!H18x")
_VLAN = Struct("!2xH")
_LLC_SNAP = Struct("!3s3sH")
_CISCO_HDLC = Struct("!2xH")
_CISCO_METADATA = Struct("!xB")
_PPPOE = Struct("!BBxxxx")
_PSEUDOWIRE = Struct("!BB")

_SNAP = b"\xaa\xaa\x03"
_OUI_ETHER_TYPE = (b"\0\0\0", b"\0\0\xf8")
"""Behind these stands an EtherType: RFC 1042, and IEEE 802.1H for bridges."""


def ethernet(walk: Walk) -> Next:
    """IEEE 802.3, without its preamble; with or without its checksum."""
    return Next(Space.ETHER_TYPE, walk.pull_fields(_ETHERNET)[0])


def _cooked(walk: Walk) -> Next:
    """LINKTYPE_LINUX_SLL."""
    return Next(Space.ETHER_TYPE, walk.pull_fields(_COOKED)[0])


def _cooked2(walk: Walk) -> Next:
    """LINKTYPE_LINUX_SLL2."""
    return Next(Space.ETHER_TYPE, walk.pull_fields(_COOKED2)[0])


def raw(walk: Walk) -> Next:
    """IP without anything before it: its version tells which."""
    version = walk.peek()
    if version is None:
        walk.skip(1)
    return Next(Space.IP_VERSION, (version or 0) >> 4)


def _loopback(walk: Walk) -> Next | Dropped:
    """LINKTYPE_NULL and LINKTYPE_LOOP: an address family in the byte order of who captured it.

    Some devices write two bytes of their own and an EtherType instead.
    """
    (number,) = walk.pull_fields(_UINT32)
    family = number if number <= 0xFFFF else int.from_bytes(number.to_bytes(4, "little"), "big")
    ether_type = ADDRESS_FAMILIES.get(family, number & 0xFFFF)
    return Dropped.NOT_IP if ether_type < LEAST_ETHER_TYPE else Next(Space.ETHER_TYPE, ether_type)


def ppp(walk: Walk) -> Next:
    """RFC 1661, in HDLC-like framing or without (RFC 1662); fields may be compressed."""
    protocol = walk.pull(1)[0]
    if protocol == 0xFF:  # all stations; the control field (unnumbered information) follows
        walk.skip(1)
        protocol = walk.pull(1)[0]
    if protocol & 1 == 0:  # RFC 1661 section 2: only the last byte of a protocol number is odd
        protocol = protocol << 8 | walk.pull(1)[0]
    return Next(Space.PPP_PROTOCOL, protocol)


def _cisco_hdlc(walk: Walk) -> Next:
    """LINKTYPE_C_HDLC: address, control, EtherType."""
    return Next(Space.ETHER_TYPE, walk.pull_fields(_CISCO_HDLC)[0])


def logical_link_control(walk: Walk) -> Next | Dropped:
    """IEEE 802.2 with the Subnetwork Access Protocol (RFC 1042)."""
    header, oui, ether_type = walk.pull_fields(_LLC_SNAP)
    if header != _SNAP or oui not in _OUI_ETHER_TYPE or ether_type < LEAST_ETHER_TYPE:
        return Dropped.NOT_IP
    return Next(Space.ETHER_TYPE, ether_type)


def _vlan(walk: Walk) -> Next:
    """IEEE 802.1Q and 802.1ad: the tag, and what was in its place."""
    return Next(Space.ETHER_TYPE, walk.pull_fields(_VLAN)[0])


def _cisco_metadata(walk: Walk) -> Next:
    """Version, number of options, options of four bytes; then what was in its place."""
    walk.skip(4 * walk.pull_fields(_CISCO_METADATA)[0])
    return Next(Space.ETHER_TYPE, walk.pull_fields(_UINT16)[0])


def mpls(walk: Walk) -> Next | Dropped:
    """RFC 3032.  Labels do not say what they carry; the first half-byte does (RFC 4928)."""
    while not walk.pull_fields(_UINT32)[0] >> 8 & 1:  # bottom of stack
        pass
    first, second = walk.pull_fields(_PSEUDOWIRE)
    kind = first >> 4
    if kind == 1:  # an associated channel (RFC 4385 section 5)
        return Dropped.NOT_IP
    walk.position -= _PSEUDOWIRE.size
    if kind in (4, 6):
        return Next(Space.IP_VERSION, kind)
    # A pseudowire's control word (RFC 4448 section 4.6) begins with two bytes of zeros; hardly an
    # Ethernet address does.
    if first == second == 0:
        walk.skip(4)
    return ethernet(walk)


def _pppoe(walk: Walk) -> Next | Dropped:
    """RFC 2516 section 4: a session's packets have code 0."""
    kind, code = walk.pull_fields(_PPPOE)
    if kind != 0x11:
        raise Malformed("PPPoE of version 1 and type 1", kind)
    return Dropped.NOT_IP if code else ppp(walk)


def _hep(walk: Walk) -> Transport:
    """A file of HEP3 packets: each as if it had come in a datagram from nowhere."""
    size = walk.end - walk.position
    first = walk.peek()
    return Transport(4, (0, 0), (0, 0), 0, 0, walk.position, size, walk.missing, first_byte=first)


LINK_TYPES: dict[int, Layer] = {
    0: _loopback,
    1: ethernet,
    9: ppp,
    12: raw,  # LINKTYPE_RAW as some systems number it
    14: raw,  # … and OpenBSD
    50: ppp,
    51: _pppoe,
    101: raw,
    104: _cisco_hdlc,
    108: _loopback,
    113: _cooked,
    228: raw,
    229: raw,
    276: _cooked2,
    HEP_LINK_TYPE: _hep,
}

TAGS: dict[int, Layer] = {
    EtherType.VLAN: _vlan,
    EtherType.VLAN_OUTER: _vlan,
    EtherType.VLAN_OUTER_OLD: _vlan,
    EtherType.MPLS: mpls,
    EtherType.MPLS_UPSTREAM: mpls,
    EtherType.PPP: ppp,
    EtherType.PPPOE_SESSION: _pppoe,
    EtherType.CISCO_METADATA: _cisco_metadata,
    EtherType.ETHERNET: ethernet,
}
"""EtherTypes that are not IP, but have it behind them."""
