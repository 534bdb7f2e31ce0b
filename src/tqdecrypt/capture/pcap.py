"""pcap files: a file header, then a record a packet (draft-ietf-opsawg-pcap).

Finding where records begin is the one thing that columns cannot do, since each record's length
says where the next one is.  The walk reads only that length; everything else is gathered at once.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import Interface

__all__ = ["FILE_HEADER", "Dialect", "PcapIndex", "find_dialect"]

FILE_HEADER = 24
MAX_PACKET = 1 << 28
"""No packet is longer than 256 MiB; a length beyond that is damage."""


class Dialect(NamedTuple):
    """What the magic number says."""

    byte_order: str
    """``<`` or ``>``, as in :mod:`struct`."""
    nanoseconds: bool
    record_header: int
    """Bytes in front of each packet: 16, or 24 with the interface of Kuznetzov's patch."""


_MAGIC = {
    0xA1B2C3D4: (False, 16),
    0xA1B23C4D: (True, 16),
    0xA1B2CD34: (False, 24),
}


def find_dialect(start: bytes) -> Dialect | None:
    """Return how the file that begins with *start* is written; ``None`` when it is no pcap file."""
    for byte_order, name in (("<", "little"), (">", "big")):
        known = _MAGIC.get(int.from_bytes(start[:4], name))  # type: ignore[arg-type]
        if known is not None and len(start) >= 4:
            return Dialect(byte_order, *known)
    return None


class Indexed(NamedTuple):
    """What one step of the walk found."""

    time: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    consumed: int
    """Where the next record begins."""
    damaged: str
    """What is wrong there; empty when nothing is."""
    interface: npt.NDArray[np.uint16] | None = None
    """Column of interface numbers; ``None`` when there is only one."""


class PcapIndex:
    """Finds the packets in a buffer that holds records of one pcap file."""

    def __init__(self, header: bytes, source: str) -> None:
        dialect = find_dialect(header)
        assert dialect is not None
        self.dialect = dialect
        order = dialect.byte_order
        snap_length, link = Struct(order + "II").unpack_from(header, 16)
        # The upper bits of the link type say how long the frame check sequence is.
        self.interfaces = [Interface(link & 0xFFFF, snap_length, "", source)]
        self._captured_length = Struct(order + "8xI").unpack_from
        self._unit = 1 if dialect.nanoseconds else 1000

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a record."""
        header = self.dialect.record_header
        offsets, position, damaged = self._walk(buffer, start, len(buffer))
        count = len(offsets)
        if not count:
            empty = np.zeros(0, np.int64)
            return Indexed(empty, empty, empty, empty, position, damaged)
        records = np.array(offsets, np.int64)
        items = np.ndarray((len(buffer) - 15,), "V16", buffer, 0, (1,))
        rows = items[records].view(self.dialect.byte_order + "u4").reshape(count, 4)
        rows = rows.astype(np.int64)
        return Indexed(
            rows[:, 0] * 1_000_000_000 + rows[:, 1] * self._unit,
            records + header,
            rows[:, 2],
            rows[:, 3],
            position,
            damaged,
        )

    def _walk(self, buffer: bytes, start: int, end: int) -> tuple[list[int], int, str]:
        """Return where records begin, where the next one would, and what is wrong there."""
        header = self.dialect.record_header
        captured_length = self._captured_length
        offsets: list[int] = []
        append = offsets.append
        last = end - header
        position = start
        while position <= last:
            append(position)
            position += header + captured_length(buffer, position)[0]
        if position > end:  # the last one is not whole
            position = offsets.pop()
            (captured,) = captured_length(buffer, position)
            if captured > MAX_PACKET:
                return offsets, position, f"a record of {captured:,} bytes"
        return offsets, position, ""
