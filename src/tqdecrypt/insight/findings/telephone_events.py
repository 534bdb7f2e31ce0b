"""Digits that were pressed, as telephone events or in INFO: when, and how long; never which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import Party
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, other, since_answer, who
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "telephone_events"]

MEANING = Meaning(
    "telephone-events",
    Severity.NOTICE,
    "Digits were sent as telephone events (RFC 4733) or in INFO; when and how long, not which.",
)
MOST_LISTED = 8
_ADVICE = "Where a menu did not understand a digit, compare when it came and how long it lasted."


@on_media
def telephone_events(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams with telephone events."""
    for leg, one in media.streams:
        stream = one.stream
        if not stream.digit_count or not stream.digits:
            continue
        listed = ", ".join(
            f"* {since_answer(leg, event.time)} for {event.duration / 1e6:.0f} ms"
            for event in stream.digits[:MOST_LISTED]
        )
        more = stream.digit_count - min(len(stream.digits), MOST_LISTED)
        yield media_finding(
            MEANING,
            leg,
            one,
            stream.digits[0].time,
            f"{who(other(one.to)).capitalize()} sent {stream.digit_count:,} telephone "
            f"{'event' if stream.digit_count == 1 else 'events'}: {listed}"
            f"{f' and {more:,} more' if more else ''}.",
            (_ADVICE,),
            frames=tuple(event.frame for event in stream.digits[:MOST_LISTED]),
        )


@on_media
def digits_in_info(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield parties that sent digits in INFO requests."""
    for leg in media.legs:
        for party in Party:
            digits = [one for one in leg.info_digits if one.by(leg.caller) is party]
            if not digits:
                continue
            listed = ", ".join(
                f"* {since_answer(leg, one.time)}"
                + (f" for {one.duration / 1e6:.0f} ms" if one.duration is not None else "")
                for one in digits[:MOST_LISTED]
            )
            more = len(digits) - min(len(digits), MOST_LISTED)
            yield media_finding(
                MEANING,
                leg,
                None,
                digits[0].time,
                f"{who(party).capitalize()} sent {len(digits):,} "
                f"{'digit' if len(digits) == 1 else 'digits'} in INFO: {listed}"
                f"{f' and {more:,} more' if more else ''}.",
                (
                    _ADVICE,
                    "A menu that listens for telephone events (RFC 4733) hears nothing of INFO: let one "
                    "SBC translate, or set both ends to the same.",
                ),
                frames=tuple(one.frame for one in digits[:MOST_LISTED]),
            )
