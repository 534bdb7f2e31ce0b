"""Capture files that were written, read back by the readers: nothing is lost, nothing is bent."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.writer import Record, read
from kit.peers import tshark_fields
from tqdecrypt.capture import open_captures
from tqdecrypt.export.packets import udp_packet
from tqdecrypt.export.pcap_writer import PcapWriter
from tqdecrypt.export.pcapng_writer import PcapngFile, PcapngWriter
from tqdecrypt.keys import KeyLog
from tqdecrypt.keys.keylog_lines import KeyLogLine, render_key_log
from tqdecrypt.packet import parse_endpoint

RECORDS = st.lists(
    st.tuples(st.integers(0, (1 << 32) * 10**9 - 1), st.binary(max_size=300)), max_size=20
)
LINK_TYPES = st.integers(0, 300)
A, B = parse_endpoint("192.0.2.1:5060"), parse_endpoint("192.0.2.2:5060")


def stored(tmp: pytest.TempPathFactory, stream: io.BytesIO) -> Path:
    path = tmp.mktemp("written") / "file"
    path.write_bytes(stream.getvalue())
    return path


@given(RECORDS, LINK_TYPES)
def test_pcap_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, bytes]], link_type: int
) -> None:
    stream = io.BytesIO()
    writer = PcapWriter(stream, link_type)
    for time, data in records:
        writer.write(time, data, "no room for this")
    result = read(stored(tmp_path_factory, stream))
    assert result.problems == []
    assert result.records == [Record(time, data, len(data)) for time, data in records]
    assert {interface.link_type for interface in result.interfaces} <= {link_type}
    assert not writer.counters


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, (1 << 63) - 1),
            st.binary(max_size=300),
            st.integers(0, 2000),
            st.text(max_size=40),
        ),
        max_size=20,
    ),
    st.lists(st.tuples(LINK_TYPES, st.integers(0, 1 << 20), st.text(max_size=10)), min_size=4),
    st.binary(max_size=100),
)
def test_pcapng_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    packets: list[tuple[int, int, bytes, int, str]],
    interfaces: list[tuple[int, int, str]],
    secrets: bytes,
) -> None:
    stream = io.BytesIO()
    file = PcapngFile(stream, "whatever it is")
    file.secrets(secrets)
    for link_type, snap_length, name in interfaces:
        file.interface(link_type, snap_length, name, "described")
    for number, time, data, more, comment in packets:
        file.packet(number, time, data, len(data) + more, comment)
    result = read(stored(tmp_path_factory, stream))
    assert result.problems == []
    assert result.records == [
        Record(time, data, len(data) + more) for _, time, data, more, _ in packets
    ]
    assert [(i.link_type, i.snap_length, i.name) for i in result.interfaces] == [
        interfaces[number] for number, *_ in packets
    ]
    assert result.secrets == [secrets]


@pytest.mark.parametrize("kind", [PcapWriter, PcapngWriter])
def test_times_that_no_format_says_are_clamped_and_counted(
    tmp_path: Path, kind: type[PcapWriter | PcapngWriter]
) -> None:
    stream = io.BytesIO()
    writer = kind(stream)
    writer.write(-5, b"before 1970")
    writer.write(1 << 63, b"far away")
    (tmp_path / "file").write_bytes(stream.getvalue())
    assert read(tmp_path / "file").times[0] == 0
    assert writer.counters == {"times_clamped": 2}


@pytest.mark.peer("tshark")
def test_tshark_reads_comments_and_nanoseconds(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream, "a file")
    writer.write(1_700_000_000_123_456_789, udp_packet(A, B, b"x"), "Grüße; frame 7")
    path = tmp_path / "file.pcapng"
    path.write_bytes(stream.getvalue())
    assert tshark_fields(path, "udp", "frame.time_epoch", "frame.comment") == [
        ["1700000000.123456789", "Grüße; frame 7"]
    ]


@given(
    st.lists(
        st.builds(
            KeyLogLine,
            st.sampled_from(["CLIENT_TRAFFIC_SECRET_0", "SERVER_HANDSHAKE_TRAFFIC_SECRET"]),
            st.binary(min_size=32, max_size=32),
            st.binary(min_size=48, max_size=48),
        ),
        unique_by=lambda line: (line.label, line.client_random),
    )
)
def test_a_key_log_is_read_back(lines: list[KeyLogLine]) -> None:
    log = KeyLog()
    log.feed(render_key_log([*lines, *lines], "twice"), "test")
    log.finish("test")
    assert (log.counters.malformed, log.counters.duplicates) == (0, 0)
    for line in lines:
        assert log.secrets_of(line.client_random)[line.label] == line.secret


def test_secrets_stand_in_no_repr() -> None:
    line = KeyLogLine("CLIENT_RANDOM", bytes(32), b"\xabsecret" * 7)
    assert "secret" not in repr(line) + str(line)
    assert "ab73" not in repr(line) + str(line)


def test_a_file_with_interfaces_between_its_packets(tmp_path: Path) -> None:
    stream = io.BytesIO()
    file = PcapngFile(stream)
    file.packet(file.interface(1, 0), 1, b"one")
    file.packet(file.interface(101, 96, "eth1"), 2, b"two", 200)
    (tmp_path / "file").write_bytes(stream.getvalue())
    with open_captures([str(tmp_path / "file")]) as reader:
        (block,) = reader
    assert [block.interfaces[i].link_type for i in block.interface.tolist()] == [1, 101]
    assert block.length.tolist() == [3, 200]
