"""How much of one direction was silence, and where the longest stretch of it was.

Sound is looked at in frames of 20 ms.  Those below :data:`~tqdecrypt.media.heard.SILENT` are quiet, and quiet
frames that last for :data:`SHORTEST` together are silence.  What the sender did not send on purpose prolongs
a stretch, and is counted nowhere else; what was lost does neither, and ends a stretch when it is long.
"""

from __future__ import annotations

import numpy as np

from tqdecrypt.media.audio.decoders import Samples
from tqdecrypt.media.audio.level import level_of
from tqdecrypt.media.heard import SILENT

__all__ = ["SHORTEST", "Silence"]

SHORTEST = 0.2
"""Seconds; the hangover of ITU-T P.56: shorter pauses are part of speech."""
FRAMES = 50
"""A second; most packets have one."""
_QUIET = 32768.0**2 * 10 ** (SILENT / 10)
"""Mean square below which a frame is quiet."""


class Silence:
    """Measures one direction, in samples from its beginning on.

    :ivar decoded: samples of sound.
    :ivar silent: those of them that are silence.
    :ivar missing: samples' time of which nothing is known.
    :ivar longest: begin and length of the longest stretch; ``None`` without any.
    :ivar silent_since: where the stretch began that lasted to the end, when all is told; ``None`` when there
        was sound behind all of them.
    """

    def __init__(self, rate: int) -> None:
        self._frame = max(rate // FRAMES, 1)
        self._shortest = round(SHORTEST * rate)
        self._at = 0
        self._energy = 0.0
        self._count = 0
        """Of the frame that has begun."""
        self._begin: int | None = None
        """Of the stretch that goes on."""
        self._end = 0
        """Where that was quiet for the last time."""
        self._quiet = 0
        self._quiet_energy = 0.0
        self._sound = 0
        self._sound_energy = 0.0
        self._silent_energy = 0.0
        self.decoded = 0
        self.silent = 0
        self.missing = 0
        self.longest: tuple[int, int] | None = None
        self.silent_since: int | None = None

    def add(self, samples: Samples) -> None:
        """Listen on."""
        at = 0
        while at < len(samples):
            part = samples[at : at + self._frame - self._count].astype(np.float64)
            self._energy += float(part @ part)
            self._count += len(part)
            at += len(part)
            if self._count >= self._frame:
                self._close_frame()

    def add_suppressed(self, count: int) -> None:
        """Nothing was sent for *count* samples' time, on purpose."""
        self._close_frame()
        if self._begin is None:
            self._begin = self._at
        self._at += count
        self._end = self._at

    def add_missing(self, count: int) -> None:
        """Nothing is known of *count* samples' time."""
        self._close_frame()
        self.missing += count
        self._at += count
        if self._at - self._end >= self._shortest:
            self._close_stretch()

    def finish(self) -> None:
        """Nothing more comes."""
        self._close_frame()
        if self._begin is not None and self._end - self._begin >= self._shortest:
            self.silent_since = self._begin
        self._close_stretch()

    @property
    def level(self) -> int:
        """Level of what is no silence, over its own time; of all, when all is silence.  dBov."""
        if self._sound:
            return level_of(self._sound_energy, self._sound)
        return level_of(self._silent_energy, self.silent)

    def _close_frame(self) -> None:
        count, energy = self._count, self._energy
        if not count:
            return
        self._energy, self._count = 0.0, 0
        begin = self._at
        self._at += count
        self.decoded += count
        if energy < _QUIET * count:
            if self._begin is None:
                self._begin = begin
            self._end = self._at
            self._quiet += count
            self._quiet_energy += energy
        else:
            self._close_stretch()
            self._sound += count
            self._sound_energy += energy

    def _close_stretch(self) -> None:
        begin = self._begin
        if begin is None:
            return
        length = self._end - begin
        if length >= self._shortest:
            self.silent += self._quiet
            self._silent_energy += self._quiet_energy
            if self.longest is None or length > self.longest[1]:
                self.longest = begin, length
        else:
            self._sound += self._quiet
            self._sound_energy += self._quiet_energy
        self._begin = None
        self._quiet, self._quiet_energy = 0, 0.0
