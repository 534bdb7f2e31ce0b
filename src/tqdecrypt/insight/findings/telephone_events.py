"""Digits that were pressed, as telephone events: when, and how long; never which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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
    "Digits were sent as telephone events (RFC 4733); when and how long, not which.",
)
MOST_LISTED = 8


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
            (
                "Where a menu did not understand a digit, compare when it came and how long it lasted.",
            ),
            frames=tuple(event.frame for event in stream.digits[:MOST_LISTED]),
        )
