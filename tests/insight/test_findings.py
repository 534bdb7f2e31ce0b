"""Every rule: what it finds, in whose name, with which evidence; and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.script import MILLISECOND, SECOND
from insight.found import found, report
from tqdecrypt.calls.fields import uri_host
from tqdecrypt.insight import Finding, context
from tqdecrypt.insight.assessor import Assessor
from tqdecrypt.insight.causes import causes_of, explain
from tqdecrypt.insight.evidence import is_private
from tqdecrypt.insight.findings import connection_reuse as reuse
from tqdecrypt.insight.findings.certificate_name import covers
from tqdecrypt.sip.message import Transport
from tqdecrypt.tls import Verdict

GOOD_CALL = """
    alice -> bob: INVITE 1 | Contact: <sip:alice@192.0.2.1> | offer 4000
    bob -> alice: 180 INVITE 1
    bob -> alice: 200 INVITE 1 | Contact: <sip:bob@192.0.2.3> | offer 6000
    alice -> bob: ACK 1 to=b1
    wait 60 s
    alice -> bob: BYE 2 to=b1
    bob -> alice: 200 BYE 2
    wait 60 s
"""
DAY = 86_400 * SECOND


def the(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_nothing_is_wrong_with_a_good_call(transport: str) -> None:
    assert found(GOOD_CALL, transport=transport) == []  # type: ignore[arg-type]


# Calls that do not come about.


def test_an_invite_into_the_void() -> None:
    finding = the(
        found(
            """
            alice -> bob: INVITE 1
            wait 500 ms
            alice -> bob: INVITE 1
            wait 200 s
            """,
            name="no-answer",
        )
    )
    assert finding.sentence.startswith("192.0.2.3 did not respond to an INVITE at all")
    assert "it was sent 2 times" in finding.sentence
    assert (finding.hosts, finding.frames) == (("192.0.2.3",), (1,))


def test_ringing_for_ever() -> None:
    finding = the(
        found("alice -> bob: INVITE 1\nbob -> alice: 180 INVITE 1\nwait 400 s", name="no-answer")
    )
    assert "sent 180 to an INVITE, and then no final response" in finding.sentence
    assert finding.frames == (1, 2)


def test_an_answer_that_nobody_acknowledges() -> None:
    finding = the(
        found(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1 | Contact: <sip:bob@10.1.1.1:5060>
            wait 500 ms
            bob -> alice: 200 INVITE 1 | Contact: <sip:bob@10.1.1.1:5060>
            wait 31 s
            bob -> alice: BYE 1 from=b1 to=a1
            wait 60 s
            """,
            name="no-ack",
        )
    )
    assert finding.sentence == (
        "192.0.2.3 answered 200, and no ACK came from 192.0.2.1; the 200 was sent 2 times."
    )
    assert "192.0.2.1 must reach 10.1.1.1" in finding.advice[0]


def test_a_capture_that_ends_before_the_ack_proves_nothing() -> None:
    assert not found("alice -> bob: INVITE 1\nbob -> alice: 200 INVITE 1", name="no-ack")


def test_reason_headers_are_explained() -> None:
    finding = the(
        found(
            """
            alice -> bob: INVITE 1
            bob -> alice: 503 INVITE 1 | Reason: Q.850;cause=34;text="No circuit"
            alice -> bob: ACK 1 to=b1
            """,
            name="call-failed",
        )
    )
    assert "with Q.850 cause 34 (no circuit or channel available)" in finding.sentence


def test_credentials_refused_over_and_over() -> None:
    rounds = "".join(
        f"alice -> bob: INVITE {n}\nbob -> alice: 401 INVITE {n}\nalice -> bob: ACK {n} to=b1\n"
        for n in range(1, 5)
    )
    finding = the(found(rounds, name="authentication-loop"))
    assert finding.sentence == "192.0.2.3 challenged 192.0.2.1 4 times for one call."
    assert len(finding.frames) == 8


def test_a_stale_nonce_is_no_loop() -> None:
    script = """
        alice -> bob: INVITE 1
        bob -> alice: 401 INVITE 1
        alice -> bob: INVITE 2
        bob -> alice: 401 INVITE 2
        alice -> bob: INVITE 3
        bob -> alice: 200 INVITE 3
    """
    assert not found(script, name="authentication-loop")


@pytest.mark.parametrize("status", [482, 483])
def test_a_loop_that_was_noticed(status: int) -> None:
    script = f"alice -> bob: INVITE 1\nbob -> alice: {status} INVITE 1\nalice -> bob: ACK 1 to=b1"
    assert f"refused a request with {status}" in the(found(script, name="loop")).sentence


def test_a_loop_that_is_seen() -> None:
    script = """
        edge -> core: INVITE 1 branch=one | Max-Forwards: 68
        core -> edge: INVITE 1 branch=two | Max-Forwards: 67
        edge -> core: INVITE 1 branch=three | Max-Forwards: 66
    """
    finding = the(found(script, name="loop"))
    assert finding.sentence == ("The same request went from 192.0.2.5 to 192.0.2.6 more than once.")
    assert finding.frames == (1, 3)


def test_a_fork_is_no_loop_and_a_small_max_forwards_is_suspicious() -> None:
    fork = """
        edge -> core: INVITE 1 branch=one | Max-Forwards: 68
        edge -> core: INVITE 1 branch=two | Max-Forwards: 68
    """
    assert not found(fork, name="loop")
    low = the(found("edge -> core: INVITE 1 | Max-Forwards: 4", name="loop"))
    assert "had 4 hops left" in low.sentence


# Calls that end otherwise than they should.


def test_a_dialog_that_one_side_forgot() -> None:
    finding = the(
        found(
            """
            alice -> bob: INVITE 1
            bob -> alice: 200 INVITE 1
            alice -> bob: ACK 1 to=b1
            wait 5 min
            alice -> bob: INVITE 2 to=b1
            bob -> alice: 481 INVITE 2
            """,
            name="dialog-gone",
        )
    )
    assert "no longer knew the dialog in which 192.0.2.1 sent INVITE" in finding.sentence
    assert finding.severity == "error"


def test_byes_that_cross_are_nothing_to_tell() -> None:
    script = """
        alice -> bob: INVITE 1
        bob -> alice: 200 INVITE 1
        alice -> bob: ACK 1 to=b1
        wait 5 s
        alice -> bob: BYE 2 to=b1
        bob -> alice: BYE 1 from=b1 to=a1
        alice -> bob: 481 BYE 1 from=b1 to=a1
        bob -> alice: 200 BYE 2
    """
    assert not found(script, name="dialog-gone")


def test_a_bye_without_answer() -> None:
    script = GOOD_CALL.replace("bob -> alice: 200 BYE 2", "wait 40 s")
    finding = the(found(script, name="request-unanswered"))
    assert finding.sentence.startswith("192.0.2.3 did not answer BYE")


TIMED = """
    alice -> bob: INVITE 1 | Supported: timer
    bob -> alice: 200 INVITE 1 | Session-Expires: 1800;refresher=uac
    alice -> bob: ACK 1 to=b1
    wait {}
    bob -> alice: BYE 1 from=b1 to=a1
    alice -> bob: 200 BYE 1 from=b1 to=a1
    wait 60 s
"""


def test_a_call_that_its_session_timer_ends() -> None:
    finding = the(found(TIMED.format("1769 s"), name="session-timer"))
    assert (
        "after the last refresh, as its session timer ran out; the caller was to"
        in finding.sentence
    )
    assert found(TIMED.format("600 s"), name="session-timer") == []


def test_a_session_that_nobody_refreshes() -> None:
    script = (
        TIMED.partition("wait")[0] + "wait 4000 s\nalice -> carol: INVITE 1 id=x from=x\nwait 9 s"
    )
    assert "Neither side refreshed" in the(found(script, name="session-timer")).sentence


def test_a_call_that_a_gateway_cuts() -> None:
    script = GOOD_CALL.replace("BYE 2 to=b1", 'BYE 2 to=b1 | Reason: Q.850;cause=41;text="x"')
    finding = the(found(script, name="ended-abnormally"))
    assert (
        finding.sentence
        == "192.0.2.1 ended an answered call with Q.850 cause 41 (temporary failure)."
    )
    normal = GOOD_CALL.replace("BYE 2 to=b1", "BYE 2 to=b1 | Reason: Q.850;cause=16")
    assert not found(normal, name="ended-abnormally")


def test_a_hold_that_nobody_ended() -> None:
    script = """
        alice -> bob: INVITE 1 | offer 4000
        bob -> alice: 200 INVITE 1 | offer 6000
        alice -> bob: ACK 1 to=b1
        wait 10 s
        alice -> bob: INVITE 2 to=b1 | offer 4000 sendonly
        bob -> alice: 200 INVITE 2 | offer 6000 recvonly
        alice -> bob: ACK 2 to=b1
        wait 90 s
        bob -> alice: BYE 1 from=b1 to=a1
        alice -> bob: 200 BYE 1 from=b1 to=a1
        wait 60 s
    """
    finding = the(found(script, name="hold-left-on"))
    assert finding.sentence == (
        "The caller (192.0.2.1) put the other on hold, and the call ended 90 s later without a resume."
    )
    assert not found(script.replace("wait 90 s", RESUME), name="hold-left-on")


RESUME = """
        alice -> bob: INVITE 3 to=b1 | offer 4000
        bob -> alice: 200 INVITE 3 | offer 6000
        alice -> bob: ACK 3 to=b1
"""


# Messages sent again.


def test_messages_sent_again_by_who_and_where() -> None:
    again = "alice -> bob: INVITE 1\nwait 500 ms\n"
    script = again * 3 + "bob -> alice: 486 INVITE 1\nalice -> bob: ACK 1 to=b1"
    finding = the(found(script, name="retransmissions"))
    assert finding.sentence == (
        "192.0.2.1 sent INVITE again on the way between 192.0.2.1 and 192.0.2.3."
    )
    assert finding.severity == "warning"
    over_tls = the(found(script, name="retransmissions", transport="TLS"))
    assert "over TLS, where nothing is to be sent again" in over_tls.sentence


# Media.


def described(offer: str, answer: str) -> str:
    """A call with these media lines: what follows the port, and attributes."""
    lines = [
        r"body application/sdp v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
        + one
        for one in (offer, answer)
    ]
    return f"""
        alice -> bob: INVITE 1 | {lines[0]}
        bob -> alice: 200 INVITE 1 | {lines[1]}
        alice -> bob: ACK 1 to=b1
    """


KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SRTP = rf"m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
RTP = r"m=audio 6000 RTP/AVP 8\n"


@pytest.mark.parametrize(
    ("offer", "answer", "words"),
    [
        (SRTP, RTP, "Audio was offered as RTP/SAVP and answered as RTP/AVP"),
        (RTP, SRTP, "Audio was offered as RTP/AVP but answered as RTP/SAVP"),
        (SRTP, r"m=audio 6000 RTP/SAVP 8\n", "Keys for audio were offered (a=crypto)"),
        (SRTP, SRTP.replace("crypto:1", "crypto:2"), "takes a=crypto 2 for audio, which was not"),
        (SRTP, SRTP.replace("_80", "_32"), "AES_CM_128_HMAC_SHA1_32 under the tag of AES_CM_128"),
        (
            r"m=audio 4000 UDP/TLS/RTP/SAVPF 8\na=fingerprint:sha-256 " + "AB:" * 31 + r"AB\n",
            r"m=audio 6000 UDP/TLS/RTP/SAVPF 8\n",
            "DTLS-SRTP was offered for audio, and the answer has no fingerprint",
        ),
    ],
)
def test_security_that_does_not_fit(offer: str, answer: str, words: str) -> None:
    finding = the(found(described(offer, answer), name="media-security"))
    assert words in finding.sentence
    assert finding.frames == (1, 2)
    assert KEY not in finding.sentence


def test_srtp_on_both_sides_is_fine_and_a_refusal_is_not() -> None:
    assert not found(described(SRTP, SRTP), name="media-security")
    refused = described(SRTP, SRTP).replace("200 INVITE", "488 INVITE")
    assert "SRTP was refused with 488" in the(found(refused, name="media-security")).sentence


@pytest.mark.parametrize(
    ("offer", "answer", "words"),
    [
        (r"m=audio 1 RTP/AVP 8\n", r"m=audio 2 RTP/AVP 0\n", "The answer takes PCMU, and PCMA was"),
        (r"m=audio 1 RTP/AVP 8 0\n", r"m=audio 0 RTP/AVP 8\n", "(PCMA, PCMU) was refused"),
    ],
)
def test_nothing_in_common(offer: str, answer: str, words: str) -> None:
    assert words in the(found(described(offer, answer), name="no-common-codec")).sentence


def test_the_same_codec_under_another_number_is_common() -> None:
    offer = r"m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n"
    answer = r"m=audio 2 RTP/AVP 107\na=rtpmap:107 opus/48000/2\n"
    assert not found(described(offer, answer), name="no-common-codec")


def test_media_to_an_address_that_nobody_reaches() -> None:
    script = described(RTP, RTP).replace("c=IN IP4 192.0.2.9", "c=IN IP4 192.168.1.20", 1)
    finding = the(found(script, name="private-media-address"))
    assert finding.sentence == (
        "192.0.2.1 asks 192.0.2.3 to send media to 192.168.1.20, a private address."
    )
    at_home = script.replace("alice", "10.0.0.1:5060").replace("bob ->", "10.0.0.2:5060 ->")
    assert not found(at_home.replace("-> bob", "-> 10.0.0.2:5060"), name="private-media-address")


# Addresses and transports.


def test_a_contact_behind_nat() -> None:
    script = GOOD_CALL.replace("sip:alice@192.0.2.1", "sip:alice@192.168.1.7:5060")
    finding = the(found(script, name="nat-address"))
    assert finding.sentence.startswith("192.0.2.1 names the private address 192.168.1.7 in Contact")


def test_a_private_contact_within_a_private_network_is_fine() -> None:
    script = GOOD_CALL.replace("sip:alice@192.0.2.1", "sip:alice@192.168.1.7:5060")
    inside = script.replace("alice ->", "192.168.1.7:5060 ->").replace(
        "-> alice", "-> 192.168.1.7:5060"
    )
    assert not found(inside, name="nat-address")


@pytest.mark.parametrize(
    ("contact", "uri", "transport", "words"),
    [
        ("sip:a@192.0.2.1", "sips:b@x", "TCP", "sent a request for a sips: URI over TCP"),
        ("sip:a@192.0.2.1", "sips:b@x", "TLS", "answers a sips: URI with a sip: Contact"),
        ("sip:a@192.0.2.1", "sip:b@x", "TLS", "its Contact (sip:a@192.0.2.1) does not say so"),
        ("sip:a@192.0.2.1;transport=tls", "sip:b@x", "TCP", "but its Contact asks for TLS"),
        ("sip:a@192.0.2.1;transport=tls", "sip:b@x", "TLS", ""),
        ("sip:a@192.0.2.1:5061", "sip:b@x", "TLS", ""),
    ],
)
def test_uris_and_transports(contact: str, uri: str, transport: str, words: str) -> None:
    script = f"alice -> bob: INVITE 1 | uri {uri} | Contact: <{contact}>"
    findings = found(script, name="transport-mismatch", transport=transport)  # type: ignore[arg-type]
    assert [words in one.sentence for one in findings if words] or not findings
    assert bool(findings) == bool(words)


# TLS and SIP together.


def test_calls_that_failed_because_tls_was_refused_are_added_up() -> None:
    script = "".join(
        f"""
        alice -> edge: INVITE 1 id={n} from={n}
        edge -> alice: 503 INVITE 1 id={n} from={n}
        alice -> edge: ACK 1 id={n} from={n} to=b1
        """
        for n in range(18)
    )
    refused = report(
        7,
        "192.0.2.5:40000",
        "203.0.113.9:5061",
        5 * MILLISECOND,
        verdict=Verdict.HANDSHAKE_FAILED,
        alert="unknown_ca (fatal) from the client, frame 12",
        advice=["Import the issuing CA."],
    )
    findings = found(script, refused)
    finding = the([one for one in findings if one.name == "refused-for-tls"])
    assert finding.count == 18
    assert finding.sentence == (
        "192.0.2.5 answered 503 because its TLS connection to 203.0.113.9 was refused: "
        "unknown_ca (fatal) from the client."
    )
    assert (finding.severity, finding.sessions) == ("critical", (7,))
    assert finding.advice == ("Import the issuing CA.",)
    assert findings[0] is finding
    assert the([one for one in findings if one.name == "tls-handshake-failed"]).sessions == (7,)


def test_a_503_without_a_failed_handshake_is_somebody_elses() -> None:
    script = "alice -> edge: INVITE 1\nedge -> alice: 503 INVITE 1"
    later = report(7, "192.0.2.5:4", "203.0.113.9:5061", DAY, verdict=Verdict.HANDSHAKE_FAILED)
    other = report(8, "192.0.2.6:4", "203.0.113.9:5061", 0, verdict=Verdict.HANDSHAKE_FAILED)
    assert not found(script, later, other, name="refused-for-tls")


def test_a_call_cut_off_by_the_end_of_its_connection() -> None:
    script = GOOD_CALL.partition("wait")[0] + "wait 300 s"
    ended = report(
        1, "192.0.2.1:5060", "192.0.2.3:5060", 0, 9 * SECOND, ending="no close_notify; reset"
    )
    finding = the(found(script, ended, name="connection-lost", transport="TLS"))
    assert "ended (no close_notify; reset) while a call over it was answered" in finding.sentence
    still = report(1, "192.0.2.1:5060", "192.0.2.3:5060", 0, 9 * SECOND)
    assert not found(script, still, name="connection-lost", transport="TLS")
    assert not found(GOOD_CALL, ended, name="connection-lost", transport="TLS")


def test_hosts_that_connect_to_each_other() -> None:
    there = report(1, "192.0.2.1:40000", "192.0.2.3:5061")
    back = report(2, "192.0.2.3:50000", "192.0.2.1:5061")
    assert the(found("", there, back)).severity == "notice"
    dark = report(2, "192.0.2.3:50000", "192.0.2.1:5061", verdict=Verdict.NO_MATCHING_KEY)
    finding = the(found("", there, dark))
    assert "those from 192.0.2.3 stay dark, since there 192.0.2.1 is the server whose key" in (
        finding.sentence
    )
    failed = report(2, "192.0.2.3:50000", "192.0.2.1:5061", verdict=Verdict.HANDSHAKE_FAILED)
    assert the(found("", there, failed, name="connection-reuse")).severity == "error"
    assert not found("", there, report(3, "192.0.2.1:40001", "192.0.2.3:5061"))
    media = report(4, "192.0.2.3:50000", "192.0.2.1:40002", version="DTLS 1.2")
    assert not found("", there, media)


def test_what_is_remembered_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MOST_SESSIONS", 10)
    monkeypatch.setattr(context, "MOST_FAILURES", 3)
    known = context.Context()
    for number in range(1, 31):
        failed = number % 2
        verdict = Verdict.HANDSHAKE_FAILED if failed else Verdict.DECRYPTED
        known.add_session(
            report(number, f"192.0.2.{failed}:4", "192.0.2.9:5061", number, verdict=verdict)
        )
    assert known.session(20) is None
    assert known.session(21) is not None
    assert [one.session for one in known.failures_from("192.0.2.1")] == [29, 27, 25]
    assert not list(known.failures_from("192.0.2.0"))
    assert known.counters == {"session_notes_evicted": 20, "failed_handshakes_evicted": 12}


def test_hosts_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "MOST_PAIRS", 1)
    assessor = Assessor()
    for number, host in enumerate(("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3")):
        assessor.session(report(number, f"{host}:40000", "192.0.2.9:5061"))
    assert assessor.context.counters == {"host_pairs_not_compared": 2}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("sbc.example.com",), 0),
        (("*.example.com",), 0),
        (("*.com", "sbc.example.net"), 1),
        ((), 0),
    ],
)
def test_the_name_in_contact_and_the_certificate(names: tuple[str, ...], expected: int) -> None:
    script = "alice -> bob: INVITE 1 | Contact: <sip:sbc.example.com:5061;transport=tls>"
    session = report(1, "192.0.2.1:5060", "192.0.2.3:5060", client_names=names)
    findings = found(script, session, name="certificate-name", transport="TLS")
    assert len(findings) == expected
    for finding in findings:
        assert "calls itself sbc.example.com in Contact" in finding.sentence


def test_wildcards_stand_for_one_label() -> None:
    assert covers("*.example.com", "sbc.example.com")
    assert not covers("*.example.com", "a.sbc.example.com")
    assert not covers("*.example.com", "example.com")
    assert covers("sip:sbc.example.com", "sbc.example.com")


@pytest.mark.parametrize(
    ("days", "severity", "words"),
    [
        (-3, "critical", "had expired 3 days before"),
        (2, "error", "expires in 2 days"),
        (20, "warning", "expires in 20 days"),
        (200, "", ""),
    ],
)
def test_certificates_expire(days: int, severity: str, words: str) -> None:
    begin = 1_000 * DAY
    session = report(1, "192.0.2.1:4", "192.0.2.3:5061", begin, server_not_after=begin + days * DAY)
    findings = found("", session, session, name="certificate-expiry")
    assert [(one.severity, one.count) for one in findings] == ([(severity, 2)] if severity else [])
    assert all(words in one.sentence for one in findings)


def test_the_certificate_of_dtls_srtp_is_not_meant_to_last() -> None:
    media = report(1, "192.0.2.1:4", "192.0.2.3:5", server_not_after=DAY, version="DTLS 1.2")
    assert not found("", media, name="certificate-expiry")


# Heartbeats and registrations.


def ping(number: int, answered: bool = True) -> str:
    answer = f"bob -> alice: 200 OPTIONS {number} id=p{number}\n" if answered else ""
    return f"alice -> bob: OPTIONS {number} id=p{number}\n{answer}wait 60 s\n"


def test_missed_pings() -> None:
    script = "".join(ping(n, answered=not 5 <= n < 9) for n in range(12)) + "wait 60 s"
    finding = the(found(script, name="ping-missed"))
    assert finding.severity == "critical"
    assert "192.0.2.3 did not answer 4 OPTIONS in a row from 192.0.2.1" in finding.sentence
    assert "(4 of 12 OPTIONS in all)" in finding.sentence
    one = "".join(ping(n, answered=n != 5) for n in range(12))
    assert the(found(one, name="ping-missed")).severity == "warning"
    assert not found("".join(map(ping, range(12))), name="ping-missed")


def test_pings_that_stop() -> None:
    script = "".join(map(ping, range(8))) + "wait 30 min\n" + "".join(map(ping, range(8, 12)))
    assert (
        "192.0.2.1 sent no OPTIONS to 192.0.2.3 for"
        in the(found(script, name="ping-missed")).sentence
    )


def test_a_peer_that_answers_out_of_service() -> None:
    script = "".join(ping(n).replace(": 200", ": 503") for n in range(3))
    finding = the(found(script, name="ping-missed"))
    assert finding.sentence == "192.0.2.3 answered 3 of 3 OPTIONS from 192.0.2.1 with 503."


def register(who: int, number: int = 1, response: str = "200", wait: str = "1 ms") -> str:
    expires = "Contact: <sip:u@192.0.2.1>;expires=60"
    ids = f"id=r{who} from=r{who} caller=u{who} callee=u{who}"
    return f"""
        alice -> registrar: REGISTER {number} {ids} | {expires}
        registrar -> alice: {response} REGISTER {number} {ids} | {expires}
        wait {wait}
    """


def test_registrations_that_fail() -> None:
    assert "refused REGISTER of sip:u1@example.com with 403" in (
        the(found(register(1, response="403"), name="registration-failed")).sentence
    )
    lapsed = register(1) + "wait 120 s" + register(1, 2)
    assert "was not registered for 60" in the(found(lapsed, name="registration-failed")).sentence
    loop = "".join(register(1, n, "401") for n in range(1, 5))
    assert "challenged REGISTER of sip:u1@example.com 4 times and never accepted" in (
        the(found(loop, name="authentication-loop")).sentence
    )


def test_a_storm_of_registrations() -> None:
    storm = "".join(register(who, wait="0 ms") for who in range(150))
    finding = the(found(storm, name="registration-storm"))
    assert finding.severity == "critical"
    assert "150 clients registered with 192.0.2.7 within 10 s." in finding.sentence or (
        finding.count > 1
    )
    assert not found("".join(register(who) for who in range(50)), name="registration-storm")


def test_a_client_that_registers_all_the_time() -> None:
    script = "".join(register(1, n, wait="5 s") for n in range(1, 20))
    finding = the(found(script, name="registration-storm"))
    assert finding.sentence.startswith("192.0.2.1 registers sip:u1@example.com every 5.0")


# The ground they stand on.


def test_causes_in_words() -> None:
    value = 'Q.850;cause=17;text="busy, really", SIP;cause=200;text="Call completed elsewhere"'
    assert [(one.protocol, one.number, one.text) for one in causes_of(value)] == [
        ("Q.850", 17, "busy, really"),
        ("SIP", 200, "Call completed elsewhere"),
    ]
    assert explain(value) == "Q.850 cause 17 (user busy), SIP cause 200 (Call completed elsewhere)"
    assert explain("nonsense") == "nonsense"


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("172.32.0.1", False),
        ("192.168.0.1", True),
        ("100.64.0.1", True),
        ("169.254.0.1", True),
        ("127.0.0.1", True),
        ("203.0.113.1", False),
        ("fd00::1", True),
        ("fe80::1", True),
        ("2001:db8::1", False),
        ("example.com", False),
    ],
)
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_hosts_of_uris() -> None:
    assert uri_host("sip:a@Example.COM:5061;x") == "example.com"
    assert uri_host("sips:[2001:db8::1]:5061") == "2001:db8::1"
    assert uri_host("tel:+4420") == ""
    assert uri_host("") == ""


ENDS = st.sampled_from(["alice", "bob", "edge", "10.0.0.1:5060", "[2001:db8::1]:5060"])
SAID = st.sampled_from(
    [
        "INVITE 1",
        "INVITE 2 to=b1",
        "180 INVITE 1",
        "200 INVITE 1",
        "401 INVITE 1",
        "503 INVITE 1",
        "ACK 1 to=b1",
        "BYE 3 to=b1",
        "481 BYE 3",
        "REGISTER 1",
        "200 REGISTER 1",
        "OPTIONS 1",
        "CANCEL 1",
    ]
)
MORE = st.sampled_from(
    [
        "Subject: x",
        "offer 4000",
        "offer 0 inactive",
        "Contact: <sip:a@192.168.1.1;transport=tls>",
        "Contact: <sip:[::1]:99999>;expires=1",
        "Session-Expires: 90;refresher=uas",
        'Reason: Q.850;cause=999;text="\\"',
        "Max-Forwards: 1",
        r"body application/sdp v=0\nm=audio x RTP/SAVP\na=crypto:1 A inline:\nc=IN IP4 10.1.1.1\n",
        r"body application/sdp v=0\nm=audio 1 RTP/AVP 8 999 x\na=rtpmap:999\na=crypto:\nm=\n",
    ]
)
LINES = st.builds(
    lambda a, b, said, more: f"{a} -> {b}: {said} | {more}", ENDS, ENDS, SAID, MORE
) | st.sampled_from(["wait 1 s", "wait 40 s", "wait 1 h"])


@given(st.lists(LINES, max_size=25), st.sampled_from(["UDP", "TLS"]))
def test_no_script_makes_a_rule_raise(lines: list[str], transport: Transport) -> None:
    sessions = [
        report(
            n,
            "192.0.2.1:5060",
            "192.0.2.5:5060",
            0,
            n * SECOND,
            ending="reset",
            client_names=("x",),
        )
        for n in range(1, 4)
    ]
    for finding in found("\n".join(lines), *sessions, transport=transport):
        assert finding.sentence.endswith(".")
        assert finding.severity
        assert all(frame > 0 for frame in finding.frames)
