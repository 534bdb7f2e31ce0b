"""The smallest change of a server's list that makes clients decryptable and cuts nobody off.

Every client is a demand: whoever is wanted has to get RSA key exchange, whoever connects today has to go on
connecting.  A demand that is not met can be met in a few ways (put one of its RSA suites in front; put the
ephemeral ones that win now at the end; list a suite it needs); the search tries them depth first with one
edit more each time, so that what it finds first is the smallest.

An edit at the front or at the end stands for any place: for what is wanted, no place is better than the
front, and for who must go on connecting, every place does.

What a client could speak with the server is reckoned once
(:func:`~tqdecrypt.tls.negotiation.negotiate`); from then on a list is a question of which comes first.
Clients that differ only in what does not matter are one.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tqdecrypt.insight.what_if.forecast import Outcome, can_use, outcome_of, rsa_suites
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.negotiation import Disagreement, ServerSettings, negotiate
from tqdecrypt.tls.offer import Offer
from tqdecrypt.tls.suites import Protection, find_suite, suite_name

__all__ = ["Demand", "Edit", "Kind", "Proposal", "propose"]

MOST_JUDGED = 1_000_000
"""Clients that are judged in the search, one or two seconds; beyond, the answer is good but not proven to be
the smallest."""


class Kind(enum.Enum):
    """What is done to the server."""

    TLS13_OFF = "turn TLS 1.3 off"
    SERVER_ORDER = "let the server's order count"
    MOVE_FIRST = "move {suite} to the front of the list"
    ADD_FIRST = "add {suite} at the front of the list"
    ADD_LAST = "add {suite} at the end of the list"
    MOVE_LAST = "move {suite} to the end of the list"
    REMOVE = "take {suite} out of the list"


class Edit(NamedTuple):
    """One change."""

    kind: Kind
    suite: int = 0

    def __str__(self) -> str:
        return self.kind.value.format(suite=suite_name(self.suite))


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of the new list for one offer."""

    offer: Offer
    wanted: bool = True
    """Whether it shall become decryptable."""
    must_connect: bool = True
    """Whether it connects today."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The change, and what it comes to."""

    settings: ServerSettings
    edits: tuple[Edit, ...]
    smallest: bool
    """Whether it is proven that no smaller one does."""
    gained: frozenset[Offer]
    """Offers that would become decryptable."""
    cut_off: frozenset[Offer]
    """Offers that connect today and would not with any list in these versions."""
    need_tls13: frozenset[Offer]
    """Offers for whose sake TLS 1.3 has to stay on; empty when it may go."""
    kept_dark_by_tls13: frozenset[Offer]
    """Offers that would be decryptable with TLS 1.3 off."""
    without_rsa: frozenset[Offer]
    """Wanted offers without any suite with RSA key exchange that the server could use."""


def propose(settings: ServerSettings, demands: Iterable[Demand]) -> Proposal:
    """Return the smallest change that makes as many wanted offers as possible decryptable."""
    asked = _distinct(demands)
    off = settings.without_tls13()
    need_tls13 = frozenset(
        demand.offer
        for demand in asked
        if settings.tls13
        and demand.must_connect
        and _could_connect(demand.offer, settings)
        and not _could_connect(demand.offer, off)
    )
    may_be = settings if need_tls13 else off
    wanted = [demand.offer for demand in asked if demand.wanted]
    goals = [
        Demand(
            demand.offer,
            demand.wanted and _reachable(demand.offer, may_be),
            demand.must_connect and _could_connect(demand.offer, may_be),
        )
        for demand in asked
    ]
    turn_off = settings.tls13 and any(
        goal.wanted and Version.TLS13 in goal.offer.versions for goal in goals
    )
    found, edits, smallest = _solve(off if turn_off else settings, goals)
    results = {demand.offer: negotiate(demand.offer, found) for demand in asked}
    return Proposal(
        found,
        (*((Edit(Kind.TLS13_OFF),) if turn_off else ()), *edits),
        smallest,
        frozenset(
            offer
            for offer in wanted
            if outcome_of(results[offer]) is Outcome.DECRYPTS
            and outcome_of(negotiate(offer, settings)) is not Outcome.DECRYPTS
        ),
        frozenset(
            demand.offer
            for demand in asked
            if demand.must_connect and isinstance(results[demand.offer], Disagreement)
        ),
        need_tls13,
        frozenset(o for o in wanted if _reachable(o, off) and not _reachable(o, may_be)),
        frozenset(o for o in wanted if not _reachable(o, off)),
    )


def _distinct(demands: Iterable[Demand]) -> list[Demand]:
    """Return one demand an offer: wanted and to connect when any of its clients is."""
    merged: dict[Offer, Demand] = {}
    for demand in demands:
        before = merged.get(demand.offer, Demand(demand.offer, wanted=False, must_connect=False))
        merged[demand.offer] = Demand(
            demand.offer,
            before.wanted or demand.wanted,
            before.must_connect or demand.must_connect,
        )
    return list(merged.values())


def _reachable(offer: Offer, settings: ServerSettings) -> bool:
    """Return whether some list would make the offer decryptable, with the versions as they are."""
    if settings.tls13 and Version.TLS13 in offer.versions:
        return False
    return any(can_use(offer, settings, number) for number in rsa_suites(offer))


def _could_connect(offer: Offer, settings: ServerSettings) -> bool:
    """Return whether some list would let the offer connect, with the versions as they are."""
    if settings.tls13 and Version.TLS13 in offer.versions:
        return not isinstance(negotiate(offer, settings), Disagreement)
    return any(can_use(offer, settings, number) for number in offer.suites)


def _solve(
    settings: ServerSettings, demands: Sequence[Demand]
) -> tuple[ServerSettings, tuple[Edit, ...], bool]:
    """Return the settings, the edits, and whether they are proven to be the fewest.

    Searches with more and more edits; where that takes too long, the edit that helps most is taken again
    and again.
    """
    search = _Search(settings, demands)
    for most in range(4 * len(settings.suites) + 4 * len(demands) + 1):
        edits = search.with_at_most(most)
        if edits is not None:
            return search.apply(edits), tuple(_in_order(edits)), True
        if search.judged > MOST_JUDGED or not search.cut:
            break
    edits = search.greedily()
    return search.apply(edits), tuple(_in_order(edits)), False


def _in_order(edits: frozenset[Edit]) -> list[Edit]:
    """Return edits in the order in which they are best done and read."""
    kinds = list(Kind)
    return sorted(edits, key=lambda edit: (kinds.index(edit.kind), _rank(edit.suite)))


@dataclass(frozen=True, slots=True)
class _Client:
    """A demand, reduced to what decides it."""

    wanted: bool
    must_connect: bool
    suites: tuple[int, ...]
    """What it could speak with the server, in its order."""
    outcomes: tuple[Outcome, ...]
    """What comes of each of them."""
    fixed: Outcome | None
    """With TLS 1.3 no list up to TLS 1.2 changes anything."""

    def judge(self, listed: Sequence[int], places: dict[int, int], server_order: bool) -> Outcome:
        """Return what comes of a list."""
        if self.fixed is not None:
            return self.fixed
        if server_order:
            shared = [suite for suite in self.suites if suite in places]
            if not shared:
                return Outcome.FAILS
            chosen = min(shared, key=places.__getitem__)
            return self.outcomes[self.suites.index(chosen)]
        for suite, outcome in zip(self.suites, self.outcomes, strict=True):
            if suite in places:
                return outcome
        return Outcome.FAILS

    @property
    def opening(self) -> tuple[int, ...]:
        """Suites that an RSA key opens."""
        pairs = zip(self.suites, self.outcomes, strict=True)
        return tuple(suite for suite, outcome in pairs if outcome is Outcome.DECRYPTS)


def _reduced(settings: ServerSettings, demands: Sequence[Demand]) -> list[_Client]:
    """Return clients, those alike as one: what nobody lists and no RSA key opens only matters to who has
    nothing else."""
    clients: dict[_Client, None] = {}
    listed = frozenset(settings.suites)
    for demand in demands:
        offer = demand.offer
        fixed = None
        if settings.tls13 and Version.TLS13 in offer.versions:
            fixed = outcome_of(negotiate(offer, settings))
        usable = [] if fixed else [one for one in offer.suites if can_use(offer, settings, one)]
        if settings.server_order and not listed.isdisjoint(usable):  # then it stays listed
            opening = frozenset(rsa_suites(offer))
            usable = [one for one in usable if one in listed or one in opening]
        outcomes = tuple(
            outcome_of(negotiate(offer, replace(settings, suites=(one,)))) for one in usable
        )
        clients[_Client(demand.wanted, demand.must_connect, tuple(usable), outcomes, fixed)] = None
    return list(clients)


class _Search:
    """Looks for a set of edits."""

    def __init__(self, settings: ServerSettings, demands: Sequence[Demand]) -> None:
        self._settings = settings
        self._clients = _reduced(settings, demands)
        self._tried: set[frozenset[Edit]] = set()
        self.judged = 0
        self.cut = False
        """Whether the last search ended at its bound: more edits may do."""

    def apply(self, edits: frozenset[Edit]) -> ServerSettings:
        """Return the settings with *edits*."""
        front = [edit.suite for edit in edits if edit.kind in (Kind.MOVE_FIRST, Kind.ADD_FIRST)]
        back = [edit.suite for edit in edits if edit.kind is Kind.MOVE_LAST]
        added = [edit.suite for edit in edits if edit.kind is Kind.ADD_LAST]
        gone = {edit.suite for edit in edits if edit.kind is Kind.REMOVE}
        moved = {*front, *back}
        old = self._settings.suites
        suites = (
            *sorted(front, key=_rank),
            *(suite for suite in old if suite not in moved and suite not in gone),
            *sorted(added, key=_rank),
            *(suite for suite in old if suite in back),
        )
        order = self._settings.server_order or Edit(Kind.SERVER_ORDER) in edits
        return replace(self._settings, suites=suites, server_order=order)

    def with_at_most(self, most: int) -> frozenset[Edit] | None:
        """Return edits that meet everything, no more than *most*; ``None`` when there are none."""
        self._tried.clear()
        self.cut = False
        return self._deeper(frozenset(), most)

    def greedily(self) -> frozenset[Edit]:
        """Return edits that meet what can be met, each the one that helps most."""
        edits: frozenset[Edit] = frozenset()
        hopeless: set[_Client] = set()
        while True:
            settings = self.apply(edits)
            unmet = [one for one in self._unmet(settings) if one not in hopeless]
            if not unmet:
                return edits
            ways = [way for way in self._ways(unmet[0], settings, edits) if not way <= edits]
            better = [(self._left(edits | way), len(way), edits | way) for way in ways]
            best = min(better, key=lambda one: one[:2], default=None)
            if best is None or best[0] >= self._left(edits):
                hopeless.add(unmet[0])
            else:
                edits = best[2]

    def _unmet(self, settings: ServerSettings) -> list[_Client]:
        """Return whose demands *settings* do not meet."""
        listed = settings.suites
        places = {suite: place for place, suite in enumerate(listed)}
        self.judged += len(self._clients)
        unmet = []
        for client in self._clients:
            outcome = client.judge(listed, places, settings.server_order)
            if (client.wanted and outcome is not Outcome.DECRYPTS) or (
                client.must_connect and outcome is Outcome.FAILS
            ):
                unmet.append(client)
        return unmet

    def _left(self, edits: frozenset[Edit]) -> tuple[int, int]:
        """Return how many are cut off, and how many demands are not met at all."""
        settings = self.apply(edits)
        places = {suite: place for place, suite in enumerate(settings.suites)}
        unmet = self._unmet(settings)
        cut_off = sum(
            one.must_connect
            and one.judge(settings.suites, places, settings.server_order) is Outcome.FAILS
            for one in unmet
        )
        return cut_off, len(unmet)

    def _deeper(self, edits: frozenset[Edit], most: int) -> frozenset[Edit] | None:
        if edits in self._tried or self.judged > MOST_JUDGED:
            return None
        self._tried.add(edits)
        settings = self.apply(edits)
        unmet = self._unmet(settings)
        if not unmet:
            return edits
        # Whoever has the fewest ways is decided first; what helps most of the others, too, is tried first.
        first = min(unmet, key=lambda one: len(one.opening))
        ways = list(self._ways(first, settings, edits))
        helped = {way: _helps(way, unmet) for way in ways}
        for way in sorted(ways, key=lambda one: -helped[one]):
            together = edits | way
            if len(together) > most:
                self.cut = True
                continue
            found = self._deeper(together, most) if together != edits else None
            if found is not None:
                return found
        return None

    def _ways(
        self, client: _Client, settings: ServerSettings, edits: frozenset[Edit]
    ) -> Iterator[frozenset[Edit]]:
        """Yield sets of edits that meet one demand."""
        removed = {edit.suite for edit in edits if edit.kind is Kind.REMOVE}
        if not client.wanted:
            for suite in sorted(client.suites, key=self._cheapest):
                if suite not in removed and suite not in settings.suites:
                    yield frozenset({Edit(Kind.ADD_LAST, suite)})
            return
        opening = [suite for suite in client.opening if suite not in removed]
        opening.sort(key=self._cheapest)
        if settings.server_order:
            yield from self._by_server_order(client, settings, opening)
        else:
            yield frozenset({Edit(Kind.SERVER_ORDER)})
            yield from _by_client_order(client, settings, opening)

    def _by_server_order(
        self, client: _Client, settings: ServerSettings, opening: Sequence[int]
    ) -> Iterator[frozenset[Edit]]:
        listed = self._settings.suites
        for suite in opening:
            yield frozenset({Edit(Kind.MOVE_FIRST if suite in listed else Kind.ADD_FIRST, suite)})
        winners: list[int] = []
        for suite in settings.suites:
            if suite in opening:
                if winners and all(one in listed for one in winners):
                    yield frozenset(Edit(Kind.MOVE_LAST, one) for one in winners)
                return
            if suite in client.suites:
                winners.append(suite)

    def _cheapest(self, suite: int) -> tuple[bool, tuple[int, ...]]:
        """Order: what the list has already, then what is stronger."""
        return suite not in self._settings.suites, _rank(suite)


def _by_client_order(
    client: _Client, settings: ServerSettings, opening: Sequence[int]
) -> Iterator[frozenset[Edit]]:
    for suite in opening:
        edits = {
            Edit(Kind.REMOVE, other)
            for other in client.suites[: client.suites.index(suite)]
            if other in settings.suites and other not in opening
        }
        if suite not in settings.suites:
            edits.add(Edit(Kind.ADD_LAST, suite))
        if edits:
            yield frozenset(edits)


def _helps(way: frozenset[Edit], unmet: Sequence[_Client]) -> int:
    suites = {edit.suite for edit in way}
    return sum(not suites.isdisjoint(client.suites) for client in unmet)


@functools.cache
def _rank(number: int) -> tuple[int, ...]:
    """Return a key that sorts suites from the strongest to the weakest."""
    suite = find_suite(number)
    bulk = suite.bulk
    if bulk is None:
        return (9, 0, 0, number)
    kind = {Protection.AEAD_EXPLICIT: 0, Protection.AEAD_IMPLICIT: 0, Protection.BLOCK: 1}
    common = 0 if suite.cipher.startswith("AES") and bulk.tag_length != 8 else 1
    hashes = ("sha384", "sha256", "sha1", "md5")
    mac = hashes.index(suite.mac) if suite.mac in hashes else 0
    return (
        kind.get(bulk.protection, 2),
        common,
        "CCM" in suite.cipher,
        -bulk.key_length if bulk.block_length != 8 else 0,
        mac,
        number,
    )
