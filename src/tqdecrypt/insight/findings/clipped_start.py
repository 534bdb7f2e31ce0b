"""The first words are missing: RTP begins long after the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import audio_to, expects_audio, media_finding, other, who
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "clipped_start"]

MEANING = Meaning(
    "clipped-start",
    Severity.WARNING,
    "RTP began long after the answer: the first words are missing.",
)


@on_media
def clipped_start(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield the first stream to each party when it comes late."""
    for leg in media.legs:
        if leg.answered is None:
            continue
        for party in Party:
            streams = audio_to(leg, party)
            if not streams or not expects_audio(leg, party):
                continue
            first = min(streams, key=lambda one: one.stream.started)
            late = first.stream.started - leg.answered
            if late <= context.thresholds.media_late:
                continue
            yield media_finding(
                MEANING,
                leg,
                first,
                first.stream.started,
                f"{who(party).capitalize()} was sent the first RTP {seconds_text(late)} after the answer.",
                (
                    f"Look at what {who(other(party))} waits for: ICE or DTLS that takes long, an ACK that "
                    "came late, an SBC that latches only when it receives.",
                ),
            )
