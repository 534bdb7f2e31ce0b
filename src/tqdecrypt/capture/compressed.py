"""Compressed captures are expanded as they are read: gzip (RFC 1952) and Zstandard (RFC 8878).

Nothing is expanded by more than a piece at a time, so that a few bytes that stand for gigabytes do no
harm; and what stands in front of damage comes out, to the last byte that can be known.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import Protocol

from tqdecrypt.errors import Malformed

__all__ = ["ENOUGH", "Expander", "find_expander"]

ENOUGH = 4
"""Bytes that tell how a file is compressed."""
PIECE = 1 << 20
"""Most bytes that one step of expanding gives."""
_CUT = "compressed data to its end"


class Expander(Protocol):
    """Expands compressed data, in whatever pieces it comes."""

    def expand(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what *chunk* adds; raise :class:`Malformed` at damage."""

    def finish(self) -> None:
        """Raise :class:`Malformed` when the data ended too early."""


def find_expander(start: bytes) -> Expander | None:
    """Return what expands data that begins with *start*; ``None`` when it is not compressed."""
    if start.startswith(b"\x1f\x8b"):
        return _Gzip()
    magic = int.from_bytes(start[:ENOUGH], "little")
    if magic == _FRAME or magic & 0xFFFFFFF0 == _SKIPPABLE:  # pzstd puts one of those first
        return _Zstandard()
    return None


class _Gzip:
    """Expands one or several members.  Zeros between and behind them are padding, as of tapes."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None

    def expand(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what *chunk* adds; raise :class:`Malformed` at damage."""
        more = False
        while chunk or more:
            if self._member is None:
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            before = self._member.copy()
            try:
                data = self._member.decompress(chunk, PIECE)
            except zlib.error as error:
                yield _up_to_damage(before, chunk)
                raise Malformed("gzip data", str(error)) from None
            if data:
                yield data
            more = len(data) == PIECE and not self._member.eof
            if self._member.eof:
                chunk = self._member.unused_data
                self._member = None
            else:
                chunk = self._member.unconsumed_tail

    def finish(self) -> None:
        """Raise :class:`Malformed` when the last member is not whole."""
        if self._member is not None:
            raise Malformed(_CUT)


def _up_to_damage(member: zlib._Decompress, chunk: bytes) -> bytes:
    """Return what comes out of *chunk* in front of what raises; zlib keeps that to itself."""
    data = bytearray()
    try:
        for i in range(len(chunk)):
            data += member.decompress(chunk[i : i + 1])
    except zlib.error:
        pass
    return bytes(data)


_FRAME = 0xFD2FB528
_SKIPPABLE = 0x184D2A50
_RLE, _RESERVED = 1, 3
LARGEST_BLOCK = 1 << 17


class _Zstandard:
    """Expands one or several frames.

    The library gives either all that its input stands for, or an error.  So it gets one block at a
    time, which stands for 128 KiB at most (RFC 8878 section 3.1.1.2.4).
    """

    def __init__(self) -> None:
        self._held = b""
        self._expanded: list[bytes] = []
        self._inside = False
        """Whether a frame has begun that has not ended."""
        self._reader = self._read()
        self._wanted = next(self._reader)

    def expand(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what *chunk* adds; raise :class:`Malformed` at damage."""
        held = self._held + chunk
        position = 0
        while len(held) - position >= self._wanted:
            unit = held[position : position + self._wanted]
            position += len(unit)
            self._wanted = self._reader.send(unit)
            yield from self._expanded
            self._expanded.clear()
        self._held = held[position:]

    def finish(self) -> None:
        """Raise :class:`Malformed` when the last frame is not whole."""
        if self._inside or self._held:
            raise Malformed(_CUT)

    def _read(self) -> Generator[int, bytes, None]:
        """Read frames: yield how many bytes are wanted, and be sent just those."""
        while True:
            self._inside = False
            start = yield 4
            self._inside = True
            magic = int.from_bytes(start, "little")
            if magic == _FRAME:
                yield from self._read_frame(start)
            elif magic & 0xFFFFFFF0 == _SKIPPABLE:
                size = int.from_bytes((yield 4), "little")
                while size:
                    size -= len((yield min(size, PIECE)))
            else:
                raise Malformed("a Zstandard frame", start.hex(" "))

    def _read_frame(self, start: bytes) -> Generator[int, bytes, None]:
        """Read a frame behind its magic number (section 3.1.1)."""
        import zstandard

        stream = zstandard.ZstdDecompressor().decompressobj()

        def expand(data: bytes) -> None:
            try:
                expanded = stream.decompress(data)
            except zstandard.ZstdError as error:
                raise Malformed("Zstandard data", str(error)) from None
            if expanded:
                self._expanded.append(expanded)

        descriptor = yield 1
        flags = descriptor[0]
        single_segment = flags >> 5 & 1
        window = 1 - single_segment
        dictionary = (0, 1, 2, 4)[flags & 3]
        content_size = (single_segment, 2, 4, 8)[flags >> 6]
        header = b""
        if window + dictionary + content_size:
            header = yield window + dictionary + content_size
        expand(start + descriptor + header)
        last = False
        while not last:
            head = yield 3
            number = int.from_bytes(head, "little")
            last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
            if kind == _RESERVED or size > LARGEST_BLOCK:
                raise Malformed("a Zstandard block", f"type {kind} of {size:,} bytes")
            if kind == _RLE:
                size = 1
            expand(head + ((yield size) if size else b""))
        if flags >> 2 & 1:
            expand((yield 4))
