"""Messages about somebody, in every place where one can be named."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tqdecrypt.masking import Masker, Profile
from tqdecrypt.sip import Flow, Message, index_message

FLOW = Flow("192.0.2.1:5061", "192.0.2.2:5061", "TLS", "verified", 1)
KEY = bytes(range(32))

HEADERS = (
    'From: "{name}" <sip:{number}@192.0.2.9;user=phone>;tag=1',
    "f:{name}<sip:{user}:{password}@atlanta.example.com>;tag={number}",
    "From: sip:{number};phone-context=example.com@pbx.example.net ; tag=9",
    "To: <tel:{separated};phone-context=+44>",
    "t: <sips:{escaped}@192.0.2.2:50610>",
    "Contact: {name} <sip:{number}@10.0.0.7:50123;transport=tls>;expires=86400;q=0.5",
    'm: <sip:{user}@phone.example.com>\r\n ;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"',
    'P-Asserted-Identity: "{name}" <sip:{number}@ims.example.net>, <tel:{number}>',
    "P-Preferred-Identity: <tel:{separated}>",
    'Remote-Party-ID: "{number}" <sip:{number}@pbx.example.net>;party=calling;screen=yes;privacy=off',
    "Diversion: <sip:{number}@gw.example.net>;reason=user-busy;counter=1",
    "History-Info: <sip:{number}@a.example.net?Reason=SIP%3Bcause%3D302>;index=1, <sip:{user}@b>;index=1.1",
    'Referred-By: <sip:{user}@example.com>;cid="20398823.{number}@example.com"',
    "Refer-To: <sip:{number}@example.com?Replaces={number}%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    "Reply-To: {name} <sip:{user}@example.com>",
    "Route: <sip:{number}@proxy.example.net;lr>,<sip:p2.example.net;lr>",
    "Record-Route: <sip:192.0.2.2;lr;ftag=as1;did={number}>",
    "Call-ID: {number}-1@pbx.example.net",
    "i: {user}.{number}.77@10.1.2.3",
    "In-Reply-To: {number}@pbx",
    "Replaces: {number}@pbx;to-tag=t{number};from-tag=f",
    "Via: SIP/2.0/UDP pbx.example.net:50610;branch=z9hG4bK{number};received=192.0.2.77;rport=50610",
    "Subject: {name} called from {separated}",
    "s: {number}",
    'Reason: Q.850;cause=17;text="{number} is busy"',
    'Warning: 399 pbx.example.net "call to {number} refused"',
    "User-Agent: Phone 4.2.1 of {number}",
    "Call-Info: <http://www.example.com/{user}/{number}.jpg>;purpose=icon",
    "Alert-Info: <sip:{number}@ring.example.com>;info=alert-internal",
    'Authorization: Digest username="{number}", realm="example.com", nonce="6f1a", '
    'uri="sip:{number}@example.com", response="{secret}", cnonce="{secret}"',
    "User-to-User: {number};encoding=hex",
    "X-Original-Caller: {number}",
    "X-Caller-Name: {name}",
    "X-Note: {name} <sip:{user}@example.com>",
    "P-Charging-Vector: icid-value={number}.1;orig-ioi=home1.net",
    "P-Called-Party-ID: sip:{number}@ims.example.net",
    "P-Served-User: <sip:{user}@ims.example.net>; sescase=orig",
    "P-Access-Network-Info: 3GPP-UTRAN-TDD; utran-cell-id-3gpp={number}",
    "Geolocation: <sips:{number}@geo.example.com>",
    "{name} is no header field {number}",
    " {number} continues it",
)
BODIES = (
    ("", ""),
    (
        "application/sdp",
        "v=0\r\no={user} 1 1 IN IP4 192.0.2.1\r\ns=Call of {number}\r\np={separated}\r\n"
        "e={user}@example.com ({name})\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 50000 RTP/SAVP 0\r\n"
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{sdes}|2^20|1:4\r\na=ice-pwd:{secret}\r\n"
        "a=X-caller:{number}\r\n",
    ),
    ("text/plain", "Call {name} at {separated}, code 1234\r\n"),
    ("text/vcard", "BEGIN:VCARD\r\nFN:{name}\r\nTEL:{number}\r\nEND:VCARD\r\n"),
    (
        "application/pidf+xml",
        '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
        'entity="pres:{user}@example.com"><tuple id="a1"><status><basic>open</basic></status>'
        "<contact>tel:{number}</contact><note>{name} is out</note></tuple></presence>",
    ),
    (
        "application/dialog-info+xml",
        '<dialog-info version="0" state="full" entity="sip:{number}@example.com">'
        '<dialog id="{number}" call-id="{number}-1@pbx.example.net" direction="initiator">'
        '<state>confirmed</state><local><identity display="{name}">sip:{number}@x</identity></local>'
        "</dialog></dialog-info>",
    ),
    ("message/sipfrag", "SIP/2.0 200 OK\r\nTo: <sip:{number}@example.com>;tag=1\r\n"),
    (
        "application/simple-message-summary",
        "Message-Account: sip:{number}@x\r\nVoice-Message: 1/0\r\n",
    ),
    ("application/vq-rtcpxr", "CallID:{number}@x\r\nLocalID:{name} <sip:{number}@x>\r\n"),
    ("application/json", '{{"caller":"{number}","name":"{name}","n":4}}'),
    ("application/isup", "\x01\x02{number}\x00"),
    ("", "{name} {number}"),
)


@dataclass(frozen=True)
class Person:
    """Somebody who must not be recognised."""

    digits: str
    prefix: str
    name: str
    user: str
    secret: str

    @property
    def fillings(self) -> dict[str, str]:
        number = self.prefix + self.digits
        return {
            "number": number,
            "separated": f"{number[:-6]}-{number[-6:-3]}.{number[-3:]}",
            "escaped": number.replace("+", "%2B"),
            "name": self.name,
            "user": self.user,
            "password": f"p{self.secret}",
            "secret": self.secret,
            "sdes": (self.secret + "A" * 40)[:40],
        }


PERSONS = st.builds(
    Person,
    st.text("0123456789", min_size=6, max_size=15).filter(lambda digits: len(set(digits)) > 2),
    st.sampled_from(["+", "00", "0", ""]),
    st.sampled_from(["Zebedee Quux", "Zoë Quux-Ångström", "QUUX, Z."]),
    st.sampled_from(["zebedee.quux", "Zebedee_77", "quux+home"]),
    st.text("0123456789abcdef", min_size=24, max_size=32),
)


def raw_message(person: Person, start: str, headers: list[str], body: tuple[str, str]) -> bytes:
    """Return a message with a person in it."""
    fillings = person.fillings
    kind, content = body[0], body[1].format(**fillings).encode()
    lines = [start.format(**fillings), *(header.format(**fillings) for header in headers)]
    lines.append("CSeq: 1 INVITE")
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def message(raw: bytes) -> Message:
    return index_message(raw, FLOW, 7, 1_700_000_000_000_000_000)


def masked(raw: bytes, profile: Profile = Profile.PEOPLE) -> bytes:
    """Return the message that becomes of *raw*."""
    found = Masker(profile, KEY).message(message(raw))
    assert found is not None
    return found.raw
