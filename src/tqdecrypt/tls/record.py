"""What a TLS record is, and what is known of it (RFC 5246 section 6.2, RFC 8446 section 5)."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tqdecrypt.tls.constants import HandshakeType

__all__ = [
    "ALERT_LENGTH",
    "HANDSHAKE_TYPES",
    "HEADER",
    "MAX_FRAGMENT",
    "MAX_HANDSHAKE",
    "MAX_WAITING",
    "DarkData",
    "Plaintext",
    "Record",
    "RecordState",
    "make_record",
    "plausible_header",
    "plausible_headers",
]

MAX_FRAGMENT = (1 << 14) + 2048
"""Longest TLSCiphertext fragment (RFC 5246 section 6.2.3)."""
MAX_WAITING = 1 << 20
"""Bytes of records that one direction queues for its keys: some 1,500 SIP messages."""
MAX_HANDSHAKE = 1 << 18
"""Longest handshake message that is put together; chains of 16 KB certificates are real."""
HEADER = 5
"""Length of a record header."""
ALERT_LENGTH = 2
HANDSHAKE_TYPES = frozenset(HandshakeType)


class RecordState(enum.StrEnum):
    """See :mod:`tqdecrypt.tls.direction`."""

    PLAIN = "plain"
    WAITING = "waiting"
    OPEN = "open"
    DARK = "dark"


Plaintext = tuple[bytes, int, int]
"""What was in a record of application data, with the frame that completed it and its time, ns."""
DarkData = tuple[int, int, int]
"""What is known of one that stays dark: the size of its fragment, frame and time, ns."""


class Record(NamedTuple):
    """A record that waits for its keys."""

    content_type: int
    version: int
    fragment: bytes
    frame: int
    time: int
    behind_gap: int
    """Bytes missing in front of it."""


make_record: Callable[[type[Record], tuple[int, int, bytes, int, int, int]], Record]
make_record = tuple.__new__
"""Half the price of :class:`Record`'s own constructor."""


def plausible_header(data: bytes, position: int) -> bool:
    """Return whether a record header may stand at *position* (5 bytes must be there)."""
    return (
        20 <= data[position] <= 24
        and data[position + 1] == 3
        and data[position + 2] <= 4
        and (data[position + 3] << 8 | data[position + 4]) <= MAX_FRAGMENT
    )


_BEGINNING = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]")
"""Type and version: no two of these overlap."""


def plausible_headers(data: bytes, start: int) -> Iterator[int]:
    """Yield where a record header may stand, from *start* on: :func:`plausible_header` at each place."""
    for match in _BEGINNING.finditer(data, start):
        place = match.start()
        if place + HEADER <= len(data) and plausible_header(data, place):
            yield place
