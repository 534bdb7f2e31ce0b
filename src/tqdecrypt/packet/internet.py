"""IP of both versions with all its extensions, TCP and UDP."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from tqdecrypt.errors import Malformed
from tqdecrypt.packet.outcome import Dropped, Transport
from tqdecrypt.packet.tunnels import UDP_TUNNELS
from tqdecrypt.packet.walk import Layer, Next, Space, Walk

__all__ = ["EXTENSIONS", "ip4", "ip6", "tcp", "udp"]

_IPV4 = Struct("!BBHHHxB2xII")
_IPV6 = Struct("!H2xHBxQQQQ")
_EXTENSION = Struct("!BB")
_FRAGMENT = Struct("!BxHI")
_TCP = Struct("!HHIIBB6x")
_UDP = Struct("!HHH2x")


def ip4(walk: Walk) -> Next | Dropped:
    """RFC 791.  Checksums are not looked at: network cards fill them in behind the capture."""
    fields = walk.pull_fields(_IPV4)
    first, traffic_class, total, identification, place, protocol, source, destination = fields
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < 20:
        raise Malformed("an IPv4 header", first)
    walk.enter_ip(4, (0, source), (0, destination), traffic_class)
    walk.skip(header - 20)
    # Packets that the network card cuts into segments have no length that would fit: 0 (Linux).
    if total:
        if total < header:
            raise Malformed(f"a total length of at least {header}", total)
        walk.confine(total - header)
    if place & 0x3FFF:
        start = (place & 0x1FFF) * 8
        return walk.reassemble(identification, protocol, start, bool(place & 0x2000), True)
    return Next(Space.IP_PROTOCOL, protocol)


def ip6(walk: Walk) -> Next:
    """RFC 8200 section 3."""
    first, length, protocol, *addresses = walk.pull_fields(_IPV6)
    if first >> 12 != 6:
        raise Malformed("an IPv6 header", first >> 8)
    source_high, source_low, destination_high, destination_low = addresses
    source, destination = (source_high, source_low), (destination_high, destination_low)
    walk.enter_ip(6, source, destination, first >> 4 & 0xFF)
    if length:  # 0: a jumbogram (RFC 2675), or a packet that the network card cuts
        walk.confine(length)
    return Next(Space.IP_PROTOCOL, protocol)


def _extension(walk: Walk) -> Next:
    """RFC 8200 section 4: hop-by-hop and destination options, routing, and those like them."""
    protocol, length = walk.pull_fields(_EXTENSION)
    walk.skip(6 + 8 * length)
    return Next(Space.IP_PROTOCOL, protocol)


def _authentication(walk: Walk) -> Next:
    """RFC 4302 section 2.2: length in units of four bytes, minus two."""
    protocol, length = walk.pull_fields(_EXTENSION)
    walk.skip(4 * (length + 2) - 2)
    return Next(Space.IP_PROTOCOL, protocol)


def _fragment(walk: Walk) -> Next | Dropped:
    """RFC 8200 section 4.5."""
    protocol, place, identification = walk.pull_fields(_FRAGMENT)
    start, more = place & 0xFFF8, bool(place & 1)
    if not start and not more:  # an atomic fragment (RFC 6946)
        return Next(Space.IP_PROTOCOL, protocol)
    return walk.reassemble(identification, protocol, start, more, False)


def tcp(walk: Walk) -> Transport:
    """RFC 9293 section 3.1.  What the snap length took of the options is not missed."""
    length = walk.remaining
    source_port, destination_port, *numbers, offset, flags = walk.pull_fields(_TCP)
    header = (offset >> 4) * 4
    if not 20 <= header <= length:
        raise Malformed("a TCP header of 20 bytes or more, within its packet", header)
    return _transport(
        walk, source_port, destination_port, header - 20, length - header, numbers, flags
    )


def udp(walk: Walk) -> Transport | Next:
    """RFC 768.  A port of a tunnel and its header in the right shape make it a tunnel."""
    length = walk.remaining
    source_port, destination_port, own_length = walk.pull_fields(_UDP)
    if own_length:  # 0: as in IP
        if own_length < 8:
            raise Malformed("a UDP length of at least 8", own_length)
        length = min(length, own_length)
    walk.confine(length - 8)
    tunnel = UDP_TUNNELS.get(destination_port)
    inner = tunnel(walk) if tunnel else None
    return inner or _transport(walk, source_port, destination_port, 0, length - 8)


def _transport(
    walk: Walk,
    source_port: int,
    destination_port: int,
    options: int,
    length: int,
    numbers: Sequence[int] = (0, 0),
    flags: int | None = None,
) -> Transport:
    """Return the packet's end: *length* bytes of payload behind *options*."""
    start = walk.position + options
    captured = min(max(walk.end - start, 0), length)
    payload = walk.data[start : start + captured]
    return Transport(
        walk.version,
        walk.source,
        walk.destination,
        source_port,
        destination_port,
        0 if walk.reassembled else start,
        captured,
        length - captured,
        numbers[0],
        numbers[1],
        flags,
        payload[0] if payload and flags is None else None,
        payload if walk.reassembled else None,
        walk.traffic_class,
    )


EXTENSIONS: dict[int, Layer] = {
    0: _extension,  # hop-by-hop options
    43: _extension,  # routing
    44: _fragment,
    51: _authentication,
    60: _extension,  # destination options
    135: _extension,  # mobility (RFC 6275)
    139: _extension,  # host identity (RFC 7401)
    140: _extension,  # shim6 (RFC 5533)
}
