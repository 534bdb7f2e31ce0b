"""IP, TCP and UDP: lengths, options, extension headers, and what the snap length leaves."""

from __future__ import annotations

import struct

import pytest

from tqdecrypt.errors import Malformed
from tqdecrypt.packet import Dropped, Transport
from tqdecrypt.packet.walk import MAX_NESTING, Cut

from .frames import Frame, Make, decode, ethernet, extension, ip4, ip6, payload_of, tcp, udp

DATA = b"REGISTER sip:example.com SIP/2.0\r\n"


def raw(ip: bytes, length: int | None = None) -> Frame:
    return Frame(ip, 101, length)


def found(frame: Frame) -> Transport:
    result = decode(frame)
    assert isinstance(result, Transport)
    return result


def test_a_segment_with_all_its_fields() -> None:
    segment = tcp(DATA, ports=(1, 65535), sequence=0xFFFFFFFF, acknowledgment=0x80000000, flags=25)
    row = found(raw(ip4(6, segment)))
    assert (row.source_port, row.destination_port) == (1, 65535)
    assert (row.sequence, row.acknowledgment, row.flags) == (0xFFFFFFFF, 0x80000000, 25)
    assert (row.payload_offset, row.payload_length, row.payload_missing) == (40, len(DATA), 0)
    assert row.detached is None


@pytest.mark.parametrize("words", range(11))
def test_tcp_options_are_passed(words: int) -> None:
    assert payload_of(raw(ip6(6, tcp(DATA, options=b"\x01" * 4 * words)))) == DATA


@pytest.mark.parametrize("words", range(11))
def test_ip_options_are_passed(words: int) -> None:
    assert payload_of(raw(ip4(6, tcp(DATA), options=b"\x01" * 4 * words))) == DATA


def test_padding_is_not_payload() -> None:
    row = found(Frame(ethernet(0x0800, ip4(6, tcp(flags=0x10))) + bytes(6)))
    assert row.payload_length == row.payload_missing == 0
    assert payload_of(raw(ip6(17, udp(1, 2, DATA)) + bytes(9))) == DATA


def test_udp_knows_its_own_length() -> None:
    assert payload_of(raw(ip4(17, udp(1, 2, DATA + b"trailer", length=8 + len(DATA))))) == DATA


def test_udp_that_claims_too_much_gets_what_is_there() -> None:
    row = found(raw(ip4(17, udp(1, 2, DATA, length=2000))))
    assert (row.payload_length, row.payload_missing) == (len(DATA), 0)


@pytest.mark.parametrize("version", [4, 6])
def test_segments_from_before_the_network_card_cuts_them(version: int) -> None:
    """Total length 0: the packet is longer than the field could say."""
    payload = DATA * 2000
    ip = ip4(6, tcp(payload), total=0) if version == 4 else ip6(6, tcp(payload), length=0)
    assert payload_of(raw(ip)) == payload
    row = found(raw(ip, len(ip)).cut(1000))
    headers = len(ip) - len(payload)
    assert (row.payload_length, row.payload_missing) == (1000 - headers, len(ip) - 1000)


def test_udp_from_before_the_network_card_cuts_it() -> None:
    payload = DATA * 2000
    assert payload_of(raw(ip6(17, udp(1, 2, payload, length=0), length=0))) == payload


@pytest.mark.parametrize("version", [4, 6])
def test_what_the_snap_length_takes_is_missing(version: int) -> None:
    ip = ip4(6, tcp(DATA)) if version == 4 else ip6(6, tcp(DATA))
    header = len(ip) - len(DATA)
    for kept in range(header, len(ip) + 1):
        row = found(raw(ip).cut(kept))
        assert (row.payload_length, row.payload_missing) == (kept - header, len(ip) - kept)
    for kept in range(header):
        with pytest.raises(Cut):
            decode(raw(ip).cut(kept))


def test_packets_that_were_cut_in_secret() -> None:
    """Some devices cut packets and do not say so: the IP header knows better."""
    ip = ip4(17, udp(5060, 5060, DATA))
    row = found(raw(ip[:40]))
    assert (row.payload_length, row.payload_missing) == (12, len(DATA) - 12)


def test_a_cut_within_tcp_options_leaves_a_row() -> None:
    ip = ip4(6, tcp(DATA, options=b"\x01" * 12))
    row = found(raw(ip).cut(45))
    assert (row.payload_length, row.payload_missing) == (0, len(DATA))


def test_a_length_on_the_wire_below_the_captured_one_does_not_count() -> None:
    assert payload_of(raw(ip4(17, udp(1, 2, DATA)), 10)) == DATA


@pytest.mark.parametrize(
    "ip",
    [
        pytest.param(b"\x44" + ip4(6, tcp(DATA))[1:], id="header of 16 bytes"),
        pytest.param(ip4(6, tcp(DATA), total=19), id="total length within the header"),
        pytest.param(ip4(6, tcp(DATA)[:19]), id="half a TCP header"),
        pytest.param(ip4(6, tcp(DATA)[:12] + b"\x40" + tcp(DATA)[13:]), id="TCP header of 16"),
        pytest.param(ip4(6, tcp(b"")[:12] + b"\xf0" + tcp(b"")[13:]), id="TCP header too long"),
        pytest.param(ip4(17, udp(1, 2, DATA)[:7]), id="half a UDP header"),
        pytest.param(ip4(17, udp(1, 2, DATA, length=7)), id="UDP length of 7"),
        pytest.param(ip4(4, b"\x60" + ip4(17, udp(1, 2, b""))[1:]), id="the wrong version within"),
        pytest.param(ip4(41, b"\x40" + ip6(17, udp(1, 2, b""))[1:]), id="likewise"),
        pytest.param(ip6(0, b"\x06"), id="half an extension header"),
        pytest.param(ip6(0, extension(6, tcp(DATA))[:1] + b"\xff" + bytes(30)), id="endless"),
    ],
)
def test_malformed(ip: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        decode(raw(ip))
    assert not isinstance(caught.value, Cut)


@pytest.mark.parametrize("protocol", [1, 2, 50, 58, 59, 103, 132, 136, 253])
@pytest.mark.parametrize("make", [ip4, ip6])
def test_other_protocols(make: Make, protocol: int) -> None:
    assert decode(raw(make(protocol, bytes(40)))) is Dropped.OTHER_IP_PROTOCOL


@pytest.mark.parametrize("protocol", [0, 43, 60, 135, 139, 140])
@pytest.mark.parametrize("units", [0, 3])
def test_extension_headers(protocol: int, units: int) -> None:
    assert payload_of(raw(ip6(protocol, extension(6, tcp(DATA), units=units)))) == DATA


def test_a_chain_of_extension_headers() -> None:
    chain = extension(43, extension(60, extension(17, udp(1, 2, DATA)), units=2))
    assert payload_of(raw(ip6(0, chain))) == DATA


@pytest.mark.parametrize("check_value", [0, 12, 16])
@pytest.mark.parametrize("make", [ip4, ip6])
def test_authentication_header(make: Make, check_value: int) -> None:
    header = struct.pack("!BBHII", 6, (12 + check_value) // 4 - 2, 0, 1, 1) + bytes(check_value)
    assert payload_of(raw(make(51, header + tcp(DATA)))) == DATA


def test_atomic_fragments_are_whole() -> None:
    """RFC 6946: a fragment header on a datagram that was not cut."""
    header = struct.pack("!BBHI", 17, 0, 0, 1)
    row = found(raw(ip6(44, header + udp(1, 2, DATA))))
    assert row.detached is None
    assert row.payload_length == len(DATA)


@pytest.mark.parametrize(("protocol", "make"), [(4, ip4), (41, ip6)])
def test_nesting_is_bounded(protocol: int, make: Make) -> None:
    packet = make(17, udp(1, 2, DATA))
    for _ in range(MAX_NESTING - 1):
        packet = make(protocol, packet)
    assert payload_of(raw(packet)) == DATA
    with pytest.raises(Malformed, match="at most 8 IP headers"):
        decode(raw(make(protocol, packet)))
