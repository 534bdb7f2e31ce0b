"""One direction of a call as sound: every packet where its timestamp says, silence where there is none.

Packets come in the order of capture.  Those of one SSRC are put back in the order of their sequence numbers
within :data:`MOST_HELD`, decoded, brought to the track's rate and written behind one another.  The
timestamp says where a packet stands, counted from the first one of its SSRC, whose arrival anchors it; when
time stamps and arrivals part by more than a second (a sender that starts anew), the arrival anchors again.
What is lost, and comfort noise (RFC 3389), is silence of the right length in the file; which of it was
silence of the sender's, the track knows.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

import numpy as np

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.decoders import Decoder, Samples, decoder_for
from tqdecrypt.media.audio.events import Events
from tqdecrypt.media.audio.level import Level
from tqdecrypt.media.audio.resampling import Resampler
from tqdecrypt.media.audio.silence import Silence
from tqdecrypt.media.audio.tones import ToneDetector
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["MOST_SECONDS", "RtpPayload", "Track"]

MOST_HELD = 16
"""Packets that wait for one that is missing: a third of a second; what comes later is as good as lost."""
MOST_SOURCES = 16
"""SSRCs of a direction at a time: forks, transfers and announcements; the one heard longest ago goes."""
MOST_SECONDS = 4 * 3600
"""A track's length: with two channels of 48 kHz it stays below the 4 GiB of a WAV file."""
ANCHOR_AGAIN = 1.0
"""Seconds by which timestamps may part from arrivals."""
_BLOCK = np.zeros(1 << 15, np.int16)


class RtpPayload(NamedTuple):
    """What a track needs of an RTP packet."""

    arrival: int
    """ns."""
    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes
    """In clear, without padding and header extensions."""


class _Run:
    """Samples without a hole between them, at another rate than the track's."""

    __slots__ = ("end", "resampler")

    def __init__(self, resampler: Resampler, end: int) -> None:
        self.resampler = resampler
        self.end = end
        """Where the next packet has to begin to belong to it, in samples of the track."""


class _Source:
    """One SSRC."""

    __slots__ = (
        "anchor",
        "decoders",
        "heap",
        "last",
        "length",
        "lost",
        "timestamp",
        "unknown",
        "unwrapped",
    )

    def __init__(self, sequence: int) -> None:
        self.heap: list[tuple[int, int, RtpPayload]] = []
        self.last = sequence - 1
        """Sequence number of the packet that was played last, counted on."""
        self.anchor: tuple[int, int, int] | None = None
        """Where in the track, at which timestamp, at which clock rate."""
        self.timestamp = 0
        self.unwrapped = 0
        self.decoders: dict[Codec, Decoder | None] = {}
        self.length = 0
        """Of the last packet that was decoded, in samples of the track."""
        self.lost = 0
        """Packets that are missing behind it."""
        self.unknown = False
        """Whether packets came behind it of which nobody knows how they sound."""


class Track:
    """Collects one direction and writes its samples to a file.

    :param codecs: payload type → format, as offer and answer agreed on it.
    :param rate: samples a second that are written.
    :param file: where samples go, little-endian, without any header.
    :param tones: hears keys in the sound; without it nobody listens for them.
    :ivar codecs: may be replaced when another offer changes what payload types mean.
    :ivar start: ns, arrival of the first packet; sample 0.
    :ivar samples: how many were written.
    :ivar counters: ``decoded``, ``events`` (their packets), ``comfort_noise``, ``malformed``, ``lost``,
        ``late``, ``duplicates``,
        ``samples_cut`` (where packets overlap), ``beyond_the_longest``, ``no_decoder``.
    :ivar undecodable: format → packets that no decoder takes.
    """

    def __init__(
        self,
        codecs: Mapping[int, Codec],
        rate: int,
        file: BinaryIO,
        *,
        tones: ToneDetector | None = None,
    ) -> None:
        self.codecs = codecs
        self.rate = rate
        self._file = file
        self._sources: dict[int, _Source] = {}
        self._run: _Run | None = None
        self._most = MOST_SECONDS * rate
        self.start: int | None = None
        self.samples = 0
        self.level = Level(rate)
        self.silence = Silence(rate)
        self.events = Events()
        self.tones = tones
        self.counters: Counter[str] = Counter()
        self.undecodable: Counter[str] = Counter()

    def receive(self, packet: RtpPayload) -> None:
        """Take the next packet in the order of capture."""
        if self.start is None:
            self.start = packet.arrival
        source = self._sources.pop(packet.ssrc, None)
        if source is None:
            source = _Source(packet.sequence)
            if len(self._sources) >= MOST_SOURCES:
                self._drain(self._sources.pop(next(iter(self._sources))))
                self.counters["sources_evicted"] += 1
        self._sources[packet.ssrc] = source
        near = source.last & 0xFFFF
        ahead = (packet.sequence - near + 0x8000) % 0x10000 - 0x8000
        if ahead <= 0:
            # Behind by thousands is a sender that began anew, not a late packet (RFC 3550 A.1).
            if ahead > -1000:
                self.counters["duplicates" if ahead == 0 else "late"] += 1
                return
            self._drain(source)
            source.last = packet.sequence - 1
            source.anchor = None
            ahead = 1
        heapq.heappush(source.heap, (source.last + ahead, packet.arrival, packet))
        while source.heap and (
            source.heap[0][0] == source.last + 1 or len(source.heap) > MOST_HELD
        ):
            self._play(source, *heapq.heappop(source.heap))

    def finish(self) -> None:
        """Nothing more comes."""
        for source in self._sources.values():
            self._drain(source)
        self._end_run()
        self.level.finish()
        self.silence.finish()
        if self.tones is not None:
            self.tones.finish()

    def _drain(self, source: _Source) -> None:
        while source.heap:
            self._play(source, *heapq.heappop(source.heap))

    def _play(self, source: _Source, sequence: int, _: int, packet: RtpPayload) -> None:
        if sequence <= source.last:
            self.counters["duplicates"] += 1
            return
        source.lost += sequence - source.last - 1
        self.counters["lost"] += sequence - source.last - 1
        source.last = sequence
        codec = self.codecs.get(packet.payload_type)
        if codec is None:
            source.unknown = True
            self.undecodable[f"payload type {packet.payload_type}"] += 1
            self.counters["no_decoder"] += 1
            return
        clock_rate = codec.clock_rate or 8000
        try:
            match codec.name.upper():
                case "TELEPHONE-EVENT":
                    source.unknown = True
                    self.events.receive(
                        packet.arrival, packet.ssrc, packet.timestamp, packet.payload, clock_rate
                    )
                    self.counters["events"] += 1
                case "CN":
                    self.counters["comfort_noise"] += 1
                    self._hush(source, packet, clock_rate)
                case _:
                    self._decode(source, packet, codec, clock_rate)
        except Malformed:
            source.unknown = True
            self.counters["malformed"] += 1

    def _decode(self, source: _Source, packet: RtpPayload, codec: Codec, clock_rate: int) -> None:
        if codec not in source.decoders:
            source.decoders[codec] = None  # stays so when its parameters make no sense
            source.decoders[codec] = decoder_for(codec)
        decoder = source.decoders[codec]
        if decoder is None:
            source.unknown = True
            self.undecodable[codec.name] += 1
            self.counters["no_decoder"] += 1
            return
        samples = decoder.decode(packet.payload)
        self.counters["decoded"] += 1
        if len(samples):
            source.length = len(samples) * self.rate // decoder.rate
            position = self._position(source, packet, clock_rate)
            self._place(position, samples, decoder.rate, self._unheard(source))

    def _hush(self, source: _Source, packet: RtpPayload, clock_rate: int) -> None:
        """Take comfort noise: nobody spoke until it came."""
        if source.anchor is not None and source.anchor[2] != clock_rate:
            position = self._by_arrival(packet)  # its clock is not that of the sound around it
        else:
            position = self._position(source, packet, clock_rate)
        self._end_run()
        self._silence_until(position, self._unheard(source))

    def _unheard(self, source: _Source) -> int:
        """Return how much of the time behind the last sound was no silence of the sender's, at most."""
        lost = self._most if source.unknown else source.lost * source.length
        source.lost, source.unknown = 0, False
        return lost

    def _position(self, source: _Source, packet: RtpPayload, clock_rate: int) -> int:
        """Return where in the track a packet stands."""
        by_arrival = self._by_arrival(packet)
        anchor = source.anchor
        if anchor is not None and anchor[2] == clock_rate:
            step = (packet.timestamp - source.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
            source.timestamp = packet.timestamp
            source.unwrapped += step
            by_timestamp = anchor[0] + (source.unwrapped - anchor[1]) * self.rate // clock_rate
            if abs(by_timestamp - by_arrival) <= ANCHOR_AGAIN * self.rate:
                return by_timestamp
            self.counters["anchored_again"] += 1
        source.timestamp = source.unwrapped = packet.timestamp
        # A packet's arrival may be jitter; behind what is written already there is nothing to overwrite.
        source.anchor = (by_arrival, packet.timestamp, clock_rate)
        return by_arrival

    def _by_arrival(self, packet: RtpPayload) -> int:
        assert self.start is not None
        return (packet.arrival - self.start) * self.rate // 1_000_000_000

    def _place(self, position: int, samples: Samples, rate: int, unheard: int) -> None:
        if rate == self.rate:
            self._end_run()
            self._write(position, samples, unheard)
            return
        run = self._run
        # Positions are rounded down: a sample more or less is no hole.
        if run is None or abs(position - run.end) > 1:
            self._end_run()
            self._silence_until(position, unheard)
            overlap = -(-(self.samples - position) * rate // self.rate)
            if overlap > 0:
                self.counters["samples_cut"] += min(overlap, len(samples)) * self.rate // rate
                samples = samples[overlap:]
                position += overlap * self.rate // rate
                if not len(samples):
                    return
            run = self._run = _Run(Resampler(rate, self.rate), position)
        run.end = position + len(samples) * self.rate // rate
        self._append(run.resampler.feed(samples))

    def _end_run(self) -> None:
        if self._run is not None:
            self._append(self._run.resampler.finish())
            self._run = None

    def _write(self, position: int, samples: Samples, unheard: int) -> None:
        self._silence_until(position, unheard)
        overlap = self.samples - position
        if overlap > 0:
            self.counters["samples_cut"] += min(overlap, len(samples))
            samples = samples[overlap:]
        self._append(samples)

    def _silence_until(self, position: int, unheard: int) -> None:
        """Write silence, of which so many samples are no silence of the sender's."""
        missing = min(position, self._most) - self.samples
        if missing <= 0:
            return
        self.level.add_silence(missing)
        unknown = min(unheard, missing)
        if unknown:
            self.silence.add_missing(unknown)
        if missing > unknown:
            self.silence.add_suppressed(missing - unknown)
        self.samples += missing
        while missing > 0:
            part = _BLOCK[:missing]
            self._file.write(part.tobytes())
            if self.tones is not None:
                self.tones.add(part)
            missing -= len(part)

    def _append(self, samples: Samples) -> None:
        room = self._most - self.samples
        if len(samples) > room:
            self.counters["beyond_the_longest"] += len(samples) - room
            samples = samples[:room]
        self.level.add(samples)
        self.silence.add(samples)
        if self.tones is not None:
            self.tones.add(samples)
        self.samples += len(samples)
        self._file.write(samples.astype("<i2").tobytes())
