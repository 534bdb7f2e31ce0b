"""What encoders that we did not write made of a tone has to be that tone again."""

from __future__ import annotations

import ctypes
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.sound import Samples, likeness, tone
from tqdecrypt.errors import Malformed, UsageError
from tqdecrypt.media.audio import decoder_for, sample_rate_of
from tqdecrypt.media.audio.amr import NARROW, WIDE, Layout, Modes
from tqdecrypt.media.audio.decoders import DECODABLE
from tqdecrypt.sip.sdp_attributes import Codec

from .test_amr import payload as amr_payload


def codec(name: str, clock_rate: int = 8000, channels: int = 1, parameters: str = "") -> Codec:
    return Codec("96", f"{name}/{clock_rate}", name, clock_rate, channels, parameters)


def ffmpeg_encoded(
    name: str, samples: Samples, rate: int, frame: int, **options: int
) -> list[bytes]:
    """Encode with PyAV's encoder, a packet each *frame* samples."""
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate = rate
    context.layout = "mono"
    context.format = "s16"
    for option, value in options.items():
        setattr(context, option, value)
    found = []
    for at in range(0, len(samples) - frame + 1, frame):
        made = av.AudioFrame.from_ndarray(samples[np.newaxis, at : at + frame], "s16", "mono")
        made.sample_rate = rate
        made.pts = at
        found += [bytes(packet) for packet in context.encode(made)]
    return found + [bytes(packet) for packet in context.encode(None)]


def library(name: str, package: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError:
        pytest.skip(f"{name} is missing: apt-get install {package}")


def decoded(format_: Codec, payloads: list[bytes]) -> Samples:
    decoder = decoder_for(format_)
    assert decoder is not None
    assert decoder.rate == sample_rate_of(format_)
    return np.concatenate([decoder.decode(payload) for payload in payloads])


@pytest.mark.parametrize(("name", "encoder"), [("PCMU", "pcm_mulaw"), ("pcma", "pcm_alaw")])
def test_g711(name: str, encoder: str) -> None:
    wanted = tone(8000)
    found = decoded(codec(name), ffmpeg_encoded(encoder, wanted, 8000, 160))
    assert len(found) == len(wanted)
    noise = np.linalg.norm(found.astype(float) - wanted) / np.linalg.norm(wanted.astype(float))
    assert noise < 0.02  # G.711 has 38 dB of signal over quantizing noise


def test_g722_has_twice_the_samples_of_its_clock() -> None:
    wanted = tone(16_000, hertz=3000)
    payloads = ffmpeg_encoded("g722", wanted, 16_000, 320)
    assert {len(payload) for payload in payloads} == {160}
    found = decoded(codec("G722"), payloads)
    assert len(found) == len(wanted)
    assert likeness(found, wanted) > 0.98


@pytest.mark.parametrize("channels", [1, 2])
def test_opus(channels: int) -> None:
    wanted = tone(48_000)
    payloads = ffmpeg_encoded("libopus", wanted, 48_000, 960, bit_rate=32_000)
    found = decoded(codec("opus", 48_000, channels), payloads)
    assert abs(len(found) - len(wanted)) <= 960
    assert likeness(found, wanted) > 0.97


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("a_packet", [1, 3])
def test_amr(aligned: bool, a_packet: int) -> None:
    wanted = tone(8000)
    frames = ffmpeg_encoded("libopencore_amrnb", wanted, 8000, 160, bit_rate=12_200)
    assert {len(frame) for frame in frames} == {32}
    check_amr("AMR", 8000, frames, wanted, NARROW, Layout(aligned), a_packet)


def check_amr(
    name: str,
    rate: int,
    frames: list[bytes],
    wanted: Samples,
    modes: Modes,
    layout: Layout,
    a_packet: int,
) -> None:
    groups = [frames[at : at + a_packet] for at in range(0, len(frames), a_packet)]
    payloads = [amr_payload(group, modes, layout) for group in groups]
    parameters = "octet-align=1" if layout.octet_aligned else ""
    found = decoded(codec(name, rate, parameters=parameters), payloads)
    assert len(found) == len(frames) * rate // 50
    assert likeness(found, wanted) > 0.9


@pytest.mark.parametrize("aligned", [False, True])
def test_amr_wb_by_visualon(aligned: bool) -> None:
    lib = library("libvo-amrwbenc.so.0", "libvo-amrwbenc0")
    lib.E_IF_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(lib.E_IF_init())
    wanted = tone(16_000)
    frames = []
    for at in range(0, len(wanted), 320):
        out = ctypes.create_string_buffer(128)
        speech = wanted[at : at + 320].tobytes()
        size = lib.E_IF_encode(state, 2, speech, out, 0)
        frames.append(out.raw[:size])
    lib.E_IF_exit(state)
    assert {len(frame) for frame in frames} == {33}
    check_amr("AMR-WB", 16_000, frames, wanted, WIDE, Layout(aligned), 1)


def test_amr_of_a_pause_is_comfort_noise_of_the_right_length() -> None:
    sid = bytes([8 << 3 | 4]) + bytes(5)
    nothing = bytes([15 << 3])
    payloads = [amr_payload([one], NARROW, Layout()) for one in (sid, nothing, nothing)]
    assert len(decoded(codec("AMR"), payloads)) == 3 * 160


def test_g729_by_belledonne() -> None:
    lib = library("libbcg729.so.0", "libbcg729-0")
    lib.initBcg729EncoderChannel.restype = ctypes.c_void_p
    state = ctypes.c_void_p(lib.initBcg729EncoderChannel(0))
    wanted = tone(8000, hertz=300)
    frames = []
    for at in range(0, len(wanted), 80):
        out = ctypes.create_string_buffer(10)
        size = ctypes.c_uint8()
        lib.bcg729Encoder(state, wanted[at : at + 80].tobytes(), out, ctypes.byref(size))
        frames.append(out.raw[: size.value])
    lib.closeBcg729EncoderChannel(state)
    payloads = [b"".join(frames[at : at + 2]) for at in range(0, len(frames), 2)]
    found = decoded(codec("G729"), payloads)
    assert len(found) == len(wanted)
    assert likeness(found, wanted) > 0.9
    # Comfort noise closes a payload: it is silence, which nothing has to be decoded for.
    assert len(decoded(codec("G729"), [frames[0] + bytes(2)])) == 80
    assert len(decoded(codec("G729"), [bytes(2)])) == 0


@pytest.mark.peer("sox")
def test_gsm_by_sox(tmp_path: Path) -> None:
    wanted = tone(8000)
    file = tmp_path / "tone.gsm"
    raw = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-"]
    subprocess.run(["sox", "-D", *raw, str(file)], input=wanted.tobytes(), check=True)
    data = file.read_bytes()
    payloads = [data[at : at + 33] for at in range(0, len(data), 33)]
    found = decoded(codec("GSM"), payloads)
    assert len(found) == len(wanted)
    assert likeness(found, wanted) > 0.95


def test_g723_1() -> None:
    wanted = tone(8000, 1.2)
    frames = ffmpeg_encoded("g723_1", wanted, 8000, 240, bit_rate=6300)
    assert {len(frame) for frame in frames} == {24}
    payloads = [b"".join(frames[at : at + 2]) for at in range(0, len(frames), 2)]
    assert likeness(decoded(codec("G723"), payloads), wanted) > 0.85


@pytest.mark.parametrize(("length", "magic"), [(38, b"#!iLBC20\n"), (50, b"#!iLBC30\n")])
def test_ilbc_as_ffmpeg_reads_a_file_of_it(length: int, magic: bytes) -> None:
    rng = np.random.default_rng(5)
    frames = [rng.integers(0, 256, length, np.uint8).tobytes() for _ in range(20)]
    with av.open(io.BytesIO(magic + b"".join(frames)), format="ilbc") as file:
        assert isinstance(file, av.container.InputContainer)
        theirs = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    payloads = [b"".join(frames[at : at + 2]) for at in range(0, len(frames), 2)]
    assert decoded(codec("iLBC"), payloads).tolist() == theirs.tolist()


def test_l16() -> None:
    wanted = tone(44_100, 0.1)
    assert (decoded(codec("L16", 44_100), [wanted.astype(">i2").tobytes()]) == wanted).all()
    both = np.repeat(wanted.astype(">i2"), 2).tobytes()
    assert (decoded(codec("L16", 44_100, 2), [both]) == wanted).all()
    with pytest.raises(Malformed):
        decoded(codec("L16", 44_100, 2), [bytes(3)])


@pytest.mark.parametrize("name", ["speex", "telephone-event", "CN", "x-unheard-of"])
def test_what_has_no_decoder(name: str) -> None:
    assert decoder_for(codec(name)) is None
    assert sample_rate_of(codec(name)) is None


def test_without_pyav_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert decoder_for(codec("PCMA")) is not None
    with pytest.raises(UsageError, match=r"pip install 'tqdecrypt\[audio\]'"):
        decoder_for(codec("G722"))


@pytest.fixture(scope="module", params=DECODABLE)
def decode(request: pytest.FixtureRequest) -> Callable[[bytes], Samples]:
    decoder = decoder_for(codec(request.param))
    assert decoder is not None
    return decoder.decode


@given(data=st.binary(max_size=200))
@settings(max_examples=40)
def test_any_payload_is_samples_or_malformed(
    decode: Callable[[bytes], Samples], data: bytes
) -> None:
    try:
        samples = decode(data)
    except Malformed:
        return
    assert samples.dtype == np.int16
    assert samples.ndim == 1
