from __future__ import annotations

import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.sound import Samples, key_tone, mu_law, silence, tone
from tqdecrypt.media.audio import tones as tones_module
from tqdecrypt.media.audio.tones import COLUMNS, ROWS, Tone, ToneDetector

KEYS = [(row, column) for row in ROWS for column in COLUMNS]
RATES = (8000, 16_000, 44_100, 48_000)


def heard(*parts: Samples, rate: int = 8000) -> list[Tone]:
    detector = ToneDetector(rate)
    for part in parts:
        detector.add(part)
    detector.finish()
    assert detector.left_out == 0
    return detector.tones


def assert_at(found: list[Tone], wanted: list[tuple[float, float]], rate: int = 8000) -> None:
    """Begin in seconds, duration in ms, both to within what two frames' edges leave open."""
    assert len(found) == len(wanted)
    for one, (begin, duration) in zip(found, wanted, strict=True):
        assert one.position / rate == pytest.approx(begin, abs=0.006)
        assert one.duration == pytest.approx(duration, abs=8)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0]}+{key[1]}")
def test_every_key_at_every_rate(key: tuple[int, int], rate: int) -> None:
    found = heard(silence(0.1, rate), key_tone(*key, 0.1, rate=rate), silence(0.1, rate), rate=rate)
    assert_at(found, [(0.1, 100)], rate)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0]}+{key[1]}")
@pytest.mark.parametrize("offset", [-0.015, 0.015])
def test_every_key_of_a_poor_telephone_through_mu_law_and_noise(
    key: tuple[int, int], offset: float
) -> None:
    rng = np.random.default_rng(7)
    clean = np.concatenate(
        [
            silence(0.1),
            key_tone(key[0] * (1 + offset), key[1] * (1 + offset), 0.07, level=-15),
            silence(0.1),
        ]
    )
    noise = rng.normal(0, 32768 * 10 ** (-35 / 20), len(clean))  # about 20 dB below the tones
    assert_at(heard(mu_law(clean + noise)), [(0.1, 70)])


@pytest.mark.parametrize("wait", range(0, 25, 4))
def test_forty_milliseconds_are_a_key_and_twenty_are_none(wait: int) -> None:
    before = np.zeros(800 + wait, np.int16)
    assert len(heard(before, key_tone(770, 1336, 0.04), silence(0.1))) == 1
    assert len(heard(before, key_tone(770, 1336, 0.04))) == 1
    assert heard(before, key_tone(770, 1336, 0.02), silence(0.1)) == []


@pytest.mark.parametrize("wait", range(0, 25, 4))
def test_a_pause_of_forty_milliseconds_parts_and_a_lost_packet_does_not(wait: int) -> None:
    before = np.zeros(800 + wait, np.int16)
    key = key_tone(852, 1477, 0.06)
    assert len(heard(before, key, silence(0.04), key, silence(0.1))) == 2
    assert_at(heard(before, key, silence(0.02), key, silence(0.1)), [(0.1 + wait / 8000, 140)])


def test_another_key_needs_no_pause() -> None:
    found = heard(silence(0.1), key_tone(697, 1209, 0.1), key_tone(697, 1336, 0.1), silence(0.1))
    assert_at(found, [(0.1, 100), (0.2, 100)])


@pytest.mark.parametrize(
    ("twist", "taken"), [(0, True), (4, True), (-8, True), (9, False), (-15, False)]
)
def test_a_column_may_be_louder_by_4_db_and_quieter_by_8(twist: float, taken: bool) -> None:
    assert bool(heard(key_tone(941, 1209, 0.1, level=-18, twist=twist))) is taken


@pytest.mark.parametrize(("level", "taken"), [(-10, True), (-38, True), (-46, False)])
def test_what_is_too_quiet_is_none(level: float, taken: bool) -> None:
    assert bool(heard(key_tone(941, 1633, 0.1, level=level))) is taken


def speech_like(seed: int) -> Samples:
    """Ten seconds of vowels: harmonics of a gliding voice under moving formants, in syllables."""
    rng = np.random.default_rng(seed)
    count = 80_000
    at = np.arange(count) / 8000

    def wander(least: float, most: float) -> np.ndarray:
        return np.interp(at, np.linspace(0, 10, 60), rng.uniform(least, most, 60))

    phase = 2 * np.pi * np.cumsum(wander(90, 250)) / 8000
    pitch = np.gradient(phase) * 8000 / (2 * np.pi)
    formants = [wander(*limits) for limits in ((300, 1000), (900, 2300), (2200, 3200))]
    voice = np.zeros(count)
    for harmonic in range(1, 30):
        gain = sum(1 / (1 + ((harmonic * pitch - one) / 60) ** 2) for one in formants)
        voice += np.where(harmonic * pitch < 3900, gain, 0) * np.sin(harmonic * phase)
    voice *= np.clip(np.sin(2 * np.pi * 3 * at) + 0.5, 0, 1)
    voice *= 20_000 / np.abs(voice).max()
    return np.rint(voice).astype(np.int16)


@pytest.mark.parametrize("seed", range(10))
def test_speech_and_noise_have_no_keys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert heard(speech_like(seed)) == []
    assert heard(np.rint(rng.normal(0, 4000, 80_000)).astype(np.int16)) == []


@pytest.mark.parametrize("pair", [(350, 440), (440, 480), (480, 620), (425, 425), (697, 770)])
def test_tones_of_the_network_are_no_keys(pair: tuple[int, int]) -> None:
    assert heard(key_tone(*pair, 2.0)) == []


@pytest.mark.parametrize("offset", [-0.035, 0.035])
def test_frequencies_that_are_off_are_no_keys(offset: float) -> None:
    for row, column in KEYS:
        assert heard(key_tone(row * (1 + offset), column, 0.1)) == []
        assert heard(key_tone(row, column * (1 + offset), 0.1)) == []


@pytest.mark.parametrize("hertz", [440, *ROWS, *COLUMNS])
def test_a_single_frequency_is_no_key(hertz: int) -> None:
    assert heard(tone(8000, 2.0, hertz)) == []


def test_beyond_the_bound_keys_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tones_module, "MOST_TONES", 3)
    detector = ToneDetector(8000)
    for _ in range(5):
        detector.add(np.concatenate((key_tone(697, 1209, 0.06), silence(0.06))))
    detector.finish()
    assert (len(detector.tones), detector.left_out, len(detector)) == (3, 2, 5)


def test_what_is_kept_does_not_say_which_key() -> None:
    assert len({tuple(heard(silence(0.1), key_tone(*key, 0.1))) for key in KEYS}) == 1


SEQUENCE = np.concatenate(
    [
        part
        for number, key in enumerate(KEYS)
        for part in (key_tone(*key, 0.035 + number / 500), silence(0.03 + number / 400))
    ]
)


@given(st.lists(st.integers(0, len(SEQUENCE)), max_size=20))
def test_how_samples_are_cut_into_blocks_does_not_matter(cuts: list[int]) -> None:
    assert heard(*np.split(SEQUENCE, sorted(cuts))) == heard(SEQUENCE)


@pytest.mark.peer("sox")
@pytest.mark.parametrize("rate", [8000, 16_000])
def test_keys_that_sox_pressed(rate: int) -> None:
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-"]
    press: list[str] = []
    for row, column in KEYS:
        sine = ["synth", "0.08", "sine", str(row), "synth", "0.08", "sine", "mix", str(column)]
        press += [*sine, "gain", "-6", "pad", "0.1", ":"]
    made = subprocess.run(
        ["sox", "-n", "-r", str(rate), "-c", "1", *raw, *press[:-1]],
        check=True,
        capture_output=True,
    ).stdout
    found = heard(np.frombuffer(made, "<i2"), rate=rate)
    assert_at(found, [(0.1 + 0.18 * number, 80) for number in range(len(KEYS))], rate)
