"""One capture file or pipe, block by block, without ever holding it whole.

A plain file is read in windows, each beginning with a record.  Pipes and compressed files are read in
chunks; what a chunk leaves of an incomplete record goes in front of the next.
"""

from __future__ import annotations

import errno
import gzip
import os
import select
import stat
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from tqdecrypt.capture.block import Interface
from tqdecrypt.capture.pcap import FILE_HEADER, Indexed, PcapIndex, find_dialect
from tqdecrypt.capture.pcapng import SECTION_HEADER, PcapngIndex
from tqdecrypt.capture.recognise import what_else

__all__ = ["Piece", "Source"]

WINDOW = 1 << 20
"""Bytes read of a file at a time: some thousands of packets, and within a processor's cache."""
CHUNK = 1 << 20
"""Bytes read at a time from a pipe or a compressed file."""
IDLE = 0.25
"""Seconds without data after which a pipe yields an empty piece, so that timers run."""
MAX_RECORD = (1 << 28) + 64


class Index(Protocol):
    """Finds packets in a buffer."""

    interfaces: list[Interface]

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``."""


class Piece:
    """Packets of one source: a buffer and what is in it."""

    __slots__ = ("buffer", "found")

    def __init__(self, buffer: bytes, found: Indexed | None) -> None:
        self.buffer = buffer
        self.found = found
        """``None``: nothing came for a while."""


class Source:
    """A capture file, or a pipe.

    :ivar problem: one sentence when it could not be read to its end.
    :ivar live: whether it is a pipe, on which packets come as they happen.
    :ivar size: bytes of the file; 0 for a pipe.
    :ivar position: bytes of the file that were read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = "standard input" if path == "-" else path
        self.problem: str | None = None
        self.live = False
        self.size = 0
        self.position = 0
        self.index: Index | None = None
        self._descriptor: int | None = None
        self._open()

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces met so far."""
        return self.index.interfaces if self.index else []

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None and self.path != "-":
            os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> None:
        try:
            self._descriptor = (
                0 if self.path == "-" else os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            )
            status = os.fstat(self._descriptor)
        except OSError as error:
            self.problem = _why_not_opened(self.name, error)
            return
        if stat.S_ISDIR(status.st_mode):
            self.problem = f"{self.name} is a directory; name the capture files in it."
            self.close()
            return
        self.live = not stat.S_ISREG(status.st_mode)
        self.size = 0 if self.live else status.st_size

    def pieces(self) -> Iterator[Piece]:
        """Yield the packets, piece by piece."""
        if self._descriptor is None:
            return
        try:
            if self.live:
                yield from self._streamed(self._read_pipe())
            elif not self.size:
                self.problem = f"{self.name} is empty; capture again, or name another file."
            else:
                yield from self._file()
        except OSError as error:
            where = f" at offset {self.position:,}"
            self.problem = f"{self.name} cannot be read on{where} ({error.strerror}); try a copy."

    def _file(self) -> Iterator[Piece]:
        """Read a plain file in windows.

        Reading beats mapping here: walking and gathering in a fresh buffer, still in the processor's
        cache, takes half the time of touching mapped pages, and a file that somebody cuts off
        meanwhile is a short read, not a crash.
        """
        descriptor = self._descriptor
        assert descriptor is not None
        start = os.pread(descriptor, 64, 0)
        if _decompressor(start) is not None:
            yield from self._streamed(self._read_compressed())
            return
        if not self._begin(start, self.size):
            return
        assert self.index is not None
        position = FILE_HEADER if isinstance(self.index, PcapIndex) else 0
        size = WINDOW
        while window := os.pread(descriptor, size, position):
            found = self.index.index(window, 0)
            if found.consumed:
                yield Piece(window, found)
            position = self.position = position + found.consumed
            if found.damaged or (not found.consumed and len(window) < size):
                self._say_damage(found.damaged, position, position + len(window))
                return
            size = WINDOW if found.consumed else 2 * size  # a record longer than the window

    def _streamed(self, chunks: Iterator[bytes]) -> Iterator[Piece]:
        buffer = b""
        base = 0
        for chunk in chunks:
            if not chunk:
                yield Piece(b"", None)
                continue
            buffer += chunk
            if self.index is None:
                if len(buffer) < FILE_HEADER and self.live:
                    continue
                if not self._begin(buffer, len(buffer)):
                    return
                if isinstance(self.index, PcapIndex):
                    buffer = buffer[FILE_HEADER:]
                    base = FILE_HEADER
            assert self.index is not None
            found = self.index.index(buffer, 0)
            if found.consumed:
                yield Piece(buffer, found)
            buffer = buffer[found.consumed :]
            base += found.consumed
            if found.damaged:
                self._say_damage(found.damaged, base, 0)
                return
            if len(buffer) > MAX_RECORD:
                self._say_damage(f"a record of more than {MAX_RECORD:,} bytes", base, 0)
                return
        if self.index is None and not self.problem:
            if buffer:
                self._begin(buffer, len(buffer))
            else:
                self.problem = f"{self.name} is empty; is the program that writes it running?"
        elif buffer and not self.problem:
            self._say_damage("", base, base + len(buffer))

    def _begin(self, start: bytes, size: int) -> bool:
        """Choose the format by the first bytes."""
        if find_dialect(start) is not None and size >= FILE_HEADER:
            self.index = PcapIndex(start[:FILE_HEADER], self.path)
        elif int.from_bytes(start[:4], "big") == SECTION_HEADER:
            self.index = PcapngIndex(self.path)
        else:
            self.problem = what_else(self.name, start)
            return False
        return True

    def _say_damage(self, damaged: str, position: int, end: int) -> None:
        if damaged:
            self.problem = (
                f"{self.name} is damaged at offset {position:,} ({damaged}); everything in front "
                "of it was read."
            )
        elif position < end:
            self.problem = (
                f"{self.name} ends in the middle of a packet at offset {position:,}; everything "
                "in front of it was read."
            )

    def _read_pipe(self) -> Iterator[bytes]:
        """Yield what the pipe has, as soon as it has anything; empty when nothing came."""
        descriptor = self._descriptor
        assert descriptor is not None
        expand: Callable[[bytes], bytes] | None = None
        started = False
        while True:
            ready, _, _ = select.select([descriptor], [], [], IDLE)
            if not ready:
                yield b""
                continue
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                return
            self.position += len(chunk)
            if not started:
                expand, started = _decompressor(chunk), True
            data = self._expanded(chunk, expand)
            if data is None:
                return
            if data:
                yield data

    def _read_compressed(self) -> Iterator[bytes]:
        """Yield the expanded content of a compressed file."""
        descriptor = self._descriptor
        assert descriptor is not None
        expand: Callable[[bytes], bytes] | None = None
        while chunk := os.pread(descriptor, CHUNK // 4, self.position):
            expand = expand or _decompressor(chunk)
            self.position += len(chunk)
            data = self._expanded(chunk, expand)
            if data is None:
                return
            # Highly compressed data would come as one huge piece.
            for start in range(0, len(data), 4 * CHUNK):
                yield data[start : start + 4 * CHUNK]
        if isinstance(expand, _Gzip) and not expand.at_end:
            self.problem = (
                f"{self.name} ends in the middle of its compressed data; everything in front of "
                "that was read."
            )

    def _expanded(self, chunk: bytes, expand: Callable[[bytes], bytes] | None) -> bytes | None:
        if expand is None:
            return chunk
        try:
            return expand(chunk)
        except (zlib.error, gzip.BadGzipFile, EOFError, _zstd_error()) as error:
            self.problem = (
                f"{self.name} has damaged compressed data near offset {self.position:,} ({error}); "
                "everything in front of it was read."
            )
            return None


class _Gzip:
    """Expands gzip data of one or several members (RFC 1952)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self.at_end = False

    def __call__(self, chunk: bytes) -> bytes:
        parts = []
        while chunk:
            parts.append(self._stream.decompress(chunk))
            chunk = self._stream.unused_data
            self.at_end = self._stream.eof
            if self.at_end:
                chunk = chunk.lstrip(b"\0")  # tapes and block devices pad with zeros
                self._stream = zlib.decompressobj(31)
        return b"".join(parts)


def _decompressor(start: bytes) -> Callable[[bytes], bytes] | None:
    """Return what expands data that begins with *start*; ``None`` when it is not compressed."""
    if start.startswith(b"\x1f\x8b"):
        return _Gzip()
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return _Zstandard()
    return None


class _Zstandard:
    """Expands Zstandard data of one or several frames (RFC 8878)."""

    def __init__(self) -> None:
        import zstandard

        self._context = zstandard.ZstdDecompressor()
        self._stream = self._context.decompressobj()

    def __call__(self, chunk: bytes) -> bytes:
        parts = []
        while chunk:
            parts.append(self._stream.decompress(chunk))
            chunk = self._stream.unused_data
            if self._stream.eof:
                self._stream = self._context.decompressobj()
        return b"".join(parts)


def _zstd_error() -> type[Exception]:
    try:
        import zstandard
    except ImportError:  # pragma: no cover - it is a dependency
        return zlib.error
    return zstandard.ZstdError


_REASONS = {
    errno.ENOENT: "does not exist; check its name.",
    errno.EACCES: "may not be read by you; ask for the permission, or copy it.",
    errno.EISDIR: "is a directory; name the capture files in it.",
}


def _why_not_opened(name: str, error: OSError) -> str:
    reason = _REASONS.get(error.errno or 0)
    return f"{name} {reason}" if reason else f"{name} cannot be opened ({error.strerror})."
