"""Interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8) over many streams at once.

The estimate is a recurrence, ``J += (|D| - J) / 16``, which looks as if it had to be done one packet after
the other.  But it is linear: sixteen or more packets of it are one product with a triangular matrix, and
only what is carried from one such chunk to the next is done in turn.  :func:`jitter_of` is the readable way;
a property test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["GAIN", "jitter_of", "running_jitter"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GAIN = 1 / 16
"""Of the estimate: reduces noise, and still converges (RFC 3550 appendix A.8)."""
WIDTHS = (16, 64)
"""Packets that are done by one product: for streams with few packets in a block, and with many."""


def _kept(width: int) -> Floats:
    """Return what is left of the estimate before, after each of *width* packets."""
    return np.asarray((1 - GAIN) ** np.arange(1, width + 1, dtype=np.float64))


def _weights(width: int) -> Floats:
    """Return a matrix; row *i* says how much each packet weighs in the estimate after packet *i*."""
    steps = np.arange(width)
    ages = np.maximum(steps[:, None] - steps[None, :], 0.0)
    return np.tril(GAIN * (1 - GAIN) ** ages)


_TABLES = {width: (_kept(width), _weights(width)) for width in WIDTHS}


def jitter_of(deviations: Iterable[float], before: float = 0.0) -> list[float]:
    """Return the estimate after each packet, as appendix A.8 says it.

    :param deviations: ``|D(i-1, i)|``: how far the spacing of arrivals is from that of timestamps.
    :param before: the estimate before the first of them.
    """
    estimates = []
    for deviation in deviations:
        before += (deviation - before) * GAIN
        estimates.append(before)
    return estimates


def running_jitter(deviations: Floats, start: Integers, size: Integers, before: Floats) -> Floats:
    """Return the same for streams that lie one behind the other.

    :param start: where each stream's rows begin; all of them have some.
    :param before: each stream's estimate before them.
    """
    width = WIDTHS[len(deviations) > 4 * WIDTHS[1] * len(size)]
    kept, weights = _TABLES[width]
    chunks = -(-size // width)
    first = np.cumsum(chunks) - chunks
    """Each stream's first chunk."""
    place = np.arange(len(deviations)) - np.repeat(start - first * width, size)
    padded = np.zeros(int(chunks.sum()) * width)
    padded[place] = deviations
    estimates = padded.reshape(-1, width) @ weights.T
    carried = before.copy()
    for turn in range(int(chunks.max(initial=0))):
        streams = np.flatnonzero(chunks > turn)
        chunk = first[streams] + turn
        estimates[chunk] += carried[streams, None] * kept
        carried[streams] = estimates[chunk, -1]
    found: Floats = estimates.reshape(-1)[place]
    return found
