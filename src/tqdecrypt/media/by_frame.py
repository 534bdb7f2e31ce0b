"""Finds a stream by its ends and SSRC, and by the frame of a packet.

Between the same ends, a later call may have the same SSRC: devices that always take the same one, and test
traffic.  The two are streams of their own, one behind the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["ByFrame"]

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class ByFrame(Generic[_Key, _Value]):
    """Values by key, each for a range of frames."""

    def __init__(self) -> None:
        self._values: dict[_Key, list[tuple[int, int, _Value]]] = {}
        """First frame, last frame and value; in this order."""

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, key: _Key, first: int, last: int, value: _Value) -> None:
        """Add a value; one that begins with the same frame as another is added behind it."""
        values = self._values.setdefault(key, [])
        values.insert(bisect_right(values, first, key=_first), (first, last, value))

    def at(self, key: _Key, frame: int) -> _Value | None:
        """Return the value whose frames *frame* is among."""
        for first, last, value in self._values.get(key, ()):
            if first <= frame <= last:
                return value
        return None

    def near(self, key: _Key, frame: int) -> _Value | None:
        """Return the value that began last in front of *frame*, else the first one."""
        values = self._values.get(key)
        if values is None:
            return None
        return values[max(bisect_right(values, frame, key=_first) - 1, 0)][2]


def _first(entry: tuple[int, int, object]) -> int:
    return entry[0]
