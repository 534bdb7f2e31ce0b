"""Session descriptions for media that is written in clear."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.export.clear_descriptions import clear_description
from tqdecrypt.export.signalling import SignallingPackets
from tqdecrypt.sip import Flow, Message, index_message

from .test_signalling import Kept

FLOW = Flow("192.0.2.1:5060", "192.0.2.2:5060", "UDP", "clear")
KEY = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


def message(
    body: bytes, kind: bytes = b"application/sdp", length: bytes | None = None, name: bytes = b""
) -> Message:
    raw = (
        b"INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
        b"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1@a\r\n"
        b"CSeq: 1 INVITE\r\nContent-Type: %s\r\n%s: %s\r\n\r\n"
        % (kind, name or b"Content-Length", b"%d" % len(body) if length is None else length)
    ) + body
    return index_message(raw, FLOW, 1, 0)


@pytest.mark.parametrize(
    ("protocol", "wanted"),
    [
        (b"RTP/SAVP", b"RTP/AVP"),
        (b"RTP/SAVPF", b"RTP/AVPF"),
        (b"UDP/TLS/RTP/SAVP", b"RTP/AVP"),
        (b"UDP/TLS/RTP/SAVPF", b"RTP/AVPF"),
    ],
)
@pytest.mark.parametrize("name", [b"Content-Length", b"l", b"content-length "])
def test_profiles_lose_their_protection_and_the_length_follows(
    protocol: bytes, wanted: bytes, name: bytes
) -> None:
    prints = b"a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n"
    body = HEAD + b"m=audio 4000 " + protocol + b" 0 8\r\n" + KEY + b"\r\n" + prints
    changed = index_message(clear_description(message(body, name=name)), FLOW, 1, 0)
    after = changed.raw[changed.body_start :]
    hidden = body.replace(b"a=crypto", b"a=x-crypto").replace(b"a=setup", b"a=x-setup")
    hidden = hidden.replace(b"a=fingerprint", b"a=x-fingerprint")
    assert after == hidden.replace(b" " + protocol + b" ", b" " + wanted + b" ")
    assert int(re.findall(rb"(?m)^(?i:content-length|l) ?: (\d+)\r", changed.raw)[0]) == len(after)


def test_what_announces_no_protection_stays_byte_for_byte() -> None:
    plain = HEAD + b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=image 5 udptl t38\r\n"
    assert clear_description(message(plain)) == message(plain).raw


def test_only_the_session_description_of_several_parts_changes() -> None:
    text = b"m=audio 4000 RTP/SAVP 0\r\n" + KEY
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + text + b"\r\n"
        b"--b\r\nContent-Type: application/sdp\r\n\r\n" + HEAD + text + b"\r\n--b--\r\n"
    )
    changed = clear_description(message(body, b"multipart/mixed;boundary=b"))
    assert changed.count(b"RTP/SAVP ") == changed.count(b"RTP/AVP ") == 1
    assert changed.index(b"RTP/SAVP ") < changed.index(b"RTP/AVP ")
    assert changed.endswith(b"\r\n--b--\r\n")
    assert b"Content-Length: %d\r\n" % (len(body) + 1) in changed


def test_text_that_looks_like_a_description_stays() -> None:
    one = message(HEAD + b"m=audio 4000 RTP/SAVP 0\r\n" + KEY, b"text/plain")
    assert clear_description(one) == one.raw


def test_a_length_that_was_wrong_stays_wrong() -> None:
    one = message(HEAD + b"m=audio 4000 RTP/SAVP 0\r\n", length=b"7")
    assert b"Content-Length: 7\r\n" in clear_description(one)


@given(
    st.binary(max_size=80).map(lambda noise: HEAD + noise)
    | st.lists(
        st.sampled_from([b"\r\n", b"\n", b"m=audio ", b"1 ", b"RTP/SAVP", b" 0", KEY, b"a=setup:"])
    ).map(lambda parts: HEAD + b"".join(parts))
)
def test_whatever_it_is_it_stays_the_same_message_and_changes_once(body: bytes) -> None:
    one = message(body)
    changed = clear_description(one)
    try:
        again = index_message(changed, FLOW, 1, 0)
    except Malformed:
        pytest.fail("no message any more")
    assert (again.method, again.call_id, again.cseq) == (one.method, one.call_id, one.cseq)
    assert clear_description(again) == changed


def test_it_is_counted_and_said_in_the_comment() -> None:
    kept = Kept()
    sink = SignallingPackets(kept, media_in_clear=True)  # type: ignore[arg-type]
    sink.message(message(HEAD + b"m=audio 4000 RTP/SAVP 0\r\n" + KEY))
    sink.message(message(HEAD + b"m=audio 4000 RTP/AVP 0\r\n"))
    sink.flush()
    changed, untouched = (comment for *_, comment in kept.packets)
    assert "session description changed" in changed
    assert "changed" not in untouched
    assert sink.counters["descriptions_changed"] == 1
