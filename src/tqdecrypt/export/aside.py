"""Packets that wait in a temporary file until others have been read.

Signalling and media come out of two readings of the same captures.  Signalling is the smaller one, so it is
what is put aside; memory holds one packet of it, however many there are.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from struct import Struct
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tqdecrypt.export.signalling import PacketWriter

__all__ = ["PacketsAside"]

_HEAD = Struct("=qII")
"""Time, octets of the packet, octets of its comment."""


class PacketsAside:
    """A :class:`~tqdecrypt.export.signalling.PacketWriter` whose packets are handed on later.

    First everything is written, then :meth:`hand_on` is called with times that mostly rise.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        """See :class:`~tqdecrypt.export.signalling.PacketWriter`; all that it can say fits."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._next: tuple[int, bytes, str] | None = None
        self._reading = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        """Put a packet aside."""
        words = comment.encode("utf-8", "backslashreplace")
        self._file.write(b"".join((_HEAD.pack(time, len(data), len(words)), data, words)))

    def flush(self) -> None:
        """See :class:`~tqdecrypt.export.signalling.PacketWriter`: nobody reads it yet."""

    def hand_on(self, writer: PacketWriter, until: int | None = None) -> None:
        """Write what comes next to *writer*, in the order in which it was put aside.

        :param until: the time of a packet that is to stand behind it, ns; everything by default.
        """
        if not self._reading:
            self._reading = True
            self._file.seek(0)
            self._next = self._read()
        while self._next is not None and (until is None or self._next[0] <= until):
            writer.write(*self._next)
            self._next = self._read()

    def _read(self) -> tuple[int, bytes, str] | None:
        head = self._file.read(_HEAD.size)
        if not head:
            return None
        time, size, words = _HEAD.unpack(head)
        data = self._file.read(size)
        return time, data, self._file.read(words).decode()
