"""Captures that nobody here made: they decode, as long as they lasted, to what is known of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from kit.listening import levels_by_ffmpeg
from tqdecrypt.capture import open_captures
from tqdecrypt.export.audio import Audio, rate_of
from tqdecrypt.media.audio.listening import Listener
from tqdecrypt.media.audio.silence import SHORTEST
from tqdecrypt.media.heard import SILENT
from tqdecrypt.media.picking import StreamKey
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.sip.sdp_attributes import STATIC_TYPES, Codec, codec_of

from ..reading import streams_of_file

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
OPUS = Codec("111", "opus/48000/2", "opus", 48_000, 2, "")
CODECS = {
    **{int(number): codec_of(number, encoding, "") for number, encoding in STATIC_TYPES.items()},
    96: OPUS,
    111: OPUS,
    101: Codec("101", "telephone-event/8000", "telephone-event", 8000, 1, ""),
}

pytestmark = pytest.mark.shared


def heard(name: str) -> tuple[Audio, float, np.ndarray]:
    """Every stream of a capture as a channel; how long the longest lasted, and the samples."""
    path = CORPUS / name
    streams = streams_of_file(path)
    keys = [
        StreamKey(one.source, one.destination, one.ssrc, one.first_frame, one.last_frame)
        for one in streams
    ]
    seen = {kind for one in streams for kind in one.payload_types}
    audio = Audio([CODECS] * len(keys), rate_of(CODECS, seen))
    listener = Listener({key: i for i, key in enumerate(keys)}, audio.receive)
    decoder = PacketDecoder(Wanted.ALL_UDP)
    with open_captures([str(path)]) as reader:
        for block in reader:
            if len(block):
                listener.receive(decoder.decode(block).udp, block)
    assert not listener.cut
    assert not listener.malformed
    file = io.BytesIO()
    with audio:
        audio.write(file)
    lasted = (max(one.ended for one in streams) - min(one.started for one in streams)) / 1e9
    samples = np.frombuffer(file.getvalue()[44:], "<i2").reshape(-1, len(keys))
    return audio, lasted, samples


@pytest.mark.parametrize(
    "name",
    [
        "rtp/sipp/g711a.pcap",
        "rtp/freeswitch/milliwatt.long.pcmu.rtp.pcap",
        "sip/sipnab/sip-rtp-g711.pcap",
        "sip/sipnab/sip-rtp-g722.pcap",
        "sip/sipnab/speech_8k_ulaw.pcap",
    ],
)
def test_a_capture_lasts_as_long_as_its_packets_say(name: str) -> None:
    audio, lasted, samples = heard(name)
    assert audio.counters["malformed"] == audio.counters["no_decoder"] == 0
    assert audio.counters["decoded"] > 100
    assert len(samples) / audio.rate == pytest.approx(lasted, abs=0.1)
    assert np.abs(samples).max() > 500


def test_a_test_tone_has_the_frequency_and_the_level_that_sox_finds() -> None:
    audio, _, samples = heard("rtp/freeswitch/milliwatt.long.pcmu.rtp.pcap")
    spectrum = np.abs(np.fft.rfft(samples[8000:16_000, 0]))
    assert abs(int(np.argmax(spectrum)) - 1004) <= 4
    # sox -t raw -e mu-law … -n stats: RMS lev dB -13.17 (over a square wave, as dBov is).
    assert audio.tracks[0].silence.level == -13
    assert set(audio.tracks[0].level.seconds) == {-13}


@pytest.mark.parametrize(
    "name",
    [
        "rtp/sipp/g711a.pcap",
        "sip/sipnab/sip-rtp-g711.pcap",
        "sip/sipnab/sip-rtp-g722.pcap",
        "sip/sipnab/speech_8k_ulaw.pcap",
    ],
)
def test_speech_is_as_silent_as_ffmpeg_measures_it(name: str) -> None:
    audio, _, samples = heard(name)
    for channel, (track, wait) in enumerate(zip(audio.tracks, audio.waits, strict=True)):
        if track.counters["lost"] or track.silence.decoded < track.samples:
            continue  # then its samples do not tell what was sent
        own = np.ascontiguousarray(samples[wait : wait + track.samples, channel])
        quiet = [level < SILENT for level in levels_by_ffmpeg(own, audio.rate, audio.rate // 50)]
        runs = "".join("q" if one else " " for one in quiet).split()
        lengths = [len(run) / 50 for run in runs if len(run) >= SHORTEST * 50]
        assert track.silence.silent / audio.rate == pytest.approx(sum(lengths), abs=0.02)
        assert (track.silence.longest or (0, 0))[1] / audio.rate == pytest.approx(
            max(lengths, default=0), abs=0.02
        )


@pytest.mark.parametrize("key", ["0", "5", "9", "star", "pound"])
def test_digits_of_sipp_are_told_and_not_said(key: str) -> None:
    audio, _, samples = heard(f"rtp/sipp/dtmf_2833_{key}.pcap")
    events = [event for track in audio.tracks for event in track.events.all]
    assert [(event.what, event.digit) for event in events] == [("digit", "•")]
    assert not samples.any()
