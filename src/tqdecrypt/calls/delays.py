"""Many delays in little room: a histogram whose buckets grow with what they count."""

from __future__ import annotations

__all__ = ["Delays"]

_EIGHTHS = 3
"""Each power of two is cut into eight buckets: a quantile is off by a sixteenth at most."""
_LONGEST = (1 << 60) - 1
"""36 years: what is longer counts as that."""


class Delays:
    """How often which delay occurred.  Delays in nanoseconds."""

    __slots__ = ("_buckets", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        """Sum of all."""
        self.minimum: int | None = None
        self.maximum: int | None = None
        self._buckets: dict[int, int] = {}

    def add(self, delay: int) -> None:
        """Count a delay; a negative one (messages out of order) counts as zero."""
        delay = max(delay, 0)
        self.count += 1
        self.total += delay
        if self.minimum is None or self.maximum is None:
            self.minimum = self.maximum = delay
        elif delay < self.minimum:
            self.minimum = delay
        elif delay > self.maximum:
            self.maximum = delay
        bucket = _bucket(delay)
        try:
            self._buckets[bucket] += 1
        except KeyError:
            self._buckets[bucket] = 1

    def merge(self, other: Delays) -> None:
        """Add what *other* counted."""
        self.count += other.count
        self.total += other.total
        if other.minimum is not None and other.maximum is not None:
            least = other.minimum if self.minimum is None else self.minimum
            self.minimum = min(other.minimum, least)
            self.maximum = max(other.maximum, self.maximum or 0)
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count

    @property
    def mean(self) -> float | None:
        """Arithmetic mean; ``None`` without any delay."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> int | None:
        """Return the delay that *share* (0 to 1) of all do not exceed, to some six per cent."""
        if self.minimum is None or self.maximum is None:
            return None
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(max(_middle(bucket), self.minimum), self.maximum)
        return self.maximum

    def histogram(self) -> list[tuple[int, int]]:
        """Return the middle of each bucket that has any, and how many, the shortest first."""
        return [(_middle(bucket), count) for bucket, count in sorted(self._buckets.items())]

    def __repr__(self) -> str:
        return f"<{self.count} delays from {self.minimum} to {self.maximum} ns>"


def _bucket(delay: int) -> int:
    """Return the number of the bucket: the exponent, and the three bits below the highest one."""
    shift = delay.bit_length() - 1 - _EIGHTHS
    if shift <= 0:
        return delay
    if delay > _LONGEST:
        return _bucket(_LONGEST)
    return (shift << _EIGHTHS) + (delay >> shift)


def _middle(bucket: int) -> int:
    """Return what stands in the middle of a bucket."""
    shift = (bucket >> _EIGHTHS) - 1
    if shift <= 0:
        return bucket
    lowest = ((bucket & 7) + 8) << shift
    return lowest + (1 << shift >> 1)
