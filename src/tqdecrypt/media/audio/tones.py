"""Keys that were pressed as tones in the sound itself (ITU-T Q.23).  That they were is told, never which.

Each key is one of four low frequencies, its row, with one of four high ones, its column.  A frame of 12.5 ms
has a key when the limits of ITU-T Q.24 hold: one row and one column stand out of their groups, both are loud
enough and about equally loud, and beside them there is little, which is what tells a key from speech.  All
frames of a tone together tell its frequencies more closely than one can, by their phases, and so how much
there is beside it.  Limits are somewhat wider than Q.24 demands of receivers: codecs and loss leave marks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tqdecrypt.media.audio.decoders import Samples

__all__ = ["LEAST_RATE", "MOST_TONES", "Tone", "ToneDetector"]

MOST_TONES = 1_000
"""Tones that are kept of a direction, the first ones; the rest is counted."""
LEAST_RATE = 8_000
"""Samples a second; Q.23's highest frequency is 1633 Hz, and every codec of telephony has as many."""
ROWS = (697, 770, 852, 941)
COLUMNS = (1209, 1336, 1477, 1633)
HOPS_A_SECOND = 320
HOPS_A_FRAME = 4
BATCH = 64
"""Frames that are looked at together, always the same ones, however samples came: rounding stays the same."""
LEAST_FRAMES = 8
"""In a row: what fits into the 40 ms that Q.24 grants a tone, and not into 20 ms."""
LEAST_PAUSE = 9
"""Hops between tones: Q.24 grants a pause 40 ms, of which frames at both edges take some; a packet of 20 ms
that was lost makes no second tone."""
EDGE = 0.7
"""Of a frame; one with less tone in it has too little of its energy in the tone (:data:`LEAST_SHARE`)."""
LEAST_LEVEL = -36.0
"""dBm0 of each frequency."""
DBM0 = 3.14
"""dBm0 of a full sine: ITU-T G.711, A-law."""
MOST_HIGHER = 6.0
"""dB by which the column may be louder: 4 in Q.24."""
MOST_LOWER = 12.0
"""dB by which the row may be louder: 8 in Q.24."""
STANDS_OUT = 6.0
"""dB over the others of its group."""
LEAST_SHARE = 0.65
"""Of the frame's energy: frequencies that are 1.5 % off (Q.24) leave 0.75, speech stays below."""
MOST_OFF = 0.025
"""Of a frequency: Q.24 grants 1.5 % and wants 3.5 % refused; a voice slides past."""
LEAST_PURITY = 0.9
"""Of a tone's energy, over all its frames and with what its frequencies being off takes away added again."""
_NONE = -1


class Tone(NamedTuple):
    """A key that was heard; which one is not kept."""

    position: int
    """Samples since the beginning."""
    duration: float
    """Milliseconds, to within a few."""


class _Run:
    """Frames with the same key."""

    __slots__ = ("end", "energy", "first", "key", "turned", "whole")

    def __init__(self, key: int, first: int) -> None:
        self.key = key
        self.first = first
        self.end = first
        """The frame behind the last one."""
        self.turned: NDArray[np.float64] = np.zeros(2)
        """Radians by which row and column ran ahead of their frequencies, from frame to frame."""
        self.energy: NDArray[np.float64] = np.zeros(2)
        """Of row and column, in all frames."""
        self.whole = 0.0
        """Energy of all frames."""


class _Frames(NamedTuple):
    """What frames are found to have."""

    keys: list[int]
    """Of each the key whose tone it is, or :data:`_NONE`."""
    turned: NDArray[np.float64]
    """Of each frequency radians by which it ran ahead since the frame before."""
    energy: NDArray[np.float64]
    """Of each frequency."""
    whole: NDArray[np.float64]


class ToneDetector:
    """Listens to one direction.

    :param rate: samples a second, :data:`LEAST_RATE` at least.
    :ivar tones: the first :data:`MOST_TONES`; complete when :meth:`finish` was called.
    :ivar left_out: how many came behind them.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._hop = rate // HOPS_A_SECOND
        self._size = HOPS_A_FRAME * self._hop
        angles = np.outer(np.arange(self._size), (*ROWS, *COLUMNS)) * (2 * np.pi / rate)
        self._waves = np.concatenate((np.cos(angles), -np.sin(angles)), axis=1)
        self._phases = np.array((*ROWS, *COLUMNS)) * (2 * np.pi * self._hop / rate)
        """Of a hop."""
        self._before = np.zeros((1, len(ROWS) + len(COLUMNS)), np.complex128)
        # A sine of amplitude A has an energy of A²N/2 in N samples; so have its measured parts.
        self._least = 32768**2 * 10 ** ((LEAST_LEVEL - DBM0) / 10) * self._size / 2
        self._waiting = np.empty(0, np.int16)
        self._frame = 0
        self._run: _Run | None = None
        self._heard: _Run | None = None
        self.tones: list[Tone] = []
        self.left_out = 0

    def __len__(self) -> int:
        return len(self.tones) + self.left_out

    def add(self, samples: Samples) -> None:
        """Listen on."""
        self._waiting = np.concatenate((self._waiting, samples))
        need = self._size + (BATCH - 1) * self._hop
        at = 0
        while len(self._waiting) - at >= need:
            self._listen(self._waiting[at : at + need])
            at += BATCH * self._hop
        self._waiting = self._waiting[at:]

    def finish(self) -> None:
        """Nothing more comes."""
        self.add(np.zeros(self._size, np.int16))
        if len(self._waiting) >= self._size:
            self._listen(self._waiting)
        self._waiting = self._waiting[:0]
        self._end_run()
        self._keep()

    def _listen(self, samples: Samples) -> None:
        frames = sliding_window_view(samples, self._size)[:: self._hop]
        if samples.any():
            measured = self._measure(frames.astype(np.float64))
            for number in range(len(frames)):
                self._take(measured, number)
        else:
            self._end_run()
            self._before = np.zeros_like(self._before)
        self._frame += len(frames)

    def _measure(self, frames: NDArray[np.float64]) -> _Frames:
        products = frames @ self._waves
        count = len(ROWS) + len(COLUMNS)
        parts = products[:, :count] + 1j * products[:, count:]
        before = np.concatenate((self._before, parts[:-1]))
        self._before = parts[-1:]
        turned = np.angle(parts * before.conj() * np.exp(-1j * self._phases))
        energy = np.abs(parts) ** 2 * (2 / self._size)
        rows, columns = np.sort(energy[:, : len(ROWS)]), np.sort(energy[:, len(ROWS) :])
        row, column = rows[:, -1], columns[:, -1]
        whole = np.einsum("ij,ij->i", frames, frames)
        fits = (
            (np.minimum(row, column) >= self._least)
            & (row >= rows[:, -2] * 10 ** (STANDS_OUT / 10))
            & (column >= columns[:, -2] * 10 ** (STANDS_OUT / 10))
            & (column <= row * 10 ** (MOST_HIGHER / 10))
            & (row <= column * 10 ** (MOST_LOWER / 10))
            & (row + column >= LEAST_SHARE * whole)
        )
        key = energy[:, : len(ROWS)].argmax(axis=1) * len(COLUMNS)
        key += energy[:, len(ROWS) :].argmax(axis=1)
        return _Frames(np.where(fits, key, _NONE).tolist(), turned, energy, whole)

    def _take(self, frames: _Frames, number: int) -> None:
        run, key = self._run, frames.keys[number]
        starts = run is None or run.key != key
        if starts:
            self._end_run()
        if key == _NONE:
            return
        places = self._places(key)
        if run is None or starts:
            run = self._run = _Run(key, self._frame + number)
        else:
            run.turned += frames.turned[number, places]
        run.energy += frames.energy[number, places]
        run.whole += float(frames.whole[number])
        run.end = self._frame + number + 1

    @staticmethod
    def _places(key: int) -> list[int]:
        """Return where row and column of a key stand among all frequencies."""
        row, column = divmod(key, len(COLUMNS))
        return [row, len(ROWS) + column]

    def _end_run(self) -> None:
        """Frames in a row are over: they are a tone, the rest of the one before, or chance."""
        run, self._run = self._run, None
        if run is None or not self._is_tone(run):
            return
        heard = self._heard
        if heard is not None and heard.key == run.key:
            # Hops that neither the last frame of the one nor the first of the other reaches.
            pause = run.first - (heard.end - 1 + HOPS_A_FRAME)
            if pause < LEAST_PAUSE:
                heard.end = run.end
                return
        self._keep()
        self._heard = run

    def _is_tone(self, run: _Run) -> bool:
        """Tell by all its frames whether it is long, true and pure enough."""
        count = run.end - run.first
        if count < LEAST_FRAMES:
            return False
        off = run.turned / (count - 1)
        if (np.abs(off) > MOST_OFF * self._phases[self._places(run.key)]).any():
            return False
        # A rectangular frame finds sinc² of a sine that runs ahead by so many turns within it.
        taken = np.sinc(off * HOPS_A_FRAME / (2 * np.pi)) ** 2
        return float((run.energy / taken).sum()) >= LEAST_PURITY * run.whole

    def _keep(self) -> None:
        run, self._heard = self._heard, None
        if run is None:
            return
        if len(self.tones) >= MOST_TONES:
            self.left_out += 1
            return
        # The outermost frames stand over the edges by what they may lack, less half a hop on average.
        over = round((1 - EDGE) * self._size - self._hop / 2)
        length = (run.end - 1 - run.first) * self._hop + self._size - 2 * over
        self.tones.append(Tone(run.first * self._hop + over, length * 1000 / self._rate))
