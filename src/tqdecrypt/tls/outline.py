"""The records of one direction by their headers alone: type, length, frame and time, and no byte of content.

For support bundles and the like.  It runs beside the record layer, knows no keys, keeps no data, and may
be off behind a gap until it finds a boundary again: :attr:`RecordOutline.lost` counts those.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tqdecrypt.tls.constants import ContentType
from tqdecrypt.tls.record import HEADER, plausible_header

__all__ = ["RecordFacts", "RecordOutline", "outline_datagram"]

DTLS_HEADER = 13
"""Length of a record header (RFC 6347 section 4.1)."""
DTLS_TYPES = range(20, 26)


class RecordFacts(NamedTuple):
    """What the header of a record says, and when the record was complete."""

    content_type: int
    length: int
    """Bytes of its fragment, protection included."""
    frame: int
    time: int
    """Nanoseconds since 1970-01-01 UTC."""


class RecordOutline:
    """Finds the records of one direction.

    :ivar lost: how often the next boundary was not where it should be, or a gap swallowed it.
    :ivar missing: records whose end, or whose middle, the capture lacks.
    """

    __slots__ = (
        "_content_type",
        "_damaged",
        "_head",
        "_inside",
        "_left",
        "_length",
        "_searching",
        "_started",
        "lost",
        "missing",
    )

    def __init__(self) -> None:
        self.lost = 0
        self.missing = 0
        self._head = b""
        """The beginning of a header."""
        self._content_type = 0
        self._length = 0
        self._left = 0
        """Bytes of the present record that are still to come."""
        self._inside = False
        """Whether the header of a record was seen, and its end not yet."""
        self._damaged = False
        """Whether bytes of it are missing."""
        self._searching = False
        self._started = False

    def receive(
        self, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> list[RecordFacts]:
        """Take in-order bytes, packet *i* of which completed ``data[: ends[i]]``; return what ended."""
        shift = len(self._head)
        data, self._head = self._head + data, b""
        found: list[RecordFacts] = []
        position = index = 0
        while position < len(data):
            if self._inside:
                taken = min(self._left, len(data) - position)
                position += taken
                self._left -= taken
                if self._left:
                    break
                self._inside = False
                while ends[index] + shift < position:
                    index += 1
                if self._damaged:
                    self.missing += 1
                else:
                    record = self._content_type, self._length, frames[index], times[index]
                    found.append(RecordFacts(*record))
                continue
            if self._searching:
                position = self._find(data, position, [0, *(end + shift for end in ends[:-1])])
                if self._searching:
                    break
            if len(data) - position < HEADER:
                self._head = data[position:]
                break
            position = self._begin(data, position)
            if self._inside and not self._length:  # it ends where its header does
                while ends[index] + shift < position:
                    index += 1
                found.append(RecordFacts(self._content_type, 0, frames[index], times[index]))
                self._inside = False
        return found

    def gap(self, size: int) -> None:
        """Take note that *size* bytes are missing behind what was received."""
        if self._inside:
            self._left -= size
            self._damaged = True
            if self._left > 0:
                return
            self.missing += 1
            self._inside = False
            if not self._left:  # the next record begins behind the gap
                return
        self.lost += not self._searching
        self._head, self._left, self._searching = b"", 0, True

    def _begin(self, data: bytes, position: int) -> int:
        """Begin a record at *position*; return where its fragment begins."""
        if plausible_header(data, position):
            self._started, self._inside, self._damaged = True, True, False
            self._content_type = data[position]
            self._length = self._left = data[position + 3] << 8 | data[position + 4]
            return position + HEADER
        if not self._started and data[position] & 0x80 and data[position + 2] == 1:
            # A ClientHello in SSL 2.0 format (RFC 5246 appendix E.2): its length has two bytes.
            self._started, self._inside, self._damaged = True, True, False
            self._content_type = ContentType.handshake
            self._length = self._left = (data[position] & 0x7F) << 8 | data[position + 1]
            return position + 2
        self.lost += 1
        self._searching = True
        return position + 1

    def _find(self, data: bytes, position: int, starts: list[int]) -> int:
        """Look for a packet that begins with a record whose successor is plausible, too."""
        for start in starts:
            if start < position or len(data) - start < HEADER or not plausible_header(data, start):
                continue
            following = start + HEADER + (data[start + 3] << 8 | data[start + 4])
            if len(data) - following < HEADER or plausible_header(data, following):
                self._searching = False
                return start
        return len(data)


def outline_datagram(data: bytes, frame: int, time: int) -> Iterator[RecordFacts]:
    """Yield the records of a DTLS datagram; what cannot be one ends it."""
    position = 0
    while len(data) - position >= DTLS_HEADER and data[position] in DTLS_TYPES:
        length = data[position + 11] << 8 | data[position + 12]
        if position + DTLS_HEADER + length > len(data):
            return
        yield RecordFacts(data[position], length, frame, time)
        position += DTLS_HEADER + length
