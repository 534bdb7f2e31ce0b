"""Which rows come out: by what was asked for, and by port."""

from __future__ import annotations

import pytest

from tqdecrypt.packet import PacketDecoder, Wanted

from .frames import (
    EVERYTHING,
    Frame,
    assert_as_specified,
    block_of,
    ethernet,
    extension,
    ip4,
    ip6,
    rows_of,
    tcp,
    udp,
)

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10

SEGMENTS = {
    "data": tcp(b"x", flags=ACK),
    "syn": tcp(flags=SYN),
    "fin": tcp(flags=FIN | ACK),
    "rst": tcp(flags=RST),
    "ack": tcp(flags=ACK),
    "nothing": tcp(flags=0),
}
DATAGRAMS = {
    "request": udp(5060, 5060, b"OPTIONS sip:b SIP/2.0"),
    "small": udp(5060, 5060, b"z"),
    "digit": udp(5060, 5060, b"2"),
    "dtls": udp(5060, 5060, b"\x16\xfe\xfd"),
    "stun": udp(5060, 5060, b"\x00\x01"),
    "media": udp(5060, 5060, b"\x80\x00"),
    "rtcp": udp(5060, 5060, b"\xbf\xc8"),
    "keepalive": udp(5060, 5060, b"\r\n"),
    "empty": udp(5060, 5060, b""),
}
ALL = {**SEGMENTS, **DATAGRAMS}


def frame_of(name: str, path: str) -> Frame:
    protocol = 6 if name in SEGMENTS else 17
    if path == "columns":
        return Frame(ethernet(0x0800, ip4(protocol, ALL[name])))
    return Frame(ethernet(0x86DD, ip6(0, extension(protocol, ALL[name]))))


@pytest.mark.parametrize("path", ["columns", "scalar"])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted.SIGNALLING, {"data", "syn", "fin", "rst", "request", "small", "digit"}),
        (Wanted.ACKNOWLEDGMENTS, {"ack", "nothing"}),
        (Wanted.SIGNALLING | Wanted.ACKNOWLEDGMENTS, {*SEGMENTS, "request", "small", "digit"}),
        (Wanted.DTLS, {"dtls", "digit"}),
        (Wanted.MEDIA, {"media", "rtcp"}),
        (Wanted.ALL_UDP, set(DATAGRAMS)),
        (EVERYTHING, set(ALL)),
        (Wanted(0), set()),
    ],
)
def test_what_was_asked_for_comes_out(wanted: Wanted, expected: set[str], path: str) -> None:
    names = list(ALL)
    block = block_of([frame_of(name, path) for name in names])
    decoder = PacketDecoder(wanted)
    result = decoder.decode(block)
    rows = rows_of(result.tcp, block.buffer) + rows_of(result.udp, block.buffer)
    assert {names[row.packet] for row in rows} == expected
    assert_as_specified([block], wanted)

    counters = decoder.counters
    assert sum(counters.values()) == len(ALL) - len(expected)
    assert counters.get("unwanted_udp", 0) == len(set(DATAGRAMS) - expected)
    unwanted_tcp = counters.get("unwanted_tcp", 0) + counters.get("pure_acknowledgments", 0)
    assert unwanted_tcp == len(set(SEGMENTS) - expected)


@pytest.mark.parametrize("path", ["columns", "scalar"])
def test_first_bytes_of_signalling(path: str) -> None:
    """A letter or digit, as the documentation of Wanted says."""
    protocol_17 = [udp(1, 2, bytes([first])) for first in range(256)]
    if path == "columns":
        frames = [Frame(ethernet(0x0800, ip4(17, packet))) for packet in protocol_17]
    else:
        frames = [Frame(ethernet(0x86DD, ip6(60, extension(17, p)))) for p in protocol_17]
    result = PacketDecoder().decode(block_of(frames))
    found = bytes(result.udp.packet.tolist())
    assert found == bytes(b for b in range(128) if chr(b).isalnum())


@pytest.mark.parametrize("path", ["columns", "scalar"])
def test_ports_narrow_both_protocols_in_both_directions(path: str) -> None:
    packets = []
    for ports in [(5061, 9), (9, 5061), (9, 10), (65535, 9), (9, 0)]:
        packets += [(6, tcp(b"x", ports=ports)), (17, udp(*ports, b"x"))]
    if path == "columns":
        frames = [Frame(ethernet(0x0800, ip4(*packet))) for packet in packets]
    else:
        frames = [Frame(ethernet(0x86DD, ip6(0, extension(*packet)))) for packet in packets]
    block = block_of(frames)
    decoder = PacketDecoder(ports=frozenset({5061, 65535}))
    result = decoder.decode(block)
    assert result.tcp.packet.tolist() == [0, 2, 6]
    assert result.udp.packet.tolist() == [1, 3, 7]
    assert decoder.counters == {"unwanted_ports": 4}
    assert_as_specified([block], ports=frozenset({5061, 65535}))


@pytest.mark.parametrize("path", ["columns", "scalar"])
def test_datagrams_of_every_port_come_when_media_is_wanted(path: str) -> None:
    packets = [(17, udp(9, 10, b"x")), (6, tcp(b"x", ports=(9, 10))), (17, udp(5061, 9, b"x"))]
    if path == "columns":
        frames = [Frame(ethernet(0x0800, ip4(*packet))) for packet in packets]
    else:
        frames = [Frame(ethernet(0x86DD, ip6(0, extension(*packet)))) for packet in packets]
    wanted, ports = Wanted.SIGNALLING | Wanted.EVERY_PORT, frozenset({5061})
    result = PacketDecoder(wanted, ports).decode(block_of(frames))
    assert (result.tcp.packet.tolist(), result.udp.packet.tolist()) == ([], [0, 2])
    assert_as_specified([block_of(frames)], wanted, ports)


@pytest.mark.parametrize("path", ["columns", "scalar"])
def test_the_traffic_class_comes_with_each_row(path: str) -> None:
    packet = udp(1, 2, b"x")
    four = ip4(17, packet, traffic_class=0xB8, options=b"" if path == "columns" else bytes(4))
    inner, protocol = (packet, 17) if path == "columns" else (extension(17, packet), 0)
    six = ip6(protocol, inner, traffic_class=0x2E)
    frames = [Frame(ethernet(0x0800, four)), Frame(ethernet(0x86DD, six))]
    assert PacketDecoder().decode(block_of(frames)).udp.traffic_class.tolist() == [0xB8, 0x2E]


def test_a_datagram_cut_before_its_payload_cannot_be_told() -> None:
    frame = Frame(ethernet(0x0800, ip4(17, udp(1, 2, b"INVITE")))).cut(14 + 20 + 8)
    for wanted, rows in ((Wanted.SIGNALLING, 0), (Wanted.ALL_UDP, 1)):
        assert len(PacketDecoder(wanted).decode(block_of([frame])).udp) == rows
        assert_as_specified([block_of([frame])], wanted)


def test_a_segment_whose_payload_was_cut_off_is_no_acknowledgment() -> None:
    frame = Frame(ethernet(0x0800, ip4(6, tcp(b"x" * 9)))).cut(14 + 20 + 20)
    result = PacketDecoder().decode(block_of([frame]))
    assert result.tcp.payload_missing.tolist() == [9]
