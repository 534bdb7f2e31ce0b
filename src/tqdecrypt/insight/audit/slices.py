"""How many handshakes there were in each slice of time: storms, churn, and when failures began.

However long a capture is, there are at most :data:`MOST_SLICES` slices: when there would be more, two and
two become one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Slice", "Slices"]

SHORTEST = 10_000_000_000
"""Nanoseconds of a slice at first."""
MOST_SLICES = 720
"""As many as a picture can show; two hours at first, a day in slices of two and a half minutes."""
MOST_COUNTED = (1 << 32) - 1
"""In one slice; who has more has no use for the difference."""
STORM_FACTOR = 10
"""Times the median of all slices: what is less is the day's ups and downs."""
LEAST_STORM = 50
"""Handshakes in a slice below which nobody would call it a storm."""


class Slice(NamedTuple):
    """What happened in one slice of time."""

    full: int = 0
    """Full handshakes that were completed."""
    resumed: int = 0
    failed: int = 0
    closed: int = 0
    """Connections that ended."""

    @property
    def handshakes(self) -> int:
        """All handshakes."""
        return self.full + self.resumed + self.failed


WIDTH = len(Slice._fields)


class Slices:
    """Counts by slice of time: 24 bytes for each slice in which anything happened.

    :ivar length: nanoseconds of a slice.
    """

    __slots__ = ("_counts", "_numbers", "length")

    def __init__(self) -> None:
        self.length = SHORTEST
        self._numbers = array("q")
        """Time by length, of every slice that is there, ascending."""
        self._counts = array("I")
        """:data:`WIDTH` for each of them."""

    def add(
        self, time: int, *, full: int = 0, resumed: int = 0, failed: int = 0, closed: int = 0
    ) -> None:
        """Count what happened at a moment, ns."""
        at = self._place(time) * WIDTH
        counts = self._counts
        for place, more in enumerate((full, resumed, failed, closed), at):
            counts[place] = min(counts[place] + more, MOST_COUNTED)

    def _place(self, time: int) -> int:
        """Return where the slice of a moment stands; make one when there is none."""
        numbers, number = self._numbers, time // self.length
        if not numbers or number > numbers[-1]:  # time goes on, mostly
            place = len(numbers)
        else:
            place = bisect_left(numbers, number)
            if numbers[place] == number:
                return place
        numbers.insert(place, number)
        self._counts[place * WIDTH : place * WIDTH] = array("I", bytes(4 * WIDTH))
        if numbers[-1] - numbers[0] < MOST_SLICES:
            return place
        self._double()
        return self._place(time)

    def _double(self) -> None:
        before = list(self._all())
        self.length *= 2
        self._numbers, self._counts = array("q"), array("I")
        for number, one in before:
            self.add(number * self.length // 2, **one._asdict())

    def _all(self) -> Iterator[tuple[int, Slice]]:
        for place, number in enumerate(self._numbers):
            yield number, Slice(*self._counts[place * WIDTH : (place + 1) * WIDTH])

    def merge(self, other: Slices) -> None:
        """Add what *other* counted."""
        while self.length < other.length:
            self._double()
        for number, one in other._all():
            self.add(number * other.length, **one._asdict())

    def series(self) -> list[tuple[int, Slice]]:
        """Return begin (ns) and counts of every slice from the first to the last, empty ones too."""
        if not self._numbers:
            return []
        known, nothing = dict(self._all()), Slice()
        return [
            (number * self.length, known.get(number, nothing))
            for number in range(self._numbers[0], self._numbers[-1] + 1)
        ]

    @property
    def closed(self) -> int:
        """Connections that ended."""
        return sum(one.closed for _, one in self._all())

    @property
    def busiest(self) -> tuple[int, Slice] | None:
        """Begin and counts of the slice with the most handshakes."""
        if not self._numbers:
            return None
        number, one = max(self._all(), key=lambda item: item[1].handshakes)
        return number * self.length, one

    def storms(self) -> list[tuple[int, Slice]]:
        """Return the slices with far more handshakes than is usual: everybody connected anew.

        That is what an SBC goes through after a failover, a restart or an expired certificate.
        """
        numbers = sorted(one.handshakes for _, one in self.series())
        if not numbers:
            return []
        least = max(STORM_FACTOR * numbers[len(numbers) // 2], LEAST_STORM)
        return [(begin, one) for begin, one in self.series() if one.handshakes >= least]
