"""Tells what the capture lost from what the network lost.

A network that drops packets drops those of one path.  What drops packets of a capture (a full buffer, a
mirror port with too little bandwidth) drops whatever comes: both directions of a call and the calls beside it
lack packets at the same moment.  So a loss counts as the capture's when most of the streams that had packets
just then lack some, too, in both directions, or those of several calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.stream import Stream
from tqdecrypt.media.update import LossLog

__all__ = ["LossMoments"]

MOST_MOMENTS = 200_000
"""Moments of loss kept of a capture, 24 bytes each; later ones count as the network's."""
NEAR = 60_000_000
"""Nanoseconds in which the streams of one moment show it: each does with its next packet, at most 60 ms
later with any usual ptime."""
SHARE = 0.5
"""Streams of those that had packets then that must lack some."""
FEWEST = 2
"""Streams that must."""

_Integers = npt.NDArray[np.int64]


class LossMoments:
    """Collects losses while a capture is read, and judges them at its end.

    :ivar dropped: moments beyond those that are kept.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._logs: list[LossLog] = []
        self._kept = 0

    def receive(self, log: LossLog) -> None:
        """Take the losses of a block."""
        if self._kept + len(log.time) > MOST_MOMENTS:
            self.dropped += len(log.time)
            return
        self._kept += len(log.time)
        self._logs.append(log)

    def judge(self, streams: Sequence[Stream]) -> Mapping[int, int]:
        """Return how many packets of each stream (by its number) the capture lost."""
        if not self._logs or len(streams) < FEWEST:
            return {}
        time = np.concatenate([log.time for log in self._logs])
        order = np.argsort(time, kind="stable")
        time = time[order]
        number = np.concatenate([log.number for log in self._logs])[order]
        lost = np.concatenate([log.lost for log in self._logs])[order]
        active = _active(time, streams)
        together = _together(time, number)
        sides = {one.number: (one.source, one.destination) for one in streams}
        blamed = (together >= FEWEST) & (together >= SHARE * active)
        found: dict[int, int] = {}
        for place in np.flatnonzero(blamed).tolist():
            if not _spread(time, number, place, sides):
                continue
            one = int(number[place])
            found[one] = found.get(one, 0) + int(lost[place])
        return found


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
