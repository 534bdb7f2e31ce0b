"""How an interface of a pcapng file counts time (draft-ietf-opsawg-pcapng section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Clock", "clamped"]

SECOND = 1_000_000_000
EARLIEST, LATEST = -(1 << 63), (1 << 63) - 1
"""Nanoseconds since 1970 that a column holds: the years 1677 to 2262."""


def clamped(nanoseconds: int) -> int:
    """Return the nearest time that a column can hold."""
    return min(max(nanoseconds, EARLIEST), LATEST)


@dataclass(frozen=True, slots=True)
class Clock:
    """Ticks since an epoch, which may be shifted from 1970."""

    units: int = 1_000_000
    """Ticks a second (if_tsresol)."""
    offset: int = 0
    """Seconds to add (if_tsoffset)."""

    @classmethod
    def with_resolution(cls, resolution: int, offset: int) -> Clock:
        """Return the clock of an if_tsresol octet: its top bit tells powers of 2 from those of 10."""
        base = 2 if resolution & 0x80 else 10
        return cls(base ** (resolution & 0x7F), offset)

    def nanoseconds(self, ticks: int) -> int:
        """Return the time, rounded down; it may lie beyond what a column holds."""
        return ticks * SECOND // self.units + self.offset * SECOND

    def column(self, ticks: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], int]:
        """Return times, and how many of them were beyond what a column holds, and clamped."""
        # 2**34 ticks times 10**9 still fit in 64 bits, and so do 2**33 seconds (twice).
        if self.units <= 1 << 34 and abs(self.offset) < 1 << 32:
            seconds, rest = np.divmod(ticks, np.uint64(self.units))
            if not len(ticks) or int(seconds.max()) < 1 << 32:
                fraction = rest * np.uint64(SECOND) // np.uint64(self.units)
                whole = seconds.astype(np.int64) + self.offset
                return whole * SECOND + fraction.astype(np.int64), 0
        exact = [self.nanoseconds(tick) for tick in ticks.tolist()]
        column = np.array([clamped(time) for time in exact], np.int64)
        return column, sum(not EARLIEST <= time <= LATEST for time in exact)
