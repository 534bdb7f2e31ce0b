"""The descriptions of a leg as rules want them: each offer with its answer, parsed when needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.sip import parse_sdp

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.offer import Offer
    from tqdecrypt.sip.sdp import Media, SessionDescription

__all__ = ["Line", "description", "lines_of"]

MOST_REMEMBERED = 64
"""Session descriptions: the rules look at the same ones one after the other."""


class Line(NamedTuple):
    """One media line of an offer with its counterpart in the answer (RFC 3264 section 6)."""

    offer: Offer
    offered: Media
    answered: Media


@lru_cache(maxsize=MOST_REMEMBERED)
def description(body: bytes) -> SessionDescription:
    """Return a session description, parsed."""
    return parse_sdp(body)


def lines_of(leg: Leg) -> Iterator[Line]:
    """Yield the media lines of every offer that was answered, on every hop."""
    for offer in leg.offers:
        if offer.answer is None:
            continue
        offered, answered = description(offer.body), description(offer.answer)
        for one, other in zip(offered.media, answered.media, strict=False):
            yield Line(offer, one, other)
