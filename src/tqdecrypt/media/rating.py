"""How a stream was to hear, by the E-model: from its losses, and what is known of its delay.

Loss of the capture itself nobody heard, so it does not count; packets that a jitter buffer would have
discarded do.  Of the way from mouth to ear a capture knows a part: the time of a packet, half a round trip
from here to the receiver where RTCP tells it, and the buffer that was asked for.  The rest counts as nothing:
the real rating is no better than this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from tqdecrypt.media.emodel import Rating, burst_ratio, rate
from tqdecrypt.media.impairments import impairment_of_modes
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES

if TYPE_CHECKING:
    from tqdecrypt.media.reports import Reported
    from tqdecrypt.media.stream import Stream

__all__ = ["FEWEST_PACKETS", "codec_name", "known_delay", "rate_stream", "rated_behind_buffer"]

FEWEST_PACKETS = 50
"""A second of speech; of less nobody has an opinion."""


def codec_name(stream: Stream, encoding: str = "") -> str:
    """Return the encoding name of a stream's codec, as SDP or RFC 3551 say it; empty when nothing does."""
    told = encoding or STATIC_TYPES.get(str(stream.payload_type), "")
    return told.partition("/")[0]


def known_delay(stream: Stream, reported: Reported | None) -> float:
    """Return as much of the one-way delay as is known, ms."""
    delay = stream.ptime or 0.0
    if reported is not None and reported.round_trips:
        delay += reported.round_trips[0] / 2e6
    return delay


def rate_stream(
    stream: Stream,
    encoding: str = "",
    reported: Reported | None = None,
    modes: Mapping[int, int] = MappingProxyType({}),
) -> Rating | None:
    """Return the rating of a stream as it passed here; ``None`` for codecs without figures.

    :param encoding: ``PCMA/8000`` by the SDP.
    :param reported: what its receiver said of it.
    :param modes: of AMR, bit rate → packets.
    """
    impairment = impairment_of_modes(codec_name(stream, encoding), modes)
    if impairment is None or stream.packets < FEWEST_PACKETS or not stream.expected:
        return None
    lost = stream.network_lost
    return rate(
        impairment,
        loss=100 * lost / stream.expected,
        burst_r=burst_ratio(lost, _runs(stream, lost), stream.expected),
        delay=known_delay(stream, reported),
    )


def _runs(stream: Stream, lost: int) -> int:
    """Return the runs of lost packets: who came out of order left a hole of its own for a moment."""
    return min(max(stream.loss_runs - stream.reordered, 1), lost)


def rated_behind_buffer(
    stream: Stream,
    encoding: str = "",
    reported: Reported | None = None,
    modes: Mapping[int, int] = MappingProxyType({}),
) -> Rating | None:
    """Return the rating behind the jitter buffer that was asked for; ``None`` without one."""
    played = stream.played
    impairment = impairment_of_modes(codec_name(stream, encoding), modes)
    if played is None or impairment is None or stream.packets < FEWEST_PACKETS:
        return None
    if not played.before.expected:
        return None
    # What the capture lost would have come, and mostly in time.
    missing = max(played.after.missing - stream.capture_lost, played.discarded)
    return rate(
        impairment,
        loss=100 * missing / played.before.expected,
        burst_r=burst_ratio(missing, min(played.after.bursts, missing), played.before.expected),
        delay=known_delay(stream, reported) + played.size,
    )
