"""Silence on the wire before the hang-up: RTP stopped, and somebody gave up waiting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import (
    audio_to,
    expects_audio,
    media_finding,
    other,
    since_answer,
    who,
)
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "dead_air"]

MEANING = Meaning(
    "dead-air",
    Severity.ERROR,
    "RTP stopped seconds before the BYE: somebody heard nothing, and hung up.",
)


@on_media
def dead_air(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield parties that were sent nothing any more for the last seconds of a call."""
    for leg in media.legs:
        if leg.answered is None or leg.ended is None:
            continue
        for party in Party:
            streams = audio_to(leg, party)
            if not streams or not expects_audio(leg, party):
                continue
            last = max(streams, key=lambda one: one.stream.ended)
            silent = leg.ended - last.stream.ended
            if silent < context.thresholds.dead_air:
                continue
            yield media_finding(
                MEANING,
                leg,
                last,
                last.stream.ended,
                f"{who(party).capitalize()} was sent no RTP for the last {seconds_text(silent)} before the "
                f"BYE; it stopped {since_answer(leg, last.stream.ended)}.",
                (
                    f"Look at the device of {who(other(party))} and at what is on the path at that time: a "
                    "NAT or firewall entry that ran out, a network that went away, an SBC that failed over.",
                    "With silence suppression (comfort noise) on, it may just have been quiet: turn it off "
                    "to see.",
                ),
            )
