from __future__ import annotations

import io
from collections.abc import Callable, Iterable

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.sound import PACKET, START, Samples, likeness, packets, tone
from tqdecrypt.media.audio import RtpPayload, Track
from tqdecrypt.media.audio import track as track_module
from tqdecrypt.media.audio.g711 import MU_LAW
from tqdecrypt.media.audio.level import Level
from tqdecrypt.sip.sdp_attributes import Codec

from .test_decoders import ffmpeg_encoded

CODECS = {
    0: Codec("0", "PCMU/8000", "PCMU", 8000, 1, ""),
    9: Codec("9", "G722/8000", "G722", 8000, 1, ""),
    13: Codec("13", "CN/8000", "CN", 8000, 1, ""),
    96: Codec("96", "opus/48000/2", "opus", 48000, 2, ""),
    97: Codec("97", "AMR/8000", "AMR", 8000, 1, "interleaving=30"),
    98: Codec("98", "speex/8000", "speex", 8000, 1, ""),
    101: Codec("101", "telephone-event/8000", "telephone-event", 8000, 1, "0-15"),
}
LOUD = bytes([0x90] * 160)
VALUE = int(MU_LAW[0x90])


def played(stream: Iterable[RtpPayload], rate: int = 8000) -> tuple[Track, Samples]:
    file = io.BytesIO()
    track = Track(CODECS, rate, file)
    for packet in stream:
        track.receive(packet)
    track.finish()
    samples = np.frombuffer(file.getvalue(), "<i2")
    assert len(samples) == track.samples
    return track, samples


def is_loud(samples: Samples) -> list[bool]:
    """For each 20 ms, whether all of it is what was sent; the rest has to be silence."""
    blocks = samples.reshape(-1, 160)
    loud = (blocks == VALUE).all(axis=1)
    assert (blocks[~loud] == 0).all()
    return [bool(one) for one in loud]


def test_packets_stand_one_behind_another_while_both_counters_begin_anew() -> None:
    track, samples = played(packets([LOUD] * 20))
    assert is_loud(samples) == [True] * 20
    assert track.start == START
    assert track.counters["decoded"] == 20
    assert track.counters["lost"] == 0


def test_lost_packets_are_silence_of_their_length() -> None:
    stream = list(packets([LOUD] * 40))
    del stream[10:13]
    track, samples = played(stream)
    assert is_loud(samples) == [True] * 10 + [False] * 3 + [True] * 27
    assert track.counters["lost"] == 3


def test_packets_out_of_order_are_put_in_order_and_duplicates_left_out() -> None:
    stream = list(packets([LOUD] * 10))
    stream[3], stream[4] = stream[4], stream[3]
    stream.insert(7, stream[6])
    track, samples = played(stream)
    assert is_loud(samples) == [True] * 10
    assert track.counters["duplicates"] == 1
    assert track.counters["lost"] == 0


def test_jitter_does_not_move_what_is_heard() -> None:
    stream = [
        p._replace(arrival=p.arrival + i % 3 * 7_000_000)
        for i, p in enumerate(packets([LOUD] * 30))
    ]
    _, samples = played(stream)
    assert is_loud(samples) == [True] * 30


def test_a_pause_is_silence_though_no_packet_is_missing() -> None:
    talk = list(packets([LOUD] * 5))
    noise = list(
        packets(
            [b"\x40"], payload_type=13, start=START + 5 * PACKET, sequence=65_535, timestamp=320
        )
    )
    more = list(
        packets([LOUD] * 5, start=START + 25 * PACKET, sequence=0, timestamp=(25 * 160) - 480)
    )
    track, samples = played(talk + noise + more)
    assert is_loud(samples) == [True] * 5 + [False] * 20 + [True] * 5
    assert track.counters["comfort_noise"] == 1
    assert track.counters["lost"] == 0


def test_digits_are_skipped_and_listed_without_saying_which() -> None:
    stream = list(packets([LOUD] * 5, sequence=100, timestamp=0))
    for i in range(5, 12):
        event = bytes([7, 10]) + (160 * (i - 4)).to_bytes(2)
        stream.append(RtpPayload(START + i * PACKET, 0xDECAFBAD, 100 + i, 800, 101, event))
    fax = bytes([36, 10, 0, 80])
    stream.append(RtpPayload(START + 12 * PACKET, 0xDECAFBAD, 112, 1920, 101, fax))
    stream += packets([LOUD] * 5, start=START + 13 * PACKET, sequence=113, timestamp=13 * 160)
    track, samples = played(stream)
    assert is_loud(samples) == [True] * 5 + [False] * 8 + [True] * 5
    digit, tones = track.events.all
    assert (digit.what, digit.digit, digit.duration) == ("digit", "•", 140)
    assert digit.time == START + 5 * PACKET
    assert (tones.what, tones.digit) == ("event 36", "")
    assert "7" not in repr(digit._replace(time=0, duration=0))


def test_a_sender_that_begins_anew_stands_where_it_arrived() -> None:
    stream = list(packets([LOUD] * 5))
    stream += packets([LOUD] * 5, ssrc=7, start=START + 8 * PACKET, sequence=9, timestamp=77)
    stream += packets([LOUD] * 5, start=START + 15 * PACKET, sequence=3, timestamp=1 << 31)
    track, samples = played(stream)
    assert is_loud(samples) == [True] * 5 + [False] * 3 + [True] * 5 + [False] * 2 + [True] * 5
    assert track.counters["anchored_again"] == 1


def test_two_senders_at_once_do_not_make_it_longer() -> None:
    one = list(packets([LOUD] * 50))
    other = list(packets([LOUD] * 50, ssrc=5, start=START + PACKET // 2, sequence=4))
    track, samples = played(sorted(one + other))
    assert len(samples) <= 51 * 160
    assert track.counters["samples_cut"] == pytest.approx(50 * 160, abs=320)
    _, wide = played(sorted(one + other), 16_000)
    assert len(wide) <= 51 * 320 + 64


def test_what_cannot_be_decoded_is_counted_by_name_and_stays_silent() -> None:
    stream = list(packets([LOUD] * 2))
    stream += packets([b"x"] * 2, payload_type=98, start=START + 2 * PACKET, sequence=65_532)
    stream += packets([b"x"] * 2, payload_type=50, start=START + 4 * PACKET, sequence=65_534)
    stream += packets([b"x"] * 2, payload_type=97, start=START + 6 * PACKET, sequence=0)
    stream += packets([LOUD], start=START + 8 * PACKET, sequence=2, timestamp=8 * 160 - 480)
    track, samples = played(stream)
    assert is_loud(samples) == [True] * 2 + [False] * 6 + [True]
    assert track.undecodable == {"speex": 2, "payload type 50": 2, "AMR": 1}
    assert track.counters["malformed"] == 1


def test_a_narrow_stream_in_a_wide_file_is_the_same_tone() -> None:
    wanted = tone(8000, 2.0)
    payloads = ffmpeg_encoded("pcm_mulaw", wanted, 8000, 160)
    stream = list(packets(payloads))
    _, samples = played(stream, 48_000)
    assert abs(len(samples) - 96_000) <= 48
    assert likeness(samples, tone(48_000, 2.0)) > 0.995
    del stream[40:50]
    _, holed = played(stream, 48_000)
    assert abs(len(holed) - 96_000) <= 48
    assert (holed[40 * 960 + 96 : 50 * 960 - 96] == 0).all()
    assert likeness(holed[50 * 960 :], tone(48_000, 2.0)[50 * 960 :]) > 0.99


def test_a_codec_that_changes_during_the_call() -> None:
    narrow = ffmpeg_encoded("pcm_mulaw", tone(8000), 8000, 160)
    wide = ffmpeg_encoded("g722", tone(16_000), 16_000, 320)
    stream = list(packets(narrow, sequence=0, timestamp=0))
    stream += packets(wide, payload_type=9, start=START + 50 * PACKET, sequence=50, timestamp=8000)
    track, samples = played(stream, 16_000)
    assert track.counters["decoded"] == 100
    assert abs(len(samples) - 32_000) <= 32
    assert likeness(samples[16_500:31_500], tone(16_000, 2.0)[16_500:31_500]) > 0.98


def test_opus_counts_in_48_kilohertz() -> None:
    payloads = ffmpeg_encoded("libopus", tone(48_000), 48_000, 960, bit_rate=32_000)[:50]
    stream = list(packets(payloads, payload_type=96, step=960))
    del stream[20]
    track, samples = played(stream, 48_000)
    assert len(samples) == 48_000
    assert track.counters["lost"] == 1


def test_a_track_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_module, "MOST_SECONDS", 1)
    stream = list(packets([LOUD] * 60))
    stream += packets([LOUD], start=START + 10**15, sequence=60_000, timestamp=0)
    track, samples = played(stream)
    assert len(samples) == 8000
    assert track.counters["beyond_the_longest"] == 10 * 160 + 160


def test_levels_second_by_second() -> None:
    sound = np.concatenate([tone(8000, level=-9), np.zeros(8000, np.int16), tone(8000, level=-20)])
    track, _ = played(packets(ffmpeg_encoded("pcm_mulaw", sound, 8000, 160)))
    assert [abs(a - b) <= 1 for a, b in zip(track.level.seconds, (-9, -127, -20), strict=True)] == [
        True
    ] * 3


def test_a_full_sine_is_at_minus_3_and_a_full_square_at_0() -> None:
    for samples, wanted in (
        (tone(8000, level=-3.01), -3),
        (np.tile(np.array([32767, -32768], np.int16), 4000), 0),
        (np.zeros(8000, np.int16), -127),
    ):
        level = Level(8000)
        level.add(samples)
        assert list(level.seconds) == [wanted]


def test_half_a_second_at_the_end_is_a_second_less_is_none() -> None:
    level = Level(8000)
    level.add(tone(8000, 1.4))
    level.finish()
    assert len(level.seconds) == 1
    level.add_silence(1000)
    level.finish()
    assert len(level.seconds) == 2


def test_ffmpeg_reads_the_tone_that_was_put_in_packets() -> None:
    # The whole way once more with a listener that is not ours: resampled back by FFmpeg, compared.
    wanted = tone(8000, 1.0)
    _, samples = played(packets(ffmpeg_encoded("pcm_mulaw", wanted, 8000, 160)), 16_000)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :].astype(np.int16), "s16", "mono")
    frame.sample_rate = 16_000
    back = av.AudioResampler(format="s16", layout="mono", rate=8000)
    found = np.concatenate(
        [f.to_ndarray()[0] for f in (*back.resample(frame), *back.resample(None))]
    )
    assert likeness(found, wanted) > 0.999


rtp = st.builds(
    RtpPayload,
    st.integers(START, START + 3 * 10**9),
    st.integers(0, 20),
    st.integers(0, 65_535),
    st.integers(0, (1 << 32) - 1),
    st.sampled_from([0, 9, 13, 50, 96, 97, 98, 101]),
    st.binary(max_size=40),
)


@given(st.lists(rtp, max_size=60))
@settings(max_examples=40)
def test_any_packets_make_a_track_no_longer_than_their_time(stream: list[RtpPayload]) -> None:
    track, samples = played(stream, 16_000)
    assert len(samples) <= 16_000 * (3 + 1 + 2)
    told: Callable[[str], int] = track.counters.__getitem__
    assert told("decoded") + told("comfort_noise") + told("malformed") + told("no_decoder") + len(
        track.events
    ) <= len(stream)
