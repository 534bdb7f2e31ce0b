"""Tells what the capture lost from what the network lost.

A network that drops packets drops those of one path.  What drops packets of a capture (a full buffer, a
mirror port with too little bandwidth) drops whatever comes: both directions of a call and the calls beside it
lack packets at the same moment.  So a loss counts as the capture's when most of the streams that had packets
just then lack some, too, in both directions, or those of several calls.

Some captures say themselves in front of which packet they lost how many (``epb_dropcount``).  A place at
which a stream lacks packets is explained by that when the drop lies between its packet in front and the one
behind, and by no more packets than were dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.stream import Stream
from tqdecrypt.media.update import LossLog

__all__ = ["CaptureLoss", "LossMoments"]

MOST_MOMENTS = 200_000
"""Moments of loss kept of a capture, 24 bytes each; later ones count as the network's."""
NEAR = 60_000_000
"""Nanoseconds in which the streams of one moment show it: each does with its next packet, at most 60 ms
later with any usual ptime."""
SHARE = 0.5
"""Streams of those that had packets then that must lack some."""
FEWEST = 2
"""Streams that must."""

MOST_DROPS = 200_000
"""Places kept at which the capture says that it lost packets, 16 bytes each."""

_Integers = npt.NDArray[np.int64]


@dataclass(slots=True)
class CaptureLoss:
    """What the capture lost of a stream."""

    told: int = 0
    """Packets of which it says so itself."""
    shared: int = 0
    """Others, which other streams lack at the same moment."""

    def on(self, stream: Stream) -> Stream:
        """Return the stream with what the capture lost of it."""
        told = min(self.told, stream.lost)
        lost = min(told + self.shared, stream.lost)
        return replace(stream, capture_lost=lost, capture_told=told)


class LossMoments:
    """Collects losses while a capture is read, and judges them at its end.

    :ivar dropped: moments beyond those that are kept.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._logs: list[LossLog] = []
        self._kept = 0
        self._drops: list[tuple[_Integers, _Integers]] = []
        self._drops_kept = 0

    def receive(self, log: LossLog) -> None:
        """Take the losses of a block."""
        if self._kept + len(log.time) > MOST_MOMENTS:
            self.dropped += len(log.time)
            return
        self._kept += len(log.time)
        self._logs.append(log)

    def dropped_in_front(self, time: _Integers, counts: _Integers) -> None:
        """Take what a block says of packets that the capture lost.

        :param time: of each packet.
        :param counts: packets lost in front of each.
        """
        which = np.flatnonzero(counts)
        if self._drops_kept + len(which) > MOST_DROPS:
            self.dropped += len(which)
            return
        self._drops_kept += len(which)
        self._drops.append((time[which], counts[which]))

    def judge(self, streams: Sequence[Stream]) -> Mapping[int, CaptureLoss]:
        """Return what the capture lost of each stream (by its number)."""
        if not self._logs:
            return {}
        order = np.argsort(np.concatenate([log.time for log in self._logs]), kind="stable")
        time, number, lost, since = (
            np.concatenate(columns)[order] for columns in zip(*self._logs, strict=True)
        )
        found: dict[int, CaptureLoss] = {}
        told = self._told(time, since, lost)
        for place in np.flatnonzero(told).tolist():
            found.setdefault(int(number[place]), CaptureLoss()).told += int(told[place])
        for place in _shared(time, number, streams):
            rest = int(lost[place] - told[place])
            if rest:
                found.setdefault(int(number[place]), CaptureLoss()).shared += rest
        return found

    def _told(self, time: _Integers, since: _Integers, lost: _Integers) -> _Integers:
        """Return how many of the packets missing at each place were dropped by what the capture says."""
        told = np.zeros(len(time), np.int64)
        if not self._drops:
            return told
        order = np.argsort(np.concatenate([one for one, _ in self._drops]), kind="stable")
        at, left = (np.concatenate(column)[order] for column in zip(*self._drops, strict=True))
        first = np.searchsorted(at, since, "right")
        last = np.searchsorted(at, time, "right").tolist()
        behind = list(range(len(at) + 1))
        """Drop → itself while it has packets left, else one behind it."""
        for place in np.flatnonzero(first < last).tolist():
            wanted = int(lost[place])
            drop = _open(behind, int(first[place]))
            while wanted and drop < last[place]:
                taken = min(wanted, int(left[drop]))
                left[drop] -= taken
                told[place] += taken
                wanted -= taken
                if not left[drop]:
                    behind[drop] = drop + 1
                drop = _open(behind, drop)
        return told


def _open(behind: list[int], drop: int) -> int:
    """Return the first drop from this one on that has packets left; ways that were gone become shorter."""
    while behind[drop] != drop:
        behind[drop] = behind[behind[drop]]
        drop = behind[drop]
    return drop


def _shared(time: _Integers, number: _Integers, streams: Sequence[Stream]) -> list[int]:
    """Return the places at which streams lack packets together, beyond one path in one direction."""
    if len(streams) < FEWEST:
        return []
    active = _active(time, streams)
    together = _together(time, number)
    sides = {one.number: (one.source, one.destination) for one in streams}
    blamed = np.flatnonzero((together >= FEWEST) & (together >= SHARE * active)).tolist()
    return [place for place in blamed if _spread(time, number, place, sides)]


def _active(time: _Integers, streams: Sequence[Stream]) -> _Integers:
    """Return how many streams had packets around each time."""
    started = np.sort(np.array([one.started for one in streams], np.int64))
    ended = np.sort(np.array([one.ended for one in streams], np.int64))
    begun = np.searchsorted(started, time, "right")
    over = np.searchsorted(ended, time - NEAR, "left")
    return np.asarray(begun - over, np.int64)


def _together(time: _Integers, number: _Integers) -> _Integers:
    """Return how many different streams lack packets around each time."""
    first = np.searchsorted(time, time - NEAR, "left")
    last = np.searchsorted(time, time + NEAR, "right")
    # Streams that lose twice in that time are counted once: bounded by what one window holds.
    found = last - first
    for place in np.flatnonzero(found > 1).tolist():
        window = number[first[place] : min(last[place], first[place] + 4096)]
        found[place] = len(np.unique(window))
    return np.asarray(found, np.int64)


def _spread(
    time: _Integers, number: _Integers, place: int, sides: Mapping[int, tuple[str, str]]
) -> bool:
    """Return whether the loss goes beyond one path in one direction: not all of it went the same way."""
    first = int(np.searchsorted(time, time[place] - NEAR, "left"))
    last = int(np.searchsorted(time, time[place] + NEAR, "right"))
    window = number[first : min(last, first + 4096)].tolist()
    ways = {
        tuple(end.rpartition(":")[0] for end in sides[one]) for one in set(window) if one in sides
    }
    return len(ways) > 1
