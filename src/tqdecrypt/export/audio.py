"""The sound of a call as WAV: a channel a direction, aligned in time.

Each direction is a :class:`~tqdecrypt.media.audio.Track` that writes into a temporary file; when both are
complete, their samples are put side by side.  So memory holds neither packets nor samples of a call, however
long it is, and the header is right when it is written: standard output takes it as well as a file.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple

import numpy as np

from tqdecrypt.media.audio.decoders import Samples, sample_rate_of
from tqdecrypt.media.audio.tones import LEAST_RATE, ToneDetector
from tqdecrypt.media.audio.track import RtpPayload, Track
from tqdecrypt.media.audio.wav import MOST_BYTES, write_header
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["Audio", "Written", "rate_of"]

_BLOCK = 1 << 14
"""Samples of a channel that are in memory at a time."""
ANY_RATE = 8_000
"""When no packet says another."""


class Written(NamedTuple):
    """What became a file."""

    seconds: float
    rate: int
    channels: int
    cut: int
    """Samples of each channel that a WAV file has no room for."""


def rate_of(codecs: Mapping[int, Codec], seen: Collection[int]) -> int:
    """Return the samples a second of the widest of these formats that packets have.

    :param seen: payload types of packets.
    """
    rates = (sample_rate_of(codecs[one]) for one in seen if one in codecs)
    return max((rate for rate in rates if rate), default=ANY_RATE)


class Audio:
    """Takes the packets of a call, direction by direction, and writes them as sound.

    :param directions: of each channel, payload type → format.
    :param rate: samples a second; see :func:`rate_of`.
    :ivar tracks: one a direction, with their counters, levels and events.
    """

    def __init__(self, directions: Sequence[Mapping[int, Codec]], rate: int) -> None:
        self.rate = rate
        with ExitStack() as stack:
            self._files = [stack.enter_context(tempfile.TemporaryFile()) for _ in directions]
            self._open = stack.pop_all()
        self.tracks = [
            # Tones of keys fit into whatever telephony has; L16 may be announced with less.
            Track(codecs, rate, file, tones=ToneDetector(rate) if rate >= LEAST_RATE else None)
            for codecs, file in zip(directions, self._files, strict=True)
        ]

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the temporary files."""
        self._open.close()

    def receive(self, channel: int, packet: RtpPayload) -> None:
        """Take the next packet of a direction, in the order of capture.

        :raises UsageError: when its format takes PyAV, which is not installed.
        """
        self.tracks[channel].receive(packet)

    @property
    def counters(self) -> Counter[str]:
        """Of all directions."""
        total: Counter[str] = Counter()
        for track in self.tracks:
            total.update(track.counters)
        return total

    @property
    def waits(self) -> list[int]:
        """Of each direction: samples of silence in the file until it began."""
        starts = [track.start for track in self.tracks if track.start is not None]
        first = min(starts, default=0)
        return [
            0 if track.start is None else (track.start - first) * self.rate // 1_000_000_000
            for track in self.tracks
        ]

    def write(self, file: BinaryIO) -> Written:
        """Write the file; nothing can be received any more."""
        for track, spool in zip(self.tracks, self._files, strict=True):
            track.finish()
            spool.seek(0)
        ahead = self.waits
        length = max(
            (wait + track.samples for wait, track in zip(ahead, self.tracks, strict=True)),
            default=0,
        )
        channels = len(self.tracks)
        room = MOST_BYTES // (2 * channels)
        cut = max(length - room, 0)
        length -= cut
        write_header(file, rate=self.rate, channels=channels, samples=length)
        sources = [_Channel(spool, wait) for spool, wait in zip(self._files, ahead, strict=True)]
        for at in range(0, length, _BLOCK):
            count = min(_BLOCK, length - at)
            file.write(np.stack([one.take(count) for one in sources], axis=1).tobytes())
        return Written(length / self.rate, self.rate, channels, cut)


class _Channel:
    """Silence until its direction began, its samples, silence for ever."""

    def __init__(self, spool: BinaryIO, wait: int) -> None:
        self._spool = spool
        self._wait = wait

    def take(self, count: int) -> Samples:
        """Return the next samples."""
        samples = np.zeros(count, "<i2")
        silent = min(self._wait, count)
        self._wait -= silent
        data = self._spool.read(2 * (count - silent))
        found = np.frombuffer(data, "<i2")
        samples[silent : silent + len(found)] = found
        return samples
