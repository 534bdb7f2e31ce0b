"""Packets that are to be delivered, in order, until it is known that they were.

Whoever delivers reads packets, and settles them when they are delivered; what was read but not settled when
a connection broke is read once more.  :class:`MemoryBacklog` keeps them in memory, within a bound;
:class:`~tqdecrypt.export.spool.Spool` on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Backlog", "MemoryBacklog"]


class Backlog(Protocol):
    """What a :class:`~tqdecrypt.export.delivery.Delivery` is fed from."""

    @property
    def pending(self) -> int:
        """Packets that are not settled."""

    def has_room(self, size: int) -> bool:
        """Return whether a packet of *size* bytes can be added without losing another."""

    def append(self, packet: bytes) -> int:
        """Add a packet; return how many older ones had to go for it."""

    def read(self, most_bytes: int) -> Sequence[bytes]:
        """Return the next packets, at least one if there is any."""

    def settle(self, number: int) -> None:
        """The oldest *number* packets are delivered."""

    def rewind(self) -> None:
        """Read again from the oldest that is not settled."""

    def sync(self) -> None:
        """See to it that what was added survives, as far as it can."""

    def close(self) -> None:
        """Nothing more is added, read or settled."""


class MemoryBacklog:
    """Keeps packets in memory.

    :param most_bytes: when there are more, the oldest goes for the newest.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._packets: deque[bytes] = deque()
        self._bytes = 0
        self._read = 0

    @property
    def pending(self) -> int:
        """See :class:`Backlog`."""
        return len(self._packets)

    def has_room(self, size: int) -> bool:
        """See :class:`Backlog`."""
        return not self._packets or self._bytes + size <= self._most_bytes

    def append(self, packet: bytes) -> int:
        """See :class:`Backlog`.  What was read already is being sent, and stays."""
        dropped = 0
        while not self.has_room(len(packet)) and len(self._packets) > self._read:
            self._bytes -= len(self._packets[self._read])
            del self._packets[self._read]
            dropped += 1
        self._packets.append(packet)
        self._bytes += len(packet)
        return dropped

    def read(self, most_bytes: int) -> Sequence[bytes]:
        """See :class:`Backlog`."""
        packets: list[bytes] = []
        size = 0
        while self._read < len(self._packets):
            packet = self._packets[self._read]
            size += len(packet)
            if packets and size > most_bytes:
                break
            packets.append(packet)
            self._read += 1
        return packets

    def settle(self, number: int) -> None:
        """See :class:`Backlog`."""
        for _ in range(number):
            self._bytes -= len(self._packets.popleft())
        self._read -= number

    def rewind(self) -> None:
        """See :class:`Backlog`."""
        self._read = 0

    def sync(self) -> None:
        """See :class:`Backlog`: memory does not survive."""

    def close(self) -> None:
        """See :class:`Backlog`."""
