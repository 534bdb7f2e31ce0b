"""Packets that a pcapng file says were lost in front of others (``epb_dropcount``)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import peers
from tqdecrypt.capture.packet_drops import MOST_DROPPED, MOST_OPTIONS, drops_in_options

from .writer import Order, Section, blocks_of, option, pcap, read, stored

FLAGS, DROPCOUNT, COMMENT, END = 2, 4, 1, 0
NAME = "packets_dropped_in_front_of_others"


def dropped(*paths: Path) -> list[int]:
    """Return what each packet says, over all blocks."""
    found: list[int] = []
    for block in blocks_of(*paths):
        found += [0] * len(block) if block.dropped is None else block.dropped.tolist()
    return found


def count(number: int, order: Order = "<") -> tuple[int, bytes]:
    return DROPCOUNT, struct.pack(order + "Q", number)


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_packet_has_what_it_says(tmp_path: Path, order: Order) -> None:
    section = Section(order).interface().enhanced(1, b"none").enhanced(2, b"odd", [count(3, order)])
    section.enhanced(3, b"behind", [(FLAGS, bytes(4)), (COMMENT, b"hello"), count(40, order)])
    section.enhanced(4, b"", [count(500, order), (END, b"")]).enhanced(5, b"x" * 9)
    path = tmp_path / "drops.pcapng"
    path.write_bytes(bytes(section))
    assert dropped(path) == [0, 3, 40, 500, 0]
    assert read(path).counters == {NAME: 543}


def test_packets_without_options_have_no_column(tmp_path: Path) -> None:
    path = tmp_path / "plain.pcapng"
    section = Section().interface()
    for size in range(8):
        section.enhanced(size, bytes(size))
    path.write_bytes(bytes(section.enhanced(9, b"flags", [(FLAGS, bytes(4)), count(0)])))
    assert [block.dropped for block in blocks_of(path)] == [None]
    assert read(path).counters == {}


@pytest.mark.parametrize(
    "options",
    [
        [(DROPCOUNT, bytes([7]) * 4)],  # of another length
        [(END, b""), count(7)],  # behind the end
        [(COMMENT, b"")] * MOST_OPTIONS + [count(7)],
    ],
    ids=["short", "behind the end", "behind too many"],
)
def test_what_does_not_count(tmp_path: Path, options: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "none.pcapng"
    path.write_bytes(bytes(Section().interface().enhanced(1, b"data", options)))
    assert dropped(path) == [0]


def test_an_option_that_is_longer_than_its_block_ends_them(tmp_path: Path) -> None:
    long = struct.pack("<HH", COMMENT, 999) + option("<", *count(7))
    head = struct.pack("<5I", 0, 0, 1, 4, 4)
    path = tmp_path / "long.pcapng"
    path.write_bytes(bytes(Section().interface().block(6, head + b"data" + long).enhanced(2)))
    result = read(path)
    assert (len(result.records), result.problems, result.counters) == (2, [], {})


def test_of_an_impossible_number_there_are_still_figures(tmp_path: Path) -> None:
    path = tmp_path / "much.pcapng"
    path.write_bytes(bytes(Section().interface().enhanced(1, b"a", [count(2**64 - 1)])))
    assert dropped(path) == [MOST_DROPPED]


def test_obsolete_packets_say_it_in_their_head(tmp_path: Path) -> None:
    section = Section().interface().obsolete(1, b"unknown").obsolete(2, b"seven", drops=7)
    path = tmp_path / "old.pcapng"
    path.write_bytes(bytes(section.enhanced(3).obsolete(4, b"none", drops=0)))
    assert dropped(path) == [0, 7, 0, 0]
    assert read(path).counters == {NAME: 7}


def test_merged_packets_keep_theirs(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.pcapng", "b.pcap", "c.pcapng"))
    first.write_bytes(bytes(Section().interface().enhanced(1, b"a").enhanced(4, b"d", [count(4)])))
    second.write_bytes(pcap([stored(1, 2000), stored(1, 5000)]))
    third.write_bytes(bytes(Section().interface().enhanced(3, b"c", [count(3)])))
    assert dropped(first, second, third) == [0, 0, 3, 4, 0]


@given(st.data())
def test_columns_say_what_a_walk_over_each_packet_says(data: st.DataObject) -> None:
    value = st.binary(max_size=12) | st.binary(min_size=8, max_size=8)
    each = st.lists(st.tuples(st.integers(0, 6), value), max_size=6)
    parts, start, end, expected = b"", [], [], []
    for options in data.draw(st.lists(each, min_size=1, max_size=8)):
        start.append(len(parts))
        told = 0
        open_ = True
        for code, content in options:
            parts += option("<", code, content)
            open_ &= code != END
            if open_ and code == DROPCOUNT and len(content) == 8:
                told = min(int.from_bytes(content, "little"), MOST_DROPPED)
        end.append(len(parts))
        expected.append(told)
    found = drops_in_options(parts + bytes(8), "<", np.array(start), np.array(end))
    assert (found.tolist() if found is not None else [0] * len(start)) == expected


@pytest.mark.peer("tshark")
def test_tshark_sees_the_same(tmp_path: Path) -> None:
    section = Section().interface().enhanced(1, b"x" * 60).enhanced(2, b"y" * 61, [count(12)])
    section.enhanced(3, b"z" * 62, [(COMMENT, b"so"), (FLAGS, bytes(4)), count(3)])
    path = tmp_path / "seen.pcapng"
    path.write_bytes(bytes(section))
    seen = peers.tshark_fields(path, "frame", "frame.drop_count")
    assert [int(row[0] or 0) for row in seen] == dropped(path)
