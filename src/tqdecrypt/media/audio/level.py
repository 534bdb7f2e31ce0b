"""How loud it was, second by second.

Levels are in dBov, as RFC 6464 and RFC 6465 have them: the power of the samples over that of a square wave
at the overload point, in whole decibels from -127 to 0.  A full sine is at -3.
"""

from __future__ import annotations

import math
from array import array

import numpy as np

from tqdecrypt.media.audio.decoders import Samples

__all__ = ["Level", "level_of"]

LEAST = -127


def level_of(energy: float, count: int) -> int:
    """Return the level of *count* samples whose squares add up to *energy*."""
    if energy <= 0 or count <= 0:
        return LEAST
    level = 10 * math.log10(energy / count) - 20 * math.log10(32768)
    return max(LEAST, min(0, round(level)))


class Level:
    """Measures second by second.

    :ivar seconds: dBov of each whole second, a byte each.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.seconds = array("b")
        self._energy = 0.0
        self._in_second = 0

    def add(self, samples: Samples) -> None:
        """Listen on."""
        at = 0
        while at < len(samples):
            part = samples[at : at + self._rate - self._in_second].astype(np.float64)
            self._take(float(part @ part), len(part))
            at += len(part)

    def add_silence(self, count: int) -> None:
        """Listen to nothing for *count* samples."""
        while count > 0:
            part = min(count, self._rate - self._in_second)
            self._take(0.0, part)
            count -= part

    def finish(self) -> None:
        """The last second counts when it is half there; a whole one is there already."""
        if 2 * self._in_second >= self._rate:
            self._close()

    def _take(self, energy: float, count: int) -> None:
        self._energy += energy
        self._in_second += count
        if self._in_second >= self._rate:
            self._close()

    def _close(self) -> None:
        self.seconds.append(level_of(self._energy, self._in_second))
        self._energy = 0.0
        self._in_second = 0
