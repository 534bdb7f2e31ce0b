"""Packets that come so unevenly that a telephone drops some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.media_evidence import media_finding, since_answer, who
from tqdecrypt.insight.rules import on_media

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.media.association import CallMedia

__all__ = ["MEANING", "media_jitter"]

MEANING = Meaning(
    "media-jitter",
    Severity.WARNING,
    "RTP came so unevenly that jitter buffers do not even it out.",
)


@on_media
def media_jitter(media: CallMedia, context: Context) -> Iterator[Finding]:
    """Yield streams with bursts of jitter, with the moment of the worst."""
    least = context.thresholds.media_jitter
    for leg, one in media.streams:
        stream = one.stream
        if stream.jitter_max is None or stream.jitter_max <= least:
            continue
        worst = max(range(len(stream.course)), key=lambda i: stream.course[i].jitter, default=0)
        over = sum(piece.jitter > least for piece in stream.course)
        time = stream.started + round(worst * stream.course_step * 1_000_000_000)
        yield media_finding(
            MEANING,
            leg,
            one,
            time,
            f"Jitter of what {who(one.to)} was sent reached {stream.jitter_max:.0f} ms, the worst "
            f"{since_answer(leg, time)}; it was over {least:.0f} ms in "
            f"{over * stream.course_step:.0f} of {len(stream.course) * stream.course_step:.0f} s.",
            (
                "Look for a link that is full, for traffic shaping, and for Wi-Fi on the path.",
                "A larger jitter buffer hears more of it, later.",
            ),
        )
