"""The sound of a call: only when it is meant, from clear RTP, and from SRTP whose keys TLS hid."""

from __future__ import annotations

import hashlib
import json
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Ran, Runner
from kit.packets import Endpoint, Segment
from kit.sound import key_tone, likeness, mu_law_octets, silence, tone
from media.audio.test_decoders import ffmpeg_encoded
from media.reading import datagram, rtp
from media.scenes import SipCall, sdp, write
from tqdecrypt.export.audio import Audio
from tqdecrypt.media.audio import RtpPayload
from tqdecrypt.media.audio.g711 import MU_LAW

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


PHONE: Endpoint = ("198.51.100.10", 11_000)
GATEWAY: Endpoint = ("203.0.113.20", 12_000)
CALL = "audible@pbx.example.net"


def call(number: str, *lines: str) -> SipCall:
    """A call of nine seconds with one codec."""
    offer, answer = (
        sdp(host, port, types=f"{number} 101", lines=lines) for host, port in (PHONE, GATEWAY)
    )
    return SipCall(offer, answer, CALL, ring=20, answered=50, bye=9000)


def speech(
    payloads: list[bytes], begin: float, source: Endpoint, to: Endpoint, kind: int = 0
) -> list[Segment]:
    """20 ms in each packet, from *begin* ms on."""
    return [
        datagram(
            begin + 20 * i,
            rtp(i, i * 160, ssrc=source[1], payload_type=kind, payload=payload),
            source,
            to,
        )
        for i, payload in enumerate(payloads)
    ]


def recorded(path: Path) -> tuple[int, np.ndarray]:
    """Rate, and a column a channel."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), samples.reshape(-1, file.getnchannels())


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    there = speech([b"\x90" * 160] * 100, 100, PHONE, GATEWAY)
    del there[40:45]
    for i in range(3):
        key = rtp(100 + i, 16_000, ssrc=PHONE[1], payload_type=101, payload=b"\x05\x0a\x01\x40")
        there.append(datagram(2100 + 20 * i, key, PHONE, GATEWAY))
    back = speech([b"\xa0" * 160] * 50, 1100, GATEWAY, PHONE)
    path = tmp_path / "call.pcap"
    write(path, call("0"), there, back)
    return path


def export(run: Runner, capture: Path, out: Path | str, *more: str | Path) -> Ran:
    return run("export", "audio", capture, "-o", out, *more)


def test_the_caller_is_left_and_the_callee_right_where_time_has_them(
    run: Runner, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "call.wav"
    ran = export(run, capture, out, "--call", "audible", "--audio")
    assert ran.status == 0
    assert ran.err.count("\n") == 1
    assert "2.0 s at 8,000 Hz; caller -6 dBov, callee -12 dBov" in ran.err
    assert "5 packets lost, silence instead" in ran.err
    assert "1 telephone event left out" in ran.err
    assert "in the sound" not in ran.err
    rate, samples = recorded(out)
    assert rate == 8000
    left, right = samples[:, 0], samples[:, 1]
    assert (left[: 40 * 160] == MU_LAW[0x90]).all()
    assert (left[40 * 160 : 45 * 160] == 0).all()
    assert (left[45 * 160 : 100 * 160] == MU_LAW[0x90]).all()
    assert (right[:8000] == 0).all()
    assert (right[8000:16_000] == MU_LAW[0xA0]).all()


def test_amr_is_read_as_its_parameters_say(run: Runner, tmp_path: Path) -> None:
    wanted = tone(8000, 2.0)
    frames = ffmpeg_encoded("libopencore_amrnb", wanted, 8000, 160, bit_rate=12_200)
    payloads = [b"\xf0" + frame for frame in frames]  # one octet of header, one of contents
    path = tmp_path / "amr.pcap"
    lines = ("a=rtpmap:97 AMR/8000", "a=fmtp:97 octet-align=1")
    write(path, call("97", *lines), speech(payloads, 100, PHONE, GATEWAY, 97))
    out = tmp_path / "amr.wav"
    assert export(run, path, out, "--call", CALL, "--audio").status == 0
    _, samples = recorded(out)
    assert likeness(samples[:, 0], wanted) > 0.9


def test_keys_in_the_sound_are_listed_by_time_never_by_name(run: Runner, tmp_path: Path) -> None:
    keys = [(697, 1209), (770, 1336), (852, 1477)]
    parts = [part for key in keys for part in (silence(0.2), key_tone(*key, 0.1))]
    there = mu_law_octets(np.concatenate([*parts, silence(0.2)]))
    back = mu_law_octets(np.concatenate([key_tone(941, 1209, 0.1), silence(0.1)] * 10))
    path = tmp_path / "keys.pcap"
    write(
        path,
        call("0"),
        speech([there[at : at + 160] for at in range(0, len(there), 160)], 100, PHONE, GATEWAY),
        speech([back[at : at + 160] for at in range(0, len(back), 160)], 600, GATEWAY, PHONE),
    )
    ran = export(run, path, tmp_path / "keys.wav", "--call", CALL, "--audio")
    assert ran.status == 0
    listed = re.findall(
        r"; (\w+) pressed (\d+) digits in the sound \(not RFC 4733\): ([^;]*)", ran.err
    )
    assert [(who, number) for who, number, _ in listed] == [("caller", "3"), ("callee", "10")]
    for (_, _, words), begins in zip(
        listed, ([0.2, 0.5, 0.8], [0.5 + 0.2 * i for i in range(8)]), strict=True
    ):
        found = re.findall(r"\* at (\d+\.\d) s for (\d+) ms", words)
        assert [float(begin) for begin, _ in found] == pytest.approx(begins)
        assert [int(duration) for _, duration in found] == pytest.approx([100] * len(begins), abs=8)
    assert listed[0][2].count("more") == 0
    assert listed[1][2].rstrip(".\n").endswith(" and 2 more")


def test_without_the_word_nothing_is_heard(run: Runner, capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "call.wav"
    ran = export(run, capture, out, "--call", "audible")
    assert ran.status == 2
    assert "add --audio" in ran.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--audio"], "--call CALL_ID"),
        (["--audio", "--call", "  "], "--call CALL_ID"),
        (["--audio", "--call", "nobody"], "no message has a Call-ID with 'nobody' in it"),
        (["--audio", "--call", "audible", "--mask", "people"], "voices cannot be masked"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Runner, capture: Path, tmp_path: Path, more: list[str], sentence: str
) -> None:
    out = tmp_path / "call.wav"
    ran = export(run, capture, out, *more)
    assert ran.status == 2
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    assert not out.exists()


def test_a_pipe_comes_but_once(run: Runner, tmp_path: Path) -> None:
    ran = run("export", "audio", "-", "-o", tmp_path / "x.wav", "--call", "a", "--audio")
    assert ran.status == 2
    assert "a pipe comes but once" in ran.err


def test_a_codec_without_a_decoder_is_named(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "speex.pcap"
    said = speech([b"x" * 40] * 9, 100, PHONE, GATEWAY, 98)
    write(path, call("98", "a=rtpmap:98 speex/8000"), said)
    out = tmp_path / "speex.wav"
    ran = export(run, path, out, "--call", CALL, "--audio")
    assert ran.status == 2
    assert "nothing of this call can be heard: 9 packets in speex." in ran.err
    assert not out.exists()


def test_a_call_without_rtp_says_so(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "silent.pcap"
    write(path, call("0"))
    ran = export(run, path, tmp_path / "x.wav", "--call", CALL, "--audio")
    assert ran.status == 2
    assert "there is no RTP of it in the captures" in ran.err


def test_a_file_that_is_there_stays_without_force(
    run: Runner, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "call.wav"
    out.write_bytes(b"mine")
    assert export(run, capture, out, "--call", CALL, "--audio").status == 2
    assert out.read_bytes() == b"mine"
    assert export(run, capture, out, "--call", CALL, "--audio", "--force").status == 0
    assert recorded(out)[0] == 8000


def expected() -> list[Any]:
    listing = CORPUS / "expected.json"
    return json.loads(listing.read_text())["sip_tls_calls"] if listing.exists() else []


@pytest.mark.shared
@pytest.mark.parametrize("entry", expected(), ids=lambda entry: str(entry["file"]))
def test_srtp_is_heard_with_the_key_of_the_tls_server_alone(
    run: Runner, entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CORPUS / entry["file"]
    tls = json.loads((CORPUS / "expected.json").read_text())["tls"]
    (known,) = [one for one in tls if one["file"] == entry["file"]]
    if not any(stream["decrypted"] for stream in known["streams"]):
        pytest.skip("this one stays dark: forward secrecy")
    keys = [argument for key in known["rsa_keys"] for argument in ("-k", CORPUS / key)]
    listed = run("read", path, *keys, "--json").out.splitlines()
    (call_id,) = {one["call_id"] for one in map(json.loads, listed) if one["type"] == "call"}
    payloads = [b"", b""]
    receive = Audio.receive

    def noting(self: Audio, channel: int, packet: RtpPayload) -> None:
        payloads[channel] += packet.payload
        receive(self, channel, packet)

    monkeypatch.setattr(Audio, "receive", noting)
    out = tmp_path / "call.wav"
    ran = export(run, path, out, "--call", call_id, "--audio", *keys)
    assert ran.status == 0, ran.err
    # libsrtp opened the same packets …
    hashes = {hashlib.sha256(one).hexdigest() for one in payloads}
    assert hashes == {stream["sha256_payload_concat"] for stream in entry["srtp"]}
    # … and what they say is what is heard, behind the silence of whoever began later.
    rate, samples = recorded(out)
    assert rate == 8000
    for channel, payload in zip(samples.T, payloads, strict=True):
        said = MU_LAW[np.frombuffer(payload, np.uint8)]
        waited = int(np.flatnonzero(channel)[0] - np.flatnonzero(said)[0])
        assert waited < 800
        assert (channel[waited : waited + len(said)] == said).all()
        assert not channel[waited + len(said) :].any()


@pytest.mark.shared
@pytest.mark.parametrize("mask", ["keys", "people", "none"])
def test_a_report_hears_how_loud_srtp_is_and_shows_no_key_of_it(
    run: Runner, tmp_path: Path, mask: str
) -> None:
    capture = CORPUS / "generated/baresip/tls12-rsa-aes128-sha.pcap"
    key = CORPUS / "generated/keys/rsa2048.pem"
    out = tmp_path / "report.html"
    ran = run(
        *("export", "report", capture, "-k", key, "-o", out, "--mask", mask, "--audio"),
    )
    assert ran.status == 0, ran.err
    page = out.read_text()
    assert "-14 dBov" in page  # what sox finds, too
    said = run("read", capture, "-k", key, "--json", "--raw", "--mask", "none").out
    secrets = set(re.findall(r"inline:([\w+/=]{20,})", said))
    assert secrets
    assert not any(secret in page for secret in secrets)
    without = run("export", "report", capture, "-k", key, "-o", out, "--force", "--mask", mask)
    assert without.status == 0
    assert "dBov" not in out.read_text()
