"""How many handshakes there were in each slice of time: storms, churn, and when failures began.

However long a capture is, there are at most :data:`MOST_SLICES` slices: when there would be more, two and
two become one.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Slice", "Slices"]

SHORTEST = 10_000_000_000
"""Nanoseconds of a slice at first."""
MOST_SLICES = 720
"""As many as a picture can show; two hours at first, a day in slices of two and a half minutes."""
STORM_FACTOR = 10
"""Times the median of all slices: what is less is the day's ups and downs."""
LEAST_STORM = 50
"""Handshakes in a slice below which nobody would call it a storm."""


@dataclass(slots=True)
class Slice:
    """What happened in one slice of time."""

    full: int = 0
    """Full handshakes that were completed."""
    resumed: int = 0
    failed: int = 0
    closed: int = 0
    """Connections that ended."""

    def add(self, other: Slice) -> None:
        """Add what another slice counts."""
        self.full += other.full
        self.resumed += other.resumed
        self.failed += other.failed
        self.closed += other.closed

    @property
    def handshakes(self) -> int:
        """All handshakes."""
        return self.full + self.resumed + self.failed


class Slices:
    """Counts by slice of time.

    :ivar length: nanoseconds of a slice.
    """

    def __init__(self) -> None:
        self.length = SHORTEST
        self._slices: dict[int, Slice] = {}

    def at(self, time: int) -> Slice:
        """Return the slice in which a moment (ns) is."""
        number = time // self.length
        found = self._slices.get(number)
        if found is None:
            found = self._slices[number] = Slice()
            while len(self._slices) > MOST_SLICES or self._spans_too_much():
                self._double()
                found = self._slices[time // self.length]
        return found

    def merge(self, other: Slices) -> None:
        """Add what *other* counted."""
        while self.length < other.length:
            self._double()
        for number, one in other._slices.items():
            self.at(number * other.length).add(one)

    def series(self) -> list[tuple[int, Slice]]:
        """Return begin (ns) and counts of every slice from the first to the last, empty ones too."""
        if not self._slices:
            return []
        first, last = min(self._slices), max(self._slices)
        nothing = Slice()
        return [
            (number * self.length, self._slices.get(number, nothing))
            for number in range(first, last + 1)
        ]

    @property
    def closed(self) -> int:
        """Connections that ended."""
        return sum(one.closed for one in self._slices.values())

    @property
    def busiest(self) -> tuple[int, Slice] | None:
        """Begin and counts of the slice with the most handshakes."""
        if not self._slices:
            return None
        number = max(self._slices, key=lambda one: self._slices[one].handshakes)
        return number * self.length, self._slices[number]

    def storms(self) -> list[tuple[int, Slice]]:
        """Return the slices with far more handshakes than is usual: everybody connected anew.

        That is what an SBC goes through after a failover, a restart or an expired certificate.
        """
        numbers = sorted(one.handshakes for _, one in self.series())
        if not numbers:
            return []
        least = max(STORM_FACTOR * numbers[len(numbers) // 2], LEAST_STORM)
        return [(begin, one) for begin, one in self.series() if one.handshakes >= least]

    def _spans_too_much(self) -> bool:
        return max(self._slices) - min(self._slices) >= MOST_SLICES

    def _double(self) -> None:
        self.length *= 2
        joined: dict[int, Slice] = {}
        for number, one in self._slices.items():
            joined.setdefault(number // 2, Slice()).add(one)
        self._slices = joined
