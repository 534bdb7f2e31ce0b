"""What becomes of a line of a message, place by place."""

from __future__ import annotations

import base64
import re

import pytest

from masking.people import FLOW, KEY, masked, message
from tqdecrypt.masking import Masker, Profile
from tqdecrypt.sip import index_message, parse_message

START = "INVITE sip:b@example.com SIP/2.0"


def with_line(
    line: str, body: str = "", kind: str = "", profile: Profile = Profile.PEOPLE
) -> bytes:
    """Return what a message with one more line is masked to."""
    lines = [START, line, "CSeq: 1 INVITE"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    content = body.encode()
    raw = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content
    return masked(raw, profile)


def line_of(raw: bytes, name: str) -> str:
    found = re.search(rb"(?i)\r\n(" + name.encode() + rb":[^\r]*)", raw)
    assert found is not None
    return found[1].decode()


def keep(line: str) -> None:
    name = line.partition(":")[0]
    assert line_of(with_line(line), name) == line


@pytest.mark.parametrize(
    "line",
    [
        "Max-Forwards: 70",
        "Session-Expires: 1800;refresher=uac",
        "Expires: 4294967295",
        "Allow: INVITE, ACK, BYE",
        "Supported: 100rel, timer",
        "Session-ID: 47755a9de7794ba387653f2099600ef2;remote=00000000000000000000000000000000",
        "Via: SIP/2.0/TLS pbx.example.net:50611;branch=z9hG4bK74bf9;received=192.0.2.1;rport=50612",
        "Via: SIP/2.0/UDP [2001:db8::9:1]:5060;branch=z9hG4bKas3",
        "Record-Route: <sip:192.0.2.2:50610;lr;transport=tls>",
        "Contact: <sip:192.0.2.1:50611;transport=tls>;expires=86400;q=0.5",
        "Contact: *",
        'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=a1b2',
        "To: <sip:192.0.2.2>",
        "To: <sip:112@pbx.example.net>",
        "To: <urn:service:sos>",
        'Reason: Q.850;cause=16;text="Normal call clearing"',
        "User-Agent: Phone 66.85.0.5 (build 4.2)",
        "Call-ID: a84b4c76e6671@pc33.example.com",
        "Retry-After: 18000 (I am busy);duration=3600",
        "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel",
        "Privacy: id;header",
        "Event: dialog;sla",
        "Date: Sat, 13 Nov 2010 23:29:00 GMT",
    ],
)
def test_what_names_nobody_stays(line: str) -> None:
    keep(line)


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ('From: "Al Smith" <sip:al@h>;tag=1', r'From: "[A-Z][a-z] [A-Z][a-z]{4}" <sip:[a-z]{2}@h>;tag=1'),
        ("From: Alice<sip:+442079460123@h>;tag=1", r"From: [A-Z][a-z]{4}<sip:\+44[A-R]{8}23@h>;tag=1"),
        ("To: tel:+44-20-7946-0123", r"To: tel:\+44-[A-R]{2}-[G-R]{4}-[G-R]{2}23"),
        ("To: <sip:1234@h>", r"To: <sip:[G-R]{2}34@h>"),
        ("To: <sip:%2B442079460123@h>", r"To: <sip:%2B44[A-R]{8}23@h>"),
        ("To: <sip:+4420794;rn=+4420794601;npdi@h>", r"To: <sip:\+44[A-R]{3}94;rn=\+44[A-R]{6}01;npdi@h>"),
        ("Call-ID: alice-4420794601@pc", r"Call-ID: [a-z]{5}-[G-R]{8}01@pc"),
        ("Subject: for Bob", r"Subject: [a-z]{3} [A-Z][a-z]{2}"),
        ("Via: SIP/2.0/UDP h;branch=z9hG4bK442079460123", r"Via: SIP/2.0/UDP h;branch=z9hG4bK[G-R]{10}23"),
        ('Reason: SIP;text="to +442079460123"', r'Reason: SIP;text="to \+44[A-R]{8}23"'),
        ("X-Caller: Alice", r"X-Caller: [A-Z][a-z]{4}"),
        ("User-to-User: 56a390f3d2b7310023a2;encoding=hex", r"User-to-User: [0-9a-f]{20};encoding=hex"),
        ("Call-Info: <http://h.example/alice.jpg>;purpose=icon", r"Call-Info: <http://h.example/[a-z]{5}\.[a-z]{3}>;purpose=icon"),
    ],
)  # fmt: skip
def test_what_names_somebody_goes(line: str, shape: str) -> None:
    made = line_of(with_line(line), line.partition(":")[0])
    assert len(made) == len(line)
    assert re.fullmatch(shape, made), made
    assert made != line


def test_the_same_person_everywhere() -> None:
    raw = with_line(
        'From: "Quux" <sip:quux@h>;tag=1\r\nP-Asserted-Identity: <sip:quux@h>\r\n'
        'Reason: SIP;text="Quux hung up"',
        "quux is gone",
        "text/plain",
    ).decode()
    pseudonym = re.search(r"<sip:(\w+)@h>;tag", raw)
    assert pseudonym is not None
    assert raw.lower().count(pseudonym[1]) == 5


def test_a_passport_is_not_readable_any_more() -> None:
    claim = base64.urlsafe_b64encode(b'{"dest":{"tn":["12155550131"]},"orig":{"tn":"12155550121"}}')
    token = f"eyJhbGciOiJFUzI1NiJ9.{claim.decode()}.c2lnbmF0dXJl"
    line = f"Identity: {token};info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=shaken"
    made = line_of(with_line(line), "Identity")
    _, payload, signature = made.removeprefix("Identity: ").partition(";")[0].split(".")
    assert b"1215" not in base64.urlsafe_b64decode(payload.rstrip("=") + "==")
    assert signature != "c2lnbmF0dXJl"
    assert made.endswith(";alg=ES256;ppt=shaken")


def test_digest_keeps_what_tells_nothing() -> None:
    line = (
        'Authorization: Digest username="alice", realm="example.com", nonce="6f1a", '
        'uri="sip:bob@example.com", response="00112233445566778899aabbccddeeff", cnonce="0a4f113b", '
        "nc=00000001"
    )
    hidden = line_of(with_line(line, profile=Profile.KEYS), "Authorization")
    assert (
        'username="alice", realm="example.com", nonce="6f1a", uri="sip:bob@example.com"' in hidden
    )
    assert "0011223344" not in hidden
    assert "0a4f113b" not in hidden
    assert hidden.endswith("nc=00000001")
    [credentials] = parse_message(with_line(line, profile=Profile.KEYS)).authorizations
    assert len(credentials.parameters.get("response") or "") == 32
    people = line_of(with_line(line), "Authorization")
    assert "alice" not in people
    assert "sip:bob" not in people
    assert 'realm="example.com", nonce="6f1a"' in people


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Basic QWxhZGRpbjpvcGVuc2VzYW1l",
        "Proxy-Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.QWxhZGRpbjpvcGVuc2VzYW1l.x",
        'Authorization: NTLM gssapi-data="QWxhZGRpbjpvcGVuc2VzYW1l", realm="SIP"',
        'WWW-Authenticate: Digest realm="ims", nonce="n", ik="QWxhZGRpbjpvcGVuc2VzYW1l"',
        'WWW-Authenticate: Digest realm="ims", ck="QWxhZGRpbjpvcGVuc2VzYW1l", nonce="n"',
        "X-Auth-Token: QWxhZGRpbjpvcGVuc2VzYW1l",
        "Contact: <sip:bob@h;password=QWxhZGRpbjpvcGVuc2VzYW1l>",
        "Contact: <sip:bob:QWxhZGRpbjpvcGVuc2VzYW1l@h>",
        "Authorization: QWxhZGRpbjpvcGVuc2VzYW1l",
        'Authorization: Digest response="QWxhZGRpbjpvcGVuc2VzYW1l',
    ],
)
def test_no_credential_stays(line: str) -> None:
    for profile in (Profile.KEYS, Profile.PEOPLE):
        assert b"QWxhZGRpbjpvcGVuc2VzYW1l" not in with_line(line, profile=profile)


def test_keys_of_media_are_keys_still_and_the_same_again() -> None:
    key = base64.b64encode(bytes(range(30))).decode()
    sdp = (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/SAVP 0\r\n"
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20|1:4\r\n"
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{key}\r\n"
    )
    for profile in (Profile.KEYS, Profile.PEOPLE):
        raw = with_line("Max-Forwards: 70", sdp, "application/sdp", profile)
        assert key.encode() not in raw
        description = parse_message(raw).session_description
        assert description is not None
        assert not description.problems
        one, other = description.media[0].crypto
        assert one.keys[0].material == other.keys[0].material != bytes(range(30))
        assert (one.keys[0].lifetime, one.keys[0].mki) == (1 << 20, 1)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"),
        ("application/dtmf", "7"),
        ("application/vnd.nortelnetworks.digits", "p=Digit-Collection\r\ny=Digits\r\nd=7\r\n"),
        (
            "application/kpml-response+xml",
            '<kpml-response version="1.0" code="200" digits="7777"/>',
        ),
    ],
)
def test_dialled_digits_go(kind: str, body: str) -> None:
    for profile in (Profile.KEYS, Profile.PEOPLE):
        assert b"7" not in with_line("Max-Forwards: 60", body, kind, profile)


def test_parts_of_a_body_are_masked_by_their_kinds() -> None:
    body = (
        "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
        "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n\r\n"
        "--b\r\nContent-Type: application/isup\r\nContent-ID: <alice.442079460123@h>\r\n\r\n442079460123\r\n"
        "--b--\r\n"
    )
    raw = with_line("Max-Forwards: 70", body, "multipart/mixed;boundary=b")
    assert b"alice" not in raw
    assert b"442079460123" not in raw
    parsed = parse_message(raw)
    assert [str(part.media_type) for part in parsed.parts] == [
        "application/sdp",
        "application/isup",
    ]
    assert parsed.session_description is not None
    assert parsed.session_description.media[0].port == 5000
    assert not parsed.session_description.problems


def test_what_is_packed_is_filled() -> None:
    for profile in (Profile.KEYS, Profile.PEOPLE):
        raw = with_line("Content-Encoding: gzip", "a packed secret", "application/sdp", profile)
        assert b"packed" not in raw


def test_a_message_without_secrets_is_handed_on_as_it_is() -> None:
    plain = message(b"OPTIONS sip:bob@h SIP/2.0\r\nFrom: <sip:alice@h>\r\nCSeq: 1 OPTIONS\r\n\r\n")
    assert Masker(Profile.KEYS, KEY).message(plain) is plain
    assert Masker(Profile.NONE, KEY).message(plain) is plain


def test_lines_that_are_no_fields_are_masked_whole() -> None:
    raw = with_line("alice has no colon\r\n and 1234 goes on")
    assert b"alice" not in raw
    assert b"1234" not in raw


def test_a_bare_line_feed_hides_nothing() -> None:
    raw = with_line("Max-Forwards: 70\nX: alice\rFrom: <sip:alice@h>")
    assert b"alice" not in raw


def test_what_would_be_another_message_is_withheld() -> None:
    masker = Masker(Profile.PEOPLE, KEY)
    odd = index_message(b"INVITE sip:b@h SIP/2.0\r\nCSeq: 442079460123 INVITE\r\n\r\n", FLOW, 1, 1)
    odd.cseq = 7  # as if the index had found another one
    assert masker.message(odd) is None
    assert masker.counters["messages_withheld_by_mask"] == 1


def test_call_ids_are_masked_alone_as_in_messages() -> None:
    masker = Masker(Profile.PEOPLE, KEY)
    for call_id in ("alice-1@h.example", "4420794601@pbx", "a84b4c76e66710", "Zoë@h", "x@y@z", ""):
        raw = f"BYE sip:b@h SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\n\r\n".encode()
        found = masker.message(index_message(raw, FLOW, 1, 1))
        assert found is not None
        assert masker.call_id(call_id) == found.call_id
