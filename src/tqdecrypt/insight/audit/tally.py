"""Counting values that a peer chooses, with a bound on how many are told apart."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Tally"]

MOST_VALUES = 64
"""Values that one tally tells apart: a box has a handful of certificates, versions and suites."""


class Tally:
    """How often which value occurred, the first seen first.

    Most tallies see one value only: that one takes no table.

    :ivar others: how often something else occurred, once there were :data:`MOST_VALUES` values.
    """

    __slots__ = ("_count", "_more", "_value", "others")

    def __init__(self) -> None:
        self._value = ""
        self._count = 0
        self._more: dict[str, int] | None = None
        """Further values."""
        self.others = 0

    def add(self, value: str, count: int = 1) -> None:
        """Count a value."""
        if value == self._value and self._count:
            self._count += count
        elif not self._count:
            self._value, self._count = value, count
        elif self._more is None:
            self._more = {value: count}
        elif value in self._more:
            self._more[value] += count
        elif len(self._more) < MOST_VALUES - 1:
            self._more[value] = count
        else:
            self.others += count

    def merge(self, other: Tally) -> None:
        """Add what *other* counted."""
        for value, count in other._items():
            self.add(value, count)
        self.others += other.others

    @property
    def total(self) -> int:
        """How often anything occurred."""
        return sum(count for _, count in self._items()) + self.others

    @property
    def values(self) -> list[str]:
        """The values, the most frequent first; equally frequent ones in their order."""
        return [value for value, _ in sorted(self._items(), key=lambda item: -item[1])]

    @property
    def commonest(self) -> str | None:
        """The value that more than half of all had; ``None`` when there is none."""
        values = self.values
        return values[0] if values and 2 * self[values[0]] > self.total else None

    def share(self, value: str) -> float | None:
        """Return the share of a value, 0 to 1; ``None`` when nothing was counted."""
        return self[value] / self.total if self.total else None

    def __getitem__(self, value: str) -> int:
        if self._count and value == self._value:
            return self._count
        return (self._more or {}).get(value, 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return bool(self._count) + len(self._more or ())

    def __contains__(self, value: object) -> bool:
        return bool(self._count and value == self._value) or value in (self._more or ())

    def __repr__(self) -> str:
        return f"<Tally {self.as_dict()}>"

    def as_dict(self) -> dict[str, int]:
        """Return value and count, the most frequent first; ``(others)`` last."""
        found = {value: self[value] for value in self.values}
        return found | {"(others)": self.others} if self.others else found

    def _items(self) -> Iterator[tuple[str, int]]:
        """Yield values and counts, the first seen first."""
        if self._count:
            yield self._value, self._count
        yield from (self._more or {}).items()
