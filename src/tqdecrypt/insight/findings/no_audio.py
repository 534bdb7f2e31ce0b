"""An answered call without any RTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import address_of, frames_of, is_private, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import audio_line, expects_audio, media_finding, spoken_until
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "no_audio"]

MEANING = Meaning(
    "no-audio",
    Severity.ERROR,
    "An answered call had no RTP either way, though other calls between the same hosts have some.",
)
SHORTEST = 2_000_000_000
"""Nanoseconds that the call must have gone on."""


@on_media
def no_audio(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield legs with audio on both sides and no packet of it."""
    for leg in media.legs:
        if leg.answered is None or leg.streams or spoken_until(leg) - leg.answered < SHORTEST:
            continue
        lines = [audio_line(leg, party) for party in Party]
        if not all(expects_audio(leg, party) for party in Party):
            continue
        ends = [line.endpoint for line in lines if line is not None]
        hosts = tuple(address_of(end) for end in ends)
        if not leg.usually_seen:
            continue  # media of these hosts does not pass the capture point: it says nothing
        private = [host for host in hosts if is_private(host)]
        where = ", ".join(f"{end} (private)" if address_of(end) in private else end for end in ends)
        yield media_finding(
            MEANING,
            leg,
            None,
            leg.answered,
            f"In {seconds_text(spoken_until(leg) - leg.answered)} of call nobody sent RTP to {where}.",
            (
                "Look whether the media of this call takes another path than that of the others.",
                "Look at firewalls between these addresses, and at the ports that they let through.",
            ),
            hosts=hosts,
            frames=frames_of(line.frame for line in lines if line is not None),
        )
