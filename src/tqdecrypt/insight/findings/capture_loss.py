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
    from tqdecrypt.media.stream import Stream

__all__ = ["MEANING", "capture_loss"]

MEANING = Meaning(
    "capture-loss",
    Severity.NOTICE,
    "The capture itself lacks packets: streams in both directions lack them at the same moments, or it says "
    "so.",
)


@on_media
def capture_loss(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams whose losses others share."""
    for leg, one in media.streams:
        stream = one.stream
        if not stream.capture_lost:
            continue
        yield media_finding(
            MEANING,
            leg,
            one,
            stream.losses[0].time if stream.losses else stream.started,
            f"{stream.capture_lost:,} packets that are missing from {stream.source} to "
            f"{stream.destination} {_why(stream)}: the capture lost them.",
            (
                "Give the capture a larger buffer (tcpdump -B), or a mirror port with more bandwidth.",
                "Do not count them as loss on the network.",
            ),
        )


def _why(stream: Stream) -> str:
    """Return what shows that the capture lost packets of a stream."""
    told, shared = stream.capture_told, stream.capture_lost - stream.capture_told
    if not told:
        return "are missing in other streams at the same moments, too"
    if not shared:
        return "were dropped in front of packets that the capture file notes"
    return (
        f"are missing in other streams at the same moments, too, or, {told:,} of them, were dropped in "
        "front of packets that the capture file notes"
    )
