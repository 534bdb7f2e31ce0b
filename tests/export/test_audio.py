from __future__ import annotations

import io
import subprocess
import wave
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from kit.sound import PACKET, START, likeness, packets, tone
from tqdecrypt.export.audio import Audio, rate_of
from tqdecrypt.media.audio.g711 import MU_LAW
from tqdecrypt.sip.sdp_attributes import Codec

PCMU = Codec("0", "PCMU/8000", "PCMU", 8000, 1, "")
G722 = Codec("9", "G722/8000", "G722", 8000, 1, "")
OPUS = Codec("96", "opus/48000/2", "opus", 48000, 2, "")
SPEEX = Codec("97", "speex/8000", "speex", 8000, 1, "")
LOUD = bytes([0x90] * 160)
QUIET = bytes([0xE0] * 160)


def read_back(data: bytes) -> tuple[int, np.ndarray]:
    """What Python's own reader finds: rate, and a column a channel."""
    with wave.open(io.BytesIO(data)) as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), samples.reshape(-1, file.getnchannels())


def test_a_channel_a_direction_aligned_in_time() -> None:
    file = io.BytesIO()
    with Audio([{0: PCMU}, {0: PCMU}], 8000) as audio:
        there = packets([LOUD] * 50)
        back = packets([QUIET] * 50, ssrc=2, start=START + 10 * PACKET)
        for packet in there:
            audio.receive(0, packet)
        for packet in back:
            audio.receive(1, packet)
        written = audio.write(file)
        assert audio.counters["decoded"] == 100
    rate, samples = read_back(file.getvalue())
    assert rate == 8000
    assert written == (1.2, 8000, 2, 0)
    left, right = samples[:, 0], samples[:, 1]
    assert (left[:8000] == MU_LAW[0x90]).all()
    assert (left[8000:] == 0).all()
    assert (right[:1600] == 0).all()
    assert (right[1600:] == MU_LAW[0xE0]).all()


def test_a_direction_that_never_sent_is_silent() -> None:
    file = io.BytesIO()
    with Audio([{0: PCMU}, {}], 8000) as audio:
        for packet in packets([LOUD] * 5):
            audio.receive(0, packet)
        audio.write(file)
    _, samples = read_back(file.getvalue())
    assert samples.shape == (800, 2)
    assert (samples[:, 1] == 0).all()


def test_nothing_at_all_is_an_empty_file() -> None:
    file = io.BytesIO()
    with Audio([{}, {}], 8000) as audio:
        assert audio.write(file).seconds == 0
    assert read_back(file.getvalue())[1].shape == (0, 2)


def test_the_widest_format_that_packets_have_decides_on_the_rate() -> None:
    codecs = {0: PCMU, 9: G722, 96: OPUS, 97: SPEEX}
    assert rate_of(codecs, [0]) == 8000
    assert rate_of(codecs, [0, 9]) == 16_000
    assert rate_of(codecs, [0, 9, 96]) == 48_000
    assert rate_of(codecs, [97, 50]) == 8000


@pytest.mark.peer("sox")
def test_sox_finds_the_tone_that_was_sent(tmp_path: Path) -> None:
    wanted = tone(8000, 3.0, 1000)
    raw = ["-t", "raw", "-r", "8000", "-c", "1"]
    encoded = subprocess.run(
        ["sox", "-D", *raw, "-e", "signed", "-b", "16", "-", *raw, "-e", "mu-law", "-"],
        input=wanted.tobytes(),
        check=True,
        capture_output=True,
    ).stdout
    payloads = [encoded[at : at + 160] for at in range(0, len(encoded), 160)]
    path = tmp_path / "call.wav"
    with Audio([{0: PCMU}, {0: PCMU}], 8000) as audio, path.open("wb") as file:
        for packet in chain(packets(payloads)):
            audio.receive(0, packet)
        audio.write(file)
    back = subprocess.run(
        ["sox", str(path), "-t", "raw", "-e", "signed", "-b", "16", "-", "remix", "1"],
        check=True,
        capture_output=True,
    ).stdout
    found = np.frombuffer(back, "<i2")
    assert len(found) == len(wanted)
    assert likeness(found, wanted) > 0.999
