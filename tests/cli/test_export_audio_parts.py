"""Which part of a call ``export audio`` writes, and what it says of the others."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Ran, Runner
from kit.packets import Endpoint, Segment
from media.reading import datagram, rtp
from media.scenes import SipCall, sdp, write
from tqdecrypt.media.audio.g711 import MU_LAW

PHONE: Endpoint = ("198.51.100.10", 11_000)
INNER: Endpoint = ("192.0.2.1", 20_000)
OUTER: Endpoint = ("192.0.2.1", 30_000)
GATEWAY: Endpoint = ("203.0.113.20", 12_000)
USERS = ("+493012345", "+494098765")


def leg(call_id: str, caller: Endpoint, callee: Endpoint, begin: float = 0) -> SipCall:
    """A leg of nine seconds between two ends of media; signalling is on the same hosts."""
    offer, answer = (sdp(*end, types="0") for end in (caller, callee))
    return SipCall(
        offer,
        answer,
        call_id,
        caller=(caller[0], 5060),
        callee=(callee[0], 5060),
        begin=begin,
        ring=begin + 30,
        answered=begin + 100,
        bye=9000 + begin,
        users=USERS,
    )


def speech(
    octet: int, source: Endpoint, to: Endpoint, *, begin: float = 200, count: int = 100
) -> list[Segment]:
    """The same octet for as long as it takes; the SSRC is the octet."""
    return [
        datagram(
            begin + 20 * i,
            rtp(i, i * 160, ssrc=octet, payload_type=0, payload=bytes([octet]) * 160),
            source,
            to,
        )
        for i in range(count)
    ]


def heard(path: Path) -> list[set[int]]:
    """What is in each channel but silence."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        columns = samples.reshape(-1, file.getnchannels()).T
    return [set(np.unique(column).tolist()) - {0} for column in columns]


def levels(*octets: int) -> set[int]:
    return {int(MU_LAW[octet]) for octet in octets}


def export(run: Runner, capture: Path, out: Path | str, call: str, *more: str) -> Ran:
    return run("export", "audio", capture, "-o", out, "--call", call, "--audio", *more)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.wav"))


@pytest.fixture
def through_sbc(tmp_path: Path) -> Path:
    """Two dialogs of one call: the SBC hears and speaks on both sides, with SSRCs of its own."""
    path = tmp_path / "sbc.pcap"
    write(
        path,
        leg("inside@phone", PHONE, INNER),
        leg("outside@sbc", OUTER, GATEWAY, 10),
        speech(0x90, PHONE, INNER),
        speech(0xA0, INNER, PHONE),
        speech(0x91, OUTER, GATEWAY),
        speech(0xA1, GATEWAY, OUTER),
    )
    return path


def test_the_named_leg_is_written_and_the_others_are_told(
    run: Runner, through_sbc: Path, tmp_path: Path
) -> None:
    out = tmp_path / "call.wav"
    ran = export(run, through_sbc, out, "outside")
    assert ran.status == 0, ran.err
    assert heard(out) == [levels(0x91), levels(0xA1)]
    assert ran.err.count("\n") == 1
    assert (
        "; part 1 of 2 of this call (--part 2: inside@phone, 198.51.100.10:11000 > 192.0.2.1:20000; "
        "--part all: a file each)." in ran.err
    )
    ran = export(run, through_sbc, out, "outside", "--part", "2", "--force")
    assert heard(out) == [levels(0x90), levels(0xA0)]
    assert "part 2 of 2 of this call (--part 1: outside@sbc, " in ran.err


def test_a_file_for_each_part(run: Runner, through_sbc: Path, tmp_path: Path) -> None:
    out = tmp_path / "call.wav"
    ran = export(run, through_sbc, out, "inside", "--part", "all")
    assert ran.status == 0, ran.err
    assert files(tmp_path) == ["call-1.wav", "call-2.wav"]
    assert heard(tmp_path / "call-1.wav") == [levels(0x90), levels(0xA0)]
    assert heard(tmp_path / "call-2.wav") == [levels(0x91), levels(0xA1)]
    first, second = ran.err.splitlines()
    assert first.startswith(f"tqdecrypt: {tmp_path}/call-1.wav: 2.0 s at 8,000 Hz; caller")
    assert first.endswith("part 1 of 2, inside@phone, 198.51.100.10:11000 > 192.0.2.1:20000.")
    assert "call-2.wav" in second
    again = export(run, through_sbc, out, "inside", "--part", "all")
    assert again.status == 2
    assert "call-1.wav is there already" in again.err


def test_a_relay_under_one_call_id_is_heard_on_one_side(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "relay.pcap", tmp_path / "call.wav"
    hops = [leg("same@phone", PHONE, INNER), leg("same@phone", OUTER, GATEWAY, 10)]
    sides = [
        *speech(0x90, PHONE, INNER),
        *speech(0x91, OUTER, GATEWAY),
        *speech(0xA1, GATEWAY, OUTER),
        *speech(0xA0, INNER, PHONE),
    ]
    write(path, *hops, sides)
    ran = export(run, path, out, "same")
    assert heard(out) == [levels(0x90), levels(0xA0)]
    assert "part 1 of 2 of this call (--part 2: same@phone, 192.0.2.1:30000 > " in ran.err
    assert export(run, path, out, "same", "--part", "2", "--force").status == 0
    assert heard(out) == [levels(0x91), levels(0xA1)]


def test_ends_that_send_from_other_ports_stay_with_their_side(run: Runner, tmp_path: Path) -> None:
    path, out = tmp_path / "relay.pcap", tmp_path / "call.wav"
    hops = [leg("same@phone", PHONE, INNER), leg("same@phone", OUTER, GATEWAY, 10)]
    sides = [
        *speech(0x90, (PHONE[0], 11_500), INNER),
        *speech(0x91, (OUTER[0], 30_500), GATEWAY, begin=240),
        *speech(0xA1, (GATEWAY[0], 12_500), OUTER, begin=280),
        *speech(0xA0, (INNER[0], 20_500), PHONE, begin=320),
    ]
    write(path, *hops, sides)
    assert export(run, path, out, "same", "--part", "all").status == 0
    assert heard(tmp_path / "call-1.wav") == [levels(0x90), levels(0xA0)]
    assert heard(tmp_path / "call-2.wav") == [levels(0x91), levels(0xA1)]


def test_media_lines_are_parts_of_their_own(run: Runner, tmp_path: Path) -> None:
    """As a recorder gets them (RFC 7866): one line for each who speaks, both from the same side."""
    path, out = tmp_path / "siprec.pcap", tmp_path / "call.wav"
    second: Sequence[Endpoint] = ((PHONE[0], 11_002), (GATEWAY[0], 12_002))
    offer, answer = (
        sdp(*end, types="0", lines=[f"m=audio {other[1]} RTP/AVP 0"])
        for end, other in zip((PHONE, GATEWAY), second, strict=True)
    )
    call = SipCall(offer, answer, "recorded@src", ring=20, answered=50, bye=9000)
    write(path, call, speech(0x90, PHONE, GATEWAY), speech(0xA0, *second))
    ran = export(run, path, out, "recorded")
    assert heard(out) == [levels(0x90), set()]
    assert "--part 2: recorded@src, media line 2, 198.51.100.10:11002 > " in ran.err
    assert export(run, path, out, "recorded", "--part", "2", "--force").status == 0
    assert heard(out) == [levels(0xA0), set()]


def test_streams_that_follow_each_other_are_one_part(run: Runner, tmp_path: Path) -> None:
    """A re-INVITE moves the callee to another port; the old one is left half a second later."""
    path, out = tmp_path / "moved.pcap", tmp_path / "call.wav"
    moved: Endpoint = (GATEWAY[0], 12_100)
    call = replace(
        leg("moved@phone", PHONE, GATEWAY),
        changes=[(2000, sdp(*PHONE, types="0"), sdp(*moved, types="0"))],
    )
    talk = [
        *speech(0x90, PHONE, GATEWAY, count=115),
        *speech(0x91, PHONE, moved, begin=2100, count=50),
        *speech(0xA0, GATEWAY, PHONE, count=115),
        *speech(0xA1, moved, PHONE, begin=2100, count=50),
    ]
    write(path, call, talk)
    ran = export(run, path, out, "moved")
    assert "part" not in ran.err
    assert heard(out) == [levels(0x90, 0x91), levels(0xA0, 0xA1)]


def test_a_part_without_sound_is_told_and_not_written(
    run: Runner, through_sbc: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "dark.pcap", tmp_path / "call.wav"
    dark = leg("outside@sbc", OUTER, GATEWAY, 10)
    dark.offer, dark.answer = (
        sdp(*end, types="0", protocol="RTP/SAVP") for end in (OUTER, GATEWAY)
    )
    write(path, leg("inside@phone", PHONE, INNER), dark, speech(0x90, PHONE, INNER),
          speech(0x91, OUTER, GATEWAY))  # fmt: skip
    ran = export(run, path, out, "inside", "--part", "all")
    assert ran.status == 0, ran.err
    assert files(tmp_path) == ["call-1.wav"]
    assert "part 2 of 2, outside@sbc, 192.0.2.1:30000 > 203.0.113.20:12000: nothing" in ran.err
    assert "100 packets no key in the SDP" in ran.err
    ran = export(run, path, out, "outside")
    assert ran.status == 2
    assert "--part 2: inside@phone" in ran.err, "what can be heard instead"


@pytest.mark.parametrize(
    ("part", "out", "sentence"),
    [
        ("3", "call.wav", "--part 3: this call has 2 parts."),
        ("0", "call.wav", "--part 0: this call has 2 parts."),
        ("first", "call.wav", "--part first: give a number"),
        ("all", "-", "--part all writes several files"),
    ],
)
def test_a_part_that_there_is_not(
    run: Runner, through_sbc: Path, tmp_path: Path, part: str, out: str, sentence: str
) -> None:
    name = out if out == "-" else tmp_path / out
    ran = export(run, through_sbc, name, "inside", "--part", part)
    assert ran.status == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert files(tmp_path) == []
