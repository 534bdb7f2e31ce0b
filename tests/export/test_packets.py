"""Packets that were made, read with the decoder and checked with sums of another make."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.packets import internet_checksum as plain_checksum
from tqdecrypt.export.packets import (
    MOST_UDP_PAYLOAD,
    TcpStream,
    internet_checksum,
    tcp_packet,
    udp_packet,
)
from tqdecrypt.packet import Endpoint, FragmentTable, Transport, decode_packet, parse_endpoint

RAW = 101
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
CLIENT, SERVER = parse_endpoint("192.0.2.10:40000"), parse_endpoint("192.0.2.20:5061")
CLIENT6, SERVER6 = parse_endpoint("[2001:db8::10]:40000"), parse_endpoint("[2001:db8::20]:5061")
PORTS = st.integers(0, 65_535)


def ends(version: int) -> st.SearchStrategy[Endpoint]:
    def made(address: IPv4Address | IPv6Address, port: int) -> Endpoint:
        return Endpoint(version, *divmod(int(address), 1 << 64), port)

    return st.builds(made, st.ip_addresses(v=4 if version == 4 else 6), PORTS)


PAIRS = st.sampled_from([4, 6]).flatmap(lambda version: st.tuples(ends(version), ends(version)))


def decoded(packet: bytes) -> Transport:
    result = decode_packet(packet, len(packet), RAW, FragmentTable(), 0)
    assert isinstance(result, Transport)
    return result


def payload_of(packet: bytes) -> bytes:
    return packet[decoded(packet).payload_offset :]


def assert_sums_hold(packet: bytes) -> None:
    """The sum over what a checksum covers is 0 when the checksum is right (RFC 1071)."""
    if packet[0] >> 4 == 4:
        assert plain_checksum(packet[:20]) == 0
        assert struct.unpack_from("!H", packet, 2) == (len(packet),)
        addresses, protocol, transport = packet[12:20], packet[9], packet[20:]
    else:
        assert struct.unpack_from("!H", packet, 4) == (len(packet) - 40,)
        addresses, protocol, transport = packet[8:40], packet[6], packet[40:]
    pseudo = addresses + struct.pack("!IHBB", len(transport), 0, 0, protocol)
    assert plain_checksum(pseudo + transport) == 0


@given(st.binary(max_size=70))
@example(b"\xff\xff")
@example(bytes(4))
def test_the_checksum_is_that_of_the_specification(data: bytes) -> None:
    assert internet_checksum(data) == plain_checksum(data)


@given(PAIRS, st.binary(max_size=3000))
def test_a_datagram_is_read_as_it_was_made(pair: tuple[Endpoint, Endpoint], data: bytes) -> None:
    source, destination = pair
    packet = udp_packet(source, destination, data)
    row = decoded(packet)
    assert (row.version, *row.source, row.source_port) == source
    assert (row.version, *row.destination, row.destination_port) == destination
    assert (row.flags, row.payload_missing, payload_of(packet)) == (None, 0, data)
    assert_sums_hold(packet)


@given(PAIRS, st.integers(0, 1 << 33), st.integers(0, 1 << 33), st.binary(max_size=2000))
def test_a_segment_is_read_as_it_was_made(
    pair: tuple[Endpoint, Endpoint], sequence: int, acknowledgment: int, data: bytes
) -> None:
    packet = tcp_packet(*pair, sequence, acknowledgment, PSH | ACK, data)
    row = decoded(packet)
    assert (row.sequence, row.acknowledgment) == (sequence % 2**32, acknowledgment % 2**32)
    assert (row.flags, payload_of(packet)) == (PSH | ACK, data)
    assert_sums_hold(packet)


@pytest.mark.parametrize("pair", [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_the_largest_datagram_has_true_lengths(pair: tuple[Endpoint, Endpoint]) -> None:
    data = b"x" * MOST_UDP_PAYLOAD[pair[0].version]
    assert payload_of(udp_packet(*pair, data)) == data


def test_no_datagram_says_that_it_has_no_checksum() -> None:
    sums = {
        struct.unpack_from("!H", udp_packet(CLIENT, SERVER, n.to_bytes(2, "big")), 26)[0]
        for n in range(1 << 16)
    }
    assert 0 not in sums
    assert 0xFFFF in sums


class TestStream:
    def test_a_connection_from_beginning_to_end(self) -> None:
        stream = TcpStream(CLIENT, SERVER, 1)
        packets = [
            *stream.open(),
            *(packet for packet, _ in stream.send(True, b"hello")),
            *(packet for packet, _ in stream.send(False, b"hi")),
            *stream.finish(True),
            *stream.finish(False),
        ]
        rows = [decoded(packet) for packet in packets]
        assert [row.flags for row in rows] == [
            *(SYN, SYN | ACK, ACK, PSH | ACK, PSH | ACK),
            *(FIN | ACK, ACK, FIN | ACK, ACK),
        ]
        client, server = rows[0].sequence, rows[1].sequence
        numbers = [
            (row.sequence - (client if row.source_port == 40000 else server)) % 2**32
            for row in rows
        ]
        assert numbers == [0, 0, 1, 1, 1, 6, 3, 3, 7]
        answered = [
            (row.acknowledgment - (server if row.source_port == 40000 else client)) % 2**32
            for row in rows[1:]
        ]
        assert answered == [1, 1, 1, 6, 3, 7, 7, 4]

    @given(
        st.sampled_from([(CLIENT, SERVER), (CLIENT6, SERVER6)]),
        st.integers(0, 1 << 40),
        st.lists(st.tuples(st.booleans(), st.integers(1, 90_000)), max_size=8),
    )
    def test_what_was_said_is_numbered_without_a_hole_and_never_fills_a_window(
        self, pair: tuple[Endpoint, Endpoint], number: int, said: list[tuple[bool, int]]
    ) -> None:
        stream = TcpStream(*pair, number)
        expected: dict[int, int] = {}
        heard = {pair[0].port: b"", pair[1].port: b""}
        flying = dict.fromkeys(heard, 0)
        told = dict.fromkeys(heard, b"")
        packets = list(stream.open())
        for turn, (from_client, size) in enumerate(said):
            data = bytes([turn]) * size
            told[pair[0 if from_client else 1].port] += data
            sent = list(stream.send(from_client, data))
            assert [last for _, last in sent].count(True) == 1
            packets += [packet for packet, _ in sent]
        for packet in packets:
            row = decoded(packet)
            mine, other = row.source_port, row.destination_port
            assert len(packet) <= 1500
            assert row.sequence == expected.get(mine, row.sequence)
            data = packet[row.payload_offset :]
            expected[mine] = (row.sequence + len(data) + bool((row.flags or 0) & SYN)) % 2**32
            if (row.flags or 0) & ACK:
                assert row.acknowledgment == expected[other]
            heard[mine] += data
            flying[mine] += len(data)
            flying[other] = 0
            assert flying[mine] <= 65_535
        assert heard == told

    def test_connections_between_the_same_ends_have_numbers_of_their_own(self) -> None:
        firsts = {decoded(next(TcpStream(CLIENT, SERVER, n).open())).sequence for n in range(1000)}
        assert len(firsts) == 1000

    def test_a_reset_stands_where_the_stream_stands(self) -> None:
        stream = TcpStream(CLIENT, SERVER, 1)
        *_, last = stream.open()
        row = decoded(stream.reset(True))
        assert (row.flags, row.sequence) == (RST | ACK, decoded(last).sequence)
