"""Who speaks on which channel: a leg's audio streams, and what their payload types mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdecrypt.calls.call import Party
from tqdecrypt.calls.fields import host_of
from tqdecrypt.media.association import Assigned, LegMedia
from tqdecrypt.media.audio.decoders import sample_rate_of
from tqdecrypt.media.picking import StreamKey, key_of
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES, Codec, codec_of

__all__ = ["SPEAKERS", "Hearing", "hearing_of", "parts_of"]

MOST_OVERLAP = 1_000_000_000
"""Nanoseconds that a stream may go on beside the one that takes its place: ends do not move together."""

SPEAKERS = (Party.CALLER, Party.CALLEE)
"""Who is heard on the channels: the caller on the first one, which players call left."""


@dataclass(slots=True)
class Hearing:
    """What there is to hear of a leg, or of a part of it."""

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
    return _hearing(leg, (one for one in leg.streams if one.line.kind == "audio"))


def parts_of(leg: LegMedia) -> list[Hearing]:
    """Return the audio of a leg in parts in which nobody speaks twice at a time.

    Each media line is a part of its own, and each stretch of the way: a relay under one Call-ID has the same
    speech on both of its sides.  Streams that follow each other on new ports or from another fork stay
    together.
    """
    pairs: dict[tuple[int, frozenset[str]], list[Assigned]] = {}
    for one in leg.streams:
        if one.line.kind == "audio":
            ends = frozenset((one.stream.source, one.stream.destination))
            pairs.setdefault((one.line.index, ends), []).append(one)
    parts: list[list[Assigned]] = []
    for index, ends in sorted(pairs, key=lambda pair: (pair[0], _began(pairs[pair]))):
        streams = pairs[index, ends]
        fitting = [
            part
            for part in parts
            if part[0].line.index == index and not _speak_at_once(part, streams)
        ]
        if fitting:
            max(fitting, key=lambda part: _shared(part, ends)).extend(streams)
        else:
            parts.append(streams)
    return [_hearing(leg, part) for part in parts]


def _hearing(leg: LegMedia, streams: Iterable[Assigned]) -> Hearing:
    hearing = Hearing(leg)
    for one in streams:
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


def _began(streams: Iterable[Assigned]) -> int:
    return min(one.stream.started for one in streams)


def _speak_at_once(part: Iterable[Assigned], streams: Iterable[Assigned]) -> bool:
    """Return whether the same party is heard in both for more than a moment."""
    streams = list(streams)
    for one in part:
        for other in streams:
            if one.to is not other.to:
                continue
            begin = max(one.stream.started, other.stream.started)
            end = min(one.stream.ended, other.stream.ended)
            if end - begin > MOST_OVERLAP:
                return True
    return False


def _shared(part: Iterable[Assigned], ends: frozenset[str]) -> tuple[int, int]:
    """Return how many of some endpoints, and then of their hosts, a part has, too."""
    own = {end for one in part for end in (one.stream.source, one.stream.destination)}
    hosts = {host_of(end) for end in own}
    return len(own & ends), sum(host_of(end) in hosts for end in ends)
