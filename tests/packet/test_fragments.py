"""Fragments become datagrams, in any order and company; what never becomes whole is bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import Conversation, LinkType, apply, duplicate, fragment, swap_adjacent
from tqdecrypt.errors import Malformed
from tqdecrypt.packet import Dropped, FragmentTable, PacketDecoder, Wanted
from tqdecrypt.packet.fragments import MAX_AGE, OVERLAPS, PIECE_OVERHEAD

from .frames import (
    EVERYTHING,
    Frame,
    assert_as_specified,
    block_of,
    ethernet,
    fragment4,
    fragment6,
    ip4,
    ip6,
    rows_of,
    tcp,
    udp,
    vxlan,
)

KEY = (4, (0, 1), (0, 2), 7, 17)
SECOND = 1_000_000_000


def receive(table: FragmentTable, start: int, data: bytes, more: bool, time: int = 0) -> object:
    return table.receive(KEY, 17, start, more, data, time)


def decoded(frames: list[Frame], wanted: Wanted = EVERYTHING) -> tuple[list[bytes], dict[str, int]]:
    """Return payloads in order of their packets, and the counters."""
    assert_as_specified([block_of(frames, between=b"\xaa" * 3)], wanted)
    # However the packets fall into blocks, the same comes out.
    decoder = PacketDecoder(wanted)
    payloads = []
    for frame in frames:
        block = block_of([frame])
        result = decoder.decode(block)
        for columns in result:
            payloads += [row.payload for row in rows_of(columns, block.buffer)]
    return payloads, decoder.counters


class TestTable:
    def test_two_fragments(self) -> None:
        table = FragmentTable()
        assert receive(table, 0, b"12345678", True) is Dropped.FRAGMENT_WAITING
        assert receive(table, 8, b"90", False) == (17, b"1234567890")
        assert (len(table), table.memory) == (0, 0)

    @given(st.data())
    def test_any_order_and_any_duplicates(self, data: st.DataObject) -> None:
        whole = data.draw(st.binary(min_size=9, max_size=400))
        size = data.draw(st.sampled_from([8, 16, 24, 64]))
        pieces = [(at, whole[at : at + size]) for at in range(0, len(whole), size)]
        extra = data.draw(st.lists(st.sampled_from(pieces), max_size=5))
        order = data.draw(st.permutations(pieces + extra))
        table = FragmentTable()
        seen: set[int] = set()
        for start, piece in order:
            result = receive(table, start, piece, start + len(piece) < len(whole))
            if start in seen:
                assert result is Dropped.FRAGMENT_DUPLICATE
                continue
            seen.add(start)
            if len(seen) < len(pieces):
                assert result is Dropped.FRAGMENT_WAITING
            else:
                assert result == (17, whole)
                break
        assert table.memory == 0

    @given(st.data())
    def test_of_what_comes_twice_the_first_counts(self, data: st.DataObject) -> None:
        """Against a model that writes byte by byte where nothing was written before."""
        length = data.draw(st.integers(2, 20)) * 8
        table = FragmentTable()
        model: dict[int, int] = {}
        dice = random.Random(data.draw(st.integers(0, 2**32)))
        for _ in range(200):
            start = dice.randrange(length // 8) * 8
            stop = min(length, start + 8 * dice.randint(1, 6))
            piece = dice.randbytes(stop - start)
            for place, byte in enumerate(piece, start):
                model.setdefault(place, byte)
            result = receive(table, start, piece, stop < length)
            if isinstance(result, tuple):
                assert result[1] == bytes(model[place] for place in range(length))
                return
        pytest.fail("200 random fragments always cover 160 bytes")  # as good as certain

    def test_overlaps_are_counted(self) -> None:
        table = FragmentTable()
        receive(table, 0, b"A" * 16, True)
        receive(table, 8, b"B" * 16, True)
        assert table.counters[OVERLAPS] == 1
        assert receive(table, 24, b"C", False) == (17, b"A" * 16 + b"B" * 8 + b"C")

    def test_a_piece_around_two_others(self) -> None:
        table = FragmentTable()
        receive(table, 8, b"B" * 8, True)
        receive(table, 24, b"D" * 8, True)
        receive(table, 40, b"F", False)
        assert receive(table, 0, b"x" * 40, True) == (
            17,
            b"x" * 8 + b"B" * 8 + b"x" * 8 + b"D" * 8 + b"x" * 8 + b"F",
        )

    @pytest.mark.parametrize(
        ("start", "data", "more"),
        [
            pytest.param(8, b"", True, id="empty"),
            pytest.param(8, b"", False, id="an empty end"),
            pytest.param(0, b"123456789", True, id="not a multiple of 8 bytes"),
            pytest.param(65528, b"12345678", False, id="behind the longest datagram"),
        ],
    )
    def test_fragments_against_the_rules(self, start: int, data: bytes, more: bool) -> None:
        table = FragmentTable()
        with pytest.raises(Malformed):
            receive(table, start, data, more)
        assert len(table) == 0

    @pytest.mark.parametrize(
        ("start", "data", "more"),
        [
            pytest.param(24, b"12345678", True, id="behind the end"),
            pytest.param(24, b"12345678", False, id="another end"),
            pytest.param(8, b"1234", False, id="an earlier end"),
        ],
    )
    def test_fragments_that_contradict_the_end(self, start: int, data: bytes, more: bool) -> None:
        table = FragmentTable()
        receive(table, 16, b"12345678", False)
        with pytest.raises(Malformed):
            receive(table, start, data, more)
        assert receive(table, 0, b"x" * 16, True) == (17, b"x" * 16 + b"12345678")

    def test_an_end_in_front_of_what_is_there(self) -> None:
        table = FragmentTable()
        receive(table, 16, b"12345678", True)
        with pytest.raises(Malformed):
            receive(table, 8, b"1234", False)

    def test_the_last_fragment_may_repeat_what_is_there(self) -> None:
        table = FragmentTable()
        receive(table, 8, b"12345678", True)
        receive(table, 8, b"12345678", False)
        assert receive(table, 0, b"abcdefgh", True) == (17, b"abcdefgh12345678")

    def test_the_first_fragment_names_the_protocol(self) -> None:
        table = FragmentTable()
        table.receive(KEY, 99, 8, False, b"x", 0)
        assert table.receive(KEY, 6, 0, True, b"12345678", 0) == (6, b"12345678x")

    def test_old_datagrams_are_given_up(self) -> None:
        table = FragmentTable()
        receive(table, 0, b"12345678", True, 0)
        other = (*KEY[:3], 8, 17)
        table.receive(other, 17, 0, True, b"12345678", MAX_AGE)
        assert len(table) == 2, "exactly as old as allowed"
        table.receive(other, 17, 8, True, b"12345678", MAX_AGE + 1)
        assert len(table) == 1
        assert table.counters[Dropped.FRAGMENT_DROPPED] == 1
        assert table.memory == 2 * (8 + PIECE_OVERHEAD)

    def test_time_that_goes_backwards_drops_nothing(self) -> None:
        table = FragmentTable()
        receive(table, 0, b"12345678", True, 100 * SECOND)
        assert receive(table, 8, b"9", False, 0) == (17, b"123456789")

    def test_the_number_of_datagrams_is_bounded_and_the_oldest_goes(self) -> None:
        table = FragmentTable(max_datagrams=2)
        for number in range(3):
            table.receive((*KEY[:3], number, 17), 17, 0, True, b"12345678", number)
        assert len(table) == 2
        assert table.counters[Dropped.FRAGMENT_DROPPED] == 1
        last = table.receive((*KEY[:3], 0, 17), 17, 8, False, b"9", 3)
        assert last is Dropped.FRAGMENT_WAITING, "its first half is gone"

    def test_memory_is_bounded(self) -> None:
        table = FragmentTable(max_bytes=10_000)
        for number in range(100):
            table.receive((*KEY[:3], number, 17), 17, 0, True, bytes(1000), number)
            assert table.memory <= 10_000
        assert len(table) == 8

    def test_a_datagram_too_big_for_the_table(self) -> None:
        table = FragmentTable(max_bytes=1000)
        assert receive(table, 0, bytes(800), True) is Dropped.FRAGMENT_WAITING
        assert receive(table, 800, bytes(800), True) is Dropped.FRAGMENT_DROPPED
        assert (len(table), table.memory) == (0, 0)


DATAGRAM = udp(5060, 5060, b"INVITE sip:b@example.com SIP/2.0\r\n" + b"x" * 60)
PAYLOAD = DATAGRAM[8:]


def ethernet_of(ip: bytes) -> bytes:
    return ethernet(0x0800 if ip[0] >> 4 == 4 else 0x86DD, ip)


def halves(version: int, identification: int = 7, datagram: bytes = DATAGRAM) -> list[Frame]:
    make = fragment4 if version == 4 else fragment6
    first = make(17, datagram[:48], 0, True, identification)
    second = make(17, datagram[48:], 48, False, identification)
    return [Frame(ethernet_of(first)), Frame(ethernet_of(second))]


@pytest.mark.parametrize("version", [4, 6])
def test_a_datagram_is_a_row_at_its_last_fragment(version: int) -> None:
    for frames in (halves(version), halves(version)[::-1]):
        block = block_of(frames)
        decoder = PacketDecoder()
        result = decoder.decode(block)
        assert len(result.tcp) == 0
        (row,) = rows_of(result.udp, block.buffer)
        assert (row.packet, row.payload, row.detached) == (1, PAYLOAD, True)
        assert (row.version, row.ports, row.missing) == (version, (5060, 5060), 0)
        assert decoder.counters == {"fragments_reassembled": 1}


@pytest.mark.parametrize("version", [4, 6])
def test_datagrams_between_each_other(version: int) -> None:
    a, b = halves(version, 1), halves(version, 2)
    payloads, counters = decoded([a[0], b[1], a[1], b[0]])
    assert payloads == [PAYLOAD, PAYLOAD]
    assert counters == {"fragments_reassembled": 2}


def test_ports_of_the_first_fragment_decide_nothing_before_it_is_whole() -> None:
    media = udp(5060, 5060, b"\x80" * 60)
    frames = [Frame(ethernet_of(fragment4(17, media[:16], 0, True)))]
    assert decoded(frames)[1] == {"fragments_waiting": 1}
    frames.append(Frame(ethernet_of(fragment4(17, media[16:], 16, False))))
    counters = decoded(frames, Wanted.SIGNALLING)[1]
    assert counters == {"fragments_reassembled": 1, "unwanted_udp": 1}


def test_a_reassembled_datagram_may_be_malformed() -> None:
    whole = tcp(b"x" * 20)[:12] + b"\x10" + bytes(27)
    frames = [
        Frame(fragment4(6, whole[:16], 0, True), 101),
        Frame(fragment4(6, whole[16:], 16, False), 101),
    ]
    assert decoded(frames)[1] == {"fragments_reassembled": 1, "malformed_packets": 1}


def test_cut_fragments_cannot_be_put_together() -> None:
    first, second = halves(4)
    payloads, counters = decoded([first.cut(60), second])
    assert payloads == []
    assert counters == {"fragments_cut": 1, "fragments_waiting": 1}


def test_padding_is_not_part_of_a_fragment() -> None:
    first, second = halves(4)
    assert decoded([first, Frame(second.data + bytes(6))])[0] == [PAYLOAD]


@pytest.mark.parametrize("inner", [4, 6])
@pytest.mark.parametrize("outer", [4, 6])
def test_fragments_in_a_tunnel_that_is_fragmented(inner: int, outer: int) -> None:
    frames = []
    for number, half in enumerate(halves(inner)):
        packet = udp(1, 4789, vxlan(half.data))
        make = fragment4 if outer == 4 else fragment6
        frames += [
            Frame(ethernet_of(make(17, packet[:40], 0, True, 100 + number))),
            Frame(ethernet_of(make(17, packet[40:], 40, False, 100 + number))),
        ]
    payloads, counters = decoded(frames)
    assert payloads == [PAYLOAD]
    assert counters == {"fragments_reassembled": 3}


def test_a_fragment_within_a_whole_tunnel() -> None:
    frames = [Frame(ethernet_of(ip4(4, half.data[14:]))) for half in halves(4)]
    assert decoded(frames)[0] == [PAYLOAD]


def test_nesting_counts_through_reassembly() -> None:
    packet = ip6(17, DATAGRAM)
    for _ in range(6):
        packet = ip4(41 if packet[0] >> 4 == 6 else 4, packet)
    parts = (packet[:80], packet[80:])
    frames = [
        Frame(fragment4(4, parts[0], 0, True), 101),
        Frame(fragment4(4, parts[1], 80, False), 101),
    ]
    assert decoded(frames)[0] == [PAYLOAD]
    packet = ip4(4, packet)
    frames = [
        Frame(fragment4(4, packet[:80], 0, True), 101),
        Frame(fragment4(4, packet[80:], 80, False), 101),
    ]
    assert decoded(frames)[1] == {"fragments_reassembled": 1, "malformed_packets": 1}


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize("link_type", [LinkType.ETHERNET, LinkType.LINUX_SLL2, LinkType.RAW])
def test_a_conversation_in_fragments(link_type: LinkType, ipv6: bool) -> None:
    talk = Conversation(ipv6=ipv6, link_type=link_type)
    talk.open().send(True, b"A" * 3000).send(False, b"B" * 1000).datagram(True, b"C" * 2000)
    packets = apply(talk.packets, fragment(400))
    frames = [Frame(p.data, p.link_type, p.length, p.time_ns) for p in packets]
    payloads, _ = decoded(frames, Wanted.SIGNALLING)
    assert b"".join(payloads) == b"A" * 3000 + b"B" * 1000 + b"C" * 2000

    shuffled = apply(packets, swap_adjacent(range(0, len(packets), 2)), duplicate())
    frames = [Frame(p.data, p.link_type, p.length, p.time_ns) for p in shuffled]
    assert_as_specified([block_of(frames)])


def test_a_flood_of_first_fragments_is_bounded() -> None:
    frames = halves(4, identification=70_000 % 65_536)
    flood = [
        Frame(ethernet_of(fragment4(17, bytes(8), 0, True, number % 65536)), time=number)
        for number in range(5000)
    ]
    counters = decoded([*flood, *frames])[1]
    assert counters["fragments_dropped"] + counters["fragments_waiting"] >= 4999
    assert counters["fragments_waiting"] <= 4096


def test_the_decoder_tells_in_which_frames_a_datagram_came() -> None:
    talk = Conversation().datagram(True, b"INVITE " + b"x" * 1000).datagram(True, b"OPTIONS whole")
    pieces = apply(talk.packets, fragment(400), duplicate())
    decoder = PacketDecoder(EVERYTHING)
    found = []
    for first in (0, 3):
        block = block_of([Frame(p.data) for p in pieces[first : first + 3]])
        block.first_frame = first + 1
        decoder.decode(block)
        found.append(decoder.fragments)
    assert found == [{}, {1: (1, 2, 3, 4, 5)}]
