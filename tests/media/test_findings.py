"""What is found in the media of calls, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kit.packets import Endpoint, Segment
from tqdecrypt.packet import PacketDecoder, Wanted

from .reading import MILLISECOND, block_of, datagram, rtp, talk
from .scenes import Ran, SipCall, run, sdp, through_a_proxy

CALLER: Endpoint = ("198.51.100.10", 4000)
CALLEE: Endpoint = ("203.0.113.20", 6000)
OFFER, ANSWER = sdp(*CALLER), sdp(*CALLEE)
CALL = SipCall(OFFER, ANSWER)
"""Answered after 1 s, with a BYE after 11 s."""


def to_callee(numbers: Sequence[int] = range(500), begin: float = 1000) -> list[Segment]:
    return talk(numbers, begin=begin, source=CALLER, destination=CALLEE)


def to_caller(numbers: Sequence[int] = range(500), begin: float = 1000) -> list[Segment]:
    return talk(numbers, begin=begin, source=CALLEE, destination=CALLER, ssrc=9)


def names(ran: Ran) -> set[str]:
    return {finding.name for finding in ran.findings}


def test_a_call_as_it_should_be_has_none() -> None:
    assert names(run(CALL, to_callee(), to_caller())) == set()


def test_one_way_audio() -> None:
    (found,) = run(CALL, to_callee()).found("one-way-audio")
    assert "the caller was sent no RTP while the callee was sent 500 packets" in found.sentence
    assert found.hosts == ("198.51.100.10", "203.0.113.20")


def test_one_way_audio_to_a_private_address() -> None:
    private = SipCall(sdp("10.0.0.5", 4000), ANSWER)
    outside = talk(range(500), begin=1000, source=("192.0.2.9", 9000), destination=CALLEE)
    (found,) = run(private, outside).found("one-way-audio")
    assert "10.0.0.5:4000, a private address" in found.sentence


def test_hold_is_no_one_way_audio() -> None:
    held = SipCall(sdp(*CALLER, lines=["a=sendonly"]), sdp(*CALLEE, lines=["a=recvonly"]))
    assert "one-way-audio" not in names(run(held, to_callee()))


def test_no_audio_although_others_of_the_host_have_some() -> None:
    second = SipCall(
        sdp("198.51.100.10", 4100), sdp("203.0.113.20", 6100), call_id="second@example.com"
    )
    (found,) = run(CALL, second, to_callee(), to_caller()).found("no-audio")
    assert found.call_ids == ("second@example.com",)
    assert run(CALL).found("no-audio") == [], "without any RTP of theirs, media does not pass here"


def test_a_clipped_start() -> None:
    ran = run(CALL, to_callee(range(425), 2500), to_caller())
    (found,) = ran.found("clipped-start")
    assert "The callee was sent the first RTP 1.5 s after the answer" in found.sentence


def test_dead_air() -> None:
    (found,) = run(CALL, to_callee(range(200)), to_caller()).found("dead-air")
    assert "The callee was sent no RTP for the last 6.02 s before the BYE" in found.sentence


def test_loss_from_a_given_time_on() -> None:
    lossy = [n for n in range(500) if n < 250 or n % 5]
    ran = run(CALL, talk(lossy, begin=1000, source=CALLER, destination=CALLEE), to_caller())
    # Packets that are lost leave no hole in time here: 20 ms apart whatever is missing.
    (found,) = ran.found("media-loss")
    assert "did not get 49 of 499 packets" in found.sentence or "50 of 500" in found.sentence
    assert "from 5 s after the answer on" in found.sentence


def test_loss_of_the_capture_is_told_apart() -> None:
    kept = [n for n in range(500) if not 200 <= n < 230]
    there = [one for n, one in enumerate(to_callee()) if n in kept]
    back = [one for n, one in enumerate(to_caller()) if n in kept]
    ran = run(CALL, there, back)
    assert [one.stream.capture_lost for one in ran.leg.streams] == [30, 30]
    assert names(ran) == {"capture-loss"}
    one_way = run(CALL, there, to_caller())
    assert names(one_way) == {"media-loss"}


def test_bursts_of_jitter() -> None:
    delays = [0.0] * 250 + [float(150 * (n % 2)) for n in range(100)] + [0.0] * 150
    there = talk(range(500), begin=1000, source=CALLER, destination=CALLEE, delays=delays)
    (found,) = run(CALL, sorted(there, key=lambda one: one.time_ns), to_caller()).found(
        "media-jitter"
    )
    assert "Jitter of what the callee was sent reached" in found.sentence


def test_media_after_the_bye() -> None:
    (found,) = run(CALL, to_callee(range(700)), to_caller()).found("media-after-bye")
    assert "for 3.98 s after the BYE" in found.sentence


def test_telephone_events_without_the_digits() -> None:
    event = b"\x07\x0a\x03\x20"
    digits = [
        datagram(
            3000 + 20 * n, rtp(100 + n, 16_000, payload_type=101, payload=event), CALLER, CALLEE
        )
        for n in range(6)
    ]
    voice = [*to_callee(range(100)), *to_callee(range(106, 506), 3120)]
    (found,) = run(CALL, voice, digits, to_caller()).found("telephone-events")
    assert "The caller sent 1 telephone event: * 2 s after the answer for 100 ms" in found.sentence
    assert "7" not in found.sentence


def test_digits_in_info_without_the_digits() -> None:
    call = replace(
        CALL,
        infos=(
            (3000, "application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"),
            (4000, "application/DTMF", "9"),
            (5000, "application/media_control+xml", "<media_control/>"),
        ),
    )
    ran = run(call, to_callee(), to_caller())
    (found,) = ran.found("telephone-events")
    assert found.sentence == (
        "The caller sent 2 digits in INFO: * 2 s after the answer for 160 ms, * 3 s after the answer."
    )
    assert ran.summary.counters["info_digits"] == 2


def test_a_codec_that_was_not_negotiated() -> None:
    strange = talk(range(500), begin=1000, source=CALLER, destination=CALLEE, payload_type=18)
    (found,) = run(CALL, strange, to_caller()).found("codec-not-negotiated")
    assert "payload type 18 (500 packets)" in found.sentence
    assert "it announced 8, 101" in found.sentence


SBC_LEFT: Endpoint = ("203.0.113.20", 6000)
SBC_RIGHT: Endpoint = ("203.0.113.20", 7000)
PHONE: Endpoint = ("192.0.2.77", 8000)


def through_an_sbc(second_codec: int = 8) -> tuple[SipCall, SipCall]:
    """Two legs that are one call: the same Session-ID would say so; here the numbers do."""
    types = f"{second_codec}"
    return SipCall(OFFER, ANSWER), SipCall(
        sdp(*SBC_RIGHT, types=types),
        sdp(*PHONE, types=types),
        call_id="leg-2@sbc",
        caller=("203.0.113.20", 5060),
        callee=("192.0.2.77", 5060),
        begin=50,
        ring=90,
        answered=950,
        bye=11_050,
    )


def marked(segments: Sequence[Segment], traffic_class: int) -> list[Segment]:
    return [replace(one, traffic_class=traffic_class) for one in segments]


def test_dscp_that_the_sbc_lost() -> None:
    first, second = through_an_sbc()
    media = [
        *marked(to_callee(), 46 << 2),
        *to_caller(),
        *talk(range(500), begin=1001, source=SBC_RIGHT, destination=PHONE, ssrc=21),
        *talk(range(500), begin=1001, source=PHONE, destination=SBC_RIGHT, ssrc=22),
    ]
    ran = run(first, second, media)
    assert [len(call.legs) for call in ran.calls] == [2]
    (found,) = ran.found("dscp-lost")
    assert (
        "came to 203.0.113.20:6000 with DSCP 46 and went on from 203.0.113.20:7000"
        in found.sentence
    )


def test_dscp_that_is_lost_during_a_call() -> None:
    there = to_callee()
    media = [*marked(there[:250], 46 << 2), *there[250:]]
    (found,) = run(CALL, media, to_caller()).found("dscp-lost")
    assert "had DSCP 46, and 0 from frame" in found.sentence


def test_transcoding_between_legs() -> None:
    first, second = through_an_sbc(0)
    media = [
        *to_callee(),
        *to_caller(),
        *talk(range(500), begin=1001, source=SBC_RIGHT, destination=PHONE, ssrc=21, payload_type=0),
        *talk(range(500), begin=1001, source=PHONE, destination=SBC_RIGHT, ssrc=22, payload_type=0),
    ]
    found = run(first, second, media).found("transcoding")
    assert found
    assert "PCMA/8000" in found[0].sentence
    assert "PCMU/8000" in found[0].sentence


def test_a_relay_between_two_hops_of_a_leg_transcodes() -> None:
    outer, inner = ("192.0.2.1", 30_000), ("192.0.2.1", 30_100)
    for codec, expected in ((0, 2), (8, 0)):
        hops = through_a_proxy(
            (sdp(*CALLER), sdp(*outer)),
            (sdp(*inner, types=f"{codec} 101"), sdp(*CALLEE, types=f"{codec} 101")),
        )
        ways = [
            (CALLER, outer, 8),
            (inner, CALLEE, codec),
            (CALLEE, inner, codec),
            (outer, CALLER, 8),
        ]
        media = [
            talk(range(500), begin=1100, source=source, destination=to, ssrc=n, payload_type=kind)
            for n, (source, to, kind) in enumerate(ways)
        ]
        found = run(*hops, *media).found("transcoding")
        assert len(found) == expected
        assert all(
            "the caller's side of the relay has PCMA/8000 and the callee's has PCMU/8000"
            in one.sentence
            for one in found
        )


@pytest.mark.parametrize("late", [0, 30])
def test_the_time_of_a_packet_is_that_of_its_capture(late: int) -> None:
    block = block_of([datagram(late, rtp(1, 1))])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    assert int(block.time[rows.packet[0]]) % (10**9) == late * MILLISECOND
