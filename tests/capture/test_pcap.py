"""pcap files in every dialect."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import CLIENT, SERVER, Segment, peers, write_pcap
from tqdecrypt.capture import Interface

from .writer import MAGIC, Order, Record, file_header, pcap, read, stored

TIMES = st.integers(0, 2**32 * 1_000_000_000 - 1)
RECORDS = st.lists(
    st.builds(
        lambda time, data, more: Record(time, data, len(data) + more),
        TIMES,
        st.binary(max_size=60),
        st.integers(0, 2000),
    ),
    max_size=30,
)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dialect", MAGIC)
def test_every_dialect(tmp_path: Path, order: Order, dialect: str) -> None:
    records = [Record(1_700_000_000_123_456_000 + i, b"abcdefg"[:i], 60 + i) for i in range(8)]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(records, order, dialect, link_type=113))
    step = 1 if dialect == "ns" else 1000
    result = read(path)
    assert result.records == [r._replace(time=r.time // step * step) for r in records]
    assert result.interfaces == [Interface(113, 65535, "", str(path))] * 8
    assert result.problems == []


@given(RECORDS, st.sampled_from(["<", ">"]), st.sampled_from(sorted(MAGIC)))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], order: Order, dialect: str
) -> None:
    path = tmp_path_factory.mktemp("pcap") / "a.pcap"
    path.write_bytes(pcap(records, order, dialect))
    step = 1 if dialect == "ns" else 1000
    assert read(path).records == [r._replace(time=r.time // step * step) for r in records]


def test_bits_about_the_check_sequence_are_no_part_of_the_link_type(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([stored(1)], link_type=1 | 1 << 26 | 4 << 28))
    assert [interface.link_type for interface in read(path).interfaces] == [1]


def test_a_file_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([]))
    assert (read(path).records, read(path).problems) == ([], [])


def test_a_packet_that_is_longer_than_the_window(tmp_path: Path) -> None:
    big = bytes(range(256)) * (5 << 12)
    records = [stored(1), Record(0, big, len(big)), stored(2)]
    path = tmp_path / "a.pcap"
    path.write_bytes(file_header(snap=1 << 24) + pcap(records)[24:])
    assert read(path).records == records


def test_a_fraction_of_more_than_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(file_header() + struct.pack("<4I", 5, 2_500_000, 0, 0))
    assert read(path).times == [7_500_000_000]


@pytest.mark.parametrize("captured", [262_145, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0])
def test_insane_lengths(tmp_path: Path, captured: int) -> None:
    path = tmp_path / "a.pcap"
    insane = struct.pack("<4I", 0, 0, captured, captured)
    path.write_bytes(pcap([stored(1), stored(2)]) + insane + bytes(400_000))
    result = read(path)
    assert result.numbers == [1, 2]
    assert result.problems == [
        f"{path} is damaged at offset 64 (a packet of {captured:,} bytes); everything in front of "
        "it was read."
    ]


def test_more_packets_than_a_window_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.capture.source.WINDOW", 1 << 20)
    records = [stored(i, i * 1000) for i in range(150_000)]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(records))
    result = read(path)
    assert result.records == records
    assert result.blocks > 2


@pytest.mark.peer("tshark")
def test_tshark_agrees(tmp_path: Path) -> None:
    packets = [
        Segment(1_700_000_000_000_001_000 + i * 999_999_000, CLIENT, SERVER, bytes(i)).packet()
        for i in range(20)
    ]
    for order in ("<", ">"):
        path = write_pcap(tmp_path / "a.pcap", packets, byte_order=order)
        seen = peers.tshark_fields(path, "frame", "frame.time_epoch", "frame.cap_len")
        assert [(int(t.replace(".", "")), int(c)) for t, c in seen] == [
            (record.time, len(record.data)) for record in read(path).records
        ]
