"""The parts that DTLS is put together from: records with their places, numbers, fragments.

RFC 6347 sections 4.1 and 4.2.3.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.tls.record import MAX_FRAGMENT

__all__ = ["DtlsRecord", "Fragments", "RecordNumbers", "looks_like_dtls", "split_datagram"]

RECORD_HEADER = 13
HANDSHAKE_HEADER = 12
WINDOW = 64
"""Records that may overtake another one.  A peer's own window is mostly as wide (RFC 6347 section
4.1.2.6), so that what comes later than that is of no use to the peer either."""
MAX_NUMBER = (1 << 48) - 1
MOST_NUMBERS = 1 << 13
"""How far behind the newest record a number may stand that was not seen yet: 1 KB a direction.  What
is older, and not seen, cannot be told from a repetition."""
MAX_MESSAGES = 32
"""How far a handshake message may be ahead of the one that comes next; no flight has as many."""
MAX_FRAGMENTS = 512
"""Fragments of one handshake message: those of the longest, in the smallest datagrams of IP."""
MOST_TRIED = 4
"""Records that are tried to see whether secrets fit: the first may be damaged."""
MAX_EPOCHS = 4
"""Epochs of a direction that are known at a time: the present, two before it and the next."""


MOST_NUMBERS = 1 << 13
"""How far behind the newest record a number may stand that was not seen yet: 1 KB a direction.  What
is older, and not seen, cannot be told from a repetition."""
MAX_MESSAGES = 32
"""How far a handshake message may be ahead of the one that comes next; no flight has as many."""
MAX_FRAGMENTS = 512
"""Fragments of one handshake message: those of the longest, in the smallest datagrams of IP."""
MOST_TRIED = 4
"""Records that are tried to see whether secrets fit: the first may be damaged."""
MAX_EPOCHS = 4
"""Epochs of a direction that are known at a time: the present, two before it and the next."""


MAX_FRAGMENTS = 512
"""Fragments of one handshake message: those of the longest, in the smallest datagrams of IP."""
MOST_TRIED = 4
"""Records that are tried to see whether secrets fit: the first may be damaged."""
MAX_EPOCHS = 4
"""Epochs of a direction that are known at a time: the present, two before it and the next."""


def looks_like_dtls(data: bytes) -> bool:
    """Return whether a datagram begins with a DTLS record (RFC 7983: first byte 20 … 63)."""
    return (
        len(data) >= RECORD_HEADER
        and 20 <= data[0] <= 25
        and data[1] == 0xFE
        and data[2] in (0xFF, 0xFD)
        and RECORD_HEADER + (data[11] << 8 | data[12]) <= len(data)
    )


class DtlsRecord(NamedTuple):
    """A record with its place."""

    content_type: int
    version: int
    sequence: int
    """Epoch and sequence number as one number of 64 bits, as the MAC covers them."""
    fragment: bytes
    frame: int
    time: int

    @property
    def epoch(self) -> int:
        """How many ChangeCipherSpecs went before it."""
        return self.sequence >> 48

    @property
    def number(self) -> int:
        """Its number in the epoch, of 48 bits."""
        return self.sequence & MAX_NUMBER


def split_datagram(data: bytes, frame: int, time: int) -> tuple[list[DtlsRecord], bool]:
    """Return the records of a datagram, and whether all of it was records."""
    records: list[DtlsRecord] = []
    position = 0
    while position < len(data):
        header = data[position : position + RECORD_HEADER]
        start, length = position + RECORD_HEADER, int.from_bytes(header[11:], "big")
        if len(header) < RECORD_HEADER or header[1] != 0xFE or length > MAX_FRAGMENT:
            return records, False
        if start + length > len(data):
            return records, False
        version, sequence = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:11], "big")
        fragment = data[start : start + length]
        records.append(DtlsRecord(header[0], version, sequence, fragment, frame, time))
        position = start + length
    return records, True


class RecordNumbers:
    """Which record numbers of an epoch were seen; see :data:`MOST_NUMBERS`."""

    __slots__ = ("_floor", "_mask", "given_up")

    def __init__(self) -> None:
        self._floor = 0
        """All below were seen, or given up."""
        self._mask = 0
        """Bit *i*: the number *i* above the floor was seen."""
        self.given_up = 0
        """Numbers below the floor that were not seen."""

    def __contains__(self, number: int) -> bool:
        ahead = number - self._floor
        return ahead < 0 or (ahead < MOST_NUMBERS and bool(self._mask >> ahead & 1))

    def reach(self, number: int) -> bool:
        """Return whether all numbers up to this one were seen."""
        return number < self._floor

    def add(self, number: int) -> None:
        """Remember a number that was not seen before."""
        if number - self._floor >= MOST_NUMBERS:
            self._raise_floor(number - MOST_NUMBERS // 2)
        self._mask |= 1 << (number - self._floor)
        ones = (~self._mask & (self._mask + 1)).bit_length() - 1
        self._mask >>= ones
        self._floor += ones

    @property
    def missing(self) -> int:
        """How many numbers below the highest were never seen."""
        return self.given_up + self._mask.bit_length() - self._mask.bit_count()

    def _raise_floor(self, floor: int) -> None:
        up = floor - self._floor
        below = self._mask & ((1 << min(up, MOST_NUMBERS)) - 1)
        self.given_up += up - below.bit_count()
        self._mask >>= up
        self._floor = floor


class Fragments:
    """A handshake message that is being put together (RFC 6347 section 4.2.3)."""

    __slots__ = ("_fragments", "kind", "length")

    def __init__(self, kind: int, length: int) -> None:
        self.kind = kind
        self.length = length
        self._fragments: dict[int, bytes] = {}

    def add(self, offset: int, fragment: bytes) -> None:
        """Take a fragment; past :data:`MAX_FRAGMENTS` it is left out, and so is the message."""
        known = self._fragments.get(offset)
        if known is None and len(self._fragments) >= MAX_FRAGMENTS:
            return
        if known is None or len(known) < len(fragment):
            self._fragments[offset] = fragment

    def whole(self) -> bytes | None:
        """Return the message's body; ``None`` while a part is missing."""
        body = bytearray()
        for offset, fragment in sorted(self._fragments.items()):
            if offset > len(body):
                return None
            body += fragment[len(body) - offset :]
        return bytes(body) if len(body) == self.length else None
