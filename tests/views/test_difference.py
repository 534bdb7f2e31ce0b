from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.views import Comparison, comparisons
from tqdecrypt.views.difference import Change, compare
from tqdecrypt.views.values import pull_digest, pull_value
from views.pages import HOSTILE, words_of
from views.scenes import (
    CARRIER,
    MILLISECOND,
    PBX,
    SBC,
    SBC_OUT,
    START,
    Talk,
    assert_snapshot,
    drawn,
    two_hop_call,
    two_legs,
)

IN = Flow(PBX, SBC, "TLS", "verified", 3)
OUT = Flow(SBC_OUT, CARRIER, "UDP", "clear")
CALLED = "sip:+12025550110@sip.example.com"
OFFER = """v=0
o=pbx 1 1 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 30000 RTP/SAVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0
a=ptime:20
"""


def message(head: str, body: str = "", *, flow: Flow = IN, late: int = 0) -> Message:
    lines = [*head.strip().splitlines(), f"Content-Length: {len(body)}", "", ""]
    raw = "\r\n".join(line.strip(" ") for line in lines).encode() + body.encode()
    return index_message(raw, flow, 40 + late, START + late * MILLISECOND)


def changes(before: str, after: str) -> list[tuple[object, ...]]:
    """Unusual changes of two header fields."""
    start = f"INVITE {CALLED} SIP/2.0\n"
    found = compare(message(start + before), message(start + after, flow=OUT, late=3)).changes
    return [tuple(change[:5]) for change in found if not change.usual]


def invite(flow: Flow = IN) -> Message:
    return message(
        f"""INVITE {CALLED} SIP/2.0
        Via: SIP/2.0/TLS 192.0.2.10:5061;branch=z9hG4bKa
        Max-Forwards: 70
        From: "Reception" <sip:+442079460103@pbx.example.net>;tag=a
        To: <{CALLED}>
        Call-ID: a@pbx
        CSeq: 1 INVITE
        Contact: <sip:pbx@192.0.2.10:5061;transport=tls>
        Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK
        Supported: 100rel, timer
        P-Asserted-Identity: <sip:+442079460103@pbx.example.net>
        Content-Type: application/sdp""",
        OFFER,
        flow=flow,
    )


def relayed_by_an_sbc() -> Message:
    body = (
        OFFER.replace("192.0.2.10", "198.51.100.20")
        .replace("audio 30000 RTP/SAVP 8 0 101", "audio 40000 RTP/AVP 0 8 96")
        .replace(":101 ", ":96 ")
        .replace("a=ptime:20\n", "a=sendonly\n")
    )
    body = "".join(f"{line}\n" for line in body.splitlines() if "crypto" not in line)
    return message(
        """INVITE sip:+12025550110@198.51.100.30 SIP/2.0
        v: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKb
        Max-Forwards: 69
        f: <sip:+442079460103@sbc.example.com>;tag=b
        To: <sip:+12025550110@sip.example.com>
        Call-ID: b@sbc
        CSeq: 7 INVITE
        Contact: <sip:198.51.100.20:5060>
        Allow: ACK, BYE, CANCEL, INVITE
        Supported: timer
        Privacy: id
        Content-Type: application/sdp""",
        body,
        flow=OUT,
        late=24,
    )


def test_what_an_sbc_changed() -> None:
    comparison = Comparison(invite(), relayed_by_an_sbc())
    assert_snapshot("diff-80", drawn(comparison))
    assert_snapshot("diff-120", drawn(comparison, width=120))
    text = drawn(comparison, ascii_only=True)
    assert text.isascii()
    assert "c2VjcmV0" not in text
    assert_snapshot("diff", comparison.html().replace("><", ">\n<") + "\n", ".html")


def test_the_same_message_has_no_changes() -> None:
    difference = compare(invite(), invite(OUT))
    assert difference.changes == ()
    assert difference.same == 13


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Allow: ACK, BYE", "Allow: BYE,ACK"),
        ("Allow: ACK\nAllow: BYE", "Allow: ACK, BYE"),
        ("From: <sip:a@b>;tag=1;x=2", "f: <sip:a@b>;x=2;tag=1"),
        ("Subject: a\nDate: b", "Date: b\nSubject: a"),
        ("Contact: <sip:a@b;lr;transport=tls>", "Contact: <sip:a@b;transport=tls;lr>"),
        ("Proxy-Authorization: Digest a=1, b=2", "Proxy-Authorization: Digest b=2, a=1"),
        ("Supported: timer\n\t, 100rel", "k: 100rel, timer"),
    ],
)
def test_order_and_spelling_that_mean_nothing(before: str, after: str) -> None:
    assert changes(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("X: 1", "", ("X", "", "removed", "1", "")),
        ("", "X: 1", ("X", "", "added", "", "1")),
        ("Allow: ACK, PRACK", "Allow: ACK", ("Allow", "", "removed", "PRACK", "")),
        ('From: "A, B" <sip:a@b>', 'From: "B" <sip:a@b>', ("From", "display name", "changed", "A, B", "B")),
        ("From: <sip:a@b>", "From: <sip:a@c>", ("From", "URI", "changed", "sip:a@b", "sip:a@c")),
        ("To: <sip:a@b>", "To: <sip:a@b;user=phone>", ("To", "URI parameter user", "added", "", "phone")),
        ("Reason: Q.850;cause=16", "Reason: Q.850;cause=31", ("Reason", "cause", "changed", "16", "31")),
        ("X: a\nX: b", "X: a\nX: c", ("X 2", "", "changed", "b", "c")),
        (
            "Max-Forwards: 70", "Max-Forwards: 10",
            ("Max-Forwards", "", "changed", "70", "10"),
        ),
        (
            'Authorization: Digest realm="a", response="1"',
            'Authorization: Digest realm="a", response="2"',
            ("Authorization", "response", "changed", "(not shown)", "(not shown, another one)"),
        ),
        (
            "", 'Authorization: Digest realm="a", response="deadbeef"',
            ("Authorization", "", "added", "", 'Digest realm="a", response=(not shown)'),
        ),
        (
            "Path: <sip:p1>, <sip:p2>", "Path: <sip:p0>, <sip:p1>, <sip:p2;lr>",
            ("Path", "", "added", "", "<sip:p0>"),
        ),
    ],
)  # fmt: skip
def test_one_change(before: str, after: str, change: tuple[str, ...]) -> None:
    assert changes(before, after)[0] == change


def test_lists_of_proxies_are_aligned() -> None:
    difference = compare(
        message("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/TLS a;branch=1;rport\nVia: SIP/2.0/UDP z"),
        message(
            "OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP p;branch=9\n"
            "Via: SIP/2.0/TLS a;branch=1;rport=41000;received=192.0.2.10, SIP/2.0/UDP z"
        ),
    )
    assert difference.changes == (
        Change("Via", "", "added", "", "SIP/2.0/UDP p;branch=9", usual=True),
        Change("Via 1", "rport", "changed", "", "41000", usual=True),
        Change("Via 1", "received", "added", "", "192.0.2.10", usual=True),
    )


def test_descriptions_are_compared_line_by_line() -> None:
    two = OFFER + "m=video 0 RTP/AVP 31\n"
    found = compare(
        message("A sip:x SIP/2.0\nContent-Type: application/sdp", OFFER),
        message(
            "A sip:x SIP/2.0\nContent-Type: application/sdp",
            two.replace("c2VjcmV0c", "YW5vdGhlc").replace("0-15", "0-16"),
        ),
    ).changes
    assert [tuple(change[:5]) for change in found if not change.usual] == [
        ("SDP audio 1", "telephone-event/8000 fmtp", "changed", "0-15", "0-16"),
        (
            "SDP audio 1", "a=crypto", "changed",
            "1 AES_CM_128_HMAC_SHA1_80 (key not shown)",
            "1 AES_CM_128_HMAC_SHA1_80 (key not shown), another",
        ),
        ("SDP video", "", "added", "", "video 0 RTP/AVP 31"),
    ]  # fmt: skip


def test_other_bodies_are_compared_whole() -> None:
    def with_body(body: str) -> Message:
        return message("MESSAGE sip:x SIP/2.0\nContent-Type: text/plain", body)

    assert compare(with_body("a"), with_body("b")).changes[-1][:5] == (
        "Body", "", "changed", "1 bytes", "1 bytes, other content",
    )  # fmt: skip
    assert compare(with_body("a"), with_body("")).changes[-1].kind == "removed"


def test_messages_are_paired_across_call_ids_and_hops() -> None:
    for messages in (two_legs().messages, two_hop_call().messages):
        found = [one.difference for one in comparisons(messages)]
        assert [(one.before.status, one.before.frame, one.after.frame) for one in found] == [
            (None, 40, 46),
            (180, 49, 52),
            (200, 55, 58),
        ]


def test_an_invite_with_credentials_is_paired_with_what_it_became() -> None:
    talk = Talk()
    start = "INVITE sip:x SIP/2.0"
    talk.say(start, PBX, SBC)
    talk.say("SIP/2.0 407 Proxy Authentication Required", SBC, PBX)
    talk.say("ACK sip:x SIP/2.0", PBX, SBC, "1 ACK")
    talk.say(start, PBX, SBC, "2 INVITE")
    talk.say(start, SBC_OUT, CARRIER, "2 INVITE")
    talk.say(start, SBC_OUT, "198.51.100.31:5060", "2 INVITE")
    found = [one.difference for one in comparisons(talk.messages)]
    assert [(one.before.frame, one.after.frame) for one in found] == [(49, 52), (49, 55)]


def test_calls_that_have_nothing_in_common_are_not_compared() -> None:
    talk = two_hop_call()
    for late in talk.messages[2:]:
        late.time += 3_600 * 10**9
    assert comparisons(talk.messages[:3]) == []
    assert comparisons([]) == []


def test_values_come_apart() -> None:
    value = pull_value(b'"A \\"<;" <sip:a@b;lr;x=1>;tag=q;z="a;b"')
    assert (value.main, value.display) == ("sip:a@b", 'A \\"<;')
    assert value.uri_parameters == {"lr": "", "x": "1"}
    assert value.parameters == {"tag": "q", "z": '"a;b"'}
    assert pull_value(b";a=1").parameters == {"a": "1"}
    assert pull_value(b"").main == ""
    assert pull_digest(b'Digest a="b, c",d=e').parameters == {"a": '"b, c"', "d": "e"}


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_messages_are_compared_and_shown(evil: str) -> None:
    one, other = invite(), relayed_by_an_sbc()
    body = evil.encode("utf-8", "surrogatepass")
    other.raw = other.raw.replace(b"Privacy: id", b"X" + body + b": " + body)
    other.reason = one.method = evil
    comparison = Comparison(one, other)
    words_of(comparison.html())
    assert all(line.isprintable() for line in drawn(comparison).splitlines())


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["Via", "From", "Allow", "Route", "X", "Contact", "Authorization", "Reason"]),
        st.text('ab<>;,="\\ ', max_size=24),
    ),
    max_size=6,
)  # fmt: skip


@given(FIELDS, FIELDS, st.text("v=omca:0 1\n8", max_size=60), st.text("v=omca:0 1\n8", max_size=60))
def test_whatever_is_sent_is_compared(
    one: list[tuple[str, str]], other: list[tuple[str, str]], body: str, other_body: str
) -> None:
    first, second = (
        message(
            "INVITE sip:x SIP/2.0\n" + "".join(f"{name}: {value}\n" for name, value in fields),
            "v=0\n" + text,
        )
        for fields, text in ((one, body), (other, other_body))
    )
    assert compare(first, first).changes == ()
    there, back = compare(first, second), compare(second, first)
    assert {change.kind for change in there.changes if change.kind == "added"} == {
        "added" for change in back.changes if change.kind == "removed"
    }
    words_of(Comparison(first, second).html())
