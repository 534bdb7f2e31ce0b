"""The runs of a block: numpy finds them, Python walks once a run.

A *run* is a stretch of segments of one direction, each of which begins where the one before it
ended.  A segment that the snap length cut ends its run; one with SYN, FIN or RST, or without
payload, stands alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.packet.transport import ControlBits, TransportColumns
from tqdecrypt.tcp.connection import Key

__all__ = ["TakeRun", "hand_runs"]

RUNS_BETWEEN_PAUSES = 256
"""Some milliseconds' worth of Python."""

_SPECIAL = int(ControlBits.FIN | ControlBits.SYN | ControlBits.RST)


class TakeRun(Protocol):
    """Takes a run: the control bits are those of all segments, the acknowledgment is the last."""

    def __call__(
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
        """Segment *i* ends at ``data[: ends[i]]``; *missing* bytes were cut off behind the last."""


def hand_runs(
    columns: TransportColumns, block: PacketBlock, take: TakeRun, pause: Callable[[], None]
) -> None:
    """Hand every run of a block to *take*, in the order of first packets.

    :param pause: called after every :data:`RUNS_BETWEEN_PAUSES` runs.
    """
    if not len(columns):
        return
    order = _by_direction(columns)
    starts, stops = _find_runs(columns, order)
    buffer = memoryview(block.buffer)
    packet = columns.packet[order]
    frames = (packet + block.first_frame).tolist()
    times = block.time[packet].tolist()
    offset_column = columns.payload_offset[order]
    length_column = columns.payload_length[order]
    offsets = offset_column.tolist()
    stops_in_buffer = (offset_column + length_column).tolist()
    total = np.cumsum(length_column).tolist()
    first_rows = order[starts]
    last_rows = order[stops - 1]
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
    for number, start, stop, key, version, flags, sequence, acknowledgment, missing in zip(
        range(1, len(starts) + 1),
        starts.tolist(),
        stops.tolist(),
        keys,
        columns.version[first_rows].tolist(),
        columns.flags[first_rows].tolist(),
        columns.sequence[first_rows].tolist(),
        columns.acknowledgment[last_rows].tolist(),
        columns.payload_missing[last_rows].tolist(),
        strict=True,
    ):
        if stop - start == 1 and not detached:
            first, behind = offsets[start], stops_in_buffer[start]
            data = bytes(buffer[first:behind]) if first < behind else b""
            ends = [behind - first]
        elif detached:
            data = b"".join(
                [
                    detached[row]
                    if (row := rows[i]) in detached
                    else buffer[offsets[i] : stops_in_buffer[i]]
                    for i in range(start, stop)
                ]
            )
            base = total[start - 1] if start else 0
            ends = [end - base for end in total[start:stop]]
        else:
            pairs = zip(offsets[start:stop], stops_in_buffer[start:stop], strict=True)
            data = b"".join([buffer[a:b] for a, b in pairs])
            base = total[start - 1] if start else 0
            ends = [end - base for end in total[start:stop]]
        take(
            key,
            version,
            flags,
            sequence,
            acknowledgment,
            data,
            ends,
            frames[start:stop],
            times[start:stop],
            missing,
        )
        if not number % RUNS_BETWEEN_PAUSES:
            pause()


def _find_runs(
    columns: TransportColumns, order: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where runs start and stop in *order*, sorted by first packet."""
    length = columns.payload_length[order]
    sequence = columns.sequence[order]
    plain = (columns.flags[order] & _SPECIAL == 0) & (length > 0)
    # A segment continues a run when it has the same key, begins where the last one ended, and both
    # carry payload and do not change the connection's state; nothing continues one that is cut.
    continues = np.zeros(len(columns), dtype=bool)
    continues[1:] = (
        (sequence[1:] == (sequence[:-1] + length[:-1]).astype(np.uint32))
        & plain[1:]
        & plain[:-1]
        & (columns.payload_missing[order][:-1] == 0)
        & _same_key(columns, order)
    )
    starts = np.flatnonzero(~continues)
    stops = np.append(starts[1:], len(columns))
    by_first_packet = np.argsort(order[starts], kind="stable")
    return starts[by_first_packet], stops[by_first_packet]


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
