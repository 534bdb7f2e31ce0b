"""What there is at an endpoint, found by its address and port."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["AtEnds"]

_Key = TypeVar("_Key", bound=Hashable)
_Thing = TypeVar("_Thing")


class AtEnds(Generic[_Key, _Thing]):
    """Things by the endpoints (``ip:port``) that they have, in the order in which they came."""

    def __init__(self) -> None:
        self._at: dict[str, dict[_Key, _Thing]] = {}

    def __contains__(self, end: str) -> bool:
        return end in self._at

    def __len__(self) -> int:
        """How many endpoints have something."""
        return len(self._at)

    def at(self, end: str) -> dict[_Key, _Thing]:
        """Return what is at an endpoint, by its key; not to be changed."""
        return self._at.get(end) or {}

    def add(self, ends: Iterable[str], key: _Key, thing: _Thing) -> None:
        """Put a thing at its endpoints; where its key was known already, it is the latest again."""
        for end in ends:
            there = self._at.setdefault(end, {})
            there.pop(key, None)
            there[key] = thing

    def discard(self, ends: Iterable[str], key: _Key) -> None:
        """Take away what has that key at these endpoints."""
        for end in ends:
            there = self._at.get(end)
            if there is not None:
                there.pop(key, None)
                if not there:
                    del self._at[end]
