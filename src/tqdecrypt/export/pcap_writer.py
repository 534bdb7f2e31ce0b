"""Writing pcap files, with nanoseconds (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import BinaryIO

__all__ = ["LINKTYPE_RAW", "SNAP_LENGTH", "PcapWriter"]

LINKTYPE_RAW = 101
"""Packets that begin with their IP header."""
SNAP_LENGTH = 262_144
"""What libpcap takes of a packet at most; none here is longer."""
_MAGIC = 0xA1B23C4D
_FILE_HEADER = Struct("<IHHiIII")
_RECORD_HEADER = Struct("<IIII")
_SECOND = 1_000_000_000
_LATEST = (1 << 32) * _SECOND - 1
"""The last nanosecond that the format can say: in February 2106."""


class PcapWriter:
    """Writes packets that were made, one link type for all.  There is no room for comments.

    :ivar counters: ``times_clamped``, packets before 1970 or beyond what the format can say.
    """

    def __init__(self, stream: BinaryIO, link_type: int = LINKTYPE_RAW) -> None:
        self._stream = stream
        self.counters: Counter[str] = Counter()
        stream.write(_FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, SNAP_LENGTH, link_type))

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        """Write one packet; *time* in nanoseconds since 1970."""
        if not 0 <= time <= _LATEST:
            time = min(max(time, 0), _LATEST)
            self.counters["times_clamped"] += 1
        size = len(data)
        self._stream.write(_RECORD_HEADER.pack(*divmod(time, _SECOND), size, size) + data)

    def flush(self) -> None:
        """Hand over what was written."""
        self._stream.flush()
