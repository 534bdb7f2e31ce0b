"""One capture file or pipe, piece by piece, without ever holding it whole.

A plain file is read in windows, each beginning with a record.  Pipes and compressed files are read in
chunks; what a chunk leaves of an incomplete record goes in front of the next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import NamedTuple

from tqdecrypt.capture.compressed import ENOUGH, Expander, find_expander
from tqdecrypt.capture.facts import Facts
from tqdecrypt.capture.hep import HepIndex
from tqdecrypt.capture.indexed import Index, Indexed
from tqdecrypt.capture.pcap import FILE_HEADER, PcapIndex, find_dialect
from tqdecrypt.capture.pcapng import SECTION_HEADER, PcapngIndex
from tqdecrypt.capture.recognise import SAMPLE, what_else
from tqdecrypt.errors import Malformed
from tqdecrypt.hep import MAGIC

__all__ = ["IDLE", "Piece", "Source"]

WINDOW = 1 << 22
"""Bytes read of a file at a time: some ten thousand packets, so that what a block costs once does not
count, and little memory."""
FIRST_WINDOW = 1 << 14
"""Bytes read at first: of many files that follow each other in time, only this is held."""
CHUNK = 1 << 20
"""Bytes read at a time from a pipe."""
COMPRESSED_CHUNK = 1 << 16
"""Bytes read at a time from a compressed file."""
IDLE = 0.25
"""Seconds without data after which a pipe yields an empty piece, so that timers run."""


class Piece(NamedTuple):
    """Packets of one source: a buffer and what is in it."""

    buffer: bytes
    found: Indexed | None
    """``None``: nothing came for a while."""


class Source:
    """A capture file, or a pipe.

    :ivar problem: one sentence when it could not be read to its end.
    :ivar live: whether it is a pipe, on which packets come as they happen.
    :ivar size: bytes of the file; 0 for a pipe.
    :ivar position: bytes of the file that were read.
    :ivar patience: seconds to wait for a pipe before yielding an empty piece.
    """

    def __init__(self, path: str, facts: Facts) -> None:
        self.path = path
        self.name = "standard input" if path == "-" else path
        self.problem: str | None = None
        self.live = False
        self.size = 0
        self.position = 0
        self.patience = IDLE
        self._facts = facts
        self._descriptor: int | None = None
        self._expander: Expander | None = None
        self._open()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None and self.path != "-":
            os.close(self._descriptor)
        self._descriptor = None

    def fileno(self) -> int:
        """Return the descriptor of the open file, for waiting."""
        assert self._descriptor is not None
        return self._descriptor

    def _open(self) -> None:
        if self.path == "-" and sys.stdin is None:  # 0 may by now be another file
            self.problem = f"{self.name} is closed; feed a capture into it, or name a file."
            return
        try:
            self._descriptor = (
                0 if self.path == "-" else os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            )
            status = os.fstat(self._descriptor)
        except (OSError, ValueError) as error:
            self.problem = _why_not_opened(self.name, error)
            return
        if stat.S_ISDIR(status.st_mode):
            self.problem = f"{self.name} {_REASONS[errno.EISDIR]}"
            self.close()
            return
        self.live = not stat.S_ISREG(status.st_mode)
        self.size = 0 if self.live else status.st_size

    def pieces(self) -> Iterator[Piece]:
        """Yield the packets, piece by piece; afterwards, the file is closed."""
        if self._descriptor is None:
            return
        try:
            if self.live:
                yield from self._streamed(self._expanded(self._pipe_chunks()))
            elif not self.size:
                self.problem = f"{self.name} is empty; capture again, or name another file."
            else:
                yield from self._file()
        except OSError as error:
            where = f"at offset {self.position:,}"
            self.problem = f"{self.name} cannot be read {where} ({error.strerror}); try a copy."
        finally:
            self.close()

    # A file ------------------------------------------------------------------------------------

    def _file(self) -> Iterator[Piece]:
        """Read a plain file in windows.

        Reading beats mapping here: walking and gathering in a fresh buffer, still in the processor's
        cache, takes half the time of touching mapped pages, and a file that somebody cuts off
        meanwhile is a short read, not a crash.
        """
        descriptor = self.fileno()
        start = os.pread(descriptor, max(FILE_HEADER, SAMPLE), 0)
        if find_expander(start) is not None:
            yield from self._streamed(self._expanded(self._file_chunks()))
            return
        begun = self._begin(start)
        if begun is None:
            return
        index, self.position = begun
        size = FIRST_WINDOW
        while window := os.pread(descriptor, size, self.position):
            found = index.index(window, 0)
            self.position += found.consumed
            if len(found.time):
                yield Piece(window, found)
            if found.damaged:
                self._say_damaged(found.damaged, self.position)
                return
            if not found.consumed and len(window) < size:
                self._say_cut(self.position)
                return
            size = max(WINDOW, found.wanted)

    def _file_chunks(self) -> Iterator[bytes]:
        while chunk := os.pread(self.fileno(), COMPRESSED_CHUNK, self.position):
            self.position += len(chunk)
            yield chunk

    # A stream ----------------------------------------------------------------------------------

    def _pipe_chunks(self) -> Iterator[bytes]:
        """Yield what the pipe has, as soon as it has anything; empty when nothing came."""
        descriptor = self.fileno()
        with contextlib.suppress(OSError, AttributeError):  # a larger pipe makes larger blocks
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while True:
            if not poll.poll(self.patience * 1000):
                yield b""
                continue
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                return
            self.position += len(chunk)
            yield chunk

    def _expanded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield *chunks*, expanded if they begin like compressed data."""
        start = b""
        known = False
        try:
            for chunk in chunks:
                data = chunk
                if not known and chunk:
                    start += chunk
                    if len(start) < ENOUGH:
                        continue
                    known, data, start = True, start, b""
                    self._expander = find_expander(data)
                if self._expander is None or not data:
                    yield data
                else:
                    yield from self._expander.expand(data)
            if start:
                yield start
            if self._expander is not None:
                self._expander.finish()
        except Malformed as problem:
            if problem.got is None:
                self._say(f"{self.name} ends in the middle of its compressed data")
            else:
                where = f"near offset {self.position:,} ({problem.got})"
                self._say(f"{self.name} has damaged compressed data {where}")

    def _streamed(self, chunks: Iterator[bytes]) -> Iterator[Piece]:
        index: Index | None = None
        parts: list[bytes] = []
        held, wanted = 0, FILE_HEADER
        base = 0
        """Where the parts begin in what the chunks are parts of."""
        for chunk in chunks:
            if not chunk:
                yield Piece(b"", None)
                continue
            parts.append(chunk)
            held += len(chunk)
            if held < wanted:
                continue
            buffer = b"".join(parts)
            start = 0
            if index is None:
                begun = self._begin(buffer)
                if begun is None:
                    return
                index, start = begun
            found = index.index(buffer, start)
            base += found.consumed
            wanted = found.wanted
            if len(found.time):
                yield Piece(buffer, found)
            if found.damaged:
                self._say_damaged(found.damaged, base)
                return
            parts = [buffer[found.consumed :]]
            held = len(parts[0])
        self._end_stream(index, b"".join(parts), base)

    def _end_stream(self, index: Index | None, left: bytes, base: int) -> None:
        """Say what is wrong with a stream that ends with *left*, unless it was said already."""
        if self.problem:
            return
        if index is not None:
            if left:
                self._say_cut(base)
        elif left:
            self._begin(left)
        elif self.live:
            self.problem = f"{self.name} is empty; is the program that writes it running?"
        else:
            self.problem = f"{self.name} holds nothing; capture again, or name another file."

    # Both --------------------------------------------------------------------------------------

    def _begin(self, start: bytes) -> tuple[Index, int] | None:
        """Choose the format by the first bytes; return it, and where the first record begins."""
        dialect = find_dialect(start)
        pcapng = int.from_bytes(start[:4], "big") == SECTION_HEADER
        if (dialect or pcapng) and len(start) < FILE_HEADER:
            self.problem = f"{self.name} ends in the middle of its file header; capture again."
            return None
        try:
            if dialect:
                return PcapIndex(start, dialect, self.path, self._facts), FILE_HEADER
            if pcapng:
                return PcapngIndex(self.path, self._facts), 0
            if start[: len(MAGIC)] == MAGIC:
                return HepIndex(self.path, self._facts), 0
        except Malformed as problem:
            self.problem = f"{self.name} cannot be read along with the others ({problem})."
            return None
        self.problem = what_else(self.name, start)
        return None

    def _say_damaged(self, what: str, position: int) -> None:
        self._say(f"{self.name} is damaged at {self._place(position)} ({what})")

    def _say_cut(self, position: int) -> None:
        self._say(f"{self.name} ends in the middle of a packet at {self._place(position)}")

    def _place(self, position: int) -> str:
        expanded = " of what it expands to" if self._expander is not None else ""
        return f"offset {position:,}{expanded}"

    def _say(self, what: str) -> None:
        self.problem = f"{what}; everything in front of it was read."


_REASONS = {
    errno.ENOENT: "does not exist; check its name.",
    errno.EACCES: "may not be read by you; ask for the permission, or copy it.",
    errno.EISDIR: "is a directory; name the capture files in it.",
    errno.EMFILE: "cannot be opened, as too many files are open; name fewer, or raise ulimit -n.",
}


def _why_not_opened(name: str, error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{name} {_REASONS.get(error.errno or 0, f'cannot be opened ({error.strerror}).')}"
    return f"{name!r} is no name of a file; check it."
