"""Tells between which hosts media passes the capture point: the media of many calls takes another way.

A call without media is wrong only where that of others passes.  So those wait until it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tqdecrypt.media.association import CallMedia, LegMedia

__all__ = ["Undecided"]

ENOUGH = 50
"""Answered legs between the same hosts that tell for sure."""
MOST_PAIRS = 10_000
"""Sets of hosts that are remembered, some 400 bytes each; the one that was seen first goes."""
MOST_WAITING = 2_000
"""Calls that wait, some three kilobytes each; the one that has waited for longest goes."""

_Hosts = frozenset[str]


class Undecided:
    """Takes calls, and hands them on when it is known whether media of their hosts is usually seen.

    :param on_call: takes each call, with :attr:`~tqdecrypt.media.association.LegMedia.usually_seen` set.
    :param patient: whether a call may wait for others.
    :ivar counters: ``media_hosts_evicted``; ``media_calls_judged_early``: by the calls so far, because too
        many waited.
    """

    def __init__(self, on_call: Callable[[CallMedia], object], *, patient: bool) -> None:
        self.counters: Counter[str] = Counter()
        self._on_call = on_call
        self._patient = patient
        self._counts: dict[_Hosts, tuple[int, int]] = {}
        """Media hosts → answered legs, and those with media."""
        self._waiting: dict[int, CallMedia] = {}
        self._number = 0

    def receive(self, call: CallMedia) -> None:
        """Take a call."""
        sure = [self._note(leg) for leg in call.legs if leg.answered is not None]
        if self._patient and not self._is_decided(call):
            if len(self._waiting) >= MOST_WAITING:
                self._hand_on(self._waiting.pop(next(iter(self._waiting))))
                self.counters["media_calls_judged_early"] += 1
            self._number += 1
            self._waiting[self._number] = call
        else:
            self._hand_on(call)
        if any(sure) and self._waiting:
            decided = [number for number, one in self._waiting.items() if self._is_decided(one)]
            for number in decided:
                self._hand_on(self._waiting.pop(number))

    def finish(self) -> None:
        """There are no more calls."""
        for call in self._waiting.values():
            self._hand_on(call)
        self._waiting.clear()

    def _note(self, leg: LegMedia) -> bool:
        """Count an answered leg; return whether it makes sure how it usually is."""
        hosts = leg.media_hosts
        known = self._counts.get(hosts)
        if known is None:
            if len(self._counts) >= MOST_PAIRS:
                del self._counts[next(iter(self._counts))]
                self.counters["media_hosts_evicted"] += 1
            known = 0, 0
        answered = known[0] + 1
        self._counts[hosts] = answered, known[1] + bool(leg.streams)
        return answered == ENOUGH

    def _is_decided(self, call: CallMedia) -> bool:
        return all(
            bool(leg.streams)
            or leg.answered is None
            or self._counts.get(leg.media_hosts, (0, 0))[0] >= ENOUGH
            for leg in call.legs
        )

    def _hand_on(self, call: CallMedia) -> None:
        for leg in call.legs:
            if leg.answered is not None:
                answered, seen = self._counts.get(leg.media_hosts, (0, 0))
                leg.usually_seen = answered > 0 and 2 * seen >= answered
        self._on_call(call)
