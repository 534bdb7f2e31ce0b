"""Columns say what the scalar decoder says, and no packet is lost between them."""

from __future__ import annotations

import mmap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.packet.columns import BlockDecoder
from tqdecrypt.packet.selection import Selection

from .frames import (
    EVERYTHING,
    Frame,
    assert_as_specified,
    block_of,
    cooked,
    erspan2,
    ethernet,
    gre,
    ip4,
    ip6,
    rows_of,
    tcp,
    udp,
    vlan,
    vxlan,
)
from .stacks import FRAMES, MUTATED

WANTED = st.one_of(
    st.just(EVERYTHING),
    st.just(Wanted.SIGNALLING),
    st.lists(st.sampled_from(list(Wanted))).map(lambda kinds: sum(kinds, Wanted(0))),
)
PORTS = st.sampled_from(
    [frozenset[int](), frozenset[int](), frozenset({5061}), frozenset({1, 2152})]
)
BETWEEN = st.sampled_from([b"", b"\xaa" * 16])


@given(st.lists(FRAMES, max_size=12), WANTED, PORTS, BETWEEN)
def test_every_stack_of_layers(
    frames: list[Frame], wanted: Wanted, ports: frozenset[int], between: bytes
) -> None:
    assert_as_specified([block_of(frames, between=between)], wanted, ports)


@given(st.lists(MUTATED, max_size=12), WANTED, PORTS, BETWEEN)
def test_damaged_packets(
    frames: list[Frame], wanted: Wanted, ports: frozenset[int], between: bytes
) -> None:
    assert_as_specified([block_of(frames, between=between)], wanted, ports)


@given(st.lists(FRAMES, min_size=1, max_size=12), st.data())
def test_cuts_between_blocks_change_nothing(frames: list[Frame], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(frames)), max_size=3)))
    parts = [frames[a:b] for a, b in zip([0, *cuts], [*cuts, len(frames)], strict=True)]
    assert _payloads([frames]) == _payloads(parts)


def _payloads(parts: list[list[Frame]]) -> tuple[list[bytes], list[bytes], dict[str, int]]:
    decoder = PacketDecoder(EVERYTHING)
    payloads: tuple[list[bytes], list[bytes]] = ([], [])
    for part in parts:
        block = block_of(part)
        for found, columns in zip(payloads, decoder.decode(block), strict=True):
            found += [row.payload for row in rows_of(columns, block.buffer)]
    return *payloads, decoder.counters


SIP = b"OPTIONS sip:b SIP/2.0\r\n"
PLAIN = {
    "ethernet": Frame(ethernet(0x0800, ip4(6, tcp(SIP)))),
    "ethernet, ipv6": Frame(ethernet(0x86DD, ip6(17, udp(1, 2, SIP)))),
    "vlan": Frame(ethernet(0x8100, vlan(0x0800, ip4(6, tcp(SIP, options=bytes(12)))))),
    "qinq": Frame(ethernet(0x88A8, vlan(0x8100, vlan(0x86DD, ip6(6, tcp(SIP)))))),
    "cooked": Frame(cooked(0x0800, ip4(17, udp(1, 2, SIP))), 113),
    "ipv6": Frame(ip6(6, tcp(SIP)), 229),
    "raw": Frame(ip4(6, tcp(SIP)), 101),
    "vxlan": Frame(
        ethernet(0x0800, ip4(17, udp(1, 4789, vxlan(ethernet(0x86DD, ip6(6, tcp(SIP)))))))
    ),
    "gre": Frame(ethernet(0x0800, ip4(47, gre(0x86DD, ip6(6, tcp(SIP)))))),
    "nvgre": Frame(
        ethernet(0x86DD, ip6(47, gre(0x6558, ethernet(0x0800, ip4(6, tcp(SIP))), 0x2000)))
    ),
    "erspan 1": Frame(ethernet(0x0800, ip4(47, gre(0x88BE, ethernet(0x0800, ip4(6, tcp(SIP))))))),
    "erspan 2": Frame(
        ethernet(
            0x0800,
            ip4(47, erspan2(ethernet(0x8100, vlan(0x0800, ip4(17, udp(1, 2, SIP)))))),
        )
    ),
    "6in4": Frame(ethernet(0x0800, ip4(41, ip6(17, udp(1, 2, SIP))))),
    "ip in ip in ip": Frame(ethernet(0x86DD, ip6(4, ip4(4, ip4(6, tcp(SIP)))))),
    "loopback": Frame(b"\x02\0\0\0" + ip4(17, udp(1, 2, SIP)), 0),
}


@pytest.mark.parametrize("name", PLAIN)
def test_common_packets_need_no_scalar_decoder(name: str) -> None:
    """Equal results could come from the scalar decoder alone: here they must not."""
    block = block_of([PLAIN[name], PLAIN[name].cut(len(PLAIN[name].data) - 5)])
    plain = BlockDecoder(block, Selection(EVERYTHING, frozenset()), Counter())
    assert plain.scalar == []
    assert sum(map(len, plain.tcp + plain.udp)) == 2


def test_tunnels_that_are_nested_deeper_are_left() -> None:
    packet = ip4(4, ip4(4, ip4(4, ip4(6, tcp(SIP)))))
    block = block_of([Frame(packet, 101)])
    plain = BlockDecoder(block, Selection(EVERYTHING, frozenset()), Counter())
    assert plain.scalar == [0]
    assert_as_specified([block])


def test_rows_are_in_packet_order() -> None:
    frames = [*PLAIN.values()] * 3
    block = block_of(frames)
    result = PacketDecoder(EVERYTHING).decode(block)
    assert sorted([*result.tcp.packet.tolist(), *result.udp.packet.tolist()]) == [
        *range(len(frames))
    ]
    assert (np.diff(result.tcp.packet) > 0).all()
    assert (np.diff(result.udp.packet) > 0).all()


@pytest.mark.parametrize("name", PLAIN)
def test_packets_at_the_very_end_of_the_buffer(name: str) -> None:
    """Rows are gathered with a fixed number of bytes, which may end behind the buffer."""
    frame = PLAIN[name]
    for kept in range(len(frame.data) + 1):
        assert_as_specified([block_of([frame, frame, frame.cut(kept)])])
        assert_as_specified([block_of([frame.cut(kept)])])


@pytest.mark.parametrize("count", [0, 1])
def test_empty_blocks(count: int) -> None:
    block = block_of([Frame(b"")] * count)
    result = PacketDecoder().decode(block)
    assert (len(result.tcp), len(result.udp)) == (0, 0)
    assert result.tcp.source.shape == result.udp.destination.shape == (0, 2)


def test_columns_have_their_types() -> None:
    for frames in ([PLAIN["ethernet"]], [*PLAIN.values()], []):
        for columns in PacketDecoder(EVERYTHING).decode(block_of(frames)):
            expected = {
                "packet": np.int64,
                "version": np.uint8,
                "source": np.uint64,
                "destination": np.uint64,
                "source_port": np.uint16,
                "destination_port": np.uint16,
                "payload_offset": np.int64,
                "payload_length": np.int64,
                "payload_missing": np.int64,
                "sequence": np.uint32,
                "acknowledgment": np.uint32,
                "flags": np.uint8,
                "traffic_class": np.uint8,
            }
            for name, kind in expected.items():
                column = getattr(columns, name)
                assert column.dtype == kind
                assert column.dtype.isnative
                assert len(column) == len(columns)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer(kind: type) -> None:
    block = block_of([*PLAIN.values()])
    block.buffer = kind(block.buffer)
    assert_as_specified([block])


def test_a_memory_map_can_be_closed_afterwards(tmp_path: Path) -> None:
    block = block_of([*PLAIN.values(), Frame(ethernet(0x0800, ip4(4, ip4(6, tcp(SIP)))))])
    path = tmp_path / "packets"
    path.write_bytes(bytes(block.buffer))
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    block.buffer = memory
    result = PacketDecoder(EVERYTHING).decode(block)
    rows = rows_of(result.tcp, memory)
    memory.close()  # would raise BufferError if anything still looked into it
    assert len(result.tcp) == len(rows) == 11


def test_the_block_is_not_changed() -> None:
    block = block_of([*PLAIN.values()])
    columns = (block.offset, block.captured, block.length, block.time, block.interface)
    before = [column.copy() for column in columns]
    PacketDecoder(EVERYTHING).decode(block)
    for column, copy in zip(columns, before, strict=True):
        assert (column == copy).all()


def test_a_block_may_be_read_only() -> None:
    block = block_of([*PLAIN.values()])
    for column in (block.offset, block.captured, block.length, block.time, block.interface):
        column.flags.writeable = False
    assert_as_specified([block])


def test_interfaces_of_one_link_type_are_one_group() -> None:
    frames = [PLAIN["ethernet"], PLAIN["vlan"]]
    one = block_of(frames)
    two = PacketBlock(
        one.buffer,
        1,
        one.time,
        one.offset,
        one.captured,
        one.length,
        np.array([0, 1], np.uint16),
        [*one.interfaces, *one.interfaces],
    )
    decoder = PacketDecoder()
    assert len(decoder.decode(two).tcp) == len(decoder.decode(one).tcp) == 2


def test_counters_have_plain_names() -> None:
    decoder = PacketDecoder()
    decoder.decode(block_of([Frame(b""), Frame(ethernet(0x0806, bytes(28))), Frame(b"", 147)]))
    assert decoder.counters == {"malformed_packets": 1, "not_ip": 1, "unknown_link_type": 1}
    assert {type(name) for name in decoder.counters} == {str}
