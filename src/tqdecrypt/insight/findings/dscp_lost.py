"""The mark that gives voice its priority is gone on the way."""

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

__all__ = ["MEANING", "dscp_lost"]

MEANING = Meaning(
    "dscp-lost",
    Severity.WARNING,
    "RTP has a DSCP on one leg and none on the next, or loses it during the call.",
)
_ADVICE = (
    "Set the DSCP of media on the box between the legs, for each side (46, EF, is usual for voice; "
    "RFC 4594).",
    "See that switches and routers trust it.",
)


@on_media
def dscp_lost(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield legs on which voice has no DSCP although it had one on the leg before."""
    for first, before, second, after in same_direction(media):
        pair = (before, after) if before.to.value == "callee" else (after, before)
        came, went = pair[0].stream, pair[1].stream
        if came.dscp and not went.dscp:
            yield media_finding(
                MEANING,
                second,
                pair[1],
                went.started,
                f"RTP came to {came.destination} with DSCP {came.dscp} and went on from {went.source} with "
                f"DSCP 0 (call {first.call_id}).",
                _ADVICE,
                hosts=(address_of(went.source), address_of(came.destination)),
                frames=frames_of((came.first_frame, went.first_frame)),
            )
    for leg, one in media.streams:
        lost = next((change for change in one.stream.dscp_changes if not change.after), None)
        if lost is not None:
            yield media_finding(
                MEANING,
                leg,
                one,
                lost.time,
                f"RTP from {one.stream.source} had DSCP {lost.before}, and 0 from frame {lost.frame} on.",
                _ADVICE,
                frames=frames_of((lost.frame,)),
            )
