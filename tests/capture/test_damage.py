"""Files that are cut, damaged, or no captures: one sentence each, and everything else is read."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.capture.compressed import PIECE, find_expander
from tqdecrypt.errors import Malformed

from .writer import COMPRESSIONS, Record, Section, feeding, pcap, read, stored

RECORDS = [Record(i * 1000, bytes([i]) * (i * 7 % 23), 100) for i in range(1, 12)]
SECTION = Section(">").interface(resolution=9)
for record in RECORDS:
    SECTION.enhanced(record.time, record.data, length=record.length)
FILES = {
    "pcap": pcap(RECORDS),
    "modified": pcap(RECORDS, ">", "modified"),
    "pcapng": bytes(SECTION),
}


def ends(form: str) -> list[int]:
    """Return where the records of a file end; first, where the file header does."""
    if form == "pcapng":
        found = [0]
        for part in SECTION.parts:
            found.append(found[-1] + len(part))
        return found
    header = 24 if form == "modified" else 16
    found = [24]
    for record in RECORDS:
        found.append(found[-1] + header + len(record.data))
    return found


@pytest.mark.parametrize("form", FILES)
def test_cut_anywhere(tmp_path: Path, form: str) -> None:
    whole = FILES[form]
    path = tmp_path / "a"
    blocks = ends(form)
    for cut in range(24, len(whole)):
        path.write_bytes(whole[:cut])
        result = read(path)
        last = max(end for end in blocks if end <= cut)
        packets = blocks.index(last) - (2 if form == "pcapng" else 0)
        assert result.records == RECORDS[: max(packets, 0)]
        assert result.problems == (
            []
            if last == cut
            else [
                f"{path} ends in the middle of a packet at offset {last}; everything in front of "
                "it was read."
            ]
        )


@pytest.mark.parametrize("form", FILES)
def test_cut_in_the_file_header(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a"
    for cut in range(4, 24):
        path.write_bytes(FILES[form][:cut])
        assert read(path).problems == [
            f"{path} ends in the middle of its file header; capture again."
        ]


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_flipped_bits_raise_nothing(
    tmp_path_factory: pytest.TempPathFactory, form: str, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(FILES[form])
    for place, bits in flips:
        data[place % len(data)] ^= bits
    path = tmp_path_factory.mktemp("flipped") / "a"
    path.write_bytes(data)
    result = read(path)
    assert len(result.problems) <= 1
    for problem in result.problems:
        assert problem.startswith(f"{path} ")


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("form", FILES)
def test_compressed(tmp_path: Path, form: str, how: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(COMPRESSIONS[how](FILES[form]))
    result = read(path)
    assert (result.records, result.problems) == (RECORDS, [])


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_compressed_and_cut(tmp_path: Path, how: str) -> None:
    whole = COMPRESSIONS[how](FILES["pcap"])
    path = tmp_path / "a"
    counts = []
    for cut in range(4, len(whole)):
        path.write_bytes(whole[:cut])
        result = read(path)
        assert result.records == RECORDS[: len(result.records)]
        counts.append(len(result.records))
        assert len(result.problems) == 1 or (how.endswith(("members", "frames", "skippable")))
        for problem in result.problems:
            assert problem.startswith(f"{path} ")
            assert "ends in the middle of" in problem or "holds nothing" in problem
    assert counts == sorted(counts)
    assert counts[-1] >= len(RECORDS) - 1 or how.startswith("zstd")


def test_padding_behind_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(COMPRESSIONS["gzip members"](FILES["pcap"]) + bytes(1 << 17))
    assert (read(path).records, read(path).problems) == (RECORDS, [])


MANY = [Record(i, os.urandom(600), 600) for i in range(2000)]


def of_blocks(data: bytes) -> tuple[bytes, int]:
    """Return Zstandard data of many blocks, and where in it half of *data* ends."""
    compressor = zstandard.ZstdCompressor().compressobj()
    half = len(data) // 2
    first = compressor.compress(data[:half]) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return first + compressor.compress(data[half:]) + compressor.flush(), len(first)


def test_damaged_zstd_gives_every_block_in_front(tmp_path: Path) -> None:
    whole = pcap(MANY, dialect="ns")
    data, middle = of_blocks(whole)
    path = tmp_path / "a.zst"
    path.write_bytes(data[:middle] + b"\x06\xff\xff" + data[middle + 3 :])  # a reserved block type
    result = read(path)
    assert result.records == MANY[: (len(whole) // 2 - 24) // 616]
    assert f"{path} has damaged compressed data near offset" in result.problems[0]


def test_damaged_gzip_gives_every_byte_in_front(tmp_path: Path) -> None:
    whole = pcap(MANY, dialect="ns")
    # Stored blocks, of which it is known where they end; the tenth has the reserved type.
    data = gzip.compress(b"", mtime=0)[:10]
    for i in range(10):
        part = whole[i * 60_000 : (i + 1) * 60_000]
        kind = 0b110 if i == 9 else 0
        data += struct.pack("<BHH", kind, len(part), len(part) ^ 0xFFFF) + part
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    result = read(path)
    assert result.records == MANY[: (9 * 60_000 - 24) // 616]
    assert f"{path} has damaged compressed data near offset" in result.problems[0]
    assert len(result.problems) == 1


def test_a_wrong_checksum_costs_nothing_but_a_word(tmp_path: Path) -> None:
    for how in ("gzip", "zstd"):
        data = bytearray(COMPRESSIONS[how](FILES["pcap"]))
        data[-8 if how == "gzip" else -1] ^= 1
        path = tmp_path / how
        path.write_bytes(data)
        result = read(path)
        assert result.records == RECORDS
        assert "has damaged compressed data" in result.problems[0]


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_other_things_behind_compressed_data(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(COMPRESSIONS[how](FILES["pcap"]) + b"something else")
    result = read(path)
    assert result.records == RECORDS
    assert "has damaged compressed data" in result.problems[0]


@given(st.sampled_from(["gzip", "zstd"]), st.integers(0, 10**6), st.integers(1, 255))
def test_flipped_bits_in_compressed_data_raise_nothing(
    tmp_path_factory: pytest.TempPathFactory, how: str, place: int, bits: int
) -> None:
    data = bytearray(COMPRESSIONS[how](FILES["pcap"]))
    data[place % len(data)] ^= bits
    path = tmp_path_factory.mktemp("flipped") / "a"
    path.write_bytes(data)
    assert len(read(path).problems) <= 1


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_expands_bit_by_bit(how: str) -> None:
    data = COMPRESSIONS[how](bytes(1 << 25))
    expander = find_expander(data)
    assert expander is not None
    sizes = [len(piece) for piece in expander.expand(data)]
    assert max(sizes) <= PIECE
    assert sum(sizes) == 1 << 25
    expander.finish()


@given(st.sampled_from(sorted(COMPRESSIONS)), st.binary(max_size=3000), st.data())
def test_expanding_does_not_depend_on_chunks(how: str, content: bytes, data: st.DataObject) -> None:
    packed = COMPRESSIONS[how](content) if content else gzip.compress(b"")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=10)))
    expander = find_expander(packed)
    assert expander is not None
    pieces = [packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert b"".join(part for piece in pieces for part in expander.expand(piece)) == content
    expander.finish()
    if cuts and content:
        half = find_expander(packed)
        assert half is not None
        list(half.expand(packed[:-1]))
        with pytest.raises(Malformed):
            half.finish()


ETL = struct.pack("<IIIiqqq", 65536, 72, 1480, 1, 0, 0, 1).ljust(54, b"\0")
ETL = (ETL + struct.pack("<H", 4)).ljust(72, b"\0") + struct.pack("<HBB", 2, 2, 0xC0) + bytes(400)
"""The start of a Windows event trace: the header of a buffer, and that of its first event."""


def no_captures(place: Path) -> dict[str, tuple[Path, str]]:
    """Return paths that are no captures, and what the sentence about each says."""
    contents: dict[str, tuple[bytes, str]] = {
        "empty": (b"", "is empty; capture again, or name another file."),
        "text": (b"Dear all,\nattached\n", "is a text file, not a pcap or pcapng capture;"),
        "pem": (
            b"-----BEGIN PRIVATE KEY-----\nMII",
            "is a PEM file, not a pcap or pcapng capture;",
        ),
        "snoop": (b"snoop\0\0\0\0\0\0\2", "is a snoop file, not a pcap or pcapng capture;"),
        "zip": (b"PK\3\4" + bytes(30), "is a zip archive, not a pcap or pcapng capture;"),
        "xz": (b"\xfd7zXZ\0" + bytes(30), "is compressed with xz"),
        "page": (b"<!DOCTYPE HTML>\n", "is a web page, not a pcap or pcapng capture;"),
        "other page": (b"<!doctype html>\n", "is a web page, not a pcap or pcapng capture;"),
        "etl": (ETL, "is an ETL file (a Windows event trace), not a pcap or pcapng capture;"),
        "noise": (bytes(range(128, 228)), "is not a pcap or pcapng capture (it begins with 80 81"),
        "short": (b"\xd4", "is not a pcap or pcapng capture (it begins with d4)"),
        "gzipped text": (gzip.compress(b"text"), "is a text file, not a pcap or pcapng capture;"),
        "gzipped nothing": (gzip.compress(b""), "holds nothing; capture again"),
        "gzipped noise": (gzip.compress(bytes(range(200))), "is not a pcap or pcapng capture"),
    }
    found = {}
    for name, (content, sentence) in contents.items():
        (place / name).write_bytes(content)
        found[name] = place / name, sentence
    (place / "folder").mkdir()
    found["folder"] = place / "folder", "is a directory; name the capture files in it."
    found["missing"] = place / "missing", "does not exist; check its name."
    found["null"] = Path("/dev/null"), "is empty; is the program that writes it running?"
    return found


def test_no_captures(tmp_path: Path) -> None:
    for path, sentence in no_captures(tmp_path).values():
        result = read(path)
        assert result.records == []
        (problem,) = result.problems
        assert problem.startswith(f"{path} {sentence}")
        assert problem[-1] in ".?"


def test_the_others_are_read(tmp_path: Path) -> None:
    paths = [path for path, _ in no_captures(tmp_path).values()]
    good = tmp_path / "good.pcap"
    good.write_bytes(FILES["pcap"])
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(FILES["modified"][:-1])
    result = read(paths[0], good, *paths[1:], cut)
    assert len(result.records) == 2 * len(RECORDS) - 1
    assert len(result.problems) == len(paths) + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["pcap"])
    path.chmod(0)
    assert read(path).problems == [
        f"{path} may not be read by you; ask for the permission, or copy it."
    ]


def test_errors_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["pcap"])
    assert read("no\0name").problems == ["'no\\x00name' is no name of a file; check it."]
    assert "cannot be opened (" in read(path / "below").problems[0]

    def broken(*arguments: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.pread", broken)
    assert read(path).problems == [
        f"{path} cannot be read at offset 0 (Input/output error); try a copy."
    ]


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    from tqdecrypt.capture import open_captures

    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([stored(i) for i in range(200_000)]))
    with open_captures([str(path)]) as reader:
        blocks = iter(reader)
        next(blocks)
        os.truncate(path, 100_001)
        assert sum(len(block) for block in blocks) < 200_000
        assert "ends in the middle of a packet" in reader.problems[0]


def test_a_pipe_of_damage(tmp_path: Path) -> None:
    with feeding(tmp_path / "fifo", FILES["pcap"][:-1]) as path:
        result = read(path)
    assert result.records == RECORDS[:-1]
    assert f"{path} ends in the middle of a packet at offset" in result.problems[0]
    insane = FILES["pcap"] + b"\xff" * 30
    with feeding(tmp_path / "fifo", insane) as path:
        result = read(path)
    assert result.records == RECORDS
    assert f"{path} is damaged at offset {len(FILES['pcap'])} (" in result.problems[0]
    with feeding(tmp_path / "fifo", gzip.compress(insane)) as path:
        place = f"offset {len(FILES['pcap'])} of what it expands to ("
        assert place in read(path).problems[0]
    with feeding(tmp_path / "fifo", b"tcpdump: eth9: No such device exists\n") as path:
        assert "is a text file" in read(path).problems[0]
