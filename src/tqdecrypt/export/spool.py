"""A spool on disk: what is to be delivered survives the end of this program, and of the power.

``NNNNNNNNNN.spool`` are segments, in order: a magic number, then for each packet its length, its CRC-32
and its bytes.  They are only appended to; one that is delivered whole is deleted.  ``position`` says up to
where packets are delivered: two copies of segment number, offset and CRC-32, written in turn, so that one
of them is always whole.

Whatever was appended before this program crashed is there.  Once a second while packets come, and at the
end, it is forced onto the disk (``fdatasync``), so that a power failure takes the last second at the most.
A packet that is not whole at the end of a segment is cut off and counted.  The position is written after
each delivery; when the program crashes between the two, these packets are delivered again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from tqdecrypt.errors import OutputError, UsageError
from tqdecrypt.hep.chunks import MOST_PACKET

__all__ = ["Spool"]

_MAGIC = b"TQSPOOL1"
_RECORD = Struct("!II")
_POSITION = Struct("!QQ")
_COPY = _POSITION.size + 4
SEGMENT = 1 << 24
"""Bytes after which a new segment begins: what a full spool loses at a time, and what stays on disk
though it is delivered."""
LEAST = 2 * SEGMENT
"""Least bytes of a spool."""
SYNC_EVERY = 1.0
"""Seconds between two times at which data is forced onto the disk."""


class _Segment:
    """One file."""

    __slots__ = ("end", "number", "packets")

    def __init__(self, number: int, end: int, packets: int) -> None:
        self.number = number
        self.end = end
        """Where the next packet will stand."""
        self.packets = packets
        """Packets that are not settled."""


class _Read(NamedTuple):
    """Where a packet ends that was read and is not settled."""

    number: int
    end: int


class Spool:
    """Keeps packets in a directory; see :class:`~tqdecrypt.export.backlog.Backlog`.

    :ivar pending: packets that are not settled.
    :ivar found: how many of them were there from the beginning.
    :ivar counters: ``hep_spool_bytes_cut`` bytes that a crash left behind the last whole packet of a segment.
    """

    def __init__(self, directory: str, most_bytes: int) -> None:
        """Open the spool in *directory*, which is made where it is missing.

        :param most_bytes: when it takes more on disk, the oldest segment goes.
        :raises UsageError: when another program uses it.
        :raises OutputError: when it cannot be written.
        """
        self.pending = 0
        self.counters: Counter[str] = Counter()
        self.directory = directory
        self._most_bytes = max(most_bytes, LEAST)
        self._path = Path(directory)
        self._segments: deque[_Segment] = deque()
        self._unsettled: deque[_Read] = deque()
        self._writing = self._reading = -1
        self._read_number = 0
        self._next_sync = 0.0
        self._turn = 0
        with self._told():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(
                self._path / "position", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError(
                f"The spool {directory} is in use by another tqdecrypt; name another directory, or wait "
                "for it to end."
            ) from None
        with self._told():
            self._settled = self._read_position()
            self._recover()
        self.found = self.pending

    def has_room(self, size: int) -> bool:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        return self._size() + _RECORD.size + size <= self._most_bytes

    def append(self, packet: bytes) -> int:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        dropped = 0
        with self._told():
            while not self.has_room(len(packet)) and len(self._segments) > 1:
                dropped += self._drop_oldest()
            if not self._segments or self._segments[-1].end >= SEGMENT or self._writing < 0:
                self._begin_segment()
            last = self._segments[-1]
            record = _RECORD.pack(len(packet), zlib.crc32(packet)) + packet
            written = os.write(self._writing, record)
            if written != len(record):  # a full disk takes a part, and refuses the rest
                os.ftruncate(self._writing, last.end)
                os.lseek(self._writing, last.end, os.SEEK_SET)
                raise OSError(28, "No space left on device")
            last.end += len(record)
            last.packets += 1
            self.pending += 1
            now = time.monotonic()
            if now >= self._next_sync:
                self._next_sync = now + SYNC_EVERY
                os.fdatasync(self._writing)
        return dropped

    def read(self, most_bytes: int) -> Sequence[bytes]:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        packets: list[bytes] = []
        size = 0
        with self._told():
            for packet, place in self._packets_behind(self._read_to()):
                size += len(packet)
                if packets and size > most_bytes:
                    break
                packets.append(packet)
                self._unsettled.append(place)
        return packets

    def settle(self, number: int) -> None:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        if not number:
            return
        for _ in range(number):
            self._settled = self._unsettled.popleft()
            segment = self._segment(self._settled.number)
            if segment is not None:  # else it had to go for room meanwhile
                segment.packets -= 1
                self.pending -= 1
        with self._told():
            self._write_position()
            while len(self._segments) > 1 and self._segments[0].number < self._settled.number:
                self._delete(self._segments.popleft())

    def rewind(self) -> None:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        self._unsettled.clear()

    def sync(self) -> None:
        """See :class:`~tqdecrypt.export.backlog.Backlog`."""
        with self._told():
            if self._writing >= 0:
                os.fdatasync(self._writing)
            os.fdatasync(self._lock)

    def close(self) -> None:
        """See :class:`~tqdecrypt.export.backlog.Backlog`.  An empty spool leaves nothing but its position."""
        self.sync()
        if not self.pending:
            while self._segments:
                self._delete(self._segments.popleft())
        self._close(self._writing, self._reading, self._lock)
        self._writing = self._reading = -1

    # Files -------------------------------------------------------------------------------------

    def _name(self, number: int) -> Path:
        return self._path / f"{number:010d}.spool"

    def _size(self) -> int:
        return sum(segment.end for segment in self._segments)

    def _segment(self, number: int) -> _Segment | None:
        return next((one for one in self._segments if one.number == number), None)

    def _begin_segment(self) -> None:
        number = self._segments[-1].number + 1 if self._segments else self._settled.number + 1
        self._close(self._writing)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._writing = os.open(self._name(number), flags, 0o600)
        os.write(self._writing, _MAGIC)
        self._segments.append(_Segment(number, len(_MAGIC), 0))
        self._sync_directory()

    def _drop_oldest(self) -> int:
        """Delete the oldest segment for want of room; return how many packets went with it."""
        oldest = self._segments.popleft()
        self._delete(oldest)
        self.pending -= oldest.packets
        return oldest.packets

    def _delete(self, segment: _Segment) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._name(segment.number).unlink()
        if segment.number == self._read_number:
            self._close(self._reading)
            self._reading, self._read_number = -1, 0

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    # Reading -----------------------------------------------------------------------------------

    def _read_to(self) -> _Read:
        return self._unsettled[-1] if self._unsettled else self._settled

    def _packets_behind(self, place: _Read) -> Iterator[tuple[bytes, _Read]]:
        """Yield the packets behind *place*, each with where it ends."""
        for segment in list(self._segments):
            if segment.number < place.number:
                continue
            offset = place.end if segment.number == place.number else len(_MAGIC)
            if offset >= segment.end:
                continue
            if self._read_number != segment.number:
                self._close(self._reading)
                flags = os.O_RDONLY | os.O_CLOEXEC
                self._reading = os.open(self._name(segment.number), flags)
                self._read_number = segment.number
            while offset < segment.end:
                length, checksum = _RECORD.unpack(os.pread(self._reading, _RECORD.size, offset))
                packet = os.pread(self._reading, length, offset + _RECORD.size)
                if zlib.crc32(packet) != checksum:
                    raise OSError(5, "a packet in it is damaged")
                offset += _RECORD.size + length
                yield packet, _Read(segment.number, offset)

    # Position and recovery ---------------------------------------------------------------------

    def _read_position(self) -> _Read:
        """Return the later of the two copies."""
        best = _Read(0, 0)
        data = os.pread(self._lock, 2 * _COPY, 0)
        for turn in (0, 1):
            copy = data[turn * _COPY : (turn + 1) * _COPY]
            body = copy[: _POSITION.size]
            if len(copy) == _COPY and zlib.crc32(body).to_bytes(4, "big") == copy[_POSITION.size :]:
                best = max(best, _Read(*_POSITION.unpack(body)))
        return best

    def _write_position(self) -> None:
        body = _POSITION.pack(*self._settled)
        copy = body + zlib.crc32(body).to_bytes(4, "big")
        self._turn ^= 1
        os.pwrite(self._lock, copy, self._turn * _COPY)

    def _recover(self) -> None:
        """Find the segments and count what is in them; cut off what a crash left at their ends."""
        for path in sorted(self._path.glob("[0-9]*.spool")):
            number = int(path.stem) if path.stem.isdecimal() else 0
            if number < self._settled.number:
                path.unlink()
                continue
            segment = _Segment(number, 0, 0)
            self._scan(path, segment)
            self._segments.append(segment)
            self.pending += segment.packets
        self._segments = deque(sorted(self._segments, key=lambda one: one.number))

    def _scan(self, path: Path, segment: _Segment) -> None:
        data = path.read_bytes()
        end = len(_MAGIC) if data[: len(_MAGIC)] == _MAGIC else 0
        while end and end + _RECORD.size <= len(data):
            length, checksum = _RECORD.unpack_from(data, end)
            stop = end + _RECORD.size + length
            if length > MOST_PACKET or stop > len(data):
                break
            if zlib.crc32(data[end + _RECORD.size : stop]) != checksum:
                break
            segment.packets += _Read(segment.number, stop) > self._settled
            end = stop
        segment.end = end
        if end < len(data):
            self.counters["hep_spool_bytes_cut"] += len(data) - end
            os.truncate(path, end)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one sentence what the operating system refused."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"The spool {self.directory} cannot be used ({error.strerror}); make room, or name a "
                "directory that you may write to."
            ) from error
