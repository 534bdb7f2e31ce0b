"""Where the next record begins when bytes of a stream are missing or damaged.

If a gap lies inside a record whose header was seen, the next boundary is known and exactly one record
is lost.  Else the boundary is *searched*: an offset where a header is plausible is believed when the
record there verifies.  The sequence number behind a gap is searched as well, up to as many records as
the missing bytes can have held.  Nothing is believed without MAC or tag.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.direction import RecordReader
from tqdecrypt.tls.record import HEADER, Record, RecordState, plausible_header, plausible_headers

if TYPE_CHECKING:
    from tqdecrypt.tls.session import Session

__all__ = ["MAX_SEARCH", "BoundarySearch"]

MAX_SEARCH = 1 << 16
"""Most sequence numbers tried behind a gap."""
MAX_FAILED_SEARCH = 1 << 12
"""Most tried because records did not verify: 4 ms a record, whatever a peer sends."""


class BoundarySearch(RecordReader):
    """A direction of a stream that may have gaps."""

    __slots__ = (
        "_gap_bytes",
        "_gap_records",
        "_rest",
        "_searching",
        "_skip",
    )

    def __init__(self, session: Session, side: int) -> None:
        super().__init__(session, side)
        self._rest = b""
        """An incomplete record."""
        self._skip = 0
        """Bytes to pass over: the tail of a record that lost its middle."""
        self._searching = False
        """Whether the boundary of the next record is unknown."""
        self._gap_bytes = 0
        self._gap_records = 0
        """Most records that may be missing in front of the next one; 0: its number is known."""

    @abstractmethod
    def _take(self, record: Record) -> bool:
        """Take a record by state; return False when nothing verified that it is one."""

    def gap(self, size: int, snapped: bool) -> None:
        """Take note that *size* bytes are missing behind what was received."""
        self.missing_bytes += size
        self.snapped |= snapped
        self.handshake = b""
        if self._skip >= size:
            self._skip -= size
            return
        size -= self._skip
        self._skip = 0
        rest = self._rest
        self._rest = b""
        self._gap_bytes += size + len(rest)
        if len(rest) >= HEADER and not self._searching:
            lacking = HEADER + (rest[3] << 8 | rest[4]) - len(rest)
            if size <= lacking:  # all within one record: its end is known
                self._skip = lacking - size
                self._gap_bytes += self._skip
                self._gap_records += 1
                return
        overhead = HEADER + (self.opener.overhead if self.opener else 16)
        most = self._gap_bytes // overhead + 1
        self._gap_records = min(max(self._gap_records, most), MAX_SEARCH)
        self._searching = True

    def finish(self) -> int:
        """See :meth:`RecordReader.finish`."""
        left, self._rest = len(self._rest), b""
        if self.state is not RecordState.PLAIN:
            self.dark_bytes += left
        return left

    def _find_header(self, data: bytes, position: int, frame: int) -> int:
        """Return where a record header may stand, from *position* on; else close to the end."""
        if not self._searching:
            self._searching = True
            self._gap_records = max(self._gap_records, 1)
            self._session.boundary_lost(self, frame)
        last = len(data) - HEADER
        for place in plausible_headers(data, position):
            following = place + HEADER + (data[place + 3] << 8 | data[place + 4])
            if following > last or plausible_header(data, following):
                return place
        return max(position, last + 1)

    def _records_lost(self, fragment: bytes) -> None:
        # When it was the length that was damaged, other records went down with it.
        swallowed = len(fragment) // (HEADER + self.opener.overhead) if self.opener else 0
        if self._gap_records < MAX_FAILED_SEARCH:
            self._gap_records = min(self._gap_records + 1 + swallowed, MAX_FAILED_SEARCH)

    def _look_past(
        self,
        data: bytes,
        position: int,
        ends: list[int],
        shift: int,
        frames: list[int],
        times: list[int],
    ) -> int:
        """Look behind what may be the beginning of a long record for one that verifies.

        Ciphertext can look like a header; nothing that follows may wait for its end.  Returns where
        the record that was taken ends, or 0.
        """
        for place in plausible_headers(data, position + 1):
            stop = place + HEADER + (data[place + 3] << 8 | data[place + 4])
            if stop > len(data):
                continue
            index = next(i for i, end in enumerate(ends) if end + shift >= stop)
            self._pass_over(place - position)
            record = Record(
                data[place],
                data[place + 1] << 8 | data[place + 2],
                data[place + HEADER : stop],
                frames[index],
                times[index],
                self._gap_bytes,
            )
            if self._take(record):
                self._searching = False
                return stop
            self._pass_over(position - place)
        return 0

    def _pass_over(self, size: int) -> None:
        """Take note of bytes that belong to no record that could be found."""
        self._gap_bytes += size
        if self.state is not RecordState.PLAIN:
            self.dark_bytes += size

    def _may_begin_in_sslv2(self, data: bytes, position: int) -> bool:
        """Return whether the direction's first bytes are an SSL 2.0 ClientHello that offers more."""
        return (
            self.state is RecordState.PLAIN
            and not self.exchange_count
            and not self._searching
            and data[position] < 0x90  # 4 KB: no more suites than there are
            and data[position + 2] == HandshakeType.client_hello
            and data[position + 3] == 3
        )

    def _gap_records_done(self, plaintext: bytes | None, record: Record) -> None:
        if plaintext is None:
            self._gap_bytes += HEADER + len(record.fragment)
        else:
            self._gap_bytes = self._gap_records = 0
