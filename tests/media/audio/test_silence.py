"""How much of a direction is silence: exact where sound is made here, and as FFmpeg hears it elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.listening import levels_by_ffmpeg, silences_by_ffmpeg
from kit.sound import PACKET, START, Samples, packets, silence, tone
from tqdecrypt.media.audio import RtpPayload, Track
from tqdecrypt.media.audio.silence import SHORTEST, Silence
from tqdecrypt.media.heard import SILENT
from tqdecrypt.sip.sdp_attributes import Codec

from .test_decoders import ffmpeg_encoded

CODECS = {
    0: Codec("0", "PCMU/8000", "PCMU", 8000, 1, ""),
    8: Codec("8", "PCMA/8000", "PCMA", 8000, 1, ""),
    9: Codec("9", "G722/8000", "G722", 8000, 1, ""),
    13: Codec("13", "CN/8000", "CN", 8000, 1, ""),
    96: Codec("96", "opus/48000/2", "opus", 48000, 2, ""),
    97: Codec("97", "L16/8000", "L16", 8000, 1, ""),
    98: Codec("98", "speex/8000", "speex", 8000, 1, ""),
    101: Codec("101", "telephone-event/8000", "telephone-event", 8000, 1, "0-15"),
}
SOUND, NOTHING = b"\x90" * 160, b"\xff" * 160
"""20 ms of PCMU: a constant voltage, and none."""


def heard(stream: Iterable[RtpPayload], rate: int = 8000) -> tuple[Track, Silence]:
    track = Track(CODECS, rate, io.BytesIO())
    for packet in stream:
        track.receive(packet)
    track.finish()
    return track, track.silence


def seconds(measured: Silence, rate: int = 8000) -> tuple[float, float, float]:
    """Decoded, silent and unknown time."""
    return measured.decoded / rate, measured.silent / rate, measured.missing / rate


def stretch(measured: Silence, rate: int = 8000) -> tuple[float, float]:
    assert measured.longest is not None
    begin, length = measured.longest
    return begin / rate, length / rate


def sent(payloads: str) -> list[RtpPayload]:
    """PCMU packets: ``x`` sound, ``-`` silence, ``!`` lost, blank not sent, ``n`` comfort noise."""
    found: list[RtpPayload] = []
    sequence = 65_530
    for slot, what in enumerate(payloads):
        if what != " ":
            sequence += 1
        if what in " !":
            continue
        data = {"x": SOUND, "-": NOTHING, "n": b"\x40"}[what]
        found += packets(
            [data],
            payload_type=13 if what == "n" else 0,
            start=START + slot * PACKET,
            sequence=sequence % 65_536,
            timestamp=(slot * 160 + (1 << 32) - 480) % (1 << 32),
        )
    return found


SCENE = np.concatenate(
    [
        tone(48_000, 3.0, level=-20),
        silence(5.0, 48_000),
        tone(48_000, 2.0, level=-30),
        silence(2.0, 48_000),
        tone(48_000, 1.0, level=-20),
    ]
)


@pytest.mark.parametrize(
    ("payload_type", "encoder", "rate", "step"),
    [(0, "pcm_mulaw", 8000, 160), (8, "pcm_alaw", 8000, 160), (9, "g722", 16_000, 160),
     (96, "libopus", 48_000, 960)],
)  # fmt: skip
def test_tones_and_silences_behind_real_codecs(
    payload_type: int, encoder: str, rate: int, step: int
) -> None:
    samples = np.ascontiguousarray(SCENE[:: 48_000 // rate])
    payloads = ffmpeg_encoded(encoder, samples, rate, rate // 50)
    _, measured = heard(packets(payloads, payload_type=payload_type, step=step))
    decoded, silent, missing = seconds(measured)
    assert decoded == pytest.approx(13.0, abs=0.05)
    # Opus and G.722 delay what they code, and fade out: 60 ms at each end of a silence.
    assert silent == pytest.approx(7.0, abs=0.24)
    assert missing == 0
    begin, length = stretch(measured)
    assert begin == pytest.approx(3.0, abs=0.12)
    assert length == pytest.approx(5.0, abs=0.12)
    # 4 s at -20 dBov and 2 s at -30 dBov.
    assert measured.level == pytest.approx(10 * np.log10((4 * 0.01 + 2 * 0.001) / 6), abs=1)


def test_g711_is_right_to_the_sample() -> None:
    samples = np.ascontiguousarray(SCENE[::6])
    _, measured = heard(packets(ffmpeg_encoded("pcm_mulaw", samples, 8000, 160)))
    assert seconds(measured) == (13.0, 7.0, 0.0)
    assert stretch(measured) == (3.0, 5.0)
    assert measured.silent_since is None


@pytest.mark.parametrize(("level", "silent"), [(SILENT + 1, 0.0), (SILENT - 1, 2.0)])
def test_what_is_below_the_threshold_is_silence(level: int, silent: float) -> None:
    samples = np.concatenate([tone(8000, 1.0, level=-20), tone(8000, 2.0, level=level)])
    payloads = [part.astype(">i2").tobytes() for part in samples.reshape(-1, 160)]
    _, measured = heard(packets(payloads, payload_type=97))
    assert seconds(measured) == (3.0, silent, 0.0)


def test_pauses_between_words_are_none() -> None:
    longest_pause = round(SHORTEST * 50) - 1
    _, measured = heard(sent(("x" * 20 + "-" * longest_pause) * 10))
    assert measured.silent == 0
    assert measured.longest is None
    _, loud = heard(sent("x" * 20))
    share = 20 / (20 + longest_pause)
    assert measured.level == pytest.approx(loud.level + 10 * np.log10(share), abs=1)
    assert measured.level < loud.level
    _, measured = heard(sent(("x" * 20 + "-" * (longest_pause + 1)) * 10))
    assert seconds(measured) == (6.0, 2.0, 0.0)


def test_a_law_without_a_sound_is_silent_though_no_sample_is_zero() -> None:
    _, measured = heard(packets([b"\xd5" * 160] * 100, payload_type=8))
    assert seconds(measured) == (2.0, 2.0, 0.0)
    assert measured.level == -72
    assert measured.silent_since == 0


def test_silence_that_was_not_sent_prolongs_a_stretch_and_counts_apart() -> None:
    track, measured = heard(sent("x" * 50 + "-" * 15 + "n" + " " * 49 + "n" + " " * 34 + "x" * 50))
    assert seconds(measured) == (2.3, 0.3, 0.0)
    assert stretch(measured) == (1.0, 2.0)
    assert track.counters["comfort_noise"] == 2


def test_a_codec_that_sends_now_and_then_while_it_is_quiet() -> None:
    """As Opus does with DTX: a packet of 20 ms each 400 ms."""
    _, measured = heard(sent("x" * 50 + ("-" + " " * 19) * 5 + "x" * 50))
    assert stretch(measured) == (1.0, 2.0)
    assert seconds(measured) == (2.1, 0.1, 0.0)


def test_comfort_noise_alone_is_no_sound() -> None:
    _, measured = heard(sent("n" + (" " * 9 + "n") * 10))
    assert seconds(measured) == (0.0, 0.0, 0.0)
    assert stretch(measured) == (0.0, 2.0)
    assert measured.silent_since == 0


def test_comfort_noise_at_the_end_is_part_of_the_silence_before_the_hang_up() -> None:
    _, measured = heard(sent("x" * 50 + "n" + (" " * 9 + "n") * 10))
    assert measured.silent_since == 8000
    assert stretch(measured) == (1.0, 2.0)


def test_what_is_lost_is_neither_silence_nor_the_end_of_it_unless_it_is_long() -> None:
    _, measured = heard(sent("x" * 50 + "-" * 50 + "!" * 5 + "-" * 45 + "x" * 50))
    assert seconds(measured) == (3.9, 1.9, 0.1)
    assert stretch(measured) == (1.0, 2.0)
    _, measured = heard(sent("x" * 50 + "-" * 50 + "!" * 50 + "-" * 60 + "x" * 50))
    assert seconds(measured) == (4.2, 2.2, 1.0)
    assert stretch(measured) == (3.0, 1.2)


def test_a_stream_of_which_much_is_lost_and_much_not_sent() -> None:
    _, measured = heard(sent("x" * 50 + "!" * 10 + " " * 40 + "x" * 50))
    assert seconds(measured) == (2.0, 0.0, 0.2)
    assert stretch(measured) == (1.2, 0.8)


def test_digits_and_unknown_formats_are_no_silence() -> None:
    talk = list(packets([SOUND] * 50, sequence=0, timestamp=0))
    for payload_type, payload in ((101, b"\x05\x0a\x03\x20"), (98, b"speex"), (50, b"?")):
        other = packets(
            [payload] * 50, payload_type=payload_type, start=START + 50 * PACKET, sequence=50,
            timestamp=8000, step=0 if payload_type == 101 else 160,
        )  # fmt: skip
        more = packets([SOUND] * 50, start=START + 100 * PACKET, sequence=100, timestamp=16_000)
        _, measured = heard([*talk, *other, *more])
        assert seconds(measured) == (2.0, 0.0, 1.0)
        assert measured.longest is None


def test_another_rate_measures_the_same() -> None:
    payloads = ffmpeg_encoded("libopus", SCENE, 48_000, 960, bit_rate=32_000)
    stream = list(packets(payloads, payload_type=96, step=960))
    _, narrow = heard(stream, 8000)
    _, wide = heard(stream, 48_000)
    for one, other in zip(seconds(narrow), seconds(wide, 48_000), strict=True):
        assert one == pytest.approx(other, abs=0.06)
    assert narrow.level == pytest.approx(wide.level, abs=1)


@given(
    st.lists(
        st.tuples(st.sampled_from([-127, -80, -45, -20]), st.integers(1, 60)),
        min_size=1,
        max_size=12,
    )
)
def test_as_ffmpeg_detects_it(parts: list[tuple[int, int]]) -> None:
    """It looks at each sample, and not at frames: a tone is never below its threshold for 200 ms."""
    samples = np.concatenate([tone(8000, frames / 50, level=level) for level, frames in parts])
    measured = Silence(8000)
    measured.add(samples)
    measured.finish()
    theirs = silences_by_ffmpeg(samples, 8000, SHORTEST)
    assert measured.silent / 8000 == pytest.approx(sum(length for _, length in theirs), abs=0.01)
    if theirs:
        longest = max(length for _, length in theirs)
        begins = [begin for begin, length in theirs if length > longest - 0.002]
        begin, length = stretch(measured)
        assert length == pytest.approx(longest, abs=0.002)
        assert any(begin == pytest.approx(one, abs=0.002) for one in begins)


def pieces(sizes: Sequence[int], samples: Samples) -> list[Samples]:
    return np.split(samples, np.cumsum(sizes).clip(max=len(samples)))


@given(st.lists(st.integers(1, 700), max_size=30), st.integers(0, 1 << 32))
def test_how_samples_are_cut_changes_nothing(sizes: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    scale = np.repeat(10.0 ** chance.integers(-1, 4, 100), 160)
    samples = np.rint(scale * chance.standard_normal(16_000)).clip(-32768, 32767).astype(np.int16)
    whole, cut = Silence(8000), Silence(8000)
    whole.add(samples)
    for part in pieces(sizes, samples):
        cut.add(part)
    for one in (whole, cut):
        one.finish()
    told = [
        (one.decoded, one.silent, one.longest, one.silent_since, one.level) for one in (whole, cut)
    ]
    assert told[0] == told[1]
    # And frame by frame as FFmpeg's astats measures them.
    quiet = [level < SILENT for level in levels_by_ffmpeg(samples, 8000, 160)]
    assert whole.silent == 160 * in_runs(quiet, round(SHORTEST * 50))


def in_runs(quiet: list[bool], least: int) -> int:
    """How many are true with as many around them."""
    runs = "".join("q" if one else " " for one in quiet).split()
    return sum(len(run) for run in runs if len(run) >= least)
