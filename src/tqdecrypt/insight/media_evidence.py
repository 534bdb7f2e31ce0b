"""What several rules ask of the media of a call."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity

if TYPE_CHECKING:
    from tqdecrypt.media.association import Assigned, CallMedia, LegMedia
    from tqdecrypt.media.lines import MediaLine

__all__ = [
    "RINGBACK",
    "audio_line",
    "audio_to",
    "expects_audio",
    "media_finding",
    "other",
    "same_direction",
    "since_answer",
    "spoken_until",
    "who",
]

RINGBACK = 1_000_000_000
"""Nanoseconds after the answer that say nothing of how a call sounds: levels are by the second, and in the
one of the answer it still rang."""


MOST_RELAYED = 32
"""Streams to one party of a leg that are compared with each other: more come of SSRCs that change."""


def other(party: Party) -> Party:
    """Return the other one."""
    return Party.CALLEE if party is Party.CALLER else Party.CALLER


def who(party: Party) -> str:
    """Return ``the caller`` or ``the callee``."""
    return "the caller" if party is Party.CALLER else "the callee"


def audio_to(leg: LegMedia, party: Party) -> list[Assigned]:
    """Return the audio streams that *party* receives."""
    return [one for one in leg.to(party) if one.line.kind == "audio"]


def audio_line(leg: LegMedia, party: Party) -> MediaLine | None:
    """Return where *party* wants to hear: its last audio line that holds when the call is answered."""
    lines = [line for line in leg.lines if line.party is party and line.kind == "audio"]
    return lines[-1] if lines else None


def expects_audio(leg: LegMedia, party: Party) -> bool:
    """Return whether *party* is to hear something, by every description of both sides."""
    for line in leg.lines:
        if line.kind != "audio":
            continue
        if line.refused or not line.endpoint:
            return False
        silent = ("sendonly", "inactive") if line.party is party else ("recvonly", "inactive")
        if line.direction in silent or line.held:
            return False
    return audio_line(leg, party) is not None


def spoken_until(leg: LegMedia) -> int:
    """Return when the call ended, or the last that was heard of it."""
    return leg.ended if leg.ended is not None else leg.last_time


def since_answer(leg: LegMedia, time: int) -> str:
    """Return ``12.5 s after the answer``."""
    start = leg.answered if leg.answered is not None else leg.started
    word = "the answer" if leg.answered is not None else "the INVITE"
    side = "after" if time >= start else "before"
    return f"{seconds_text(abs(time - start))} {side} {word}"


def same_direction(
    media: CallMedia,
) -> Iterator[tuple[LegMedia, Assigned, LegMedia, Assigned]]:
    """Yield pairs of audio streams that carry the same voice on two legs next to each other.

    A relay that a proxy puts between two hops of one leg parts that leg in two.  The first one is the
    caller's.
    """
    for leg in media.legs:
        for party in Party:
            for came, went in _relayed(audio_to(leg, party)):
                pair = (came, went) if party is Party.CALLEE else (went, came)
                yield leg, pair[0], leg, pair[1]
    for first, second in zip(media.legs, media.legs[1:], strict=False):
        for party in Party:
            before, after = audio_to(first, party), audio_to(second, party)
            if before and after:
                yield (
                    first,
                    max(before, key=lambda one: one.stream.packets),
                    second,
                    max(after, key=lambda one: one.stream.packets),
                )


def _relayed(streams: list[Assigned]) -> Iterator[tuple[Assigned, Assigned]]:
    """Yield streams that one host receives on one hop of a leg and sends on another at the same time."""
    for came, went in permutations(streams[:MOST_RELAYED], 2):
        if (
            came.line.hop != went.line.hop
            and address_of(came.stream.destination) == address_of(went.stream.source)
            and came.stream.started <= went.stream.ended
            and went.stream.started <= came.stream.ended
        ):
            yield came, went


def media_finding(
    meaning: Meaning,
    leg: LegMedia,
    one: Assigned | None,
    time: int,
    sentence: str,
    advice: tuple[str, ...],
    *,
    severity: Severity | None = None,
    hosts: tuple[str, ...] = (),
    frames: tuple[int, ...] = (),
) -> Finding:
    """Return a finding about a stream of a leg, or about the leg itself."""
    if one is not None:
        hosts = hosts or (address_of(one.stream.source), address_of(one.stream.destination))
        frames = frames or frames_of((one.stream.first_frame, one.stream.last_frame))
    return Finding(
        meaning.name,
        severity or meaning.severity,
        time,
        sentence,
        advice,
        frames=frames,
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=hosts,
        key=hosts,
    )
