"""Audio in one direction only: one side talks, and hears nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import address_of, frames_of, is_private, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import (
    audio_line,
    audio_to,
    expects_audio,
    media_finding,
    other,
    spoken_until,
    who,
)
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import Assigned, CallMedia, LegMedia

__all__ = ["MEANING", "one_way_audio"]

MEANING = Meaning(
    "one-way-audio",
    Severity.ERROR,
    "RTP was seen in one direction of an answered call, and none in the other.",
)
SHORTEST = 2_000_000_000
"""Nanoseconds that the call must have gone on: shorter ones may end before anybody speaks."""


@on_media
def one_way_audio(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield legs in which one party hears nothing, with the reason as far as it can be told."""
    for leg in media.legs:
        if leg.answered is None or spoken_until(leg) - leg.answered < SHORTEST:
            continue
        for party in Party:
            heard, silent = audio_to(leg, other(party)), audio_to(leg, party)
            if heard and not silent and expects_audio(leg, party):
                yield _finding(leg, party, heard[0])


def _finding(leg: LegMedia, deaf: Party, reverse: Assigned) -> Finding:
    line = audio_line(leg, deaf)
    endpoint = line.endpoint if line is not None else ""
    private = is_private(address_of(endpoint)) and not is_private(address_of(reverse.stream.source))
    talker = who(other(deaf))
    advice: tuple[str, ...]
    if private:
        reason = f"{who(deaf)} asked for it at {endpoint}, a private address that {talker} does not reach"
        advice = (
            f"Give the device of {who(deaf)} its public address (STUN, NAT settings), or turn on "
            "symmetric RTP (latching) at the SBC.",
        )
    else:
        reason = f"nothing was sent to {endpoint or 'where it was asked for'}"
        advice = (
            f"Look whether the device of {talker} sends at all: a firewall on its path, a port that is "
            "not open, a codec that it does not have.",
            "See that the capture holds both directions: a mirror port often sees one only.",
        )
    spoken = seconds_text(spoken_until(leg) - (leg.answered or leg.started))
    return media_finding(
        MEANING,
        leg,
        reverse,
        leg.answered or leg.started,
        f"In {spoken} of call, {who(deaf)} was sent no RTP while {talker} was sent "
        f"{reverse.stream.packets:,} packets: {reason}.",
        advice,
        hosts=(address_of(endpoint), address_of(reverse.stream.destination)),
        frames=frames_of((line.frame if line is not None else None, reverse.stream.first_frame)),
    )
