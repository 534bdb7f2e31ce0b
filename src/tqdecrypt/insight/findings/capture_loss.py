"""Packets that the capture lost: what looks like loss on the network is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "capture_loss"]

MEANING = Meaning(
    "capture-loss",
    Severity.NOTICE,
    "The capture itself lacks packets: streams in both directions lack them at the same moments.",
)


@on_media
def capture_loss(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams whose losses others share."""
    for leg, one in media.streams:
        if one.stream.capture_lost:
            yield media_finding(
                MEANING,
                leg,
                one,
                one.stream.losses[0].time if one.stream.losses else one.stream.started,
                f"{one.stream.capture_lost:,} packets that are missing from {one.stream.source} to "
                f"{one.stream.destination} are missing in other streams at the same moments, too: the "
                "capture lost them.",
                (
                    "Give the capture a larger buffer (tcpdump -B), or a mirror port with more bandwidth.",
                    "Do not count them as loss on the network.",
                ),
            )
