"""Several sources as one: the packets in time order, as far as each source keeps it.

Like mergecap, the source whose next packet is the earliest comes next (the one named last when they
are equal, so that frames have the numbers that mergecap gives them), and no source is sorted within
itself.  That is the same as sorting all packets, in a stable way, by the latest time that their own
source has shown up to them: the key that is used here.

Files are merged exactly.  A pipe may be silent for ever, so nobody waits for it longer than
:data:`~tqdecrypt.capture.source.IDLE`: the others then go on without it, and what it brings later is
merged with what comes from then on.
"""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.indexed import Indexed
from tqdecrypt.capture.packet_drops import joined_drops
from tqdecrypt.capture.source import IDLE, Source

__all__ = ["Packets", "merged"]

_Times = npt.NDArray[np.int64]


class Packets(NamedTuple):
    """Packets over one buffer, in the order in which they count."""

    buffer: bytes
    time: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    interface: npt.NDArray[np.uint16]
    dropped: npt.NDArray[np.int64] | None = None


_NONE = np.zeros(0, np.int64)
NOTHING = Packets(b"", _NONE, _NONE, _NONE, _NONE, _NONE.astype(np.uint16))
"""When nothing came for a while."""


def merged(sources: Sequence[Source]) -> Iterator[Packets]:
    """Yield the packets of all sources; :data:`NOTHING` when pipes have been silent for a while."""
    heads = [_Head(number, source) for number, source in enumerate(reversed(sources))]
    while heads := [head for head in heads if head.filled or head.advance()]:
        ready = [head for head in heads if head.filled]
        if not ready:
            yield NOTHING
            _wait_for_any([head.source for head in heads])
            continue
        # What any source still has comes behind the last packet of it that is in hand.
        bound = min(head.bound for head in ready)
        parts = [part for head in ready if len((part := head.take(*bound)).rising)]
        yield parts[0].packets if len(parts) == 1 else _interleaved(parts)


def _wait_for_any(sources: Sequence[Source]) -> None:
    poll = select.poll()
    for source in sources:
        poll.register(source.fileno(), select.POLLIN)
    poll.poll(IDLE * 1000)


class _Part(NamedTuple):
    """Packets of one source, and their keys."""

    packets: Packets
    rising: _Times


class _Head:
    """Where the merge stands in one source."""

    def __init__(self, number: int, source: Source) -> None:
        self.number = number
        self.source = source
        self._pieces = source.pieces()
        self._buffer = b""
        self._found: Indexed | None = None
        self._rising: _Times = _NONE
        self._latest = int(np.iinfo(np.int64).min)
        self._first = 0

    @property
    def filled(self) -> bool:
        """Whether packets are in hand."""
        return self._first < len(self._rising)

    @property
    def bound(self) -> tuple[int, int]:
        """Return the key and number of the last packet in hand."""
        return self._latest, self.number

    def advance(self) -> bool:
        """Take the next packets in hand; return False at the end.

        A pipe that stays silent leaves nothing in hand, and is not waited for until it speaks.
        """
        for buffer, found in self._pieces:
            if found is None:
                self.source.patience = 0
            else:
                self.source.patience = IDLE
                self._buffer, self._found, self._first = buffer, found, 0
                rising = np.maximum.accumulate(found.time)
                self._rising = np.maximum(rising, self._latest)
                self._latest = int(self._rising[-1])
            return True
        return False

    def take(self, key: int, number: int) -> _Part:
        """Take the packets in hand that do not come behind *key* of source *number*."""
        first, last = self._first, len(self._rising)
        if number != self.number:
            side: Literal["left", "right"] = "right" if self.number < number else "left"
            last = max(first, int(np.searchsorted(self._rising, key, side)))
        self._first = last
        rows = slice(first, last)
        found = self._found
        assert found is not None
        packets = Packets(
            self._buffer,
            found.time[rows],
            found.offset[rows],
            found.captured[rows],
            found.length[rows],
            found.interface[rows],
            None if found.dropped is None else found.dropped[rows],
        )
        part = _Part(packets, self._rising[rows])
        if not self.filled:
            self._buffer, self._found, self._rising, self._first = b"", None, _NONE, 0
        return part


def _interleaved(parts: Sequence[_Part]) -> Packets:
    """Return packets of several sources, given by number, over one new buffer."""
    buffers = []
    offsets = []
    base = 0
    for packets, _ in parts:
        start = int(packets.offset[0])
        stop = int(packets.offset[-1] + packets.captured[-1])
        buffers.append(memoryview(packets.buffer)[start:stop])
        offsets.append(packets.offset + (base - start))
        base += stop - start
    order = np.argsort(np.concatenate([part.rising for part in parts]), kind="stable")
    dropped = joined_drops([(part.packets.dropped, len(part.rising)) for part in parts])
    return Packets(
        b"".join(buffers),
        np.concatenate([part.packets.time for part in parts])[order],
        np.concatenate(offsets)[order],
        np.concatenate([part.packets.captured for part in parts])[order],
        np.concatenate([part.packets.length for part in parts])[order],
        np.concatenate([part.packets.interface for part in parts])[order],
        None if dropped is None else dropped[order],
    )
