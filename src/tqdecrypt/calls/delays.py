"""Many delays in little room: a histogram whose bounds grow by a fixed ratio."""

from __future__ import annotations

import math

__all__ = ["Delays"]

RATIO = 2**0.125
"""Each bucket reaches nine per cent further than the one before it; a quantile is off by at most
half of that."""
MOST_BUCKETS = 400
"""From a nanosecond to 1e15 ns, eleven days; longer ones count with the last."""
_SCALE = 1 / math.log(RATIO)


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
        if self.minimum is None or delay < self.minimum:
            self.minimum = delay
        if self.maximum is None or delay > self.maximum:
            self.maximum = delay
        bucket = min(int(math.log(delay) * _SCALE) + 1, MOST_BUCKETS) if delay else 0
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

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
        """Return the delay that *share* (0 to 1) of all do not exceed, to some four per cent."""
        if self.minimum is None or self.maximum is None:
            return None
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                middle = round(RATIO ** (bucket - 0.5)) if bucket else 0
                return min(max(middle, self.minimum), self.maximum)
        return self.maximum

    def __repr__(self) -> str:
        return f"<{self.count} delays from {self.minimum} to {self.maximum} ns>"
