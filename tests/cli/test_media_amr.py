"""The modes of AMR in what ``media`` says."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Runner
from kit.packets import Endpoint, Segment
from kit.peers import tshark
from kit.srtp import Protector
from media.audio.test_amr import frame, payload
from media.reading import datagram, rtp
from media.scenes import SipCall, sdp, write
from tqdecrypt.media.audio.amr import NARROW, Layout

PHONE: Endpoint = ("198.51.100.10", 11_000)
GATEWAY: Endpoint = ("203.0.113.20", 12_000)
SUITE = "AES_CM_128_HMAC_SHA1_80"
SECRETS = [random.Random(seed).randbytes(30) for seed in (1, 2)]
EFFICIENT, ALIGNED = Layout(), Layout(octet_aligned=True)


def call(types: str, lines: Sequence[str], *, protected: bool) -> SipCall:
    offer, answer = (
        sdp(
            *end,
            protocol="RTP/SAVP" if protected else "RTP/AVP",
            types=types,
            lines=[
                *lines,
                *([f"a=crypto:1 {SUITE} inline:{base64.b64encode(secret).decode()}"] * protected),
            ],
        )
        for end, secret in zip((PHONE, GATEWAY), SECRETS, strict=True)
    )
    return SipCall(offer, answer, ring=20, answered=50, bye=9000)


def spoken(
    payloads: Sequence[bytes], protect: Callable[[bytes], bytes] = bytes, kind: int = 97
) -> list[Segment]:
    return [
        datagram(
            100 + 20 * n, protect(rtp(n, 160 * n, payload_type=kind, payload=one)), PHONE, GATEWAY
        )
        for n, one in enumerate(payloads)
    ]


def stream(run: Runner, path: Path) -> Any:
    lines = [json.loads(line) for line in run("media", path, "--json").out.splitlines()]
    (found,) = [line for line in lines if line["type"] == "media" and line["stream"]]
    return found


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("layout", [EFFICIENT, ALIGNED])
def test_a_stream_is_rated_by_the_modes_that_it_has(
    run: Runner, tmp_path: Path, layout: Layout, protected: bool
) -> None:
    fmtp = ["a=rtpmap:97 AMR/8000", *(["a=fmtp:97 octet-align=1"] * layout.octet_aligned)]
    made = [payload([frame(7 if n < 150 else 2)], NARROW, layout) for n in range(200)]
    sender = Protector(SUITE, SECRETS[0])
    talk = spoken(made, lambda data: sender.rtp(data, 0) if protected else data)
    path = tmp_path / "call.pcap"
    write(path, call("97", fmtp, protected=protected), talk)
    found = stream(run, path)
    assert found["amr_modes"] == {"12200": 150, "5900": 50}
    assert found["rated_as"] == "AMR 12.2 kbit/s (75%) and other modes"
    assert found["rating_figures"]["ie"] == pytest.approx((3 * 5 + 16.5) / 4, abs=0.05)
    assert found["rating_estimated"] is True
    table = " ".join(run("media", path).out.split())
    assert "modes 12.2 kbit/s 75%, 5.9 kbit/s 25%" in table


def test_of_what_stays_dark_no_mode_is_told(run: Runner, tmp_path: Path) -> None:
    made = [payload([frame(7)], NARROW, EFFICIENT)] * 200
    sender = Protector(SUITE, random.Random(9).randbytes(30))
    path = tmp_path / "call.pcap"
    talk = spoken(made, lambda data: sender.rtp(data, 0))
    write(path, call("97", ["a=rtpmap:97 AMR/8000"], protected=True), talk)
    found = stream(run, path)
    assert found["amr_modes"] is None
    assert found["rated_as"] == "AMR 12.2 kbit/s"


@pytest.mark.peer("tshark")
@pytest.mark.parametrize("layout", [EFFICIENT, ALIGNED])
def test_tshark_sees_the_same_modes(run: Runner, tmp_path: Path, layout: Layout) -> None:
    pytest.importorskip("av", reason="av is missing: pip install 'tqdecrypt[media]'")
    from media.audio.test_decoders import ffmpeg_encoded

    made: list[bytes] = []
    for rate in NARROW.bit_rates:
        noise = (np.random.default_rng(1).normal(size=8000) * 3000).astype(np.int16)
        frames = ffmpeg_encoded("libopencore_amrnb", noise, 8000, 160, bit_rate=rate)
        made += [payload([one], NARROW, layout) for one in frames[:20]]
    fmtp = ["a=rtpmap:97 AMR/8000", *(["a=fmtp:97 octet-align=1"] * layout.octet_aligned)]
    path = tmp_path / "call.pcap"
    write(path, call("97", fmtp, protected=False), spoken(made))
    version = (
        "octet aligned" if layout.octet_aligned else "BW-efficient"
    )  # it takes no note of the fmtp
    fields = ["-Y", "amr", "-T", "fields", "-e", "amr.nb.toc.ft"]
    told = tshark(path, "-o", f"amr.encoding.version:RFC 3267 {version}", *fields)
    seen = [int(kind) for kind in told.split()]
    assert len(seen) == 160
    found = stream(run, path)["amr_modes"]
    assert (
        found
        == {str(rate): seen.count(kind) for kind, rate in enumerate(NARROW.bit_rates)}
        == {str(rate): 20 for rate in NARROW.bit_rates}
    )
