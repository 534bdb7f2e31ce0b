"""Media that is to be sent to an address nobody reaches from outside: one-way audio."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of, is_private, reaches_public
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "private_media"]

MEANING = Meaning(
    "private-media-address",
    Severity.WARNING,
    "A session description from a public address asks for media to a private one: one-way audio.",
)
_CONNECTION = re.compile(rb"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)


@on_leg_with(Trait.MEDIA_ELSEWHERE)
def private_media(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield descriptions whose address its sender does not have outside."""
    said: dict[tuple[str, str], Finding] = {}
    for offer in leg.offers:
        receiver, sender = address_of(offer.flow.destination), address_of(offer.flow.source)
        bodies = [(offer.body, sender, receiver, offer.frame)]
        if offer.answer is not None:
            bodies.append((offer.answer, receiver, sender, offer.answer_frame or 0))
        for body, source, other, frame in bodies:
            for match in _CONNECTION.finditer(body):
                address = match[1].decode("ascii", "replace")
                if reaches_public(address, source) and not is_private(other) and not _has_ice(body):
                    said.setdefault((source, address), _finding(leg, source, other, address, frame))
    yield from said.values()


def _has_ice(body: bytes) -> bool:
    """Return whether ICE candidates (RFC 8839) name other addresses."""
    return b"a=candidate:" in body


def _finding(leg: Leg, source: str, other: str, address: str, frame: int) -> Finding:
    return Finding(
        MEANING.name,
        MEANING.severity,
        leg.first_time,
        f"{source} asks {other} to send media to {address}, a private address.",
        (
            f"Unless {other} sends media back to where it comes from (latching, symmetric RTP), {source} "
            "hears nothing: turn that on, or put an SBC or STUN in between.",
            f"On the device behind {source}, set the public address for media.",
        ),
        frames=frames_of((frame,)),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(source, other),
        key=(source, other),
    )
