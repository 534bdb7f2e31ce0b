"""What is found in calls whose packets come, and have nothing in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from kit.packets import Endpoint, Segment
from kit.sound import Samples, mu_law_octets, silence, tone

from .reading import datagram, rtp
from .scenes import Ran, SipCall, run, sdp

CALLER: Endpoint = ("198.51.100.10", 4000)
CALLEE: Endpoint = ("203.0.113.20", 6000)
OFFER, ANSWER = sdp(*CALLER, types="0 13"), sdp(*CALLEE, types="0 13")
CALL = SipCall(OFFER, ANSWER)
"""Answered after 1 s, with a BYE after 11 s."""

TALK = tone(8000, 10.0, level=-20)
NOTHING = silence(10.0)
NOISE = np.random.default_rng(3).normal(0, 14, 80_000).round().astype(np.int16)
"""-67 dBov: there is a microphone, and nobody near it."""


def to_callee(sound: Samples, begin: float = 1000) -> list[Segment]:
    return voice(sound, begin, CALLER, CALLEE, 1)


def to_caller(sound: Samples, begin: float = 1000) -> list[Segment]:
    return voice(sound, begin, CALLEE, CALLER, 9)


def voice(
    sound: Samples, begin: float, source: Endpoint, destination: Endpoint, ssrc: int
) -> list[Segment]:
    octets = mu_law_octets(sound)
    return [
        datagram(
            begin + number * 20,
            rtp(number, number * 160, ssrc=ssrc, payload_type=0, payload=octets[at : at + 160]),
            source,
            destination,
        )
        for number, at in enumerate(range(0, len(octets) - 159, 160))
    ]


def listened(*parts: SipCall | Sequence[Segment]) -> Ran:
    return run(*parts, sound=True)


def names(ran: Ran) -> set[str]:
    return {finding.name for finding in ran.findings}


def test_a_call_in_which_both_speak_has_no_finding() -> None:
    assert names(listened(CALL, to_callee(TALK), to_caller(TALK))) == set()


def test_a_direction_of_digital_silence() -> None:
    ran = listened(CALL, to_callee(TALK), to_caller(NOTHING))
    (found,) = ran.found("silent-audio")
    assert found.severity == "warning"
    assert found.sentence == (
        "The caller was sent 500 packets and nothing but silence in 9 s of call: -127 dBov in the loudest "
        "second, which is not even noise, while the callee was sent sound (-20 dBov at most)."
    )
    assert "Look at the device of the callee" in found.advice[0]
    assert found.hosts == ("203.0.113.20", "198.51.100.10")
    assert names(ran) == {"silent-audio"}


def test_a_microphone_that_is_open_and_hears_nobody() -> None:
    (found,) = listened(CALL, to_callee(NOISE), to_caller(TALK)).found("silent-audio")
    assert "The callee was sent 500 packets" in found.sentence
    assert "-67 dBov in the loudest second, while" in found.sentence
    assert "Look at the microphone of the caller" in found.advice[0]


def test_silence_both_ways_is_one_finding_and_worse() -> None:
    (found,) = listened(CALL, to_callee(NOTHING), to_caller(NOISE)).found("silent-audio")
    assert found.severity == "error"
    assert "Neither side was sent anything but silence in 9 s of call, in 1,000 packets" in (
        found.sentence
    )


def test_ringback_before_the_answer_is_not_speech() -> None:
    early = SipCall(OFFER, ANSWER, early=ANSWER, answered=4000)
    ringing = np.concatenate([tone(8000, 3.0, level=-15), silence(7.0)])
    ran = listened(early, to_callee(TALK[:56_000], 4000), to_caller(ringing))
    (found,) = ran.found("silent-audio")
    assert "The caller was sent" in found.sentence


def test_one_word_is_enough_to_say_nothing() -> None:
    word = np.concatenate([silence(5.0), tone(8000, 0.4, level=-30), silence(4.6)])
    assert names(listened(CALL, to_callee(TALK), to_caller(word))) == set()


def test_without_listening_nothing_is_said_of_sound() -> None:
    assert names(run(CALL, to_callee(TALK), to_caller(NOTHING))) == set()


def test_hold_is_silent_on_purpose() -> None:
    held = SipCall(
        sdp(*CALLER, types="0", lines=["a=sendonly"]), sdp(*CALLEE, types="0", lines=["a=recvonly"])
    )
    ran = listened(held, to_callee(NOTHING), to_caller(NOTHING))
    assert "silent-audio" not in names(ran)


def test_what_was_mostly_lost_is_not_called_silent() -> None:
    holed = [packet for n, packet in enumerate(to_caller(NOTHING)) if not 100 <= n < 400]
    assert "silent-audio" not in names(listened(CALL, to_callee(TALK), holed))


def test_a_short_call_says_nothing() -> None:
    short = replace(CALL, bye=5000)
    ran = listened(short, to_callee(TALK[:32_000]), to_caller(NOTHING[:32_000]))
    assert names(ran) == set()


def test_comfort_noise_alone_is_silence_too() -> None:
    noise = [
        datagram(
            1000 + 200 * n,
            rtp(n, n * 1600, ssrc=9, payload_type=13, payload=b"\x46"),
            CALLEE,
            CALLER,
        )
        for n in range(50)
    ]
    (found,) = listened(CALL, to_callee(TALK), noise).found("silent-audio")
    assert "The caller was sent 50 packets and nothing but silence" in found.sentence


def test_dead_air_in_which_packets_go_on() -> None:
    talk = np.concatenate([tone(8000, 3.0, level=-20), silence(7.0)])
    reply = np.concatenate([tone(8000, 4.0, level=-20), silence(6.0)])
    ran = listened(CALL, to_callee(talk), to_caller(reply))
    (found,) = ran.found("dead-air")
    assert found.severity == "warning"
    assert found.sentence == (
        "Both sides were sent RTP with nothing but silence in it for the last 6 s before the BYE, from 4 s "
        "after the answer on."
    )
    assert names(ran) == {"dead-air"}


@pytest.mark.parametrize("other", [TALK, np.concatenate([silence(9.0), tone(8000, 1.0)])])
def test_who_listens_until_the_end_is_no_dead_air(other: Samples) -> None:
    quiet = np.concatenate([tone(8000, 3.0, level=-20), silence(7.0)])
    assert names(listened(CALL, to_callee(quiet), to_caller(other))) == set()


def test_rtp_that_stops_is_said_once() -> None:
    talk = np.concatenate([tone(8000, 2.0, level=-20), silence(2.0)])
    ran = listened(CALL, to_callee(talk), to_caller(np.concatenate([talk, silence(6.0)])))
    (found,) = ran.found("dead-air")
    assert "was sent no RTP for the last" in found.sentence
    assert found.severity == "error"


def test_dead_air_of_a_sender_that_suppresses_silence_is_less_sure() -> None:
    there = to_callee(TALK)
    spoken = [
        datagram(
            1000 + slot * 20,
            rtp(number, slot * 160, payload_type=0, payload=b"\x90" * 160),
            CALLEE,
            CALLER,
        )
        for number, slot in enumerate([*range(100), *range(180, 220)])
    ]
    (found,) = run(CALL, there, spoken).found("dead-air")
    assert found.severity == "warning"
    assert "Its sender suppressed silence for 1.6 s of the call" in found.advice[1]
