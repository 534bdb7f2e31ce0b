"""What a jitter buffer would have made of a stream: which packets come too late, and how long others wait.

Passive means that the receiver's own buffer is not known.  So two models of one are offered, both of them
over the quickest path: the least transit time (arrival minus RTP timestamp) of the last :data:`WINDOW`
packets.  That follows clocks that drift apart, and a route that became slower, within some seconds.

- :func:`fixed`: a packet is played so many milliseconds after the quickest one would have arrived; what
  comes later is lost to the listener.
- :func:`adaptive`: the same, but the buffer is as long as the longest delay among the packets before it in
  the window, between a least and a greatest size.

Columns in, columns out; tests hold them equal to a loop that follows the definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tqdecrypt.media.emodel import burst_ratio

__all__ = ["LEAST_SIZE", "WINDOW", "Losses", "Played", "adaptive", "fixed", "losses", "unwrapped"]

WINDOW = 512
"""Packets; ten seconds of speech at 20 ms a packet."""
LEAST_SIZE = 20
"""An adaptive buffer is not shorter than a usual packet, ms."""

Whole = NDArray[np.int64]
Milliseconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Losses:
    """What is missing in a stream."""

    expected: int
    """Packets between the first and the last sequence number."""
    missing: int
    bursts: int
    """Runs of missing packets."""

    @property
    def percent(self) -> float:
        """Share of the expected packets that is missing."""
        return 100 * self.missing / self.expected if self.expected else 0.0

    @property
    def burst_ratio(self) -> float:
        """BurstR of the E-model."""
        return burst_ratio(self.missing, self.bursts, self.expected)


@dataclass(frozen=True, slots=True)
class Played:
    """A stream before and after a buffer."""

    size: float
    """Milliseconds that a packet may be later than the quickest; of an adaptive buffer, their mean."""
    late: NDArray[np.bool_]
    """For each packet, in the order of arrival, whether it came too late."""
    waited: float
    """How long the packets that were played waited in the buffer, mean, ms."""
    before: Losses
    """What the network lost."""
    after: Losses
    """What the listener missed: lost and late."""

    @property
    def discarded(self) -> int:
        """Packets that arrived, but too late."""
        return self.after.missing - self.before.missing


def unwrapped(values: NDArray[np.unsignedinteger] | Whole, bits: int) -> Whole:
    """Return sequence numbers or timestamps that go on counting where the field starts again at 0.

    Each is taken as near the one before it as it can be (RFC 3550 appendix A.1 in spirit).
    """
    wide = values.astype(np.int64)
    if not len(wide):
        return wide
    half, whole = 1 << (bits - 1), 1 << bits
    steps = (np.diff(wide) + half) % whole - half
    wide[1:] = wide[0] + np.cumsum(steps)
    return wide


def losses(sequence: Whole, first: int | None = None, last: int | None = None) -> Losses:
    """Return what is missing among unwrapped sequence numbers, in any order, with duplicates.

    :param first: where counting begins; the least of them, unless given.
    :param last: where it ends; the greatest of them, unless given.
    """
    present = np.unique(sequence)
    if first is not None and last is not None:
        present = np.unique(np.concatenate((present, np.array([first - 1, last + 1]))))
        expected = last - first + 1
    else:
        expected = int(present[-1] - present[0]) + 1 if len(present) else 0
    holes = np.diff(present) - 1
    return Losses(expected, int(holes.sum()), int((holes > 0).sum()))


def fixed(
    arrivals: Whole, timestamps: Whole, sequence: Whole, clock_rate: int, size: float
) -> Played:
    """Return what a buffer of *size* ms makes of a stream.

    :param arrivals: ns, in the order of arrival.
    :param timestamps: unwrapped; see :func:`unwrapped`.
    :param sequence: unwrapped.
    """
    behind = _behind(arrivals, timestamps, clock_rate)
    return _played(behind, np.full(len(behind), float(size)), sequence)


def adaptive(
    arrivals: Whole,
    timestamps: Whole,
    sequence: Whole,
    clock_rate: int,
    greatest: float,
    least: float = LEAST_SIZE,
) -> Played:
    """Return what a buffer makes of a stream that grows and shrinks between *least* and *greatest* ms.

    Parameters are those of :func:`fixed`.
    """
    behind = _behind(arrivals, timestamps, clock_rate)
    sizes = np.full(len(behind), float(least))
    sizes[1:] = np.clip(_sliding(behind, np.maximum)[:-1], least, max(least, greatest))
    return _played(behind, sizes, sequence)


def _behind(arrivals: Whole, timestamps: Whole, clock_rate: int) -> Milliseconds:
    """Return how much later than the quickest packet of its window each arrived, ms."""
    if not len(arrivals):
        return np.zeros(0)
    # Differences first, while they are whole numbers: absolute nanoseconds are too long for a float.
    since = (arrivals - arrivals[0]) / 1e6
    transit: Milliseconds = since - (timestamps - timestamps[0]) * (1000 / clock_rate)
    behind: Milliseconds = transit - _sliding(transit, np.minimum)
    return behind


def _sliding(values: Milliseconds, extreme: np.ufunc) -> Milliseconds:
    """Return the extreme of each value and the ``WINDOW - 1`` ones before it.

    The window spans at most two blocks of its length: the running extreme of one block from behind and
    that of the next one from the front (van Herk, Gil and Werman).
    """
    count = len(values)
    blocks = -(-count // WINDOW)
    padded = np.full(blocks * WINDOW, values[-1] if count else 0.0)
    padded[:count] = values
    table = padded.reshape(blocks, WINDOW)
    forward: Milliseconds = extreme.accumulate(table, axis=1).ravel()
    backward = extreme.accumulate(table[:, ::-1], axis=1)[:, ::-1].ravel()
    result: Milliseconds = forward[:count]
    if count > WINDOW:
        inside = np.arange(WINDOW, count)
        # A window that begins where a block does is that block alone.
        result[inside] = extreme(forward[inside], backward[inside - (WINDOW - 1)])
    return result


def _played(behind: Milliseconds, sizes: Milliseconds, sequence: Whole) -> Played:
    late = behind > sizes
    before = losses(sequence)
    if not len(sequence):
        return Played(0.0, late, 0.0, before, before)
    in_time = ~late
    after = losses(sequence[in_time], int(sequence.min()), int(sequence.max()))
    waited = float((sizes - behind)[in_time].mean()) if in_time.any() else 0.0
    return Played(float(sizes.mean()), late, waited, before, after)
