"""When the media of a call begins, changes and ends, as marks for its ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tqdecrypt.media.association import Assigned, LegMedia
from tqdecrypt.media.verdict import MEANINGS
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES
from tqdecrypt.views.ladder import Mark
from tqdecrypt.views.theme import Tone
from tqdecrypt.views.timeline_drawing import length

__all__ = ["media_marks"]

MOST_MARKS = 200
"""Marks of one picture; a stream that changes all the time shall not hide the call."""
_BAD_LOSS = 0.02
_LONG_SILENCE = 5.0
"""Seconds that are worth a mark: the longest of a stream, if it is so long."""


def media_marks(legs: Sequence[LegMedia]) -> list[Mark]:
    """Return marks for the streams of *legs*, by time."""
    marks = [mark for leg in legs for one in leg.streams for mark in _marks(one)]
    return sorted(marks, key=lambda mark: mark.time)[:MOST_MARKS]


def _marks(one: Assigned) -> Iterator[Mark]:
    stream = one.stream
    ends = (stream.source, stream.destination)
    codec = one.encoding or _codec(one, stream.payload_type)
    secured = "" if MEANINGS[one.verdict].clear and one.line.protection == "none" else "S"
    begins = f"{secured}RTP {codec} begins"
    yield Mark(stream.started, begins, *ends, directed=True, frame=stream.first_frame)
    for change in stream.type_changes:
        words = f"RTP changes to {_codec(one, change.after)}"
        yield Mark(change.time, words, *ends, directed=True, frame=change.frame)
    heard = one.heard
    if heard is not None and heard.longest_at is not None and heard.longest >= _LONG_SILENCE:
        words = f"silence for {length(round(heard.longest * 1e9))}"
        yield Mark(heard.longest_at, words, *ends, directed=True, tone="dim")
    lost = stream.network_lost
    words = f"{secured}RTP ends, {stream.packets:,} packets" + (f", {lost:,} lost" if lost else "")
    if heard is not None and heard.decoded:
        words += f", {heard.share:.0%} silent"
    tone: Tone = "bad" if lost > _BAD_LOSS * stream.expected else "dim"
    yield Mark(stream.ended, words, *ends, directed=True, frame=stream.last_frame, tone=tone)


def _codec(one: Assigned, payload_type: int) -> str:
    told = one.line.encoding(payload_type)
    return told or STATIC_TYPES.get(str(payload_type), f"type {payload_type}")
