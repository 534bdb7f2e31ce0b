"""Packets with a payload type that nobody agreed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, who
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import Assigned, CallMedia, LegMedia

__all__ = ["MEANING", "codec_not_negotiated"]

MEANING = Meaning(
    "codec-not-negotiated",
    Severity.ERROR,
    "RTP has a payload type that its receiver did not announce: it cannot play it.",
)
COMFORT_NOISE = 13
"""Sent by many without saying so (RFC 3389); who does not know it, plays nothing, as it should be."""


@on_media
def codec_not_negotiated(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams whose payload types stand in no description of their receiver."""
    for leg, one in media.streams:
        announced = _announced(leg, one)
        if not announced:
            continue
        strange = {
            number: packets
            for number, packets in one.stream.payload_types.items()
            if number not in announced and number != COMFORT_NOISE
        }
        if not strange:
            continue
        words = ", ".join(f"{number} ({packets:,} packets)" for number, packets in strange.items())
        yield media_finding(
            MEANING,
            leg,
            one,
            one.stream.started,
            f"{who(one.to).capitalize()} was sent payload type {words}, which it did not announce; it "
            f"announced {', '.join(map(str, sorted(announced)))}.",
            (
                "Whoever sends must use the payload types of the other's description (RFC 3264 section 5.1).",
            ),
        )


def _announced(leg: LegMedia, one: Assigned) -> set[int]:
    """Return every payload type that the receiver announced in the call, of the same medium."""
    return {
        int(number)
        for line in leg.lines
        if line.party is one.to and line.kind == one.line.kind
        for number, _, _ in line.codecs
        if number.isdecimal() and int(number) < 128
    }
