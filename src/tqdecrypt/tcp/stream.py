"""One direction of a TCP connection: segments in, bytes in order out (RFC 9293 section 3.4).

Theory.  Positions count the direction's bytes from its start without wrapping, so that they sort;
``position`` is that of the first byte that was not delivered yet.  A run of segments that starts
there is delivered as it is (the expected case).  What starts behind it waits in ``pending`` until
the hole fills or is given up; what starts in front of it was seen before and is cut.  The first
copy of a byte wins: pieces in ``pending`` never overlap.

A hole is given up, and the stream goes on behind it after one :class:`Gap`,

- when it is older than :data:`WAIT` or more than :data:`WAIT_BYTES` wait behind it.  Every segment
  is held against both, so that the outcome does not depend on how the capture is cut into blocks;
- when the other end has acknowledged the missing bytes for :data:`WAIT_ACKNOWLEDGED`: only the
  table asks for that, once a block, because a run knows no more than its last acknowledgment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tcp.connection import Gap, GapCause
from tqdecrypt.wire import serial_difference

if TYPE_CHECKING:
    from tqdecrypt.tcp.connection import Connection

__all__ = ["WAIT", "WAIT_ACKNOWLEDGED", "WAIT_BYTES", "WINDOW", "Direction", "Piece", "Stray"]

WINDOW = 1 << 26
"""A segment farther than this from the expected one cannot belong to the same connection: SBCs and
proxies use windows of at most a few megabytes; 64 MiB leaves room for loss."""
WAIT = 3_000_000_000
"""How long (capture time, ns) a hole may wait for a retransmission: Linux retransmits after 0.2 s,
0.6 s, 1.4 s and 3 s; later ones are rare, and somebody is waiting for the rest."""
WAIT_ACKNOWLEDGED = 100_000_000
"""How long when the other end has acknowledged the missing bytes: they were on the wire, will not be
sent again, and can only still come out of order from the capture itself."""
WAIT_BYTES = 1 << 22
"""How many bytes of memory what stands behind a hole of one direction may take."""
_PIECE_BYTES = 256
"""What a piece takes beside its bytes: it may have none, when the snap length cut them all."""


class Piece(NamedTuple):
    """A segment, or part of one, that waits."""

    position: int
    frame: int
    data: bytes
    time: int
    missing: int
    """Bytes cut off behind ``data`` by the snap length."""

    @property
    def end(self) -> int:
        """Position behind the piece."""
        return self.position + len(self.data) + self.missing


class Stray(NamedTuple):
    """A segment outside the window: noise, or the first sign of a new connection."""

    frame: int
    time: int
    sequence: int
    data: bytes
    missing: int

    @property
    def end(self) -> int:
        """Sequence number behind the segment."""
        return (self.sequence + len(self.data) + self.missing) & 0xFFFFFFFF


class Direction:
    """What one end of a connection sent."""

    __slots__ = (
        "acknowledged",
        "connection",
        "finished",
        "gaps",
        "hole_acknowledged",
        "hole_since",
        "last_frame",
        "last_time",
        "origin",
        "pending",
        "pending_bytes",
        "position",
        "retransmissions",
        "side",
        "stray",
        "synchronized",
        "synchronized_at",
        "synchronized_frame",
    )

    def __init__(self, connection: Connection, side: int) -> None:
        self.connection = connection
        self.side = side
        self.origin: int | None = None
        """Sequence number of position 0; ``None`` before the first segment."""
        self.synchronized = False
        """Whether SYN was seen."""
        self.synchronized_at: int | None = None
        """Time of the first SYN, ns."""
        self.retransmissions = 0
        """Segments, SYNs included, that held nothing new."""
        self.gaps = 0
        """Holes that were given up."""
        self.synchronized_frame = 0
        """Its frame."""
        self.position = 0
        """How many bytes were delivered or given up."""
        self.pending: list[Piece] | None = None
        """What waits behind a hole, sorted, without overlap; ``None`` when nothing does."""
        self.pending_bytes = 0
        """Memory that ``pending`` takes."""
        self.hole_since = 0
        """Capture time at which the oldest hole was noticed, ns; holds while something waits."""
        self.hole_acknowledged: int | None = None
        """Capture time at which the other end was seen to have what is missing here, ns."""
        self.acknowledged: int | None = None
        """Latest acknowledgment number that the other end sent for this direction."""
        self.finished = False
        """Whether FIN or RST was seen."""
        self.last_frame = 0
        """Frame that completed the byte in front of ``position``."""
        self.last_time = 0
        self.stray: Stray | None = None
        """The last segment outside the window."""

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
            self.deliver(data, ends, frames, times, missing, counters)
            return
        first = self.position + ahead
        if self.connection.handler is None:  # nobody reads: only where the stream stands matters
            self._forget()
            self.position = max(self.position, first + len(data) + missing)
            return
        start = 0
        last = len(ends) - 1
        for i, end in enumerate(ends):
            cut = missing if i == last else 0
            self._receive_late(first + start, data[start:end], frames[i], times[i], cut, counters)
            start = end

    def finish(self, sequence: int, frame: int, time: int) -> None:
        """Take FIN: nothing comes behind *sequence*; a hole in front of it waits like any other."""
        self.finished = True
        if self.connection.handler is None or self.origin is None:
            return
        position = self.position + self.ahead(sequence)
        if position > (self.pending[-1].end if self.pending else self.position):
            self._insert(len(self.pending or ()), Piece(position, frame, b"", time, 0))

    def has_waited(self, now: int) -> bool:
        """Return whether the first hole is to be given up at capture time *now*.

        Clocks are set back now and then: the distance counts, not its sign.
        """
        if not self.pending:
            return False
        if self._is_overdue(now):
            return True
        if self.acknowledged is None:
            return False
        if not self.pending[0].position - self.position <= self.ahead(self.acknowledged) < WINDOW:
            return False
        if self.hole_acknowledged is None:
            self.hole_acknowledged = now
        return abs(now - self.hole_acknowledged) > WAIT_ACKNOWLEDGED

    def give_up(self, counters: Counter[str]) -> None:
        """Stop waiting for what is missing in front of ``pending``: report it, go on behind it."""
        if not self.pending or self.connection.handler is None:
            self._forget()
            return
        first = self.pending[0]
        size = first.position - self.position
        counters["gaps"] += 1
        self.gaps += 1
        counters["bytes_missing"] += size
        self.position = first.position
        gap = Gap(size, self.last_frame, first.frame, first.time, GapCause.LOSS)
        self.connection.handler.gap(self.side, gap)
        self._drain(counters)

    def _is_overdue(self, now: int) -> bool:
        return self.pending_bytes > WAIT_BYTES or abs(now - self.hole_since) > WAIT

    def expects(self, sequence: int) -> bool:
        """Return whether *sequence* is that of the next byte, and nothing waits or is over."""
        return (
            self.origin is not None
            and self.pending is None
            and sequence == (self.origin + self.position) & 0xFFFFFFFF
            and self.connection.closed_at is None
        )

    def deliver(
        self,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        missing: int,
        counters: Counter[str],
    ) -> None:
        """Hand on what :meth:`expects` says is next."""
        self.position += len(data) + missing
        self.last_frame = frames[-1]
        self.last_time = times[-1]
        connection = self.connection
        if data and connection.handler is not None:
            connection.handler.receive(self.side, data, ends, frames, times)
        # Asked for again: the handler may have put another one in its place.
        if missing and connection.handler is not None:
            counters["bytes_cut_by_snap_length"] += missing
            gap = Gap(missing, frames[-1], 0, times[-1], GapCause.SNAP_LENGTH)
            connection.handler.gap(self.side, gap)

    def _receive_late(
        self,
        position: int,
        data: bytes,
        frame: int,
        time: int,
        missing: int,
        counters: Counter[str],
    ) -> None:
        """Take one segment that is not what is expected, or comes while something waits."""
        while self.pending and self._is_overdue(time):
            self.give_up(counters)
        end = position + len(data) + missing
        if end <= self.position:
            if self.position - position == 1:
                counters["keepalives"] += 1  # RFC 9293 section 3.8.4
            elif end <= 0:
                counters["segments_before_start"] += 1
            else:
                counters["retransmitted_segments"] += 1
                self.retransmissions += 1
            return
        if position > self.position:
            counters["out_of_order_segments"] += 1
        kept = self._store(position, end, data, frame, time)
        if kept < end - position:
            counters["overlapping_segments" if kept else "retransmitted_segments"] += 1
            self.retransmissions += not kept
        self._drain(counters)
        while self.pending_bytes > WAIT_BYTES:
            self.give_up(counters)

    def _store(self, position: int, end: int, data: bytes, frame: int, time: int) -> int:
        """Put what is new of a segment into ``pending``; return how many bytes that is.

        Bytes of ``position … end`` that *data* does not hold were cut off.
        """
        pieces = self.pending or []
        start = max(position, self.position)
        index = bisect_left(pieces, (start,))
        if index and pieces[index - 1].end > start:
            index -= 1
        kept = 0
        while start < end:
            stop = end
            if index < len(pieces):
                other = pieces[index]
                if other.position <= start:
                    start = max(start, other.end)
                    index += 1
                    continue
                stop = min(end, other.position)
            part = data[start - position : stop - position]
            self._insert(index, Piece(start, frame, part, time, stop - start - len(part)))
            pieces = self.pending or []
            kept += stop - start
            start = stop
            index += 1
        return kept

    def _insert(self, index: int, piece: Piece) -> None:
        if self.pending is None:
            self.pending = []
            self.hole_since = piece.time
        self.pending.insert(index, piece)
        self.pending_bytes += len(piece.data) + _PIECE_BYTES

    def _drain(self, counters: Counter[str]) -> None:
        """Deliver what adjoins ``position``, up to the next hole."""
        pieces = self.pending
        if not pieces or pieces[0].position > self.position:
            return
        taken = 0
        for piece in pieces:
            if piece.position > self.position:
                break
            taken += 1
            self.pending_bytes -= len(piece.data) + _PIECE_BYTES
            # A byte is complete when the ones in front of it are there: the latest packet counts.
            frame, time = max((piece.frame, piece.time), (self.last_frame, self.last_time))
            size = len(piece.data)
            self.deliver(piece.data, [size], [frame], [time], piece.missing, counters)
        del pieces[:taken]
        self.hole_acknowledged = None
        if pieces:
            self.hole_since = pieces[0].time
        else:
            self.pending = None

    def _forget(self) -> None:
        """Drop what waits: nobody reads any more."""
        if self.pending:
            self.position = self.pending[-1].end
        self.pending = None
        self.pending_bytes = 0
        self.hole_acknowledged = None
