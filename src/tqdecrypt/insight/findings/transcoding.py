"""The codec changes from one leg to the next: something between them transcodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, same_direction
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "transcoding"]

MEANING = Meaning(
    "transcoding",
    Severity.NOTICE,
    "The codec differs between two legs of a call: a box between them transcodes.",
)


@on_media
def transcoding(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield legs next to each other whose audio has different codecs in the same direction."""
    for first, before, second, after in same_direction(media):
        one, another = before.encoding, after.encoding
        if not one or not another or one.lower() == another.lower():
            continue
        sides = (
            f"the leg {first.call_id} has {one} and the leg {second.call_id} has {another}"
            if first is not second
            else f"the caller's side of the relay has {one} and the callee's has {another}"
        )
        yield media_finding(
            MEANING,
            second,
            after,
            after.stream.started,
            f"To the {after.to.value}, {sides}.",
            (
                "Offer the same codecs on both sides of the box, in the same order: transcoding costs "
                "quality, delay and licences.",
            ),
            hosts=(address_of(after.stream.source), address_of(before.stream.destination)),
            frames=frames_of((before.stream.first_frame, after.stream.first_frame)),
        )
