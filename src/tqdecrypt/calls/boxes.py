"""Which addresses are one box: configured, or learned from what passes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import host_of

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.transaction import Transaction

__all__ = ["Boxes"]

MOST_PAIRS = 4096
"""Pairs of addresses that are remembered; the ones learned first go first."""


class Boxes:
    """Sets of addresses (without ports) that are one machine each.

    :param known: those that are configured.
    """

    def __init__(self, known: Iterable[Collection[str]] = ()) -> None:
        self._pairs = {(one, other): None for box in known for one in box for other in box}

    def are_one(self, one: str, other: str) -> bool:
        """Return whether two addresses are of one box."""
        return one == other or (one, other) in self._pairs

    def addresses_of(self, host: str) -> list[str]:
        """Return *host*, and the other addresses of its box."""
        return [host, *(other for one, other in self._pairs if one == host and other != host)]

    def add(self, one: str, other: str) -> None:
        """Learn that two addresses are one box."""
        if self.are_one(one, other):
            return
        while len(self._pairs) >= MOST_PAIRS:
            self._pairs.pop(next(iter(self._pairs)))
        self._pairs[one, other] = self._pairs[other, one] = None

    def learn(self, leg: Leg) -> None:
        """Learn from a proxy, which sends an INVITE on with one hop less, from another address."""
        before: Transaction | None = None
        for attempt in leg.transactions:
            if attempt.method != "INVITE" or attempt.to_tag or not attempt.request_seen:
                continue
            if (
                before is not None
                and before.cseq == attempt.cseq
                and before.branch != attempt.branch
                and before.max_forwards is not None
                and attempt.max_forwards == before.max_forwards - 1
            ):
                self.add(host_of(before.flow.destination), host_of(attempt.flow.source))
            before = attempt
