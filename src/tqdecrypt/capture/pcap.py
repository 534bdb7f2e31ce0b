"""pcap files: a file header, then a record a packet (draft-ietf-opsawg-pcap).

Finding where records begin is the one thing that columns cannot do, since each record's length
says where the next one is.  The walk reads only that length; everything else is gathered at once.
"""

from __future__ import annotations

from struct import Struct
from typing import Literal, NamedTuple

import numpy as np

from tqdecrypt.capture.block import Interface
from tqdecrypt.capture.facts import Facts
from tqdecrypt.capture.indexed import MAX_RECORD, Indexed

__all__ = ["FILE_HEADER", "PcapIndex", "find_dialect"]

FILE_HEADER = 24
MAX_PACKET = 262_144
"""Bytes that libpcap takes of a packet at most, unless the file header promises more."""


class Dialect(NamedTuple):
    """What the magic number says."""

    byte_order: Literal["<", ">"]
    """As in :mod:`struct`."""
    nanoseconds: bool
    """Whether the fraction of a second counts nanoseconds, not microseconds."""
    record_header: int
    """Bytes in front of each packet: 16, or 24 with the interface of Kuznetzov's patch."""


_DIALECTS = {
    0xA1B2C3D4.to_bytes(4, "little"): Dialect("<", False, 16),
    0xA1B2C3D4.to_bytes(4, "big"): Dialect(">", False, 16),
    0xA1B23C4D.to_bytes(4, "little"): Dialect("<", True, 16),
    0xA1B23C4D.to_bytes(4, "big"): Dialect(">", True, 16),
    0xA1B2CD34.to_bytes(4, "little"): Dialect("<", False, 24),
    0xA1B2CD34.to_bytes(4, "big"): Dialect(">", False, 24),
}


def find_dialect(start: bytes) -> Dialect | None:
    """Return how the file that begins with *start* is written; ``None`` when it is no pcap file."""
    return _DIALECTS.get(start[:4])


class PcapIndex:
    """Finds the packets of one pcap file."""

    def __init__(self, header: bytes, dialect: Dialect, source: str, facts: Facts) -> None:
        order = dialect.byte_order
        snap_length, link = Struct(order + "II").unpack_from(header, 16)
        # The upper bits of the link type say how long the frame check sequence is.
        interface = Interface(link & 0xFFFF, snap_length, "", source)
        self._interface = facts.interface_number(interface)
        self._header = dialect.record_header
        self._longest = min(max(snap_length, MAX_PACKET), MAX_RECORD)
        self._captured_length = Struct(order + "8xI").unpack_from
        self._fields = np.dtype(order + "u4")
        self._unit = 1 if dialect.nanoseconds else 1000

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a record."""
        records, consumed, wanted, damaged = self._walk(buffer, start)
        count = len(records)
        offsets = np.array(records, np.int64)
        # Overlapping items, one at each byte: picking those at the records gathers their headers.
        items = np.ndarray((max(len(buffer) - 15, 0),), "V16", buffer, 0, (1,))
        rows = items[offsets].view(self._fields).reshape(count, 4).astype(np.int64)
        return Indexed(
            rows[:, 0] * 1_000_000_000 + rows[:, 1] * self._unit,
            offsets + self._header,
            rows[:, 2],
            rows[:, 3],
            np.full(count, self._interface, np.uint16),
            consumed,
            wanted,
            damaged,
        )

    def _walk(self, buffer: bytes, start: int) -> tuple[list[int], int, int, str]:
        """Return where whole records begin, and the last three fields of :class:`Indexed`."""
        header, longest = self._header, self._longest
        captured_length = self._captured_length
        records: list[int] = []
        append = records.append
        end = len(buffer)
        last = end - header
        position = start
        while position <= last:
            (captured,) = captured_length(buffer, position)
            following = position + header + captured
            if following > end or captured > longest:
                if captured > longest:
                    return records, position, header, f"a packet of {captured:,} bytes"
                return records, position, following - position, ""
            append(position)
            position = following
        return records, position, header, ""
