"""The smallest change of a server's list that makes clients decryptable and cuts nobody off.

Every client is a demand: whoever is wanted has to get RSA key exchange, whoever connects today has to go on
connecting.  A demand that is not met can be met in a few ways (put one of its RSA suites in front; put the
ephemeral ones that win now at the end; list a suite it needs); the search tries them depth first with one
edit more each time, so that what it finds first is the smallest.  Each state is judged by the simulation
itself (:func:`~tqdecrypt.tls.negotiation.negotiate`), so that nothing is proposed that it does not confirm.

An edit at the front or at the end stands for any place: for what is wanted, no place is better than the
front, and for who must go on connecting, every place does.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tqdecrypt.insight.what_if.forecast import Outcome, can_use, outcome_of, rsa_suites
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.negotiation import Disagreement, ServerSettings, negotiate
from tqdecrypt.tls.offer import Offer
from tqdecrypt.tls.suites import Protection, find_suite, suite_name

__all__ = ["Demand", "Edit", "Kind", "Proposal", "propose"]

MOST_STATES = 20_000
"""States of the search, some seconds; beyond, the answer is good but not proven to be the smallest."""


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
    for most in range(len(demands) * 4 + 1):
        edits = search.with_at_most(most)
        if edits is not None:
            return search.apply(edits), tuple(_in_order(edits)), True
        if search.states > MOST_STATES or not search.cut:
            break
    edits = search.greedily()
    return search.apply(edits), tuple(_in_order(edits)), False


def _in_order(edits: frozenset[Edit]) -> list[Edit]:
    """Return edits in the order in which they are best done and read."""
    kinds = list(Kind)
    return sorted(edits, key=lambda edit: (kinds.index(edit.kind), _rank(edit.suite)))


class _Search:
    """Looks for a set of edits."""

    def __init__(self, settings: ServerSettings, demands: Sequence[Demand]) -> None:
        self._settings = settings
        self._demands = demands
        self._tried: set[frozenset[Edit]] = set()
        self.states = 0
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

    def unmet(self, settings: ServerSettings) -> Iterator[Demand]:
        """Yield demands that *settings* do not meet."""
        for demand in self._demands:
            result = negotiate(demand.offer, settings)
            failed = isinstance(result, Disagreement)
            if (demand.wanted and outcome_of(result) is not Outcome.DECRYPTS) or (
                demand.must_connect and failed
            ):
                yield demand

    def with_at_most(self, most: int) -> frozenset[Edit] | None:
        """Return edits that meet everything, no more than *most*; ``None`` when there are none."""
        self._tried.clear()
        self.cut = False
        return self._deeper(frozenset(), most)

    def greedily(self) -> frozenset[Edit]:
        """Return edits that meet what can be met, each the one that helps most."""
        edits: frozenset[Edit] = frozenset()
        hopeless: set[Offer] = set()
        while True:
            settings = self.apply(edits)
            unmet = [one for one in self.unmet(settings) if one.offer not in hopeless]
            if not unmet:
                return edits
            ways = [way for way in self._ways(unmet[0], settings, edits) if not way <= edits]
            better = [(self._left(edits | way), len(way), edits | way) for way in ways]
            best = min(better, key=lambda one: one[:2], default=None)
            if best is None or best[0] >= self._left(edits):
                hopeless.add(unmet[0].offer)
            else:
                edits = best[2]

    def _left(self, edits: frozenset[Edit]) -> tuple[int, int]:
        """Return how many are cut off, and how many demands are not met at all."""
        settings = self.apply(edits)
        unmet = list(self.unmet(settings))
        cut_off = sum(isinstance(negotiate(one.offer, settings), Disagreement) for one in unmet)
        return cut_off, len(unmet)

    def _deeper(self, edits: frozenset[Edit], most: int) -> frozenset[Edit] | None:
        if edits in self._tried or self.states > MOST_STATES:
            return None
        self._tried.add(edits)
        self.states += 1
        settings = self.apply(edits)
        unmet = list(self.unmet(settings))
        if not unmet:
            return edits
        ways = list(self._ways(unmet[0], settings, edits))
        # What helps most of the others, too, comes first: then the first that is found reads best.
        helped = {way: self._helps(way, unmet) for way in ways}
        for way in sorted(ways, key=lambda one: -helped[one]):
            together = edits | way
            if len(together) > most:
                self.cut = True
                continue
            found = self._deeper(together, most) if together != edits else None
            if found is not None:
                return found
        return None

    def _helps(self, way: frozenset[Edit], unmet: Sequence[Demand]) -> int:
        suites = {edit.suite for edit in way}
        return sum(not suites.isdisjoint(demand.offer.suites) for demand in unmet)

    def _ways(
        self, demand: Demand, settings: ServerSettings, edits: frozenset[Edit]
    ) -> Iterator[frozenset[Edit]]:
        """Yield sets of edits that meet one demand."""
        removed = {edit.suite for edit in edits if edit.kind is Kind.REMOVE}
        if demand.wanted:
            offered = [
                suite
                for suite in sorted(rsa_suites(demand.offer), key=self._cheapest)
                if suite not in removed and can_use(demand.offer, settings, suite)
            ]
            if settings.server_order:
                yield from self._by_server_order(demand.offer, settings, offered)
            else:
                yield frozenset({Edit(Kind.SERVER_ORDER)})
                yield from self._by_client_order(demand.offer, settings, offered)
        else:
            for suite in sorted(demand.offer.suites, key=self._cheapest):
                if suite not in removed and can_use(demand.offer, settings, suite):
                    yield frozenset({Edit(Kind.ADD_LAST, suite)})

    def _by_server_order(
        self, offer: Offer, settings: ServerSettings, offered: Sequence[int]
    ) -> Iterator[frozenset[Edit]]:
        listed = self._settings.suites
        for suite in offered:
            yield frozenset({Edit(Kind.MOVE_FIRST if suite in listed else Kind.ADD_FIRST, suite)})
        usable = [suite for suite in settings.suites if can_use(offer, settings, suite)]
        shared = [suite for suite in usable if suite in offer.suites]
        winners: list[int] = []
        for suite in shared:
            if suite in offered:
                if winners and all(one in listed for one in winners):
                    yield frozenset(Edit(Kind.MOVE_LAST, one) for one in winners)
                return
            winners.append(suite)

    def _by_client_order(
        self, offer: Offer, settings: ServerSettings, offered: Sequence[int]
    ) -> Iterator[frozenset[Edit]]:
        for suite in offered:
            edits = set()
            if suite not in settings.suites:
                edits.add(Edit(Kind.ADD_LAST, suite))
            for other in offer.suites[: offer.suites.index(suite)]:
                if (
                    other in settings.suites
                    and other not in offered
                    and can_use(offer, settings, other)
                ):
                    edits.add(Edit(Kind.REMOVE, other))
            if edits and not any(
                Edit(Kind.ADD_LAST, edit.suite) in edits
                for edit in edits
                if edit.kind is Kind.REMOVE
            ):
                yield frozenset(edits)

    def _cheapest(self, suite: int) -> tuple[bool, tuple[int, ...]]:
        """Order: what the list has already, then what is stronger."""
        return suite not in self._settings.suites, _rank(suite)


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
