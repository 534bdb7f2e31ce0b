"""Hypothesis strategies: frames made of every layer on every other, cut and mutated."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from .frames import (
    Frame,
    cooked,
    cooked2,
    erspan2,
    ether_type_of,
    ethernet,
    extension,
    fragment4,
    fragment6,
    geneve,
    gre,
    ip4,
    ip6,
    mpls,
    pppoe,
    tcp,
    udp,
    vlan,
    vxlan,
)

__all__ = ["FRAMES", "MUTATED"]

Wrap = Callable[[bytes], bytes]
"""Puts a header before what it is given."""

PORTS = st.sampled_from([5060, 5061, 40000, 4789, 8472, 6081, 2152])
PAYLOADS = st.sampled_from(
    [b"", b"INVITE sip:b SIP/2.0\r\n", b"\x80\x00" + bytes(30), b"\x16\xfe\xfd", b"\x08" + bytes(9)]
)
ADDRESSES4 = st.sampled_from([1, 0xC0000201, 0xFFFFFFFF])
ADDRESSES6 = st.sampled_from([(0, 1), (0xFE800000_00000000, 9), (2**64 - 1, 2**64 - 1)])


@st.composite
def _transports(draw: st.DrawFn) -> tuple[int, bytes]:
    """Return an IP protocol and what belongs behind it."""
    ports, payload = (draw(PORTS), draw(PORTS)), draw(PAYLOADS)
    if draw(st.booleans()):
        return 6, tcp(
            payload,
            ports=ports,
            sequence=draw(st.sampled_from([0, 1, 2**32 - 1])),
            flags=draw(st.sampled_from([0x02, 0x10, 0x11, 0x18, 0xFF])),
            options=b"\x01" * draw(st.sampled_from([0, 0, 12, 40])),
        )
    length = draw(st.sampled_from([None, None, None, 0, 7, 8, 9, 60]))
    return 17, udp(*ports, payload, length=length)


@st.composite
def _packets(draw: st.DrawFn) -> bytes:
    """Return an IP packet, or a fragment of one."""
    protocol, rest = draw(st.one_of(_transports(), _transports(), st.just((1, bytes(8)))))
    if draw(st.booleans()):
        if draw(st.integers(0, 5)) == 0:
            return _fragment(draw, fragment4, protocol, rest)
        return ip4(
            protocol,
            rest,
            source=draw(ADDRESSES4),
            destination=draw(ADDRESSES4),
            options=b"\x01" * draw(st.sampled_from([0, 0, 0, 4, 40])),
            total=draw(st.sampled_from([None, None, None, None, 0, 19, 20, 30, 2000])),
        )
    if draw(st.integers(0, 5)) == 0:
        return _fragment(draw, fragment6, protocol, rest)
    for header in draw(st.lists(st.sampled_from([0, 43, 60]), max_size=2)):
        rest = extension(protocol, rest, units=draw(st.integers(0, 1)))
        protocol = header
    return ip6(
        protocol,
        rest,
        source=draw(ADDRESSES6),
        destination=draw(ADDRESSES6),
        length=draw(st.sampled_from([None, None, None, 0, 4, 2000])),
    )


def _fragment(
    draw: st.DrawFn, make: Callable[[int, bytes, int, bool, int], bytes], protocol: int, rest: bytes
) -> bytes:
    start = draw(st.sampled_from([0, 8, 16]))
    more = draw(st.booleans())
    stop = start + 8 if more else len(rest)
    return make(protocol, rest[start:stop], start, more, draw(st.integers(0, 2)))


def _in_ip(protocol: int) -> Wrap:
    return lambda inner: ip4(protocol, inner)


def _in_ip6(protocol: int) -> Wrap:
    return lambda inner: ip6(protocol, inner)


def _frame(inner: bytes) -> bytes:
    return ethernet(ether_type_of(inner), inner)


TUNNELS: Sequence[Wrap] = [
    lambda inner: ip4(4 if inner[0] >> 4 == 4 else 41, inner),
    lambda inner: ip6(4 if inner[0] >> 4 == 4 else 41, inner),
    *(
        outer
        for wrap in (
            lambda inner: gre(ether_type_of(inner), inner),
            lambda inner: gre(0x6558, _frame(inner), 0x2000),
            lambda inner: gre(0x88BE, _frame(inner)),
            lambda inner: erspan2(_frame(inner)),
            lambda inner: gre(0x8847, mpls(1, inner), 0x8000),
        )
        for outer in (
            lambda inner, wrap=wrap: ip4(47, wrap(inner)),
            lambda inner, wrap=wrap: ip6(47, wrap(inner)),
        )
    ),
    *(
        outer
        for port, wrap in (
            (4789, lambda inner: vxlan(_frame(inner))),
            (4789, lambda inner: vxlan(ethernet(0x8100, vlan(ether_type_of(inner), inner)))),
            (8472, lambda inner: vxlan(_frame(inner), 0x88)),
            (6081, lambda inner: geneve(0x6558, _frame(inner), bytes(4))),
            (6081, lambda inner: geneve(ether_type_of(inner), inner)),
            (2152, lambda inner: struct.pack("!BBHI", 0x30, 255, 0, 7) + inner),
        )
        for outer in (
            lambda inner, port=port, wrap=wrap: ip4(17, udp(1, port, wrap(inner))),
            lambda inner, port=port, wrap=wrap: ip6(17, udp(1, port, wrap(inner))),
        )
    ),
]

TAGS: Sequence[Callable[[int, bytes], tuple[int, bytes]]] = [
    lambda ether_type, inner: (0x8100, vlan(ether_type, inner)),
    lambda ether_type, inner: (0x88A8, vlan(ether_type, inner)),
    lambda ether_type, inner: (0x9100, vlan(ether_type, inner)),
    lambda ether_type, inner: (0x8909, b"\x01\x01\0\x01\0\x02" + _number(ether_type) + inner),
]


def _number(ether_type: int) -> bytes:
    return struct.pack("!H", ether_type)


@st.composite
def _frames(draw: st.DrawFn) -> Frame:
    ip = draw(_packets())
    for tunnel in draw(st.lists(st.sampled_from(TUNNELS), max_size=draw(st.sampled_from([0, 2])))):
        ip = tunnel(ip)
    link_type = draw(
        st.sampled_from([1, 1, 1, 113, 276, 101, 12, 14, 228, 229, 0, 108, 9, 104, 147])
    )
    data = _linked(draw, link_type, ip) + draw(st.sampled_from([b"", bytes(6), b"\xff" * 20]))
    frame = Frame(data, link_type, time=draw(st.integers(0, 60)) * 1_000_000_000)
    if draw(st.booleans()):
        frame = frame.cut(draw(st.integers(0, len(data))))
        if draw(st.integers(0, 3)) == 0:
            frame = frame._replace(length=None)
    return frame


def _linked(draw: st.DrawFn, link_type: int, ip: bytes) -> bytes:
    ether_type = ether_type_of(ip)
    if link_type in (0, 108):
        if draw(st.integers(0, 5)) == 0:
            return b"\x0f\x00" + _number(draw(st.sampled_from([ether_type, 0x8100, 5]))) + ip
        family = 2 if ether_type == 0x0800 else draw(st.sampled_from([10, 24, 30]))
        return struct.pack(draw(st.sampled_from(["<I", ">I"])), family) + ip
    if link_type == 9:
        return b"\xff\x03\x00" + (b"\x21" if ether_type == 0x0800 else b"\x57") + ip
    if link_type == 104:
        return b"\x0f\x00" + _number(ether_type) + ip
    if link_type not in (1, 113, 276):
        return ip
    for tag in draw(st.lists(st.sampled_from(TAGS), max_size=draw(st.sampled_from([0, 3])))):
        ether_type, ip = tag(ether_type, ip)
    last = draw(st.integers(0, 9))
    if last == 0:
        ether_type, ip = 0x8847, mpls(2, ip)
    elif last == 1:
        ether_type, ip = 0x8864, pppoe(b"\0\x21" + ip)
    elif last == 2:
        ether_type, ip = len(ip) % 1500, b"\xaa\xaa\x03\0\0\0" + _number(ether_type) + ip
    elif last == 3:
        ether_type = draw(st.sampled_from([0x0806, 0x0800, 0x86DD, 0x8100, 0x0000, 0xFFFF]))
    return {1: ethernet, 113: cooked, 276: cooked2}[link_type](ether_type, ip)


@st.composite
def _mutated(draw: st.DrawFn) -> Frame:
    frame = draw(_frames())
    data = bytearray(frame.data)
    if data:
        for _ in range(draw(st.integers(1, 3))):
            place = draw(st.integers(0, min(len(data) - 1, 120)))
            data[place] = draw(st.sampled_from([0, 1, 4, 6, 0x0F, 0x40, 0x45, 0x60, 0x80, 0xFF]))
    return frame._replace(data=bytes(data))


LINKS = st.sampled_from([0, 1, 9, 51, 101, 104, 113, 276])

FRAMES = _frames()
MUTATED = st.one_of(
    _mutated(),
    st.builds(Frame, st.binary(max_size=120), LINKS, st.none(), st.just(0)),
)
