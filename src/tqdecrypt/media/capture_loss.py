"""Tells what the capture lost from what the network lost.

A network that drops packets drops those of one path.  What drops packets of a capture (a full buffer, a
mirror port with too little bandwidth) drops whatever comes: both directions of a call and the calls beside it
lack packets at the same moment.  So a loss counts as the capture's when most of the streams that had packets
just then lack some, too, in both directions, or those of several calls.  That is known a moment later.

Some captures say themselves in front of which packet they lost how many (``epb_dropcount``).  A place at
which a stream lacks packets is explained by that when the drop lies between its packet in front and the one
behind, and by no more packets than were dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.stream import Stream
from tqdecrypt.media.update import LossLog

__all__ = ["AFTER", "CaptureLoss", "Heard", "LossMoments"]

MOST_MOMENTS = 200_000
"""Moments of loss that wait to be judged, 32 bytes each; beyond them, they count as the network's."""
MOST_DROPS = 200_000
"""Places that wait at which the capture says that it lost packets, 16 bytes each."""
DROPS_WAIT = 60_000_000_000
"""Nanoseconds after which such a place explains nothing any more: a stream that was quiet so long is over."""
NEAR = 60_000_000
"""Nanoseconds in which the streams of one moment show it: each does with its next packet, at most 60 ms
later with any usual ptime."""
AFTER = 1_000_000_000
"""Nanoseconds after which a moment can be judged: whoever lacks packets then has shown it."""
SHARE = 0.5
"""Streams of those that had packets then that must lack some."""
FEWEST = 2
"""Streams that must."""

_Integers = npt.NDArray[np.int64]
_NONE = np.zeros(0, np.int64)


class Heard(NamedTuple):
    """The streams of which there were packets lately, one entry a stream."""

    started: _Integers
    ended: _Integers
    """When the latest packet so far came."""
    sides: Callable[[], Mapping[int, tuple[str, str]]]
    """Returns where each came from and went to (``ip:port``), by number."""


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
    """Collects losses while a capture is read, and judges them soon after.

    :ivar dropped: moments beyond those that are kept.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._logs: list[LossLog] = []
        """Those that wait."""
        self._waiting = 0
        self._judged = LossLog(_NONE, _NONE, _NONE, _NONE)
        """The last ones that were judged, which may be near to those that wait."""
        self._found: dict[int, CaptureLoss] = {}
        """Number of a stream → what the capture lost of it."""
        self._drops = _NONE, _NONE
        """When packets were dropped, and how many of them explain nothing so far."""

    def receive(self, log: LossLog) -> None:
        """Take the losses of a block."""
        if self._waiting + len(log.time) > MOST_MOMENTS:
            self.dropped += len(log.time)
            return
        self._waiting += len(log.time)
        self._logs.append(log)

    def dropped_in_front(self, time: _Integers, counts: _Integers) -> None:
        """Take what a block says of packets that the capture lost.

        :param time: of each packet.
        :param counts: packets lost in front of each.
        """
        which = np.flatnonzero(counts)
        known, left = self._drops
        if len(known) + len(which) > MOST_DROPS:
            self.dropped += len(which)
            return
        self._drops = np.append(known, time[which]), np.append(left, counts[which])

    def take(self, number: int) -> CaptureLoss | None:
        """Return what the capture lost of a stream that is over, if anything; forget it."""
        return self._found.pop(number, None)

    def judge(self, before: int | None, heard: Callable[[], Heard]) -> None:
        """Judge the moments in front of a time; ``None``: all."""
        self._forget_drops(before)
        if not self._waiting:
            return
        waiting = _joined(self._logs)
        due = np.ones(len(waiting.time), np.bool_) if before is None else waiting.time < before
        if not due.any():
            self._logs = [waiting]
            return
        moments = _joined([self._judged, waiting])
        order = np.argsort(moments.time, kind="stable")
        places = np.flatnonzero(np.append(np.zeros(len(self._judged.time), np.bool_), due)[order])
        self._blame(LossLog(*(column[order] for column in moments)), places, heard())
        self._logs = [LossLog(*(column[~due] for column in waiting))]
        self._waiting = len(self._logs[0].time)
        if before is not None:
            near = moments.time >= before - 2 * NEAR
            near[len(self._judged.time) :] &= due
            self._judged = LossLog(*(column[near] for column in moments))

    def _blame(self, moments: LossLog, places: _Integers, heard: Heard) -> None:
        """Find what the capture lost at these places; the other moments are those around them."""
        told = np.zeros(len(moments.time), np.int64)
        told[places] = self._told(*(column[places] for column in moments))
        for place in np.flatnonzero(told).tolist():
            self._loss_of(int(moments.number[place])).told += int(told[place])
        for place in _shared(moments, places, heard):
            rest = int(moments.lost[place] - told[place])
            if rest:
                self._loss_of(int(moments.number[place])).shared += rest

    def _loss_of(self, number: int) -> CaptureLoss:
        return self._found.setdefault(number, CaptureLoss())

    def _told(self, time: _Integers, _: _Integers, lost: _Integers, since: _Integers) -> _Integers:
        """Return how many of the packets missing at each place were dropped by what the capture says."""
        told = np.zeros(len(time), np.int64)
        order = np.argsort(self._drops[0], kind="stable")
        at, left = (column[order] for column in self._drops)
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
        self._drops = at, left
        return told

    def _forget_drops(self, before: int | None) -> None:
        at, left = self._drops
        if before is not None and len(at):
            kept = (at >= before - DROPS_WAIT) & (left > 0)
            self._drops = at[kept], left[kept]


def _open(behind: list[int], drop: int) -> int:
    """Return the first drop from this one on that has packets left; ways that were gone become shorter."""
    while behind[drop] != drop:
        behind[drop] = behind[behind[drop]]
        drop = behind[drop]
    return drop


def _shared(moments: LossLog, places: _Integers, heard: Heard) -> list[int]:
    """Return which of *places* streams lack packets at together, beyond one path in one direction."""
    time, number, _, _ = moments
    if len(heard.started) < FEWEST:
        return []
    active = _active(time[places], heard)
    together = _together(time, number, places)
    places = places[(together >= FEWEST) & (together >= SHARE * active)]
    sides = heard.sides() if len(places) else {}
    return [place for place in places.tolist() if _spread(time, number, place, sides)]


def _joined(logs: list[LossLog]) -> LossLog:
    return LossLog(*(np.concatenate(columns) for columns in zip(*logs, strict=True)))


def _active(time: _Integers, heard: Heard) -> _Integers:
    """Return how many streams had packets around each time."""
    begun = np.searchsorted(np.sort(heard.started), time, "right")
    over = np.searchsorted(np.sort(heard.ended), time - NEAR, "left")
    return np.asarray(begun - over, np.int64)


def _together(time: _Integers, number: _Integers, places: _Integers) -> _Integers:
    """Return how many different streams lack packets around the time of each place."""
    first = np.searchsorted(time, time[places] - NEAR, "left")
    last = np.searchsorted(time, time[places] + NEAR, "right")
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
