"""Keeps calls with their media for whoever reads captures once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from tqdecrypt.media.association import CallMedia, LegMedia

__all__ = ["KeptCalls"]

MOST_STREAMS = 20_000
"""Streams of the calls that are kept, some six kilobytes each; the calls that settled first go."""
MOST_CALLS = 20_000
"""Calls, some three kilobytes each; likewise."""


class KeptCalls:
    """Takes calls, and keeps those that are wanted.

    :ivar counters: ``media_calls_evicted``: wanted, and not kept.
    """

    def __init__(self, wanted: Callable[[CallMedia], bool] = lambda call: True) -> None:
        self.counters: Counter[str] = Counter()
        self._wanted = wanted
        self._calls: dict[int, tuple[CallMedia, int]] = {}
        """Number → the call, and how many streams it has."""
        self._number = 0
        self._streams = 0

    def __iter__(self) -> Iterator[CallMedia]:
        """Yield the calls in the order in which they settled."""
        for call, _ in self._calls.values():
            yield call

    @property
    def legs(self) -> Iterator[LegMedia]:
        """Yield the legs of all calls."""
        for call in self:
            yield from call.legs

    def receive(self, call: CallMedia) -> bool:
        """Take a call; return whether it is kept."""
        if not self._wanted(call):
            return False
        self._number += 1
        streams = sum(len(leg.streams) for leg in call.legs)
        self._calls[self._number] = call, streams
        self._streams += streams
        while len(self._calls) > MOST_CALLS or self._streams > MOST_STREAMS:
            _, fewer = self._calls.pop(next(iter(self._calls)))
            self._streams -= fewer
            self.counters["media_calls_evicted"] += 1
        return True
