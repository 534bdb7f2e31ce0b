"""All TCP connections: runs of segments go to their direction, and time passes over all.

Bounds: ``max_connections`` (the longest idle sixteenth goes when it is full); ``WAIT``,
``WAIT_BYTES`` and ``WAIT_BYTES_ALL`` for what stands behind holes; ``LINGER`` for closed ones.

Counters, in segments where nothing else is said:

=============================  =====================================================================
connections                    connections that were opened
connections_evicted            connections that ended because the table was full
gaps                           holes that were given up: a :class:`Gap` each
bytes_missing                  bytes in those
bytes_cut_by_snap_length       bytes that the capture cut off: a :class:`Gap` for each segment
holes_given_up_for_memory      directions whose holes were given up because too much waited in all
out_of_order_segments          came early, and waited for what is in front of them
retransmitted_segments         held nothing new
overlapping_segments           held something new beside what was known
keepalives                     the byte in front of the expected one, again
segments_before_start          lie before the first segment that was captured: the start was missed
segments_outside_window        lie too far from what is expected; used if the next adjoins
segments_without_connection    no payload and no SYN, on a connection that nobody knows
resets_ignored                 FIN or RST too far from what is expected
reset_bytes                    bytes of payload in RST segments: an explanation, not the stream
=============================  =====================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.packet.transport import ControlBits, TransportColumns
from tqdecrypt.tcp.connection import Connection, End, Key, StreamHandler
from tqdecrypt.tcp.runs import hand_runs
from tqdecrypt.tcp.stream import WAIT, WINDOW, Direction, Stray
from tqdecrypt.wire import serial_difference

__all__ = ["LINGER", "WAIT_BYTES_ALL", "ConnectionTable"]

_FIN, _SYN, _RST, _ACK = (
    int(ControlBits.FIN),
    int(ControlBits.SYN),
    int(ControlBits.RST),
    int(ControlBits.ACK),
)
_SPECIAL = _FIN | _SYN | _RST

WAIT_BYTES_ALL = 1 << 26
"""How much memory what stands behind holes of all directions together may take."""
LINGER = 2_000_000_000
"""How long (capture time, ns) a closed connection stays after its last segment, for those that were
captured out of order."""
_FIRST_FLIGHT = 1 << 16
"""Most bytes that a direction sends in front of those that were captured before its SYN was."""


class ConnectionTable:
    """Finds the connection of every run and keeps their number bounded.

    :param accept: called with a new connection; returns what takes its bytes, or ``None``.
    :param pause: called now and then while a block is handed on, between two runs.
    :param max_connections: most connections kept; 250,000 of them take some 300 MB with TLS.
    """

    def __init__(
        self,
        accept: Callable[[Connection], StreamHandler | None],
        max_connections: int = 250_000,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._accept = accept
        self._pause = pause
        self._max = max_connections
        self._directions: dict[Key, Direction] = {}
        self._waiting: dict[Direction, None] = {}
        self._closed: dict[Connection, None] = {}
        self.counters: Counter[str] = Counter()
        """See the table above."""
        self.now = 0
        """Capture time of the last packet, ns."""

    def __len__(self) -> int:
        return len(self._directions) // 2

    @property
    def oldest_waiting_frame(self) -> int | None:
        """Lowest frame that bytes behind a hole may still come with; ``None`` when none wait."""
        return min((d.pending[0].frame for d in self._waiting if d.pending), default=None)

    @property
    def waiting_bytes(self) -> int:
        """Memory that what stands behind holes takes."""
        return sum(direction.pending_bytes for direction in self._waiting)

    def receive(self, columns: TransportColumns, block: PacketBlock) -> None:
        """Take the TCP segments of one block."""
        if len(block):
            self.now = int(block.time[-1])
        hand_runs(columns, block, self.receive_run, self._pause)
        if self._waiting or self._closed:
            self._sweep()

    def finish(self) -> None:
        """End of the capture: nothing waits any longer, every connection ends."""
        for connection in self._connections():
            self._end(connection, End.CAPTURE_END)

    def receive_run(
        self,
        key: Key,
        version: int,
        flags: int,
        sequence: int,
        acknowledgment: int,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        missing: int,
    ) -> None:
        """Take a run; see :class:`~tqdecrypt.tcp.runs.TakeRun`."""
        direction = self._directions.get(key)
        if direction is not None and data and not flags & _SPECIAL and direction.expects(sequence):
            # Nothing but the next bytes: the rule.
            direction.deliver(data, ends, frames, times, missing, self.counters)
            connection = direction.connection
            if frames[-1] > connection.last_frame:
                connection.last_frame = frames[-1]
                connection.last_time = times[-1]
            if flags & _ACK:
                connection.directions[1 - direction.side].acknowledged = acknowledgment
            return
        if direction is not None and direction.connection.closed_at is not None:
            if len(frames) > 1:
                self._one_by_one(
                    key,
                    version,
                    flags,
                    sequence,
                    acknowledgment,
                    data,
                    ends,
                    frames,
                    times,
                    missing,
                )
                return
            direction = self._unless_gone(direction, times[0])
        if direction is None:
            if not (flags & _SYN or ((data or missing) and not flags & _RST)):
                self.counters["segments_without_connection"] += len(frames)
                return
            direction = self._open(key, version, frames[0], times[0])
        if flags & _SYN:
            direction = self._synchronize(direction, key, version, flags, sequence, frames, times)
            sequence = (sequence + 1) & 0xFFFFFFFF
        if flags & _RST:
            self.counters["reset_bytes"] += len(data) + missing
            data, missing = b"", 0
        length = len(data) + missing
        if length:
            if not -WINDOW < direction.ahead(sequence) < WINDOW:
                if len(frames) > 1:
                    self._one_by_one(
                        key,
                        version,
                        flags,
                        sequence,
                        acknowledgment,
                        data,
                        ends,
                        frames,
                        times,
                        missing,
                    )
                    return
                stray = Stray(frames[0], times[0], sequence, data, missing)
                joined = self._handle_stray(direction, key, version, stray)
                if joined is None:
                    return
                direction = joined
            direction.receive(sequence, data, ends, frames, times, missing, self.counters)
        connection = direction.connection
        if frames[-1] > connection.last_frame:
            connection.last_frame = frames[-1]
            connection.last_time = times[-1]
        if flags & _ACK:
            connection.directions[1 - direction.side].acknowledged = acknowledgment
        if flags & (_FIN | _RST):
            behind = (sequence + length) & 0xFFFFFFFF
            self._close(direction, flags, behind, frames[-1], times[-1])
        if direction.pending:
            self._waiting[direction] = None

    def _one_by_one(
        self,
        key: Key,
        version: int,
        flags: int,
        sequence: int,
        acknowledgment: int,
        data: bytes,
        ends: list[int],
        frames: list[int],
        times: list[int],
        missing: int,
    ) -> None:
        """Take the segments of a run singly, where what one does decides about the next."""
        start = 0
        for i, end in enumerate(ends):
            self.receive_run(
                key,
                version,
                flags,
                (sequence + start) & 0xFFFFFFFF,
                acknowledgment,
                data[start:end],
                [end - start],
                frames[i : i + 1],
                times[i : i + 1],
                missing if i == len(ends) - 1 else 0,
            )
            start = end

    # The life of a connection.

    def _open(self, key: Key, version: int, frame: int, time: int) -> Direction:
        if len(self._directions) >= 2 * self._max:
            self._evict()
        a, b = key[:3], key[3:]
        back = b + a
        connection = Connection(version, (key, back), frame, time)
        connection.directions = (Direction(connection, 0), Direction(connection, 1))
        connection.handler = self._accept(connection)
        self._directions[back] = connection.directions[1]
        self._directions[key] = connection.directions[0]
        self.counters["connections"] += 1
        return connection.directions[0]

    def _synchronize(
        self,
        direction: Direction,
        key: Key,
        version: int,
        flags: int,
        sequence: int,
        frames: list[int],
        times: list[int],
    ) -> Direction:
        """Handle SYN: the first of a connection, a repetition, or a new one on used ports."""
        first = (sequence + 1) & 0xFFFFFFFF
        if direction.origin is None:
            direction.origin = first
        elif direction.origin != first and not _is_late(direction, first, times[0]):
            self._end(direction.connection, End.REUSED)
            direction = self._open(key, version, frames[0], times[0])
            direction.origin = first
        if direction.synchronized_at is None:
            direction.synchronized_at = times[0]
            direction.synchronized_frame = frames[0]
        else:
            direction.retransmissions += 1
        direction.synchronized = True
        connection = direction.connection
        if not flags & _ACK:
            connection.initiator = direction.side
        elif connection.initiator is None:
            connection.initiator = 1 - direction.side
        if connection.closed_at is not None and not any(d.position for d in connection.directions):
            self._reopen(connection)
        return direction

    def _reopen(self, connection: Connection) -> None:
        """Forget that a connection was refused: Windows tries again with the same number."""
        connection.end_reason = connection.closed_at = None
        for direction in connection.directions:
            direction.finished = False
        self._closed.pop(connection, None)

    def _handle_stray(
        self, direction: Direction, key: Key, version: int, stray: Stray
    ) -> Direction | None:
        """Handle a segment outside the window: noise once, a new connection when it goes on.

        What was put aside as noise then was its beginning, in the other direction, too.
        """
        self.counters["segments_outside_window"] += 1
        before = direction.stray
        direction.stray = stray
        if before is None or before.end != stray.sequence:
            return None
        connection = direction.connection
        found = [(before, key)]
        other = connection.directions[1 - direction.side].stray
        if other is not None and abs(stray.time - other.time) <= WAIT:
            found.append((other, connection.keys[1 - direction.side]))
        found.sort()
        self._end(connection, End.REUSED)
        first, first_key = found[0]
        self._open(first_key, version, first.frame, first.time)
        for piece, piece_key in found:
            self._directions[piece_key].receive(
                piece.sequence,
                piece.data,
                [len(piece.data)],
                [piece.frame],
                [piece.time],
                piece.missing,
                self.counters,
            )
        return self._directions[key]

    def _close(
        self, direction: Direction, flags: int, sequence: int, frame: int, time: int
    ) -> None:
        """Handle FIN or RST at *sequence*, behind the segment's payload."""
        connection = direction.connection
        if not -WINDOW < direction.ahead(sequence) < WINDOW:
            self.counters["resets_ignored"] += 1
            return
        if flags & _RST:
            direction.finished = True
            connection.end_reason = connection.end_reason or End.RST
        else:
            direction.finish(sequence, frame, time)
            if connection.directions[1 - direction.side].finished:
                connection.end_reason = connection.end_reason or End.FIN
        if connection.end_reason is not None:
            connection.closed_at = time
            self._closed[connection] = None

    def _unless_gone(self, direction: Direction, time: int) -> Direction | None:
        """Return the direction of a closed connection, unless that has been silent too long."""
        connection = direction.connection
        assert connection.closed_at is not None
        if abs(time - connection.closed_at) > LINGER:
            self._end(connection, End.FIN)
            return None
        connection.closed_at = time
        return direction

    def _end(self, connection: Connection, reason: End) -> None:
        """End a connection: as it closed if it did, otherwise for *reason*."""
        for direction in connection.directions:
            self._give_up_all(direction)
        for key, direction in zip(connection.keys, connection.directions, strict=True):
            if self._directions.get(key) is direction:
                del self._directions[key]
        self._closed.pop(connection, None)
        if connection.end_reason is None:
            finished = any(direction.finished for direction in connection.directions)
            connection.end_reason = End.FIN if finished else reason
        handler, connection.handler = connection.handler, None
        if handler is not None:
            handler.end(connection.end_reason, connection.last_frame, connection.last_time)
        for direction in connection.directions:  # the garbage collector, for cycles, comes seldom
            del direction.connection

    def _evict(self) -> None:
        oldest = sorted(self._connections(), key=lambda connection: connection.last_time)
        for connection in oldest[: max(1, len(oldest) // 16)]:
            self.counters["connections_evicted"] += 1
            self._end(connection, End.EVICTED)

    def _connections(self) -> list[Connection]:
        return list({direction.connection: None for direction in self._directions.values()})

    # Time.

    def _sweep(self) -> None:
        """Give up holes that waited long enough, end connections that closed."""
        for direction in list(self._waiting):
            while direction.has_waited(self.now):
                direction.give_up(self.counters)
            if not direction.pending:
                del self._waiting[direction]
        if self.waiting_bytes > WAIT_BYTES_ALL:
            self.counters["holes_given_up_for_memory"] += len(self._waiting)
            for direction in list(self._waiting):
                self._give_up_all(direction)
        for connection in list(self._closed):
            assert connection.closed_at is not None
            if abs(self.now - connection.closed_at) > LINGER:
                self._end(connection, End.FIN)

    def _give_up_all(self, direction: Direction) -> None:
        while direction.pending:
            direction.give_up(self.counters)
        self._waiting.pop(direction, None)


def _is_late(direction: Direction, first: int, time: int) -> bool:
    """Return whether a SYN belongs to a direction whose first bytes were captured before it."""
    assert direction.origin is not None
    return (
        not direction.synchronized
        and 0 < serial_difference(direction.origin, first) <= _FIRST_FLIGHT
        and abs(time - direction.connection.started) <= LINGER
    )
