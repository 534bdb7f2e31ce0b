"""Packets in packets: the innermost TCP or UDP is what counts, with its own addresses."""

from __future__ import annotations

import struct

import pytest

from tqdecrypt.errors import Malformed
from tqdecrypt.packet import Dropped, Transport

from .frames import (
    A4,
    A6,
    B4,
    TUNNEL_A,
    TUNNEL_B,
    Frame,
    Make,
    decode,
    erspan2,
    ether_type_of,
    ethernet,
    geneve,
    gre,
    ip4,
    ip6,
    mpls,
    payload_of,
    tcp,
    udp,
    vlan,
    vxlan,
)

DATA = b"BYE sip:b@example.com SIP/2.0\r\n"
INNER = {"ipv4": ip4(6, tcp(DATA)), "ipv6": ip6(6, tcp(DATA))}
inner = pytest.mark.parametrize("ip", INNER.values(), ids=list(INNER))


def outer4(protocol: int, payload: bytes) -> bytes:
    ip = ip4(protocol, payload, source=TUNNEL_A, destination=TUNNEL_B)
    return ethernet(0x0800, ip)


def outer6(protocol: int, payload: bytes) -> bytes:
    return ethernet(0x86DD, ip6(protocol, payload, source=(9, 9), destination=(8, 8)))


outer = pytest.mark.parametrize("outer", [outer4, outer6], ids=["over ipv4", "over ipv6"])


def frame_of(ip: bytes) -> bytes:
    return ethernet(ether_type_of(ip), ip)


def is_inner(frame: bytes) -> None:
    """The frame carries one of INNER, and a cut within its payload is known as such."""
    found = decode(frame)
    assert isinstance(found, Transport)
    assert found.source == ((0, A4) if found.version == 4 else A6)
    assert payload_of(frame) == DATA
    cut = decode(Frame(frame).cut(len(frame) - 5))
    assert isinstance(cut, Transport)
    assert (cut.payload_length, cut.payload_missing) == (len(DATA) - 5, 5)


@outer
@inner
def test_ip_in_ip(ip: bytes, outer: Make) -> None:
    is_inner(outer(4 if ip[0] >> 4 == 4 else 41, ip))


@outer
@inner
@pytest.mark.parametrize("flags", [0, 0x8000, 0x2000, 0x1000, 0x3000, 0xA000, 0xB000])
def test_gre_with_its_optional_fields(flags: int, ip: bytes, outer: Make) -> None:
    is_inner(outer(47, gre(ether_type_of(ip), ip, flags)))


@inner
@pytest.mark.parametrize("flags", [0, 0x2000], ids=["teb", "nvgre"])
def test_ethernet_in_gre(flags: int, ip: bytes) -> None:
    is_inner(outer4(47, gre(0x6558, frame_of(ip), flags)))


@inner
def test_mpls_and_vlan_in_gre(ip: bytes) -> None:
    is_inner(outer4(47, gre(0x8847, mpls(2, ip))))
    is_inner(outer4(47, gre(0x8100, vlan(ether_type_of(ip), ip))))


@inner
def test_gre_with_routing(ip: bytes) -> None:
    """RFC 1701: source route entries, ended by one without length."""
    routes = struct.pack("!HBB4s", 0x0800, 0, 4, b"\x0a\0\0\x01") + bytes(4)
    head = struct.pack("!HHI", 0x4000, ether_type_of(ip), 0)
    is_inner(outer4(47, head + routes + ip))


@inner
@pytest.mark.parametrize("flags", [0x2001, 0x3001, 0x3081, 0x2081])
def test_gre_of_pptp(flags: int, ip: bytes) -> None:
    words = bool(flags & 0x1000) + bool(flags & 0x80) + 1
    protocol = {0x0800: 0x0021, 0x86DD: 0x0057}[ether_type_of(ip)]
    ppp = b"\xff\x03" + struct.pack("!H", protocol) + ip
    is_inner(outer4(47, struct.pack("!HH", flags, 0x880B) + bytes(4 * words) + ppp))


def test_gre_of_pptp_without_payload() -> None:
    acknowledgment = struct.pack("!HHII", 0x2081, 0x880B, 0, 1)
    assert decode(outer4(47, acknowledgment)) is Dropped.NOT_IP


def test_gre_of_an_unknown_version_or_payload() -> None:
    assert decode(outer4(47, gre(0x0800, INNER["ipv4"], 0x0002))) is Dropped.OTHER_IP_PROTOCOL
    assert decode(outer4(47, gre(0x9999, INNER["ipv4"]))) is Dropped.NOT_IP


@outer
@inner
def test_erspan(ip: bytes, outer: Make) -> None:
    frame = frame_of(ip)
    is_inner(outer(47, gre(0x88BE, frame)))  # type I has no header
    is_inner(outer(47, erspan2(frame)))
    is_inner(outer(47, erspan2(ethernet(0x8100, vlan(ether_type_of(ip), ip)))))


@inner
@pytest.mark.parametrize("platform", [False, True])
@pytest.mark.parametrize("frame_type", [0, 2], ids=["ethernet", "ip"])
def test_erspan_type_3(frame_type: int, platform: bool, ip: bytes) -> None:
    last = frame_type << 10 | platform
    header = struct.pack("!HHIHH", 2 << 12, 1, 0, 0, last) + bytes(8 * platform)
    body = frame_of(ip) if frame_type == 0 else ip
    is_inner(outer4(47, gre(0x22EB, header + body, 0x1000)))


def test_erspan_type_3_of_other_frames() -> None:
    header = struct.pack("!HHIHH", 2 << 12, 1, 0, 0, 4 << 10)
    assert decode(outer4(47, gre(0x22EB, header + bytes(60), 0x1000))) is Dropped.NOT_IP


@outer
@inner
@pytest.mark.parametrize("port", [4789, 8472])
@pytest.mark.parametrize("flags", [0x08, 0x88], ids=["vxlan", "group policy"])
def test_vxlan(flags: int, port: int, ip: bytes, outer: Make) -> None:
    is_inner(outer(17, udp(54321, port, vxlan(frame_of(ip), flags))))


@outer
@inner
@pytest.mark.parametrize("options", [b"", bytes(8), bytes(252)])
def test_geneve(options: bytes, ip: bytes, outer: Make) -> None:
    is_inner(outer(17, udp(54321, 6081, geneve(0x6558, frame_of(ip), options))))
    is_inner(outer(17, udp(54321, 6081, geneve(ether_type_of(ip), ip, options))))


@outer
@inner
@pytest.mark.parametrize(
    "header",
    [
        pytest.param(struct.pack("!BBHI", 0x30, 255, 0, 7), id="plain"),
        pytest.param(struct.pack("!BBHIHBB", 0x32, 255, 0, 7, 1, 0, 0), id="sequence number"),
        pytest.param(struct.pack("!BBHIHBB", 0x32, 255, 0, 7, 1, 0, 9), id="stale extension type"),
        pytest.param(
            struct.pack("!BBHIHBB", 0x34, 255, 0, 7, 0, 0, 0x85) + b"\x01\x10\x09\x00",
            id="extension header",
        ),
        pytest.param(
            struct.pack("!BBHIHBB", 0x34, 255, 0, 7, 0, 0, 0x85)
            + b"\x01\x10\x09\xc0\x02\0\0\0\0\0\0\0",
            id="two extension headers",
        ),
    ],
)
def test_gtp(header: bytes, ip: bytes, outer: Make) -> None:
    is_inner(outer(17, udp(2152, 2152, header + ip)))


@inner
def test_ethernet_in_ip(ip: bytes) -> None:
    is_inner(outer4(97, b"\x30\0" + frame_of(ip)))
    is_inner(outer6(143, frame_of(ip)))


@inner
def test_mpls_in_ip(ip: bytes) -> None:
    is_inner(outer4(137, mpls(1, ip)))


@inner
def test_tunnels_in_tunnels(ip: bytes) -> None:
    inside = outer6(17, udp(1, 4789, vxlan(outer4(47, erspan2(frame_of(ip))))))
    is_inner(outer4(17, udp(1, 6081, geneve(0x6558, inside))))


@pytest.mark.parametrize("port", [2152, 4789, 6081, 8472])
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(DATA, id="SIP"),
        pytest.param(b"INVITE sip:x SIP/2.0\r\n", id="SIP that looks like a VXLAN flag"),
        pytest.param(b"\x80\x00" + bytes(170), id="RTP"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x01\0\x04", id="a short GTP echo"),
        pytest.param(b"\0\0\x12\x34" + bytes(20), id="GENEVE with something else"),
    ],
)
def test_the_port_alone_makes_no_tunnel(port: int, payload: bytes) -> None:
    """Media takes any port: only a header in the right shape makes a tunnel."""
    assert payload_of(outer4(17, udp(16384, port, payload))) == payload
    found = decode(outer4(17, udp(16384, port, payload)))
    assert isinstance(found, Transport)
    assert found.destination == (0, TUNNEL_B)


@pytest.mark.parametrize("port", [2152, 4789, 6081, 8472])
def test_the_source_port_makes_no_tunnel(port: int) -> None:
    payload = vxlan(frame_of(INNER["ipv4"]))
    assert payload_of(outer4(17, udp(port, 5060, payload))) == payload


def test_a_tunnel_with_nothing_of_ours() -> None:
    icmp = ethernet(0x0800, ip4(1, bytes(64)))
    assert decode(outer4(17, udp(1, 4789, vxlan(icmp)))) is Dropped.OTHER_IP_PROTOCOL
    assert decode(outer4(17, udp(1, 4789, vxlan(ethernet(0x0806, bytes(28)))))) is Dropped.NOT_IP
    with pytest.raises(Malformed):
        decode(outer4(17, udp(1, 4789, vxlan(b""))))


def test_what_stands_behind_the_inner_packet_is_not_payload() -> None:
    """The frame in the tunnel was padded; the tunnel's packet was, too."""
    frame = outer4(17, udp(1, 4789, vxlan(frame_of(INNER["ipv4"]) + bytes(6)))) + bytes(4)
    assert payload_of(frame) == DATA


def test_an_inner_packet_longer_than_its_tunnel_lacks_the_rest() -> None:
    short = frame_of(ip4(6, tcp(DATA)))[:-10]
    found = decode(outer4(17, udp(1, 4789, vxlan(short))) + b"not of the tunnel")
    assert isinstance(found, Transport)
    assert (found.payload_length, found.payload_missing) == (len(DATA) - 10, 10)
    assert found.destination == (0, B4)
