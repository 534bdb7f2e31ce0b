"""Answers that take no codec of the offer, or refuse the audio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait, first_formats
from tqdecrypt.insight.descriptions import description, lines_of
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context
    from tqdecrypt.sip.sdp import Media

__all__ = ["MEANING", "no_common_codec"]

MEANING = Meaning(
    "no-common-codec",
    Severity.ERROR,
    "Offer and answer have no codec in common, or the audio was refused.",
)
_NO_SPEECH = frozenset({"telephone-event", "cn", "red"})
"""What comes beside a codec and is none."""


@on_leg_with(Trait.OTHER_CODECS)
def no_common_codec(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield audio lines without a codec that both have."""
    hosts = address_of(leg.call.caller), address_of(leg.call.callee)
    said: dict[str, tuple[int, ...]] = {}
    for offer in leg.offers:
        if offer.rejected in (488, 606) and b"m=audio" in offer.body:
            names = _names(
                next((m for m in description(offer.body).media if m.kind == "audio"), None)
            )
            sentence = f"An offer of {names} was refused with {offer.rejected}"
            said.setdefault(sentence, frames_of((offer.frame,)))
    for offer, offered, answered in lines_of(leg) if _worth_parsing(leg) else ():
        if offered.kind != "audio" or offered.refused:
            continue
        frames = frames_of((offer.frame, offer.answer_frame))
        if answered.refused:
            said.setdefault(f"The audio that was offered ({_names(offered)}) was refused", frames)
        elif not _codecs(offered) & _codecs(answered):
            sentence = f"The answer takes {_names(answered)}, and {_names(offered)} was offered"
            said.setdefault(sentence, frames)
    for sentence, frames in said.items():
        yield Finding(
            MEANING.name,
            MEANING.severity,
            leg.first_time,
            f"{sentence}, between {hosts[0]} and {hosts[1]}.",
            ("Allow one codec more on either side; G.711 (PCMA, PCMU) is what everybody has.",),
            frames=frames,
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=hosts,
            key=(sentence, *hosts),
        )


def _worth_parsing(leg: Leg) -> bool:
    """Return whether any answer differs from what nearly all have: a payload type of the offer."""
    for offer in leg.offers:
        if offer.answer is None:
            continue
        offered, answered = first_formats(offer.body), first_formats(offer.answer)
        port, *formats = answered or (b"0",)
        if port == b"0" or not formats or formats[0] not in offered[1:]:
            return True
    return False


def _codecs(media: Media) -> set[str]:
    named = {codec.name.lower() for codec in media.codecs if codec.name}
    return (named or set(media.formats)) - _NO_SPEECH


def _names(media: Media | None) -> str:
    if media is None:
        return "audio"
    return (
        ", ".join(codec.name or "a codec without a name" for codec in media.codecs[:6]) or "nothing"
    )
