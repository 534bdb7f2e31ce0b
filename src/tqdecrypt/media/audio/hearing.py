"""Who speaks on which channel: a leg's audio streams, and what their payload types mean."""

from __future__ import annotations

from dataclasses import dataclass, field

from tqdecrypt.calls.call import Party
from tqdecrypt.media.association import Assigned, LegMedia
from tqdecrypt.media.audio.decoders import sample_rate_of
from tqdecrypt.media.picking import StreamKey, key_of
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES, Codec, codec_of

__all__ = ["SPEAKERS", "Hearing", "hearing_of"]

SPEAKERS = (Party.CALLER, Party.CALLEE)
"""Who is heard on the channels: the caller on the first one, which players call left."""


@dataclass(slots=True)
class Hearing:
    """What there is to hear of a leg."""

    leg: LegMedia
    streams: dict[StreamKey, tuple[Assigned, int]] = field(default_factory=dict)
    """Stream → what is known of it, and its channel."""
    codecs: tuple[dict[int, Codec], dict[int, Codec]] = field(default_factory=lambda: ({}, {}))
    """Of each channel, payload type → format."""
    seen: set[int] = field(default_factory=set)
    """Payload types of packets."""

    @property
    def formats(self) -> dict[int, Codec]:
        """Payload type → format, of both channels: whose rate is the higher one wins."""
        both = dict(self.codecs[0])
        for number, codec in self.codecs[1].items():
            known = both.get(number)
            if known is None or (sample_rate_of(codec) or 0) > (sample_rate_of(known) or 0):
                both[number] = codec
        return both


def hearing_of(leg: LegMedia) -> Hearing:
    """Return the audio streams of a leg, each with its channel."""
    hearing = Hearing(leg)
    for one in leg.streams:
        if one.line.kind != "audio":
            continue
        channel = SPEAKERS.index(Party.CALLEE if one.to is Party.CALLER else Party.CALLER)
        hearing.streams[key_of(one)] = one, channel
        hearing.seen.update(one.stream.payload_types)
        known = hearing.codecs[channel]
        for number, codec in one.formats.items():
            known.setdefault(number, codec)
    for known in hearing.codecs:
        for static, encoding in STATIC_TYPES.items():
            known.setdefault(int(static), codec_of(static, encoding, ""))
    return hearing
