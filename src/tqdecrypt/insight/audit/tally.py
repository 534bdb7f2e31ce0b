"""Counting values that a peer chooses, with a bound on how many are told apart."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Tally"]

MOST_VALUES = 64
"""Values that one tally tells apart: a box has a handful of certificates, versions and suites."""


class Tally:
    """How often which value occurred, the first seen first.

    :ivar others: how often something else occurred, once there were :data:`MOST_VALUES` values.
    """

    __slots__ = ("_counts", "others")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.others = 0

    def add(self, value: str, count: int = 1) -> None:
        """Count a value."""
        counts = self._counts
        if value in counts:
            counts[value] += count
        elif len(counts) < MOST_VALUES:
            counts[value] = count
        else:
            self.others += count

    def merge(self, other: Tally) -> None:
        """Add what *other* counted."""
        for value, count in other._counts.items():
            self.add(value, count)
        self.others += other.others

    @property
    def total(self) -> int:
        """How often anything occurred."""
        return sum(self._counts.values()) + self.others

    @property
    def values(self) -> list[str]:
        """The values, the most frequent first; equally frequent ones in their order."""
        return sorted(self._counts, key=lambda value: -self._counts[value])

    @property
    def commonest(self) -> str | None:
        """The value that more than half of all had; ``None`` when there is none."""
        values = self.values
        return values[0] if values and 2 * self._counts[values[0]] > self.total else None

    def share(self, value: str) -> float | None:
        """Return the share of a value, 0 to 1; ``None`` when nothing was counted."""
        return self[value] / self.total if self.total else None

    def __getitem__(self, value: str) -> int:
        return self._counts.get(value, 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, value: object) -> bool:
        return value in self._counts

    def __repr__(self) -> str:
        return f"<Tally {self.as_dict()}>"

    def as_dict(self) -> dict[str, int]:
        """Return value and count, the most frequent first; ``(others)`` last."""
        found = {value: self._counts[value] for value in self.values}
        return found | {"(others)": self.others} if self.others else found
