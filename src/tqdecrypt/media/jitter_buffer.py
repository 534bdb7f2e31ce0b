"""What a jitter buffer would have made of a stream: which packets come too late, and how long others wait.

Passive means that the receiver's own buffer is not known.  So two models of one are offered, both of them
over the quickest path: the least transit time (arrival minus RTP timestamp) of the last :data:`WINDOW`
packets.  That follows clocks that drift apart, and a route that became slower, within some seconds.

- fixed: a packet is played so many milliseconds after the quickest one would have arrived; what comes later
  is lost to the listener;
- adaptive: the same, but the buffer is as long as the longest delay among the packets before it in the
  window, between a least and a greatest size.

A :class:`JitterBuffer` takes a stream piece by piece, as columns; tests hold it equal to a loop that follows
the definition, wherever the pieces are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tqdecrypt.media.emodel import burst_ratio

__all__ = ["LEAST_SIZE", "WINDOW", "JitterBuffer", "Losses", "Played", "unwrapped"]

WINDOW = 512
"""Packets; ten seconds of speech at 20 ms a packet."""
LEAST_SIZE = 20
"""An adaptive buffer is not shorter than a usual packet, ms."""
ANEW = 2_000.0
"""Milliseconds by which timestamp and arrival part from one packet to the next when a sender began anew."""
MOST_MISORDERED = 64
"""Numbers by which a packet may be behind; more is longer than any buffer waits."""

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
    waited: float
    """How long the packets that were played waited in the buffer, mean, ms."""
    discarded: int
    """Packets that arrived, but too late."""
    before: Losses
    """What the network lost."""
    after: Losses
    """What the listener missed: lost and late."""


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


class _Counting:
    """Counts what is missing among numbers that come piece by piece.

    The highest :data:`MOST_MISORDERED` numbers wait for the next piece, in which some between them may come.
    """

    __slots__ = ("bursts", "expected", "last", "missing", "waiting")

    def __init__(self) -> None:
        self.expected = self.missing = self.bursts = 0
        self.last = 0
        """Up to where is counted."""
        self.waiting = np.zeros(0, np.int64)

    def receive(self, numbers: Whole) -> None:
        """Take more numbers, in any order, with duplicates."""
        present = np.unique(np.concatenate((self.waiting, numbers)))
        if len(present):
            ripe = int(np.searchsorted(present, present[-1] - MOST_MISORDERED, side="right"))
            self.waiting = present[ripe:]
            self._count(present[:ripe])

    def finish(self) -> Losses:
        """Return what was missing."""
        self._count(self.waiting)
        return Losses(self.expected, self.missing, self.bursts)

    def begin(self, first: int) -> None:
        """Begin at the number that came first: what is missing before it nobody knows."""
        self.last = first - 1

    def _count(self, present: Whole) -> None:
        present = present[present > self.last]
        if not len(present):
            return
        holes = np.diff(present, prepend=self.last) - 1
        self.expected += int(present[-1]) - self.last
        self.missing += int(holes.sum())
        self.bursts += int(np.count_nonzero(holes))
        self.last = int(present[-1])


class JitterBuffer:
    """A buffer behind one stream.

    :param size: of a fixed buffer, ms; the greatest one of an adaptive one.
    :param least: the least size of an adaptive buffer; ``None`` for a fixed one.
    """

    __slots__ = (
        "_after", "_arrival", "_before", "_behind", "_discarded", "_least", "_packets", "_size",
        "_sizes", "_timestamp", "_transit", "_waited",
    )  # fmt: skip

    def __init__(self, size: float, least: float | None = None) -> None:
        self._size = float(size)
        self._least = least
        self._arrival = self._timestamp = 0
        self._transit = np.zeros(0)
        """Of the packets of the window, over the first one, ms."""
        self._behind = np.zeros(0)
        """How much later than the quickest each of them was, ms."""
        self._before = _Counting()
        self._after = _Counting()
        self._packets = self._discarded = 0
        self._sizes = self._waited = 0.0

    def receive(
        self,
        arrivals: Whole,
        timestamps: NDArray[np.uint32] | Whole,
        sequence: Whole,
        clock_rate: int,
    ) -> NDArray[np.bool_]:
        """Take the next packets in the order of arrival; return which of them come too late.

        :param arrivals: ns.
        :param timestamps: as they stand in the packets.
        :param sequence: without wrapping around; see :func:`unwrapped`.
        """
        if not len(arrivals):
            return np.zeros(0, np.bool_)
        known = len(self._transit)
        transit = np.concatenate((self._transit, self._transits(arrivals, timestamps, clock_rate)))
        behind = transit - _sliding(transit, np.minimum)
        # What stood at the front of the window was judged with packets that are forgotten by now.
        behind[:known] = self._behind
        sizes = self._sizes_for(behind, known)
        now = behind[known:]
        late = now > sizes
        self._transit = transit[-(WINDOW - 1) :]
        self._behind = behind[-(WINDOW - 1) :]
        self._note(sequence, late, now, sizes)
        return late

    def finish(self) -> Played:
        """Return what became of the stream."""
        played = self._packets - self._discarded
        before, after = self._before.finish(), self._after.finish()
        # Late packets at the end leave no hole between numbers.
        tail = before.expected - after.expected
        if tail:
            after = Losses(before.expected, after.missing + tail, after.bursts + 1)
        return Played(
            self._sizes / self._packets if self._packets else 0.0,
            self._waited / played if played else 0.0,
            self._discarded,
            before,
            after,
        )

    def _transits(
        self, arrivals: Whole, timestamps: NDArray[np.uint32] | Whole, clock_rate: int
    ) -> Milliseconds:
        """Return transit times over the first one, ms."""
        first = not self._packets
        before = int(arrivals[0]) if first else self._arrival
        stamp = int(timestamps[0]) if first else self._timestamp
        # Differences first, while they are whole numbers: nanoseconds since 1970 are too long for a float.
        elapsed = np.diff(arrivals, prepend=before) / 1e6
        wide = np.concatenate((np.array([stamp]), timestamps.astype(np.int64)))
        told = wide[1:] - wide[:-1]
        told = (told + (1 << 31)) % (1 << 32) - (1 << 31)
        steps = elapsed - told * (1000 / clock_rate)
        steps[np.abs(steps) > ANEW] = 0.0
        steps[0] += self._transit[-1] if len(self._transit) else 0.0
        self._arrival, self._timestamp = int(arrivals[-1]), int(timestamps[-1])
        transit: Milliseconds = np.cumsum(steps)
        return transit

    def _sizes_for(self, behind: Milliseconds, known: int) -> Milliseconds:
        """Return how long the buffer is for each packet behind the *known* ones."""
        if self._least is None:
            return np.full(len(behind) - known, self._size)
        longest = np.zeros(len(behind))
        longest[1:] = _sliding(behind, np.maximum, WINDOW - 1)[:-1]
        sizes: Milliseconds = np.clip(longest, self._least, max(self._least, self._size))[known:]
        return sizes

    def _note(
        self, sequence: Whole, late: NDArray[np.bool_], behind: Milliseconds, sizes: Milliseconds
    ) -> None:
        if not self._packets:
            for counting in (self._before, self._after):
                counting.begin(int(sequence[0]))
        in_time = ~late
        self._before.receive(sequence)
        self._after.receive(sequence[in_time])
        self._packets += len(late)
        self._discarded += int(np.count_nonzero(late))
        self._sizes += float(sizes.sum())
        self._waited += float((sizes - behind)[in_time].sum())


def _sliding(values: Milliseconds, extreme: np.ufunc, window: int | None = None) -> Milliseconds:
    """Return the extreme of each value and the ``window - 1`` ones before it.

    A window spans at most two blocks of its length: the running extreme of one block from behind and that
    of the next one from the front (van Herk, Gil and Werman).
    """
    window = max(window or WINDOW, 1)
    count = len(values)
    blocks = -(-count // window)
    padded = np.full(blocks * window, values[-1] if count else 0.0)
    padded[:count] = values
    table = padded.reshape(blocks, window)
    forward: Milliseconds = extreme.accumulate(table, axis=1).ravel()
    backward = extreme.accumulate(table[:, ::-1], axis=1)[:, ::-1].ravel()
    result: Milliseconds = forward[:count]
    if count > window:
        inside = np.arange(window, count)
        result[inside] = extreme(forward[inside], backward[inside - (window - 1)])
    return result
