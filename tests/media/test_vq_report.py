"""Quality reports in PUBLISH (RFC 6035)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kit.packets import START, Segment
from tqdecrypt.media.vq_report import read_report

from .scenes import SipCall, run, sdp

REPORT = b"""VQSessionReport: CallTerm\r
CallID: call-1@example.com\r
LocalID: Alice <sip:alice@example.com>\r
RemoteID: Bob <sip:bob@example.net>\r
LocalAddr: IP=198.51.100.10 PORT=4000 SSRC=0x2468abcd\r
RemoteAddr: IP=203.0.113.20 PORT=6000 SSRC=0x4321\r
LocalMetrics:\r
Timestamps: START=2023-11-14T22:13:20Z STOP=2023-11-14T22:13:30Z\r
SessionDesc: PT=8 PD="PCMA" SR=8000\r
JitterBuffer: JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r
PacketLoss: NLR=5.0 JDR=2.0\r
BurstGapLoss: BLD=0 BD=0 GLD=2.0 GD=500 GMIN=16\r
Delay: RTD=200 ESD=140 SOWD=200 IAJ=2 MAJ=10\r
QualityEst: RLQ=90 RCQ=85 MOSLQ=4.2 MOSCQ=4.1\r
RemoteMetrics:\r
PacketLoss: NLR=1.0 JDR=0.0\r
QualityEst: MOSLQ=4.3\r
"""


def test_a_report_is_read() -> None:
    found = read_report(REPORT, 1, 2, "198.51.100.10:5060")
    assert found is not None
    assert (found.kind, found.call_id) == ("CallTerm", "call-1@example.com")
    assert (found.local, found.remote) == ("198.51.100.10:4000", "203.0.113.20:6000")
    assert (found.metrics["NLR"], found.metrics["MOSLQ"], found.metrics["RTD"]) == (5.0, 4.2, 200)
    assert (found.remote_metrics["NLR"], found.remote_metrics["MOSLQ"]) == (1.0, 4.3)
    assert "START" not in found.metrics


def test_what_is_about_no_session_is_none() -> None:
    assert read_report(b"Hello", 1, 2, "x") is None


@given(st.binary(max_size=300))
def test_any_bytes_give_numbers_or_none(data: bytes) -> None:
    found = read_report(b"VQSessionReport\r\n" + data, 1, 2, "x")
    assert found is not None
    assert all(isinstance(value, float) for value in found.metrics.values())


def test_it_stands_beside_the_call_that_it_is_about() -> None:
    head = (
        "PUBLISH sip:collector@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bKpub\r\n"
        "From: <sip:alice@example.com>;tag=p\r\nTo: <sip:collector@example.com>\r\n"
        "Call-ID: publish-1\r\nCSeq: 1 PUBLISH\r\nEvent: vq-rtcpxr\r\nMax-Forwards: 70\r\n"
        f"Content-Type: application/vq-rtcpxr\r\nContent-Length: {len(REPORT)}\r\n\r\n"
    )
    ends = ("198.51.100.10", 5060), ("203.0.113.20", 5060)
    publish = [Segment(START + 12_000_000_000, *ends, head.encode() + REPORT)]
    call = SipCall(sdp("198.51.100.10", 4000), sdp("203.0.113.20", 6000))
    (report,) = run(call, publish).leg.reports
    assert report.reporter == "198.51.100.10:5060"
    assert report.metrics["MOSLQ"] == 4.2
