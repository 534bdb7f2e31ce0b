"""SRTP on one side and RTP on the other, or keys that do not fit (RFC 4568, RFC 5763)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.descriptions import lines_of
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context
    from tqdecrypt.sip.sdp import Media

__all__ = ["MEANING", "media_security"]

MEANING = Meaning(
    "media-security",
    Severity.ERROR,
    "Offer and answer do not agree on SRTP: encrypted on one side, clear or with another key on the other.",
)


@on_leg_with(Trait.SECURE_MEDIA)
def media_security(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield media lines whose security does not fit, and offers refused because of it."""
    bodies = [body for offer in leg.offers for body in (offer.body, offer.answer or b"")]
    if not any(b"SAVP" in body or b"a=crypto" in body for body in bodies):
        return  # nobody asks for security: nothing to parse
    said: dict[str, tuple[int, ...]] = {}
    for offer, offered, answered in lines_of(leg):
        if not offered.refused and not answered.refused:
            for sentence in _mismatches(offered, answered):
                said.setdefault(sentence, frames_of((offer.frame, offer.answer_frame)))
    for offer in leg.offers:
        if offer.rejected in (488, 606) and b"SAVP" in offer.body:
            sentence = f"an offer of SRTP was refused with {offer.rejected}"
            said.setdefault(sentence, frames_of((offer.frame,)))
    hosts = address_of(leg.call.caller), address_of(leg.call.callee)
    for sentence, frames in said.items():
        yield Finding(
            MEANING.name,
            MEANING.severity,
            leg.first_time,
            f"{sentence[0].upper()}{sentence[1:]} between {hosts[0]} and {hosts[1]}.",
            (
                "Set the same media security on both ends of this hop: SRTP required, or none; where "
                "the two differ, the SBC between them has to translate.",
                "Keys in the session description (SDES) and DTLS-SRTP do not work together either.",
            ),
            frames=frames,
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=hosts,
            key=(sentence, *hosts),
        )


def _mismatches(offered: Media, answered: Media) -> Iterator[str]:
    secure = "SAVP" in offered.protocol, "SAVP" in answered.protocol
    if secure == (True, False):
        yield f"{offered.kind} was offered as {offered.protocol} and answered as {answered.protocol}"
        return
    if secure == (False, True):
        yield f"{offered.kind} was offered as {offered.protocol} but answered as {answered.protocol}"
        return
    if not secure[0] and not offered.crypto:
        return
    if offered.crypto and not offered.fingerprints and not answered.crypto:
        if secure[1]:
            yield f"keys for {offered.kind} were offered (a=crypto), and the answer has none"
        return
    if offered.crypto and answered.crypto:
        chosen = answered.crypto[0]
        by_tag = {one.tag: one for one in offered.crypto}
        if chosen.tag not in by_tag:
            yield f"the answer takes a=crypto {chosen.tag} for {offered.kind}, which was not offered"
        elif by_tag[chosen.tag].suite.lower() != chosen.suite.lower():
            yield (
                f"the answer has {chosen.suite} under the tag of {by_tag[chosen.tag].suite} "
                f"for {offered.kind}"
            )
    elif offered.fingerprints and not offered.crypto and not answered.fingerprints:
        yield f"DTLS-SRTP was offered for {offered.kind}, and the answer has no fingerprint"
