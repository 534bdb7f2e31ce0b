"""Media that goes on after the call is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "media_after_bye"]

MEANING = Meaning(
    "media-after-bye",
    Severity.WARNING,
    "RTP went on after the BYE: one side does not know that the call is over.",
)


@on_media
def media_after_bye(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams that outlive their leg."""
    for leg, one in media.streams:
        if leg.ended is None or leg.answered is None:
            continue
        longer = one.stream.ended - leg.ended
        if longer <= context.thresholds.media_after_bye or one.stream.started > leg.ended:
            continue
        yield media_finding(
            MEANING,
            leg,
            one,
            leg.ended,
            f"{one.stream.source} went on sending RTP to {one.stream.destination} for "
            f"{seconds_text(longer)} after the BYE.",
            (
                f"Look whether the BYE reached {one.stream.source.rpartition(':')[0]}, and was answered.",
                "Such a port is still taken: the next call on it may hear the old one.",
            ),
        )
