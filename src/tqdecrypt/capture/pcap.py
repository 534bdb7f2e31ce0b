"""pcap files: a file header, then a record a packet (draft-ietf-opsawg-pcap).

Finding where records begin is the one thing that columns cannot do, since each record's length
says where the next one is.  The walk reads only that length, and believes it; everything else,
whether it was to be believed too, is gathered at once.
"""

from __future__ import annotations

from struct import Struct, error
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
        self._captured_length = Struct(order + "8xI4x").unpack_from
        self._fields = np.dtype(order + "u4")
        self._unit = 1 if dialect.nanoseconds else 1000

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a record."""
        records, position = self._walk(buffer, start)
        offsets = np.array(records, np.int64)
        # Overlapping items, one at each byte: picking those at the records gathers their headers.
        items = np.ndarray((max(len(buffer) - 15, 0),), "V16", buffer, 0, (1,))
        rows = items[offsets].view(self._fields).reshape(len(records), 4).astype(np.int64)
        whole, wanted, damaged = len(records), self._header, ""
        insane = rows[:, 2] > self._longest
        if insane.any():
            whole = int(insane.argmax())
            damaged = f"a packet of {rows[whole, 2]:,} bytes"
        elif position > len(buffer):
            whole -= 1
            wanted = position - records[whole]
        rows, offsets = rows[:whole], offsets[:whole]
        return Indexed(
            rows[:, 0] * 1_000_000_000 + rows[:, 1] * self._unit,
            offsets + self._header,
            rows[:, 2],
            rows[:, 3],
            np.full(whole, self._interface, np.uint16),
            position if whole == len(records) else records[whole],
            wanted,
            damaged,
        )

    def _walk(self, buffer: bytes, start: int) -> tuple[list[int], int]:
        """Return where records begin, the last of which may not be whole, and where the next would.

        Nothing is compared here: reading beyond the buffer raises, and ends the walk.
        """
        header = self._header
        captured_length = self._captured_length
        records: list[int] = []
        append = records.append
        position = start
        try:
            while True:
                (captured,) = captured_length(buffer, position)
                append(position)
                position += header + captured
        except error:
            return records, position
