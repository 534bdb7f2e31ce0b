"""Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

What stands in two fragments is taken from the one that came first, as most receivers do; a fragment
that contradicts the datagram's end is malformed.  Three bounds, and the oldest datagram goes first:

* ``MAX_AGE``: identifications are reused.  30 seconds is what Linux waits (``ipfrag_time``).
* ``MAX_DATAGRAMS`` and ``MAX_BYTES``: a flood of fragments that never become whole must not grow.
  The bytes hold a thousand datagrams of the greatest size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TypeAlias

from tqdecrypt.errors import Malformed
from tqdecrypt.packet.outcome import Address, Dropped

__all__ = ["MAX_AGE", "MAX_BYTES", "MAX_DATAGRAMS", "OVERLAPS", "FragmentKey", "FragmentTable"]

MAX_AGE = 30_000_000_000
"""Nanoseconds of capture time between a datagram's first and its last fragment."""
MAX_DATAGRAMS = 4096
"""Datagrams that wait at the same time."""
MAX_BYTES = 64 << 20
"""Memory that waiting fragments may take."""
MAX_DATAGRAM_LENGTH = 65_535
"""Most bytes of payload that a fragment's offset can reach (RFC 791 section 3.1)."""
MOST_FRAMES = 1 << 13
"""Frames of one datagram that are remembered: as many as it can have fragments (8 bytes each)."""
PIECE_OVERHEAD = 128
"""About what Python needs for a piece beside its bytes: many small ones must count, too."""

OVERLAPS = "fragments_overlapping"
"""Counter: fragments of which a part was there already, and another part was new."""

FragmentKey: TypeAlias = tuple[int, Address, Address, int, int]
"""IP version, source, destination, identification and (IPv4 only) protocol."""


class _Datagram:
    """The pieces of one datagram that are there, in order and free of overlap."""

    __slots__ = ("data", "fragments", "frames", "held", "length", "protocol", "started", "starts")

    def __init__(self, time: int) -> None:
        self.started = time
        self.starts: list[int] = []
        self.data: list[bytes] = []
        self.held = 0
        """Bytes in all pieces."""
        self.length: int | None = None
        """Length of the whole; known from the last fragment."""
        self.fragments = 0
        self.frames: list[int] = []
        """Of its fragments, repeated ones among them."""
        self.protocol: int | None = None
        """Protocol of the payload: what the fragment at offset 0 says (RFC 8200 section 4.5)."""

    @property
    def end(self) -> int:
        """Offset behind the last piece."""
        return self.starts[-1] + len(self.data[-1]) if self.starts else 0

    @property
    def memory(self) -> int:
        return self.held + PIECE_OVERHEAD * len(self.data)

    @property
    def complete(self) -> bool:
        return self.held == self.length

    def check_end(self, stop: int, more: bool) -> None:
        """Raise :class:`Malformed` when a fragment up to *stop* contradicts what is known."""
        length = self.length
        if length is None and not more:
            length = stop
        if length is not None and (stop > length or self.end > length):
            raise Malformed("fragments within their datagram", stop)
        if not more and stop != length:
            raise Malformed("one end of a datagram", stop)

    def add(self, start: int, data: bytes) -> int:
        """Add what is new of *data* at offset *start*; return how many bytes that is."""
        place = bisect_left(self.starts, start)
        position, stop = start, start + len(data)
        if place:
            position = max(position, self.starts[place - 1] + len(self.data[place - 1]))
        before = self.held
        while position < stop:
            known = self.starts[place] if place < len(self.starts) else stop
            if position < known:
                piece = data[position - start : min(known, stop) - start]
                self.starts.insert(place, position)
                self.data.insert(place, piece)
                self.held += len(piece)
                place += 1
            if place == len(self.starts):
                break
            position = self.starts[place] + len(self.data[place])
            place += 1
        return self.held - before


class FragmentTable:
    """Datagrams that wait for their fragments.

    Keeps the counters of fragments true in *counters*: ``fragments_waiting``,
    ``fragments_reassembled``, ``fragments_dropped`` (see :class:`Dropped`) and
    ``fragments_overlapping``.
    """

    def __init__(
        self,
        counters: Counter[str] | None = None,
        *,
        max_age: int = MAX_AGE,
        max_datagrams: int = MAX_DATAGRAMS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.counters: Counter[str] = Counter() if counters is None else counters
        self.memory = 0
        """Bytes that waiting fragments take."""
        self.unit: tuple[int, ...] = ()
        """Frames that hold what is being decoded: set to that of each packet by who cares, and to those of
        all fragments by a datagram that they complete."""
        self._datagrams: dict[FragmentKey, _Datagram] = {}
        self._max_age = max_age
        self._max_datagrams = max_datagrams
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._datagrams)

    def receive(
        self, key: FragmentKey, protocol: int, start: int, more: bool, data: bytes, time: int
    ) -> tuple[int, bytes] | Dropped:
        """Take a fragment.

        :param protocol: of the payload, as this fragment says.
        :param start: offset of *data* in the datagram.
        :param more: whether fragments follow behind it.
        :param time: capture time in nanoseconds.
        :return: protocol and payload of the datagram that it completes, or what became of it.
        :raises Malformed: it fits neither the rules nor the datagram.
        """
        stop = start + len(data)
        if not data or (more and len(data) % 8) or stop > MAX_DATAGRAM_LENGTH:
            raise Malformed("a fragment of 8, 16, … bytes up to 65535", len(data))
        self._expire(time)
        datagram = self._datagrams.get(key) or _Datagram(time)
        datagram.check_end(stop, more)
        if len(datagram.frames) < MOST_FRAMES:
            datagram.frames += self.unit
        before = datagram.memory
        new = datagram.add(start, data)
        if not more and datagram.length is None:
            datagram.length = stop
        elif not new:
            return Dropped.FRAGMENT_DUPLICATE
        if new < len(data):
            self.counters[OVERLAPS] += 1
        if start == 0 and datagram.protocol is None:
            datagram.protocol = protocol
        datagram.fragments += 1
        if datagram.complete and datagram.protocol is not None:
            return self._take(key, datagram, before)
        self.memory += datagram.memory - before
        self._datagrams[key] = datagram
        return self._make_room(key)

    def _take(
        self, key: FragmentKey, datagram: _Datagram, memory: int
    ) -> tuple[int, bytes] | Dropped:
        if self._datagrams.pop(key, None) is not None:
            self.memory -= memory
        self._move(datagram.fragments - 1, Dropped.FRAGMENT_REASSEMBLED)
        self.unit = tuple(datagram.frames)
        assert datagram.protocol is not None
        return datagram.protocol, b"".join(datagram.data)

    def _move(self, fragments: int, to: Dropped) -> None:
        """Count fragments that waited elsewhere."""
        self.counters[Dropped.FRAGMENT_WAITING] -= fragments
        self.counters[to] += fragments

    def _drop(self, key: FragmentKey) -> _Datagram:
        datagram = self._datagrams.pop(key)
        self.memory -= datagram.memory
        return datagram

    def _expire(self, now: int) -> None:
        while self._datagrams:
            key, oldest = next(iter(self._datagrams.items()))
            if now - oldest.started <= self._max_age:
                return
            self._move(self._drop(key).fragments, Dropped.FRAGMENT_DROPPED)

    def _make_room(self, newest: FragmentKey) -> Dropped:
        """Give up the oldest while there is too much; return what became of *newest*'s fragment."""
        while len(self._datagrams) > self._max_datagrams or self.memory > self._max_bytes:
            key = next(iter(self._datagrams))
            dropped = self._drop(key).fragments
            if key == newest:  # its last fragment was not counted as waiting yet
                self._move(dropped - 1, Dropped.FRAGMENT_DROPPED)
                return Dropped.FRAGMENT_DROPPED
            self._move(dropped, Dropped.FRAGMENT_DROPPED)
        return Dropped.FRAGMENT_WAITING
