"""Silence on the wire before the hang-up, and somebody gave up waiting: RTP stopped, or had none in it."""

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
    since_answer,
    who,
)
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "dead_air", "silent_end"]

MEANING = Meaning(
    "dead-air",
    Severity.ERROR,
    "RTP stopped seconds before the BYE, or had only silence in it: somebody heard nothing, and hung up.",
)

SUPPRESSION = 1_000_000_000
"""Nanoseconds of silence that was not sent, from which on the sender is one that suppresses it."""


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
            suppressed = round(last.stream.suppressed * 1_000_000)
            quiet = suppressed >= SUPPRESSION
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
                    f"Its sender suppressed silence for {seconds_text(suppressed)} of the call, so that "
                    "it may just have been quiet: turn that off to see."
                    if quiet
                    else "With silence suppression (comfort noise) on, it may just have been quiet: turn it "
                    "off to see.",
                ),
                severity=Severity.WARNING if quiet else None,
            )


@on_media
def silent_end(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield calls at whose end RTP had nothing but silence in it, both ways: each side waited."""
    least = context.thresholds.dead_air
    for leg in media.legs:
        if leg.answered is None or leg.ended is None:
            continue
        if not all(expects_audio(leg, party) for party in Party):
            continue
        streams = [audio_to(leg, party) for party in Party]
        if not all(streams):
            continue
        last = [max(some, key=lambda one: one.stream.ended) for some in streams]
        if any(leg.ended - one.stream.ended >= least for one in last):
            continue  # RTP stopped: said above
        since = [one.heard.silent_since for one in last if one.heard is not None]
        begins = [time for time in since if time is not None]
        if len(begins) < len(last):
            continue
        begin = max(begins)
        # Silence from the answer on is a finding of its own: there never was a sound.
        if leg.ended - begin < least or begin < leg.answered + RINGBACK:
            continue
        yield media_finding(
            MEANING,
            leg,
            last[begins.index(begin)],
            begin,
            f"Both sides were sent RTP with nothing but silence in it for the last "
            f"{seconds_text(leg.ended - begin)} before the BYE, from {since_answer(leg, begin)} on.",
            (
                "Look at what happened then: a transfer, a hold that was not signalled, an SBC that failed "
                "over. Compare the legs of the call: where sound goes in and does not come out, it is lost.",
            ),
            severity=Severity.WARNING,
        )
