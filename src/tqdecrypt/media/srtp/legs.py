"""The keys of a leg: from all its offers and answers, of every hop, fork and re-INVITE, with their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.media.description import describe
from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.sdes import AgreedKeys, keys_for

if TYPE_CHECKING:
    from tqdecrypt.calls.offer import Offer

__all__ = ["LegKeys", "keys_of_leg"]

MOST_KEYS = 64
"""Keys kept of one media line and sender; the latest stay."""


@dataclass(slots=True, repr=False)
class LegKeys:
    """What each party of a leg may protect media with.  Secret."""

    by_sender: dict[tuple[Party, int], list[MasterKey]] = field(default_factory=dict)
    """Sender and index of the media line → its keys, in the order of their agreement."""

    def __repr__(self) -> str:
        return f"<LegKeys of {len(self.by_sender)} senders>"

    def of(self, sender: Party, index: int) -> list[MasterKey]:
        """Return the keys for what *sender* sends on one media line."""
        return self.by_sender.get((sender, index), [])


@dataclass(frozen=True, slots=True)
class _Agreement:
    """What holds from a moment on, on one hop and media line."""

    since: int
    offerer: Party
    index: int
    keys: AgreedKeys


def keys_of_leg(offers: Iterable[Offer]) -> LegKeys:
    """Return the keys of both parties of a leg with these offers."""
    by_line: dict[tuple[str, int], list[_Agreement]] = {}
    for offer in offers:
        if offer.rejected is not None and offer.transaction.to_tag:
            continue  # a re-INVITE that was refused changes nothing (RFC 3261 section 14.1)
        hop = " ".join(sorted((offer.flow.source, offer.flow.destination))) + offer.callee_tag
        for agreement in _agreements(offer):
            by_line.setdefault((hop, agreement.index), []).append(agreement)
    found = LegKeys()
    for agreements in by_line.values():
        agreements.sort(key=lambda one: one.since)
        ends = [*(one.since for one in agreements[1:]), None]
        for agreement, until in zip(agreements, ends, strict=True):
            bounded = agreement.keys.bounded(agreement.since, until)
            answerer = Party.CALLEE if agreement.offerer is Party.CALLER else Party.CALLER
            _add(found, agreement.offerer, agreement.index, bounded.offerer)
            _add(found, answerer, agreement.index, bounded.answerer)
    return found


def _agreements(offer: Offer) -> Iterator[_Agreement]:
    """Yield what an offer, a provisional and a final answer say, for each media line with keys."""
    answers = [(offer.early, offer.early_time), (offer.answer, offer.answer_time)]
    seen = [(body, time) for body, time in answers if body is not None and time is not None]
    offerer = Party.CALLER if offer.by_caller else Party.CALLEE
    offered = describe(offer.body) if b"crypto:" in offer.body else ()
    for body, time in seen or [(b"", offer.time)]:
        answered = describe(body) if b"crypto:" in body else ()
        for index in range(max(len(offered), len(answered))):
            lines = offered[index].keys if index < len(offered) else ()
            reply = answered[index].keys if index < len(answered) else None
            if lines or reply:
                yield _Agreement(time, offerer, index, keys_for(lines, reply))


def _add(found: LegKeys, sender: Party, index: int, keys: tuple[MasterKey, ...]) -> None:
    """Add keys; what is known already, from another hop or said again, holds for longer."""
    known = found.by_sender.setdefault((sender, index), [])
    for key in keys:
        place = next((n for n, one in enumerate(known) if _alike(one, key)), None)
        if place is None:
            known.append(key)
        else:
            known[place] = _both(known[place], key)
    del known[:-MOST_KEYS]


def _alike(one: MasterKey, other: MasterKey) -> bool:
    bare = (replace(key, since=None, until=None, origin="") for key in (one, other))
    return next(bare) == next(bare)


def _both(one: MasterKey, other: MasterKey) -> MasterKey:
    """Return the key with the time in which either holds; the origin is that of the likelier one."""
    since = None if one.since is None or other.since is None else min(one.since, other.since)
    until = None if one.until is None or other.until is None else max(one.until, other.until)
    origin = min(one.origin, other.origin, key=lambda text: "not chosen" in text)
    return replace(one, since=since, until=until, origin=origin)
