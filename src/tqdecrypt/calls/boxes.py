"""Which addresses are one box: configured, or learned from what passes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import host_of

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.transaction import Transaction

__all__ = ["Boxes"]

MOST_ADDRESSES = 4096
"""Addresses that are remembered; those learned first go first."""


class Boxes:
    """Sets of addresses (without ports) that are one machine each.

    :param known: those that are configured.
    """

    def __init__(self, known: Iterable[Collection[str]] = ()) -> None:
        self._others: dict[str, set[str]] = {}
        """By address, the other addresses of its box."""
        for box in known:
            for host in box:
                self._others.setdefault(host, set()).update(set(box) - {host})

    def are_one(self, one: str, other: str) -> bool:
        """Return whether two addresses are of one box."""
        return one == other or other in self._others.get(one, ())

    def addresses_of(self, host: str) -> list[str]:
        """Return *host*, and the other addresses of its box."""
        return [host, *sorted(self._others.get(host, ()))]

    def add(self, one: str, other: str) -> None:
        """Learn that two addresses are one box."""
        if self.are_one(one, other):
            return
        for host in (one, other):
            if host not in self._others and len(self._others) >= MOST_ADDRESSES:
                self._forget(next(iter(self._others)))
        self._others.setdefault(one, set()).add(other)
        self._others.setdefault(other, set()).add(one)

    def _forget(self, host: str) -> None:
        for other in self._others.pop(host):
            self._others[other].discard(host)

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
