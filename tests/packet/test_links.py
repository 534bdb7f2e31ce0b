"""Every link layer, and what may stand between it and IP."""

from __future__ import annotations

import struct
from itertools import product

import pytest

from kit import Conversation, LinkType
from tqdecrypt.errors import Malformed
from tqdecrypt.packet import Dropped, Transport
from tqdecrypt.packet.walk import Cut

from .frames import (
    A4,
    B6,
    Frame,
    Make,
    cooked,
    cooked2,
    decode,
    ether_type_of,
    ethernet,
    ip4,
    ip6,
    mpls,
    payload_of,
    pppoe,
    tcp,
    udp,
    vlan,
)

HELLO = b"INVITE sip:b@example.com SIP/2.0\r\n"
INNER = {4: ip4(6, tcp(HELLO)), 6: ip6(17, udp(5060, 5062, HELLO))}
PADDING = b"\xff" * 10
framings = pytest.mark.parametrize(
    ("link_type", "framing"), [(1, ethernet), (113, cooked), (276, cooked2)]
)
both = pytest.mark.parametrize("ip", INNER.values(), ids=["ipv4", "ipv6"])


@both
@framings
def test_links_with_an_ether_type(link_type: int, framing: Make, ip: bytes) -> None:
    assert payload_of(Frame(framing(ether_type_of(ip), ip) + PADDING, link_type)) == HELLO


@both
@pytest.mark.parametrize("link_type", [12, 14, 101, 228, 229])
def test_raw_ip(link_type: int, ip: bytes) -> None:
    """The version decides: link types that promise one version are not held to it."""
    assert payload_of(Frame(ip, link_type)) == HELLO


@pytest.mark.parametrize(
    ("order", "link_type", "family"),
    list(product("<>", (0, 108), (2, 10, 23, 24, 28, 30))),
)
def test_loopback_in_any_byte_order(order: str, link_type: int, family: int) -> None:
    ip = INNER[4 if family == 2 else 6]
    assert payload_of(Frame(struct.pack(f"{order}I", family) + ip, link_type)) == HELLO


@both
def test_loopback_with_an_ether_type(ip: bytes) -> None:
    """Seen in captures of some devices: the header of Cisco HDLC under this link type."""
    assert payload_of(Frame(struct.pack("!HH", 0x0F00, ether_type_of(ip)) + ip, 0)) == HELLO


@pytest.mark.parametrize("family", [0, 1, 7, 255, 256, 2 << 16, 0x12345678])
def test_loopback_without_ip(family: int) -> None:
    assert decode(Frame(struct.pack("<I", family) + INNER[4], 0)) is Dropped.NOT_IP


@both
@pytest.mark.parametrize(
    "tags",
    [(0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100), (0x8100, 0x8100), (0x88A8, 0x8100, 0x8100)],
    ids=lambda tags: "+".join(f"{tag:x}" for tag in tags),
)
@framings
def test_vlan_tags(link_type: int, framing: Make, tags: tuple[int, ...], ip: bytes) -> None:
    types = [*tags[1:], ether_type_of(ip)]
    for ether_type in reversed(types):
        ip = vlan(ether_type, ip)
    assert payload_of(Frame(framing(tags[0], ip), link_type)) == HELLO


@both
@pytest.mark.parametrize("labels", [1, 2, 5])
@pytest.mark.parametrize("ether_type", [0x8847, 0x8848])
def test_mpls(ether_type: int, labels: int, ip: bytes) -> None:
    assert payload_of(ethernet(ether_type, mpls(labels, ip))) == HELLO


@both
@pytest.mark.parametrize("control_word", [b"", bytes(4)], ids=["bare", "control word"])
def test_ethernet_over_mpls(control_word: bytes, ip: bytes) -> None:
    frame = ethernet(ether_type_of(ip), ip)
    assert payload_of(ethernet(0x8847, mpls(2, control_word + frame))) == HELLO


def test_an_mpls_channel_is_not_ip() -> None:
    assert decode(ethernet(0x8847, mpls(1, b"\x10\0\0\x07" + INNER[4]))) is Dropped.NOT_IP


@both
@pytest.mark.parametrize("label_switched", [False, True])
def test_pppoe(label_switched: bool, ip: bytes) -> None:
    protocol = 0x0281 if label_switched else {0x0800: 0x0021, 0x86DD: 0x0057}[ether_type_of(ip)]
    ip = mpls(1, ip) if label_switched else ip
    frame = pppoe(struct.pack("!H", protocol) + ip)
    assert payload_of(ethernet(0x8864, frame)) == HELLO
    assert payload_of(Frame(frame, 51)) == HELLO


def test_pppoe_that_is_no_session() -> None:
    assert decode(ethernet(0x8864, pppoe(b"\0\x21" + INNER[4], code=9))) is Dropped.NOT_IP
    with pytest.raises(Malformed, match="version 1"):
        decode(ethernet(0x8864, b"\x22" + pppoe(b"\0\x21" + INNER[4])[1:]))


@both
@pytest.mark.parametrize("framed", [b"", b"\xff\x03"], ids=["bare", "hdlc"])
@pytest.mark.parametrize("compressed", [False, True])
def test_ppp(compressed: bool, framed: bytes, ip: bytes) -> None:
    protocol = bytes([0x21 if ether_type_of(ip) == 0x0800 else 0x57])
    protocol = protocol if compressed else b"\0" + protocol
    assert payload_of(Frame(framed + protocol + ip, 9)) == HELLO


def test_ppp_control_is_not_ip() -> None:
    assert decode(Frame(b"\xff\x03\xc0\x21\x01\x01\x00\x04", 9)) is Dropped.NOT_IP


@both
def test_cisco_hdlc(ip: bytes) -> None:
    head = struct.pack("!HH", 0x0F00, ether_type_of(ip))
    assert payload_of(Frame(head + ip, 104)) == HELLO


@both
@pytest.mark.parametrize("oui", [b"\0\0\0", b"\0\0\xf8"])
def test_llc_with_snap(oui: bytes, ip: bytes) -> None:
    body = b"\xaa\xaa\x03" + oui + struct.pack("!H", ether_type_of(ip)) + ip
    assert payload_of(ethernet(len(body), body)) == HELLO


@pytest.mark.parametrize(
    "body",
    [
        b"\x42\x42\x03" + bytes(35),  # spanning tree
        b"\xaa\xaa\x03\x00\x00\x0c\x20\x00" + bytes(30),  # Cisco discovery
        b"\xaa\xaa\x03\0\0\0\x00\x20" + bytes(30),  # a length where a type belongs
    ],
)
def test_other_llc_is_not_ip(body: bytes) -> None:
    assert decode(ethernet(len(body), body)) is Dropped.NOT_IP


@both
@pytest.mark.parametrize("options", [1, 2])
def test_cisco_metadata(options: int, ip: bytes) -> None:
    body = bytes([1, options]) + b"\0\x01\0\x02" * options + struct.pack("!H", ether_type_of(ip))
    assert payload_of(ethernet(0x8909, body + ip)) == HELLO
    tagged = ethernet(0x8100, vlan(0x8909, body + ip))
    assert payload_of(tagged) == HELLO


@pytest.mark.parametrize("ether_type", [0x0806, 0x88CC, 0x8863, 0x05FF, 0x0600, 0xFFFF])
def test_what_is_not_ip(ether_type: int) -> None:
    assert decode(ethernet(ether_type, bytes(46))) is Dropped.NOT_IP


def test_raw_that_is_not_ip() -> None:
    assert decode(Frame(b"\x50" + bytes(40), 101)) is Dropped.NOT_IP


@pytest.mark.parametrize("link_type", [105, 127, 147, 239, 65535])
def test_unknown_link_types(link_type: int) -> None:
    assert decode(Frame(INNER[4], link_type)) is Dropped.UNKNOWN_LINK_TYPE


@pytest.mark.parametrize("link_type", [0, 1, 9, 50, 51, 101, 104, 108, 113, 276])
def test_a_frame_that_ends_in_its_header(link_type: int) -> None:
    start = b"\x45" if link_type == 101 else b"\xff"
    for data in (b"", start):
        with pytest.raises(Malformed) as caught:
            decode(Frame(data, link_type))
        assert not isinstance(caught.value, Cut)
        with pytest.raises(Cut):
            decode(Frame(data, link_type, length=60))


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize("link_type", LinkType)
def test_conversations_on_every_link(link_type: LinkType, ipv6: bool) -> None:
    talk = Conversation(link_type=link_type, ipv6=ipv6)
    talk.open().send(True, b"hello").close().datagram(False, b"bye")
    for packet in talk.packets:
        segment = packet.segment
        assert segment is not None
        found = decode(Frame(packet.data, link_type))
        assert isinstance(found, Transport)
        assert (found.source_port, found.destination_port) == (
            segment.source[1],
            segment.destination[1],
        )
        assert found.flags == segment.flags
        assert found.sequence == segment.sequence
        assert found.acknowledgment == segment.acknowledgment
        assert found.payload_length == len(segment.payload)


def test_addresses_are_those_of_the_header() -> None:
    found = decode(ethernet(0x0800, INNER[4]))
    assert isinstance(found, Transport)
    assert (found.version, found.source) == (4, (0, A4))
    found = decode(ethernet(0x86DD, INNER[6]))
    assert isinstance(found, Transport)
    assert (found.version, found.destination) == (6, B6)
