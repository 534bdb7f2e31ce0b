"""Packets of a stream that never came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, since_answer, who
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.stream import Stream

__all__ = ["MEANING", "media_loss"]

MEANING = Meaning(
    "media-loss",
    Severity.WARNING,
    "So many RTP packets were lost on the network that people hear it.",
)


@on_media
def media_loss(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams with loss that concealment does not hide, and when it began."""
    least = context.thresholds.media_loss
    for leg, one in media.streams:
        stream = one.stream
        if not stream.expected or stream.network_lost / stream.expected <= least:
            continue
        began = _begins(stream, least)
        when = "" if began is None else f", from {since_answer(leg, began)} on"
        bursts = (
            f" bursts of {stream.burst_lost / stream.bursts:.1f} on average ({stream.bursts:,} of them)"
            if stream.bursts > 1
            else " in one burst"
            if stream.bursts
            else " one by one"
        )
        yield media_finding(
            MEANING,
            leg,
            one,
            stream.started if began is None else began,
            f"{who(one.to).capitalize()} did not get {stream.network_lost:,} of {stream.expected:,} packets "
            f"({stream.network_lost / stream.expected:.1%}){when}:{bursts}, in "
            f"{seconds_text(stream.duration)}.",
            (
                "Look where it is lost: capture at both ends of the path, or compare the legs of the call.",
                "Bursts are a full queue or a radio link; single packets a bad cable or a duplex mismatch.",
            ),
        )


def _begins(stream: Stream, least: float) -> int | None:
    """Return from when on packets are missing, where some time without loss was before; else ``None``."""
    step = round(stream.course_step * 1_000_000_000)
    for place, piece in enumerate(stream.course):
        if piece.lost > least * (piece.packets + piece.lost):
            return stream.started + place * step if place > 1 else None
    return None
