"""All TCP connections: columns of segments become runs, runs go to their direction.

A *run* is a stretch of segments of one direction, each of which begins where the one before it
ended.  Numpy finds the runs of a whole block at once; Python then works once a run, not once a
segment, and joins the payload of a run in one step.  Runs are handed over in the order of their
first packets.

Bounds: ``max_connections`` (the longest idle sixteenth goes when it is full), ``WAIT`` and
``WAIT_BYTES`` for what stands behind a hole.  Every drop has a counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.packet import endpoint_text
from tqdecrypt.packet.transport import ControlBits, TransportColumns
from tqdecrypt.tcp.connection import Connection, End, StreamHandler
from tqdecrypt.tcp.stream import WINDOW, Direction

__all__ = ["ConnectionTable"]

_FIN, _SYN, _RST, _ACK = (
    int(ControlBits.FIN),
    int(ControlBits.SYN),
    int(ControlBits.RST),
    int(ControlBits.ACK),
)
_SPECIAL = _FIN | _SYN | _RST

WAIT = 3_000_000_000
"""How long (capture time, ns) a hole may wait for a retransmission: Linux retransmits after 0.2 s,
0.6 s, 1.4 s and 3 s; later ones are rare, and somebody is waiting for the rest."""
WAIT_ACKNOWLEDGED = 100_000_000
"""How long when the other end has acknowledged the missing bytes: they were on the wire, will not be
sent again, and can only still come out of order from the capture itself."""
WAIT_BYTES = 1 << 22
"""How many bytes may stand behind a hole of one direction."""
WAIT_BYTES_ALL = 1 << 26
"""How many bytes may stand behind holes of all directions together."""
LINGER = 2_000_000_000
"""How long a closed connection stays, for segments that were captured out of order."""

Key: TypeAlias = tuple[int, int, int, int, int, int]
"""Source address (high, low), source port, destination address (high, low), destination port."""


class ConnectionTable:
    """Finds the connection of every run and keeps their number bounded.

    :param accept: called with a new connection; returns what takes its bytes, or ``None``.
    :param max_connections: most connections kept; 250,000 of them take some 300 MB with TLS.
    """

    def __init__(
        self,
        accept: Callable[[Connection], StreamHandler | None],
        max_connections: int = 250_000,
    ) -> None:
        self._accept = accept
        self._max = max_connections
        self._directions: dict[Key, Direction] = {}
        self._waiting: dict[Direction, None] = {}
        self._closed: dict[Connection, None] = {}
        self.counters: Counter[str] = Counter()
        self.now = 0
        """Latest capture time, ns."""

    def __len__(self) -> int:
        return len(self._directions) // 2

    @property
    def oldest_waiting_frame(self) -> int | None:
        """Lowest frame that waits behind a hole; ``None`` when nothing waits."""
        if not self._waiting:
            return None
        return min((d.pending[0].frame for d in self._waiting if d.pending), default=None)

    def receive(self, columns: TransportColumns, block: PacketBlock) -> None:
        """Take the TCP segments of one block."""
        if len(block):
            self.now = max(self.now, int(block.time[-1]))
        if len(columns):
            _Runs(columns, block).hand_to(self)
        if self._waiting or self._closed:
            self._sweep()

    def finish(self) -> None:
        """End of the capture: nothing waits any longer, every connection ends."""
        for direction in list(self._waiting):
            self._give_up_all(direction)
        for connection in {d.connection: None for d in self._directions.values()}:
            self._end(connection, connection.end_reason or End.CAPTURE_END)
        self._directions.clear()
        self._closed.clear()

    # One run.

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
        """Take a run: adjoining segments of one direction with the control bits of all of them.

        *acknowledgment* is that of the last segment.  A run with SYN, FIN or RST is one segment.
        """
        direction = self._directions.get(key)
        if direction is None:
            direction = self._open(key, version, frames[0], times[0])
        if flags & _SYN:
            direction = self._synchronize(direction, key, version, flags, sequence, frames, times)
            sequence = (sequence + 1) & 0xFFFFFFFF
        connection = direction.connection
        connection.last_frame = frames[-1]
        connection.last_time = times[-1]
        if flags & _ACK:
            connection.directions[1 - direction.side].acknowledged = acknowledgment
        if data or missing:
            ahead = direction.ahead(sequence)
            if not -WINDOW < ahead < WINDOW:
                stray = self._stray(
                    direction, key, version, sequence, len(data) + missing, frames, times
                )
                if stray is None:
                    return
                direction = stray
                connection = direction.connection
            direction.receive(sequence, data, ends, frames, times, missing, self.counters)
            if direction.pending:
                self._waiting[direction] = None
        if flags & (_FIN | _RST):
            self._close(direction, flags, sequence, len(data) + missing, times[-1])

    def _open(self, key: Key, version: int, frame: int, time: int) -> Direction:
        if len(self._directions) >= 2 * self._max:
            self._evict()
        a, b = key[:3], key[3:]
        ends = (endpoint_text(version, *a), endpoint_text(version, *b))
        connection = Connection(ends, (key, b + a), frame, time)
        connection.directions = (Direction(connection, 0), Direction(connection, 1))
        connection.handler = self._accept(connection)
        self._directions[key] = connection.directions[0]
        self._directions[b + a] = connection.directions[1]
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
        if direction.origin is not None and direction.origin != first:
            self._end(direction.connection, End.REUSED)
            direction = self._open(key, version, frames[0], times[0])
        if direction.origin is None:
            direction.origin = first
        if not flags & _ACK:
            direction.connection.initiator = direction.side
        elif direction.connection.initiator is None:
            direction.connection.initiator = 1 - direction.side
        return direction

    def _stray(
        self,
        direction: Direction,
        key: Key,
        version: int,
        sequence: int,
        length: int,
        frames: list[int],
        times: list[int],
    ) -> Direction | None:
        """Handle a segment outside the window: noise once, a new connection when it goes on."""
        self.counters["segments_outside_window"] += len(frames)
        if direction.stray != sequence and len(frames) == 1:
            direction.stray = (sequence + length) & 0xFFFFFFFF
            return None
        self._end(direction.connection, End.REUSED)
        return self._open(key, version, frames[0], times[0])

    def _close(
        self, direction: Direction, flags: int, sequence: int, length: int, time: int
    ) -> None:
        connection = direction.connection
        ahead = direction.ahead(sequence)
        if direction.origin is not None and not -WINDOW < ahead < WINDOW:
            self.counters["resets_ignored"] += 1
            return
        direction.finished_at = direction.position + ahead + length
        if flags & _RST:
            connection.end_reason = End.RST
        elif connection.directions[1 - direction.side].finished_at is not None:
            connection.end_reason = connection.end_reason or End.FIN
        if connection.end_reason is not None and connection.closed_at is None:
            connection.closed_at = time
            self._closed[connection] = None

    # Time.

    def _sweep(self) -> None:
        """Give up holes that waited long enough, end connections that closed."""
        for direction in list(self._waiting):
            while direction.pending and self._waited(direction):
                direction.give_up(self.counters)
            if not direction.pending:
                del self._waiting[direction]
        if sum(direction.pending_bytes for direction in self._waiting) > WAIT_BYTES_ALL:
            self.counters["holes_given_up_for_memory"] += len(self._waiting)
            for direction in list(self._waiting):
                self._give_up_all(direction)
        for connection in list(self._closed):
            if connection.closed_at is None or self.now - connection.closed_at > LINGER:
                self._end(connection, connection.end_reason or End.FIN)

    def _waited(self, direction: Direction) -> bool:
        assert direction.pending
        if direction.pending_bytes > WAIT_BYTES or self.now - direction.hole_since > WAIT:
            return True
        if direction.acknowledged is None:
            return False
        hole_end = direction.pending[0].position - direction.position
        if direction.ahead(direction.acknowledged) < hole_end:
            return False
        if not direction.hole_acknowledged:
            direction.hole_acknowledged = self.now
        return self.now - direction.hole_acknowledged > WAIT_ACKNOWLEDGED

    def _give_up_all(self, direction: Direction) -> None:
        while direction.pending:
            direction.give_up(self.counters)
        self._waiting.pop(direction, None)

    def _end(self, connection: Connection, reason: End) -> None:
        for direction in connection.directions:
            self._give_up_all(direction)
        for key, direction in zip(connection.keys, connection.directions, strict=True):
            if self._directions.get(key) is direction:  # type: ignore[call-overload]
                del self._directions[key]  # type: ignore[arg-type]
        self._closed.pop(connection, None)
        if connection.handler is not None:
            connection.handler.end(reason, connection.last_frame, connection.last_time)
            connection.handler = None

    def _evict(self) -> None:
        connections = {d.connection: None for d in self._directions.values()}
        oldest = sorted(connections, key=lambda connection: connection.last_time)
        for connection in oldest[: max(1, len(oldest) // 16)]:
            self.counters["connections_evicted"] += 1
            self._end(connection, End.EVICTED)


class _Runs:
    """The runs of one block."""

    def __init__(self, columns: TransportColumns, block: PacketBlock) -> None:
        self._columns = columns
        self._block = block
        count = len(columns)
        order = _by_direction(columns)
        self._order = order
        length = columns.payload_length[order]
        sequence = columns.sequence[order]
        flags = columns.flags[order] & _SPECIAL
        missing = columns.payload_missing[order]
        # A segment continues a run when it has the same key, begins where the last one ended, and
        # neither of the two changes the connection's state or is cut.
        continues = np.zeros(count, dtype=bool)
        if count > 1:
            continues[1:] = (
                (sequence[1:] == (sequence[:-1] + length[:-1]).astype(np.uint32))
                & (flags[1:] == 0)
                & (flags[:-1] == 0)
                & (missing[:-1] == 0)
                & _same_key(columns, order)
            )
        starts = np.flatnonzero(~continues)
        stops = np.append(starts[1:], count)
        in_order = np.argsort(order[starts], kind="stable")
        self._starts = starts[in_order].tolist()
        self._stops = stops[in_order].tolist()

    def hand_to(self, table: ConnectionTable) -> None:
        """Hand every run to *table*, in the order of first packets."""
        columns, block, order = self._columns, self._block, self._order
        buffer = memoryview(block.buffer)
        packet = columns.packet[order]
        frames = (packet + block.first_frame).tolist()
        times = block.time[packet].tolist()
        offset_column = columns.payload_offset[order]
        length_column = columns.payload_length[order]
        offsets = offset_column.tolist()
        stops_in_buffer = (offset_column + length_column).tolist()
        total = np.cumsum(length_column).tolist()
        first_rows = order[np.asarray(self._starts, dtype=np.int64)]
        last_rows = order[np.asarray(self._stops, dtype=np.int64) - 1]
        keys = zip(
            columns.source[first_rows, 0].tolist(),
            columns.source[first_rows, 1].tolist(),
            columns.source_port[first_rows].tolist(),
            columns.destination[first_rows, 0].tolist(),
            columns.destination[first_rows, 1].tolist(),
            columns.destination_port[first_rows].tolist(),
            strict=True,
        )
        detached = columns.detached
        rows = order.tolist() if detached else []
        receive_run = table.receive_run
        for start, stop, key, version, flags, sequence, acknowledgment, missing in zip(
            self._starts,
            self._stops,
            keys,
            columns.version[first_rows].tolist(),
            columns.flags[first_rows].tolist(),
            columns.sequence[first_rows].tolist(),
            columns.acknowledgment[last_rows].tolist(),
            columns.payload_missing[last_rows].tolist(),
            strict=True,
        ):
            if detached:
                parts = [
                    detached[row]
                    if (row := rows[i]) in detached
                    else bytes(buffer[offsets[i] : stops_in_buffer[i]])
                    for i in range(start, stop)
                ]
                data = b"".join(parts)
            elif stop - start == 1:
                data = bytes(buffer[offsets[start] : stops_in_buffer[start]])
            else:
                data = b"".join(
                    [
                        buffer[a:b]
                        for a, b in zip(
                            offsets[start:stop], stops_in_buffer[start:stop], strict=True
                        )
                    ]
                )
            base = total[start - 1] if start else 0
            receive_run(
                key,
                version,
                flags,
                sequence,
                acknowledgment,
                data,
                [end - base for end in total[start:stop]],
                frames[start:stop],
                times[start:stop],
                missing,
            )


_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def _by_direction(columns: TransportColumns) -> npt.NDArray[np.int64]:
    """Return row numbers sorted so that each direction's rows stand together, in packet order.

    A collision of the hash only mixes two directions, which costs time, not truth: runs compare the
    whole key.
    """
    ports = (columns.source_port.astype(np.uint64) << np.uint64(16)) | columns.destination_port
    mixed = ports * _MIX[0]
    mixed ^= (columns.source[:, 1] + ports) * _MIX[1]
    mixed ^= (columns.destination[:, 1] ^ mixed) * _MIX[2]
    mixed ^= (columns.source[:, 0] * _MIX[2]) ^ (columns.destination[:, 0] * _MIX[1])
    return np.argsort(mixed, kind="stable")


def _same_key(columns: TransportColumns, order: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each row but the first, in *order*, whether it has the key of the row before."""
    same: npt.NDArray[np.bool_] = np.ones(len(order) - 1, dtype=bool)
    for column in (
        columns.source[:, 1],
        columns.destination[:, 1],
        columns.source_port,
        columns.destination_port,
        columns.source[:, 0],
        columns.destination[:, 0],
    ):
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    return same
