"""Which stream is whose: by what was announced, by the other direction, by the source."""

from __future__ import annotations

import pytest

from kit.packets import Segment
from tqdecrypt.calls.call import Party
from tqdecrypt.media.association import How, SourceIs
from tqdecrypt.media.description import Protection
from tqdecrypt.media.verdict import MediaVerdict

from .reading import datagram, rtp, talk
from .scenes import Ran, SipCall, run, sdp, through_a_proxy

CALLER, CALLEE = ("198.51.100.10", 4000), ("203.0.113.20", 6000)
OFFER, ANSWER = sdp(*CALLER), sdp(*CALLEE)


def both_ways(begin: float = 1000, packets: int = 500, first: int = 1) -> list[Segment]:
    """Media as it should be."""
    there = talk(range(first, first + packets), begin=begin, source=CALLER, destination=CALLEE)
    back = talk(
        range(first, first + packets), begin=begin, source=CALLEE, destination=CALLER, ssrc=9
    )
    return there + back


def of(ran: Ran) -> dict[Party, tuple[How, SourceIs]]:
    return {one.to: (one.how, one.source_is) for one in ran.leg.streams}


def test_streams_go_where_somebody_said_that_he_receives() -> None:
    ran = run(SipCall(OFFER, ANSWER), both_ways())
    assert of(ran) == {
        Party.CALLEE: (How.ANNOUNCED, SourceIs.ANNOUNCED),
        Party.CALLER: (How.ANNOUNCED, SourceIs.ANNOUNCED),
    }
    assert {one.encoding for one in ran.leg.streams} == {"PCMA/8000"}
    assert {one.verdict for one in ran.leg.streams} == {MediaVerdict.CLEAR}
    assert not ran.unassigned
    assert not ran.findings


def test_a_source_that_nat_changed_is_told() -> None:
    outside = ("192.0.2.99", 31_000)
    media = talk(range(100), begin=1000, source=outside, destination=CALLEE)
    (one,) = run(SipCall(OFFER, ANSWER), media).leg.streams
    assert (one.to, one.source_is) == (Party.CALLEE, SourceIs.OTHER_HOST)
    assert one.sender is not None
    assert one.sender.endpoint == "198.51.100.10:4000"


def test_an_sbc_that_latches_answers_to_where_packets_come_from() -> None:
    private, outside = sdp("10.0.0.5", 4000), ("192.0.2.99", 31_000)
    there = talk(range(100), begin=1000, source=outside, destination=CALLEE)
    back = talk(range(100), begin=1000, source=CALLEE, destination=outside, ssrc=9)
    ran = run(SipCall(private, ANSWER), there, back)
    assert of(ran)[Party.CALLER] == (How.LATCHED, SourceIs.ANNOUNCED)
    assert not ran.unassigned


def test_a_stream_whose_source_alone_was_announced() -> None:
    media = talk(range(100), begin=1000, source=CALLEE, destination=("192.0.2.99", 31_000))
    (one,) = run(SipCall(OFFER, ANSWER), media).leg.streams
    assert (one.to, one.how) == (Party.CALLER, How.SOURCE)


def test_early_media_comes_before_the_answer() -> None:
    ringback = talk(range(40), begin=150, source=CALLEE, destination=CALLER, ssrc=9)
    call = SipCall(OFFER, ANSWER, early=ANSWER, answered=1500)
    forth = talk(range(100), begin=1500, source=CALLER, destination=CALLEE)
    ran = run(call, ringback, forth)
    early = next(one for one in ran.leg.streams if one.to is Party.CALLER)
    assert early.stream.started < (ran.leg.answered or 0)
    line = next(line for line in ran.leg.lines if line.party is Party.CALLEE)
    assert line.early
    assert early.sender is not None
    assert early.sender.early


def test_a_re_invite_moves_media() -> None:
    moved = ("198.51.100.10", 4444)
    later = talk(range(100), begin=5100, source=CALLEE, destination=moved, ssrc=9)
    call = SipCall(OFFER, ANSWER, changes=[(5000, sdp(*moved), ANSWER)])
    ran = run(call, both_ways(), later)
    assert len(ran.leg.streams) == 3
    caller = [line for line in ran.leg.lines if line.party is Party.CALLER]
    assert [line.endpoint for line in caller] == ["198.51.100.10:4000", "198.51.100.10:4444"]
    assert caller[0].until == caller[1].since
    callee = [line for line in ran.leg.lines if line.party is Party.CALLEE]
    assert len(callee) == 1, "the same answer again is no change"


def test_a_port_that_is_used_again_belongs_to_the_later_call() -> None:
    second = SipCall(
        OFFER, ANSWER, call_id="other@x", begin=100_000, ring=100_100, answered=101_000, bye=None
    )
    ran = run(SipCall(OFFER, ANSWER), both_ways(), second, both_ways(101_000, first=501))
    streams = {leg.call_id: leg.streams for call in ran.calls for leg in call.legs}
    # The same SSRC between the same endpoints goes on: one stream, of the call in which it began.
    assert len(streams["call-1@example.com"]) == 2
    fresh = talk(range(50), begin=102_000, source=CALLER, destination=CALLEE, ssrc=77)
    ran = run(SipCall(OFFER, ANSWER), second, fresh)
    streams = {leg.call_id: leg.streams for call in ran.calls for leg in call.legs}
    assert [len(streams[name]) for name in ("call-1@example.com", "other@x")] == [0, 1]


def test_what_nobody_announces_is_shown_as_unassigned() -> None:
    media = talk(range(50), source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002))
    ran = run(SipCall(OFFER, ANSWER), both_ways(), media)
    ((stream, verdict),) = ran.unassigned
    assert (stream.source, verdict) == ("192.0.2.1:7000", MediaVerdict.UNASSIGNED)


def test_two_packets_that_look_like_rtp_are_no_stream() -> None:
    ran = run(talk(range(2), source=("192.0.2.1", 7000), destination=("192.0.2.2", 7002)))
    assert not ran.unassigned
    assert ran.collector.counters["rtp_like_datagrams"] == 2


def test_what_only_looks_like_rtp_drives_out_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.media.former_streams.MOST_STREAMS", 10)
    monkeypatch.setattr("tqdecrypt.media.former_streams.MOST_SHORT", 20)
    noise = [datagram(2000 + n, rtp(1, 1, ssrc=100 + n), ("192.0.2.66", 9)) for n in range(500)]
    ran = run(SipCall(OFFER, ANSWER), both_ways(), noise)
    assert len(ran.leg.streams) == 2
    assert not ran.unassigned
    assert ran.collector.counters["rtp_like_datagrams"] == 500


def test_an_ice_candidate_is_a_place_to_receive() -> None:
    candidate = "a=candidate:1 1 UDP 2130706431 192.0.2.44 5555 typ srflx"
    offer = sdp(*CALLER, lines=[candidate])
    media = talk(range(50), begin=1000, source=CALLEE, destination=("192.0.2.44", 5555))
    (one,) = run(SipCall(offer, ANSWER), media).leg.streams
    assert (one.to, one.how) == (Party.CALLER, How.CANDIDATE)


def test_what_the_description_says_of_protection() -> None:
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    fingerprint = "a=fingerprint:sha-256 " + ":".join(["AA"] * 32)
    for protocol, lines, protection, verdict in (
        ("RTP/SAVP", [key], Protection.SDES, MediaVerdict.PROTECTED),
        ("UDP/TLS/RTP/SAVPF", [fingerprint], Protection.DTLS, MediaVerdict.DTLS_DARK),
        ("RTP/SAVP", [], Protection.UNKNOWN, MediaVerdict.NO_KEY_IN_SDP),
    ):
        offer = sdp(*CALLER, protocol=protocol, lines=lines)
        answer = sdp(*CALLEE, protocol=protocol, lines=lines)
        ran = run(SipCall(offer, answer), both_ways())
        assert {one.line.protection for one in ran.leg.streams} == {protection}
        assert {one.verdict for one in ran.leg.streams} == {verdict}


def test_an_offer_of_keys_that_the_answer_does_not_take_protects_nothing() -> None:
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    said = sdp(*CALLER, lines=[key]), ANSWER
    for hops in ([SipCall(*said)], through_a_proxy(said, said)):
        ran = run(*hops, both_ways())
        assert [one.verdict for one in ran.leg.streams] == [MediaVerdict.CLEAR] * 2


@pytest.mark.parametrize("secured", ["towards the caller", "towards the callee"])
def test_a_proxy_whose_relay_protects_one_hop_protects_no_other(secured: str) -> None:
    """Both hops are one leg: the Call-ID and the tags are the same."""
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    outer, inner = ("192.0.2.1", 30_000), ("192.0.2.1", 30_100)

    def described(end: tuple[str, int], hop: str) -> str:
        if hop != secured:
            return sdp(*end)
        return sdp(*end, protocol="RTP/SAVP", lines=[key])

    first, second = "towards the caller", "towards the callee"
    hops = through_a_proxy(
        (described(CALLER, first), described(outer, first)),
        (described(inner, second), described(CALLEE, second)),
    )
    media = [
        talk(range(100), begin=2000, source=source, destination=destination, ssrc=number)
        for number, (source, destination) in enumerate(
            [(CALLER, outer), (inner, CALLEE), (CALLEE, inner), (outer, CALLER)]
        )
    ]
    ran = run(*hops, *media)
    found = {
        (one.stream.source, one.stream.destination): (one.to, one.source_is, one.verdict)
        for one in ran.leg.streams
    }
    protected, clear = MediaVerdict.PROTECTED, MediaVerdict.CLEAR
    at_caller, at_callee = (protected, clear) if secured == first else (clear, protected)
    assert found == {
        (_text(source), _text(destination)): (to, SourceIs.ANNOUNCED, verdict)
        for source, destination, to, verdict in (
            (CALLER, outer, Party.CALLEE, at_caller),
            (inner, CALLEE, Party.CALLEE, at_callee),
            (CALLEE, inner, Party.CALLER, at_callee),
            (outer, CALLER, Party.CALLER, at_caller),
        )
    }
    senders = [(one.stream.source, one.sender) for one in ran.leg.streams]
    assert all(sender is not None and sender.endpoint == source for source, sender in senders)


def _text(end: tuple[str, int]) -> str:
    return f"{end[0]}:{end[1]}"


def test_t38_is_told_by_the_description() -> None:
    fax = sdp(*CALLEE, medium="image", protocol="udptl", types="t38")
    packets = [
        datagram(2000 + 20 * n, n.to_bytes(2, "big") + b"\x01\x00\x00", CALLER, CALLEE)
        for n in range(30)
    ]
    offer = sdp(*CALLER, medium="image", protocol="udptl", types="t38")
    ((line, number, _, _),) = run(SipCall(offer, fax), packets).leg.faxes
    assert (line.endpoint, number) == ("203.0.113.20:6000", 30)


def test_a_clock_rate_comes_from_the_description_although_it_is_in_the_same_block() -> None:
    opus = ["a=rtpmap:111 opus/48000/2"]
    offer, answer = sdp(*CALLER, types="111", lines=opus), sdp(*CALLEE, types="111", lines=opus)
    media = talk(range(5), begin=1000, source=CALLER, destination=CALLEE, payload_type=111)
    (one,) = run(SipCall(offer, answer), media).leg.streams
    assert one.stream.clock_rate == 48_000
    assert not one.stream.clock_rate_inferred
    assert one.encoding == "opus/48000/2"


def test_a_device_with_one_ssrc_for_all_calls_has_streams_in_each() -> None:
    second = SipCall(
        OFFER, ANSWER, call_id="other@x", begin=20_000, ring=20_100, answered=21_000, bye=32_000
    )
    ran = run(SipCall(OFFER, ANSWER), both_ways(), second, both_ways(21_000, first=30_000))
    streams = {leg.call_id: leg.streams for call in ran.calls for leg in call.legs}
    assert {name: len(found) for name, found in streams.items()} == {
        "call-1@example.com": 2,
        "other@x": 2,
    }
    assert not ran.findings


def test_a_port_that_somebody_else_has_after_the_bye_is_no_longer_the_calls() -> None:
    elsewhere = (CALLEE[0], 6014)
    later = [
        *talk(range(100), begin=14_000, source=elsewhere, destination=CALLER, ssrc=8),
        *talk(range(100), begin=14_000, source=CALLER, destination=elsewhere, ssrc=7),
    ]
    ran = run(SipCall(OFFER, ANSWER), both_ways(), later)
    assert len(ran.leg.streams) == 2
    assert {stream.ssrc for stream, _ in ran.unassigned} == {7, 8}
    # The very same two ends, though, go on with what they had.
    again = talk(range(100), begin=14_000, source=CALLEE, destination=CALLER, ssrc=8)
    assert len(run(SipCall(OFFER, ANSWER), both_ways(), again).leg.streams) == 3


def test_calls_that_announce_the_same_port_are_told_apart_by_the_source() -> None:
    others = [
        SipCall(sdp(f"198.51.100.{n}", 4000), ANSWER, call_id=f"{n}-other@example.com", begin=n)
        for n in range(20, 30)
    ]
    ran = run(*others, SipCall(OFFER, ANSWER), both_ways())
    streams = {leg.call_id: len(leg.streams) for call in ran.calls for leg in call.legs}
    assert streams.pop("call-1@example.com") == 2
    assert set(streams.values()) == {0}


def test_another_ssrc_takes_the_place_of_the_first_or_comes_beside_it() -> None:
    first = talk(range(100), begin=1000, source=CALLER, destination=CALLEE, ssrc=1)
    later = talk(range(100), begin=4000, source=CALLER, destination=CALLEE, ssrc=2)
    mixed = talk(range(10), begin=5000, source=CALLER, destination=CALLEE, ssrc=3)
    one, two, three = run(SipCall(OFFER, ANSWER), first, later, mixed).leg.streams
    assert (one.follows, one.beside) == (None, None)
    assert (two.follows, two.beside) == (one.stream, None)
    assert (three.follows, three.beside) == (None, two.stream)


def test_media_over_ipv6() -> None:
    caller, callee = ("2001:db8::10", 4000), ("2001:db8::20", 6000)
    offer = sdp(*caller).replace("IP4", "IP6")
    answer = sdp(*callee).replace("IP4", "IP6")
    media = talk(range(50), begin=1000, source=caller, destination=callee)
    (one,) = run(SipCall(offer, answer), media).leg.streams
    assert (one.to, one.stream.destination) == (Party.CALLEE, "[2001:db8::20]:6000")


def test_an_address_of_ipv6_that_is_written_in_full_is_the_same() -> None:
    answer = sdp("2001:0db8:0000:0000:0000:0000:0000:0020", 6000).replace("IP4", "IP6")
    media = talk(
        range(50), begin=1000, source=("2001:db8::10", 4000), destination=("2001:db8::20", 6000)
    )
    (one,) = run(SipCall(OFFER, answer), media).leg.streams
    assert one.to is Party.CALLEE
