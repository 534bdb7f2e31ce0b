"""``tqdecrypt media --audio`` and its like: how loud and how silent streams were, and no sound of them."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Runner, spawn
from kit.packets import Endpoint, Segment
from kit.sound import Samples, mu_law_octets, silence, tone
from kit.srtp import Protector
from media.audio.test_decoders import ffmpeg_encoded
from media.reading import datagram, rtp
from media.scenes import SipCall, sdp, write

DOCS = Path(__file__).parents[2] / "docs"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
CALLER: Endpoint = ("198.51.100.10", 4000)
CALLEE: Endpoint = ("203.0.113.20", 6000)
TALK = np.concatenate([tone(8000, 4.0, level=-20), silence(5.0), tone(8000, 1.0, level=-20)])
AES_192 = "AES_192_CM_HMAC_SHA1_80"


def voice(
    payloads: list[bytes],
    source: Endpoint,
    destination: Endpoint,
    *,
    kind: int = 0,
    step: int = 160,
    begin: float = 1000,
    protector: Protector | None = None,
) -> list[Segment]:
    """20 ms in each packet, from *begin* (ms) on."""
    packets = [
        rtp(number, number * step, ssrc=source[1], payload_type=kind, payload=payload)
        for number, payload in enumerate(payloads)
    ]
    if protector is not None:
        packets = [protector.rtp(packet, 0) for packet in packets]
    return [
        datagram(begin + 20 * number, packet, source, destination)
        for number, packet in enumerate(packets)
    ]


def octets(sound: Samples) -> list[bytes]:
    whole = mu_law_octets(sound)
    return [whole[at : at + 160] for at in range(0, len(whole), 160)]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """The caller speaks, is silent for five seconds, and speaks; the callee is muted."""
    path = tmp_path / "call.pcap"
    write(
        path,
        SipCall(sdp(*CALLER, types="0"), sdp(*CALLEE, types="0")),
        voice(octets(TALK), CALLER, CALLEE),
        voice(octets(silence(10.0)), CALLEE, CALLER),
    )
    return path


def streams(out: str) -> dict[str, dict[str, Any]]:
    """Streams by whom they go to."""
    lines = map(json.loads, out.splitlines())
    return {line["to"]: line for line in lines if line["type"] == "media"}


def test_the_table_and_the_finding(run: Runner, capture: Path) -> None:
    ran = run("media", capture, "--audio")
    assert ran.status == 0, ran.err
    words = " ".join(ran.out.split())
    assert re.search(r"-20 dBov, 50% silent, longest 5\.00 s at \d\d:\d\d:\d\d", words)
    assert re.search(r"-127 dBov, 100% silent, longest 10\.0 s at", words)
    assert "silent-audio" in words
    assert "The caller was sent 500 packets and nothing but silence" in words


def test_json_lines_say_the_same_to_the_sample(run: Runner, capture: Path) -> None:
    found = streams(run("media", capture, "--audio", "--json").out)
    audio = found["callee"]["audio"]
    assert found["callee"]["started"] == "2023-11-14T22:13:21.000000Z"
    assert audio.pop("longest_silence_at") == "2023-11-14T22:13:25.000000Z"
    assert audio == {
        "level_dbov": -20,
        "seconds": 10.0,
        "silent_seconds": 5.0,
        "silent_share": 0.5,
        "longest_silence_seconds": 5.0,
        "unknown_seconds": 0.0,
    }
    levels = [piece["level_dbov"] for piece in found["callee"]["course"]]
    assert levels == [-20] * 4 + [-127] * 5 + [-20]
    assert found["caller"]["audio"]["silent_share"] == 1.0


def test_without_the_word_nothing_is_decoded(run: Runner, capture: Path) -> None:
    ran = run("media", capture, "--json")
    assert [one["audio"] for one in streams(ran.out).values()] == [None, None]
    assert "level_dbov" not in ran.out
    assert "silent" not in ran.out
    assert "dBov" not in run("media", capture).out


def test_every_field_is_told(run: Runner, capture: Path) -> None:
    page = (DOCS / "reference" / "audio.md").read_text(encoding="utf-8")
    section = page.split("## Level and silence\n")[1]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    found = streams(run("media", capture, "--audio", "--json").out)
    assert set(found["caller"]["audio"]) == told


def test_many_calls_are_listened_to_some_at_a_time(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdecrypt.cli.srtp.MOST_STREAMS", 2)
    parts: list[SipCall | Sequence[Segment]] = []
    for number in range(4):
        begin = 200_000 * number
        call = SipCall(
            sdp(*CALLER, types="0"), sdp(*CALLEE, types="0"), f"call-{number}@example.com",
            begin=begin, ring=begin + 100, answered=begin + 1000, bye=begin + 11_000,
        )  # fmt: skip
        parts += [call, voice(octets(TALK), CALLER, CALLEE, begin=begin + 1000)]
        parts.append(voice(octets(silence(10.0)), CALLEE, CALLER, begin=begin + 1000))
    path = tmp_path / "many.pcap"
    write(path, *parts)
    lines = [json.loads(line) for line in run("media", path, "--audio", "--json").out.splitlines()]
    found = [one for one in lines if one["type"] == "media"]
    assert [one["audio"]["silent_share"] for one in found] == [0.5, 1.0] * 4
    (finding,) = [one for one in lines if one["type"] == "finding"]
    assert (finding["finding"], len(finding["call_ids"])) == ("silent-audio", 4)


def test_only_the_call_that_is_meant_is_listened_to(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "two.pcap"
    other: tuple[Endpoint, Endpoint] = (("198.51.100.10", 4100), ("203.0.113.20", 6100))
    second = SipCall(sdp(*other[0], types="0"), sdp(*other[1], types="0"), "second@example.com")
    calls = SipCall(sdp(*CALLER, types="0"), sdp(*CALLEE, types="0")), second
    write(path, *calls, voice(octets(TALK), CALLER, CALLEE), voice(octets(TALK), *other))
    for names, heard in (((), 2), (("--call", "second"), 1), (("--call", "call-1"), 1)):
        out = run("media", path, "--audio", "--json", *names).out
        lines = [one for one in map(json.loads, out.splitlines()) if one["type"] == "media"]
        assert sum(one["audio"] is not None for one in lines) == heard
        assert len(lines) == heard


def test_srtp_of_192_bits_is_heard_behind_its_proof(run: Runner, tmp_path: Path) -> None:
    keys = [random.Random(seed).randbytes(38) for seed in (1, 2)]
    senders = [Protector(AES_192, key) for key in keys]
    there = voice(octets(TALK), CALLER, CALLEE, protector=senders[0])
    back = voice(octets(silence(10.0)), CALLEE, CALLER, protector=senders[1])
    forged = replaced(there[100], b"\0")
    path = tmp_path / "srtp.pcap"
    offer, answer = (
        sdp(
            *end,
            types="0",
            protocol="RTP/SAVP",
            lines=[f"a=crypto:1 {AES_192} inline:{base64.b64encode(key).decode()}"],
        )
        for end, key in zip((CALLER, CALLEE), keys, strict=True)
    )
    write(path, SipCall(offer, answer), [*there[:100], forged, *there[101:]], back)
    found = streams(run("media", path, "--audio", "--json").out)
    assert {one["verdict"] for one in found.values()} == {"decrypted"}
    audio = found["callee"]["audio"]
    assert (audio["seconds"], audio["silent_seconds"]) == (9.98, 5.0)
    assert audio["unknown_seconds"] == 0.02  # the one whose tag is wrong
    assert found["callee"]["srtp"]["sources"][0]["authenticated"] == 499
    assert found["caller"]["audio"]["silent_share"] == 1.0


def replaced(segment: Segment, end: bytes) -> Segment:
    payload = segment.payload[: -len(end)] + end
    assert payload != segment.payload
    return Segment(segment.time_ns, segment.source, segment.destination, payload)


def opus(tmp_path: Path) -> Path:
    """Opus to the callee, G.711 to the caller."""
    wide = np.concatenate([tone(48_000, 5.0, level=-20), silence(5.0, 48_000)])
    there = voice(ffmpeg_encoded("libopus", wide, 48_000, 960), CALLER, CALLEE, kind=111, step=960)
    back = voice(octets(TALK), CALLEE, CALLER)
    lines = ["a=rtpmap:111 opus/48000/2"]
    call = SipCall(
        sdp(*CALLER, types="0 111", lines=lines), sdp(*CALLEE, types="0 111", lines=lines)
    )
    path = tmp_path / "opus.pcap"
    write(path, call, there, back)
    return path


def test_opus_is_heard(run: Runner, tmp_path: Path) -> None:
    found = streams(run("media", opus(tmp_path), "--audio", "--json").out)
    assert found["callee"]["audio"]["silent_seconds"] == pytest.approx(5.0, abs=0.15)
    assert found["callee"]["audio"]["level_dbov"] == pytest.approx(-20, abs=1)


def test_without_its_decoder_the_rest_is_heard_and_one_sentence_says_why(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = opus(tmp_path)
    monkeypatch.setitem(sys.modules, "av", None)
    ran = run("media", path, "--audio", "--json")
    assert ran.status == 0
    assert ran.err.count("pip install 'tqdecrypt[audio]'") == 1
    found = streams(ran.out)
    assert found["callee"]["audio"] is None
    assert found["caller"]["audio"]["silent_seconds"] == 5.0


def test_the_ladder_shows_silence(run: Runner, capture: Path) -> None:
    words = " ".join(run("show", capture, "--call", "call-1", "--media", "--audio").out.split())
    assert "RTP ends, 500 packets, 50% silent" in words
    assert "RTP ends, 500 packets, 100% silent" in words
    assert "silence for 5.00 s" in words
    assert "silent-audio" in words
    assert "silent" not in run("show", capture, "--call", "call-1", "--media").out
    ran = run("show", capture, "--call", "call-1", "--audio")
    assert ran.status == 2
    assert "it takes --media as well" in ran.err


def test_the_report_has_a_column_for_it(run: Runner, capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert run("export", "report", capture, "-o", out, "--audio").status == 0
    assert re.search(r"<td[^>]*>50%, longest 5\.00 s at ", out.read_text())
    assert run("export", "report", capture, "-o", out, "--force").status == 0
    assert "50%, longest" not in out.read_text()


def test_the_closing_line_of_a_recording_says_when_it_was_silent(
    run: Runner, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "call.wav"
    ran = run("export", "audio", capture, "-o", out, "--call", "call-1", "--audio")
    assert "caller -20 dBov, 50% silent, longest 5.0 s at 4.0 s, callee -127 dBov, 100% silent" in (
        ran.err
    )


def test_a_pipe_comes_but_once(capture: Path) -> None:
    with spawn("media", "-", "--audio", stdin=subprocess.PIPE) as process:
        out, told = process.communicate(capture.read_bytes())
    assert process.returncode == 0
    assert b"PCMU" in out
    assert b"sound is decoded in a second reading, which a pipe does not allow" in told
    assert b"Traceback" not in told


@pytest.mark.shared
def test_a_real_call_over_srtp_whose_key_stood_in_tls(run: Runner) -> None:
    capture = CORPUS / "generated/baresip/tls12-rsa-aes128-sha.pcap"
    key = CORPUS / "generated/keys/rsa2048.pem"
    found = streams(run("media", capture, "-k", key, "--audio", "--json").out)
    assert set(found) == {"caller", "callee"}
    for one in found.values():
        audio = one["audio"]
        assert audio["level_dbov"] == -14  # as sox finds, too
        assert audio["silent_share"] == 0
        assert audio["seconds"] == pytest.approx(0.02 * one["packets"], abs=0.01)
