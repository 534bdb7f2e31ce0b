"""Captures written in every variant that the kit's writers, made for whole scenes, leave out."""

from __future__ import annotations

import gzip
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import zstandard

from tqdecrypt.capture import Interface, PacketBlock, open_captures

__all__ = [
    "COMPRESSIONS",
    "Order",
    "Record",
    "Result",
    "Section",
    "block",
    "blocks_of",
    "enhanced",
    "feeding",
    "file_header",
    "interface",
    "option",
    "pcap",
    "read",
    "records_of",
    "section_header",
    "stored",
]

Order = Literal["<", ">"]
MAGIC = {"us": 0xA1B2C3D4, "ns": 0xA1B23C4D, "modified": 0xA1B2CD34}


class Record(NamedTuple):
    """A packet as written, and as read back."""

    time: int
    """Nanoseconds."""
    data: bytes
    length: int


def stored(number: int, time: int = 0) -> Record:
    """A packet that tells which one it is."""
    return Record(time, struct.pack("!I", number), 4)


def file_header(
    order: Order = "<", dialect: str = "us", link_type: int = 1, snap: int = 65535
) -> bytes:
    return struct.pack(order + "IHHiIII", MAGIC[dialect], 2, 4, 0, 0, snap, link_type)


def pcap(
    records: Sequence[Record], order: Order = "<", dialect: str = "us", link_type: int = 1
) -> bytes:
    """A pcap file in one of the dialects ``us``, ``ns`` and ``modified``."""
    parts = [file_header(order, dialect, link_type)]
    for record in records:
        seconds, rest = divmod(record.time, 1_000_000_000)
        fraction = rest if dialect == "ns" else rest // 1000
        lengths = len(record.data), record.length
        parts.append(struct.pack(order + "4I", seconds, fraction, *lengths))
        if dialect == "modified":
            parts.append(struct.pack(order + "IHBB", 2, 0x0800, 4, 0))
        parts.append(record.data)
    return b"".join(parts)


def option(order: Order, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(order: Order, kind: int, body: bytes, *, again: int | None = None) -> bytes:
    """A pcapng block; *again* is a second length that differs from the first."""
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    end = struct.pack(order + "I", length if again is None else again)
    return struct.pack(order + "II", kind, length) + body + end


def section_header(order: Order = "<", major: int = 1) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1))


def interface(
    order: Order = "<",
    link_type: int = 1,
    snap: int = 0,
    name: str = "",
    resolution: int | None = None,
    offset: int | None = None,
) -> bytes:
    options = b""
    if name:
        options += option(order, 2, name.encode())
    if resolution is not None:
        options += option(order, 9, bytes([resolution]))
    if offset is not None:
        options += option(order, 14, struct.pack(order + "q", offset))
    if options:
        options += option(order, 0, b"")
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, snap) + options)


def enhanced(
    ticks: int,
    data: bytes = b"data",
    order: Order = "<",
    number: int = 0,
    length: int | None = None,
    options: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    lengths = len(data), len(data) if length is None else length
    head = struct.pack(order + "5I", number, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
    told = b"".join(option(order, code, value) for code, value in options)
    return block(order, 6, head + data + (bytes(-len(data) % 4) + told if told else b""))


@dataclass
class Section:
    """A pcapng section; blocks are added with its byte order."""

    order: Order = "<"
    parts: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts.append(section_header(self.order))

    def interface(self, **properties: int | str) -> Section:
        self.parts.append(interface(self.order, **properties))  # type: ignore[arg-type]
        return self

    def enhanced(
        self,
        ticks: int,
        data: bytes = b"data",
        options: Sequence[tuple[int, bytes]] = (),
        **properties: int,
    ) -> Section:
        self.parts.append(enhanced(ticks, data, self.order, options=options, **properties))
        return self

    def simple(self, data: bytes, length: int | None = None) -> Section:
        size = len(data) if length is None else length
        return self.block(3, struct.pack(self.order + "I", size) + data)

    def obsolete(
        self,
        ticks: int,
        data: bytes,
        number: int = 0,
        length: int | None = None,
        drops: int = 0xFFFF,
    ) -> Section:
        lengths = len(data), len(data) if length is None else length
        head = struct.pack(
            self.order + "HHIIII", number, drops, ticks >> 32, ticks & 0xFFFFFFFF, *lengths
        )
        return self.block(2, head + data)

    def secrets(self, data: bytes, kind: int = 0x544C534B) -> Section:
        return self.block(10, struct.pack(self.order + "II", kind, len(data)) + data)

    def names(self, *records: tuple[int, bytes]) -> Section:
        body = b"".join(option(self.order, code, value) for code, value in records)
        return self.block(4, body + option(self.order, 0, b""))

    def block(self, kind: int, body: bytes) -> Section:
        self.parts.append(block(self.order, kind, body))
        return self

    def __bytes__(self) -> bytes:
        return b"".join(self.parts)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip members": lambda data: b"".join(
        gzip.compress(data[i : i + 100], mtime=0) for i in range(0, len(data), 100)
    ),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd frames": lambda data: b"".join(
        zstandard.compress(data[i : i + 100]) for i in range(0, len(data), 100)
    ),
    "zstd parallel": lambda data: (
        struct.pack("<III", 0x184D2A50, 4, len(zstandard.compress(data))) + zstandard.compress(data)
    ),
    "zstd skippable": lambda data: (
        zstandard.compress(data[:50])
        + struct.pack("<II", 0x184D2A53, 3)
        + b"any"
        + zstandard.compress(data[50:])
    ),
}
"""Name -> how."""


@dataclass
class Result:
    """All that came out of a reader."""

    records: list[Record]
    interfaces: list[Interface]
    """Of each packet."""
    problems: list[str]
    names: dict[str, set[str]]
    secrets: list[bytes]
    counters: dict[str, int]
    blocks: int

    @property
    def numbers(self) -> list[int]:
        """What :func:`stored` put into the packets."""
        return [int.from_bytes(record.data, "big") for record in self.records]

    @property
    def times(self) -> list[int]:
        return [record.time for record in self.records]


def records_of(packets: PacketBlock) -> list[Record]:
    """Return the packets of a block; every column agrees with the others."""
    columns = (packets.time, packets.offset, packets.captured, packets.length, packets.interface)
    assert {len(column) for column in columns} == {len(packets)}
    assert [column.dtype.name for column in columns] == [*["int64"] * 4, "uint16"]
    buffer = bytes(packets.buffer)
    found = []
    rows = zip(*(column.tolist() for column in columns[:4]), strict=True)
    for when, offset, captured, length in rows:
        assert offset >= 0
        assert offset + captured <= len(buffer)
        found.append(Record(when, buffer[offset : offset + captured], length))
    return found


def blocks_of(*paths: Path | str) -> Iterator[PacketBlock]:
    with open_captures([str(path) for path in paths]) as reader:
        yield from reader


def read(*paths: Path | str) -> Result:
    """Read captures to their end; frames are numbered on from block to block."""
    with open_captures([str(path) for path in paths]) as reader:
        records: list[Record] = []
        interfaces: list[Interface] = []
        blocks = 0
        for packets in reader:
            assert packets.first_frame == len(records) + 1
            records += records_of(packets)
            interfaces += [packets.interfaces[i] for i in packets.interface.tolist()]
            blocks += 1
        secrets = [secrets.data for secrets in reader.secrets]
        return Result(
            records, interfaces, reader.problems, reader.names, secrets, reader.counters, blocks
        )


@contextmanager
def feeding(path: Path, *chunks: bytes | float) -> Iterator[Path]:
    """Make a FIFO at *path* and write *chunks* into it, one at a time; numbers are pauses."""
    os.mkfifo(path)

    def write() -> None:
        try:
            with path.open("wb", buffering=0) as pipe:
                for chunk in chunks:
                    if isinstance(chunk, bytes):
                        pipe.write(chunk)
                    else:
                        time.sleep(chunk)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        thread.join(10)
        path.unlink()
