"""Packets that have nothing in them: RTP flows, and somebody hears silence all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import (
    RINGBACK,
    audio_to,
    expects_audio,
    media_finding,
    other,
    spoken_until,
    who,
)
from tqdecrypt.insight.rules import on_media
from tqdecrypt.media.heard import SILENT

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import Assigned, CallMedia, LegMedia

__all__ = ["MEANING", "silent_audio"]

MEANING = Meaning(
    "silent-audio",
    Severity.WARNING,
    "RTP flowed to a party of an answered call, and had nothing but silence in it (with --audio).",
)
NOTHING = -72
"""dBov; the level of a G.711 A-law sender without any sound, whose smallest step is that large.  µ-law has
-127.  A microphone has noise above it."""
_UNKNOWN = 0.1
"""Part of a stream that may be lost or in another format: what is not known is not called silent."""
_ADVICE = (
    "Compare the legs of the call: the first one on which the sound is missing tells which box loses it.",
    "Some people only listen, and mute themselves: ask before you search.",
)


@on_media
def silent_audio(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield parties that were sent packets without a sound, from the answer to the end of the call."""
    least = context.thresholds.silent_audio
    for leg in media.legs:
        if leg.answered is None:
            continue
        begin, end = leg.answered + RINGBACK, spoken_until(leg)
        loudest = {
            party: _loudest(audio_to(leg, party), begin, end, least)
            for party in Party
            if expects_audio(leg, party)
        }
        deaf = {
            party: level for party, level in loudest.items() if level is not None and level < SILENT
        }
        if len(deaf) == len(Party):
            yield _of_both(leg, begin, end, max(deaf.values()))
            continue
        for party, level in deaf.items():
            yield _of_one(leg, party, begin, end, level, loudest.get(other(party)))


def _loudest(streams: list[Assigned], begin: int, end: int, least: int) -> int | None:
    """Return the level of the loudest second of a time, dBov; ``None`` when that is not known."""
    found: list[int] = []
    heard_for = 0
    for one in streams:
        stream, heard = one.stream, one.heard
        time = min(stream.ended, end) - max(stream.started, begin)
        if time <= 0:
            continue
        if heard is None or heard.missing * 1e9 > _UNKNOWN * max(stream.duration, 1):
            return None
        level = heard.between(begin, end)
        if level is not None:
            found.append(level)
        heard_for += time
    return max(found) if found and heard_for >= least else None


def _of_one(
    leg: LegMedia, deaf: Party, begin: int, end: int, level: int, reverse: int | None
) -> Finding:
    streams = audio_to(leg, deaf)
    most = max(streams, key=lambda one: one.stream.packets)
    packets = sum(one.stream.packets for one in streams)
    talker = who(other(deaf))
    there = "" if reverse is None else f", while {talker} was sent sound ({reverse} dBov at most)"
    return media_finding(
        MEANING,
        leg,
        most,
        begin,
        f"{who(deaf).capitalize()} was sent {packets:,} packets and nothing but silence in "
        f"{seconds_text(end - begin)} of call: {_words(level)}{there}.",
        (_first_advice(talker, level), *_ADVICE),
    )


def _of_both(leg: LegMedia, begin: int, end: int, level: int) -> Finding:
    streams = [one for party in Party for one in audio_to(leg, party)]
    packets = sum(one.stream.packets for one in streams)
    return media_finding(
        MEANING,
        leg,
        streams[0],
        begin,
        f"Neither side was sent anything but silence in {seconds_text(end - begin)} of call, in "
        f"{packets:,} packets: {_words(level)}.",
        (
            "Look at the box between the two: a bridge, SBC or media server that answers each side and does "
            "not connect them sends silence to both.",
            _ADVICE[0],
        ),
        severity=Severity.ERROR,
    )


def _words(level: int) -> str:
    words = f"{level} dBov in the loudest second"
    return f"{words}, which is not even noise" if level <= NOTHING else words


def _first_advice(talker: str, level: int) -> str:
    if level <= NOTHING:
        return (
            f"Look at the device of {talker} and at the box that answers for it: a muted microphone, a hold "
            "that was not signalled, or a far leg that is not connected makes packets without a sound."
        )
    return (
        f"Look at the microphone of {talker}: the wrong one is chosen, or its gain is down; what comes is "
        "quieter than a quiet room."
    )
