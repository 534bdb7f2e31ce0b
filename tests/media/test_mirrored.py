"""Media whose signalling somebody mirrors (HEP): it waits for what the messages say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.packets import Endpoint, Segment
from tqdecrypt.hep import HepPacket, encode_packet
from tqdecrypt.media.stream import Stream

from .reading import MILLISECOND, datagram, rtp
from .scenes import SipCall, run_file, sdp, write

AGENT: Endpoint = ("192.0.2.77", 40_000)
COLLECTOR: Endpoint = ("192.0.2.78", 9060)
PHONE: Endpoint = ("198.51.100.10", 10_000)
GATEWAY: Endpoint = ("203.0.113.20", 20_000)


def mirrored(call: SipCall, late: float) -> list[Segment]:
    """The call's messages as HEP, each so many milliseconds after it was seen."""
    found = []
    for one in call.segments():
        packet = HepPacket(
            f"{one.source[0]}:{one.source[1]}",
            f"{one.destination[0]}:{one.destination[1]}",
            17,
            1,
            one.payload,
            one.time_ns,
        )
        when = one.time_ns + round(late * MILLISECOND)
        found.append(Segment(when, AGENT, COLLECTOR, encode_packet(packet)))
    return found


def talk(begin: float) -> list[Segment]:
    """Wideband speech and a digit, both under SRTP's tag: shape alone would not tell them apart."""
    found = []
    for n in range(300):
        payload_type, size = (101, 14) if 100 <= n < 108 else (96, 14)
        timestamp = n * 960 if payload_type == 96 else 100 * 960
        data = rtp(n, timestamp, payload_type=payload_type, payload=bytes(size))
        found.append(datagram(begin + 20 * n, data, PHONE, GATEWAY))
    return found


@pytest.fixture
def call() -> SipCall:
    offer, answer = (
        sdp(*end, protocol="RTP/SAVP", types="96 101", lines=["a=rtpmap:96 opus/48000/2"])
        for end in (PHONE, GATEWAY)
    )
    return SipCall(offer, answer)


def read_in_pieces(
    path: Path, monkeypatch: pytest.MonkeyPatch, *parts: SipCall | Sequence[Segment], size: int
) -> Stream:
    monkeypatch.setattr("tqdecrypt.capture.source.FIRST_WINDOW", size)
    monkeypatch.setattr("tqdecrypt.capture.source.WINDOW", size)
    write(path, *parts)
    (one,) = run_file(path).leg.streams
    return one.stream


@pytest.mark.parametrize("size", [1_000, 8_000, 1 << 22])
@pytest.mark.parametrize("late", [0, 400, 900])
def test_media_waits_for_the_messages_that_are_mirrored(
    call: SipCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: float, size: int
) -> None:
    path = tmp_path / "mirrored.pcap"
    stream = read_in_pieces(path, monkeypatch, mirrored(call, late), talk(1010), size=size)
    assert stream.clock_rate == 48_000
    assert not stream.clock_rate_inferred
    assert (stream.events, stream.digit_count) == (8, 1)


def test_as_if_they_had_been_captured(
    call: SipCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = read_in_pieces(tmp_path / "a.pcap", monkeypatch, call, talk(1010), size=8_000)
    told = read_in_pieces(
        tmp_path / "b.pcap", monkeypatch, mirrored(call, 50), talk(1010), size=8_000
    )
    assert (told.jitter_max, told.digits[0].time) == (captured.jitter_max, captured.digits[0].time)
    assert told.payload_types == captured.payload_types
