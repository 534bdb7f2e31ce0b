"""What is kept of calls and of what is said about them has a bound, and is counted."""

from __future__ import annotations

import pytest

from calls.script import messages_of
from tqdecrypt.media import announcements, info_digits, keeping, vq_report
from tqdecrypt.media.announcements import Announcements
from tqdecrypt.media.association import CallMedia
from tqdecrypt.media.ends import AtEnds
from tqdecrypt.media.info_digits import InfoDigits
from tqdecrypt.media.keeping import KeptCalls
from tqdecrypt.media.vq_report import QualityReports
from tqdecrypt.sip import Message

from .reading import talk
from .scenes import SipCall, run, sdp

CALLER, CALLEE = ("198.51.100.10", 4000), ("203.0.113.20", 6000)


def said(script: str) -> list[Message]:
    messages, _ = messages_of(script)
    return messages


def body(*ends: tuple[str, int]) -> str:
    """A description with one medium at each end."""
    media = "\\n".join(
        f"m=audio {port} RTP/AVP 96\\nc=IN IP4 {host}\\na=rtpmap:96 opus/48000/2"
        for host, port in ends
    )
    return f"body application/sdp v=0\\n{media}"


def call(number: int) -> CallMedia:
    media = talk(range(20), begin=1000, source=CALLER, destination=CALLEE)
    scene = SipCall(sdp(*CALLER), sdp(*CALLEE), call_id=f"{number}@example.com")
    (found,) = run(scene, media).calls
    return found


def test_the_calls_that_settled_first_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_STREAMS", 2)
    kept = KeptCalls(lambda one: "2@example.com" not in one.call_ids)
    assert [kept.receive(call(number)) for number in (1, 2, 3, 4)] == [True, False, True, True]
    assert [leg.call_id for leg in kept.legs] == ["3@example.com", "4@example.com"]
    assert kept.counters == {"media_calls_evicted": 1}
    monkeypatch.setattr(keeping, "MOST_CALLS", 1)
    kept.receive(call(5))
    assert [one.call_ids for one in kept] == [("5@example.com",)]


def test_what_calls_announce_is_known_until_they_are_over() -> None:
    known = Announcements()
    for message in said(f"""
        alice -> bob: INVITE 1 id=1 | {body(("192.0.2.1", 4000))}
        alice -> bob: INVITE 1 id=2 | {body(("192.0.2.1", 4000), ("192.0.2.1", 4002))}
        alice -> bob: OPTIONS 1 id=3 | {body(("192.0.2.1", 4004))}
    """):
        known.receive(message)
    assert set(known.calls_at("192.0.2.1:4000")) == {"1", "2"}
    assert "192.0.2.1:4004" not in known, "no offer stands there"
    assert known.formats("10.0.0.1:9", "192.0.2.1:4002")[96].encoding == "opus/48000/2"
    assert known.formats("10.0.0.1:4002", "10.0.0.2:9"), "behind a NAT the port is the same"
    known.over(["2"])
    assert set(known.calls_at("192.0.2.1:4000")) == {"1"}
    assert "192.0.2.1:4002" not in known
    known.over(["1", "1"])
    assert not known.formats("10.0.0.1:9", "192.0.2.1:4000")


def test_announcements_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "MOST_CALLS", 2)
    monkeypatch.setattr(announcements, "MOST_ENDS", 3)
    known = Announcements()
    many = [("192.0.2.1", 4000 + number) for number in range(5)]
    for call_id in ("1", "2", "3"):
        (message,) = said(f"alice -> bob: INVITE 1 id={call_id} | {body(*many)}")
        known.receive(message)
    assert set(known.calls_at("192.0.2.1:4000")) == {"2", "3"}
    assert "192.0.2.1:4003" not in known
    assert known.counters == {"media_announcements_evicted": 1, "media_announcements_dropped": 6}


def test_digits_of_the_call_that_had_the_first_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info_digits, "MOST_KEPT", 3)
    digits = InfoDigits()
    for number, call_id in enumerate(("1", "1", "2", "2"), 1):
        (message,) = said(
            f"alice -> bob: INFO {number} id={call_id} to=b1 | body application/dtmf-relay Signal=5"
        )
        digits.receive(message)
        digits.receive(message)  # sent again
    assert digits.counters == {"info_digits": 4, "info_digits_not_kept": 2}
    assert [len(digits.take(call_id)) for call_id in ("1", "2", "2")] == [0, 2, 0]


def test_reports_about_the_call_that_had_the_first_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vq_report, "MOST_REPORTS", 2)
    reports = QualityReports()
    for number, about in enumerate(("1", "2", "2"), 1):
        text = f"VQSessionReport: CallTerm\\nCallID: {about}\\n"
        (message,) = said(
            f"alice -> bob: PUBLISH {number} id=p{number} | body application/vq-rtcpxr {text}"
        )
        reports.receive(message)
    assert reports.counters == {"quality_reports": 3, "quality_reports_not_kept": 1}
    assert [len(reports.take(about)) for about in ("1", "2", "2")] == [0, 2, 0]


def test_things_at_an_endpoint_come_in_the_order_in_which_they_were_last_put_there() -> None:
    places: AtEnds[int, str] = AtEnds()
    places.add(("a", "b"), 1, "one")
    places.add(("a",), 2, "two")
    places.add(("a",), 1, "one again")
    assert list(places.at("a").values()) == ["two", "one again"]
    places.discard(("a", "b", "c"), 1)
    assert list(places.at("a")) == [2]
    assert "b" not in places
    assert not places.at("c")
    assert len(places) == 1
