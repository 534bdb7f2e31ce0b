"""One direction of a TCP connection: segments in, bytes in order out (RFC 9293 section 3.4).

Theory.  Positions count the direction's bytes from its start without wrapping, so that they sort;
``position`` is that of the first byte that was not delivered yet.  A run of segments that starts
there is delivered as it is (the expected case).  What starts behind it waits in ``pending`` until
the hole fills or is given up; what starts in front of it was seen before and is cut.  The first
copy of a byte wins.

A hole is given up (:meth:`Direction.give_up`) by the table, which knows time and the other end's
acknowledgments; then the stream goes on behind it after one :class:`Gap`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tcp.connection import Gap, GapCause
from tqdecrypt.wire import serial_difference

if TYPE_CHECKING:
    from tqdecrypt.tcp.connection import Connection

__all__ = ["WINDOW", "Direction", "Piece"]

WINDOW = 1 << 26
"""A segment farther than this from the expected one cannot belong to the same connection: SBCs and
proxies use windows of at most a few megabytes; 64 MiB leaves room for loss."""


class Piece(NamedTuple):
    """A segment that waits: sorted by position, then by arrival."""

    position: int
    frame: int
    data: bytes
    time: int
    missing: int
    """Bytes cut off behind ``data`` by the snap length."""

    @property
    def end(self) -> int:
        """Position behind the segment."""
        return self.position + len(self.data) + self.missing


class Direction:
    """What one end of a connection sent."""

    __slots__ = (
        "acknowledged",
        "connection",
        "finished_at",
        "hole_acknowledged",
        "hole_since",
        "last_frame",
        "origin",
        "pending",
        "pending_bytes",
        "position",
        "side",
        "stray",
    )

    def __init__(self, connection: Connection, side: int) -> None:
        self.connection = connection
        self.side = side
        self.origin: int | None = None
        """Sequence number of position 0; ``None`` before the first segment."""
        self.position = 0
        """How many bytes were delivered or given up."""
        self.pending: list[Piece] | None = None
        """What waits behind a hole, sorted; ``None`` when nothing does."""
        self.pending_bytes = 0
        self.hole_since = 0
        """Capture time at which the oldest hole was noticed, ns."""
        self.hole_acknowledged = 0
        """Capture time at which the other end was seen to have what is missing here; 0: not yet."""
        self.acknowledged: int | None = None
        """Latest acknowledgment number that the other end sent for this direction."""
        self.finished_at: int | None = None
        """Position of FIN or RST."""
        self.last_frame = 0
        """Frame that completed the byte in front of ``position``."""
        self.stray: int | None = None
        """Sequence number behind a segment that lay outside the window."""

    def ahead(self, sequence: int) -> int:
        """Return how far *sequence* lies ahead of what is expected: negative when seen before."""
        if self.origin is None:
            return 0
        return serial_difference(sequence, (self.origin + self.position) & 0xFFFFFFFF)

    def receive(
        self,
        sequence: int,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        missing: int,
        counters: Counter[str],
    ) -> None:
        """Take a run of adjoining segments, packet *i* of which ends at ``data[: ends[i]]``.

        *missing* bytes were cut off behind the last one by the snap length.  *sequence* must lie
        within :data:`WINDOW` of what is expected.
        """
        if self.origin is None:
            self.origin = sequence
        ahead = self.ahead(sequence)
        if ahead == 0 and self.pending is None:
            self._deliver(data, ends, frames, times, missing, counters)
            return
        if self.connection.handler is None:  # nobody reads: only where the stream stands matters
            self.position = max(self.position, self.position + ahead + len(data) + missing)
            return
        start = 0
        first = self.position + ahead
        for end, frame, time in zip(ends, frames, times, strict=True):
            cut = missing if end == len(data) else 0
            self._store(first + start, data[start:end], frame, time, cut, counters)
            start = end
        self._drain(counters)
        if self.pending and not self.hole_since:
            self.hole_since = times[-1]

    def give_up(self, counters: Counter[str]) -> None:
        """Stop waiting for what is missing in front of ``pending``: report it, go on behind it."""
        if not self.pending:
            return
        first = self.pending[0]
        size = first.position - self.position
        counters["gaps"] += 1
        counters["bytes_missing"] += size
        self.position += size
        if self.connection.handler is not None:
            gap = Gap(size, self.last_frame, first.frame, first.time, GapCause.LOSS)
            self.connection.handler.gap(self.side, gap)
        self.hole_since = 0
        self._drain(counters)
        if self.pending:
            self.hole_since = self.pending[0].time

    def _deliver(
        self,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        missing: int,
        counters: Counter[str],
    ) -> None:
        self.position += len(data) + missing
        self.last_frame = frames[-1]
        handler = self.connection.handler
        if handler is None:
            return
        if data:
            handler.receive(self.side, data, ends, frames, times)
        if missing:
            counters["bytes_cut_by_snap_length"] += missing
            handler.gap(self.side, Gap(missing, frames[-1], 0, times[-1], GapCause.SNAP_LENGTH))

    def _store(
        self,
        position: int,
        data: bytes,
        frame: int,
        time: int,
        missing: int,
        counters: Counter[str],
    ) -> None:
        """Put one segment into ``pending``, without the bytes that are known already."""
        behind = self.position - position
        if behind >= len(data) + missing:
            keepalive = behind == 1 and len(data) + missing <= 1
            counters["keepalives" if keepalive else "retransmitted_segments"] += 1
            return
        if behind > 0:
            counters["overlapping_segments"] += 1
            missing -= max(0, behind - len(data))
            data = data[behind:]
            position = self.position
        if self.pending is None:
            self.pending = []
        end = position + len(data) + missing
        index = bisect_left(self.pending, (position,))
        if index < len(self.pending):
            other = self.pending[index]
            if (other.position, other.end) == (position, end) and len(other.data) >= len(data):
                counters["retransmitted_segments"] += 1
                return
        if position > self.position:
            counters["out_of_order_segments"] += 1
        # Among segments that start at the same byte the one that arrived first stays in front.
        insort(self.pending, Piece(position, frame, data, time, missing))
        self.pending_bytes += len(data)

    def _drain(self, counters: Counter[str]) -> None:
        """Deliver what adjoins ``position``, up to the next hole."""
        pieces = self.pending
        if pieces is None or pieces[0].position > self.position:
            return
        taken = 0
        frame, time = self.last_frame, 0
        for piece in pieces:
            behind = self.position - piece.position
            if behind < 0:
                break
            taken += 1
            self.pending_bytes -= len(piece.data)
            if self.position >= piece.end:
                counters["overlapping_segments"] += 1
                continue
            missing = piece.missing - max(0, behind - len(piece.data))
            data = piece.data[behind:]
            # A byte is complete when the ones in front of it are there: the latest packet counts.
            if piece.frame >= frame or not time:
                frame, time = piece.frame, piece.time
            self._deliver(data, [len(data)], [frame], [time], missing, counters)
        del pieces[:taken]
        self.hole_acknowledged = 0
        if not pieces:
            self.pending = None
            self.pending_bytes = 0
            self.hole_since = 0
