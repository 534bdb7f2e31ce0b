"""A run of samples at another rate, by FFmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tqdecrypt.media.audio.decoders import Samples, load_av

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

__all__ = ["Resampler"]

_NOTHING: Samples = np.zeros(0, np.int16)


class Resampler:
    """Changes the rate of one run without holes; the next run takes a new one."""

    def __init__(self, old: int, new: int) -> None:
        self._av = load_av()
        self._old = old
        self._resampler = self._av.AudioResampler(format="s16", layout="mono", rate=new)

    def feed(self, samples: Samples) -> Samples:
        """Return what is ready so far."""
        frame = self._av.AudioFrame.from_ndarray(samples[np.newaxis, :], "s16", "mono")
        frame.sample_rate = self._old
        return _joined(self._resampler.resample(frame))

    def finish(self) -> Samples:
        """Return the rest."""
        return _joined(self._resampler.resample(None))


def _joined(frames: list[AudioFrame]) -> Samples:
    found = [frame.to_ndarray()[0].astype(np.int16, copy=False) for frame in frames]
    return np.concatenate(found) if found else _NOTHING
