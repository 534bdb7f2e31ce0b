"""All headers, and the words for a session description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import Message, header, headers, index_message, sdp_marks

from .messages import FLOW, INVITE, odd_messages


def message(*lines: str, body: str = "") -> Message:
    head = ["INVITE sip:b@example.com SIP/2.0", *lines, "", ""]
    return index_message(("\r\n".join(head) + body).encode(), FLOW, 1, 1)


def described(*lines: str, kind: str = "application/sdp") -> str:
    return sdp_marks(message(f"c: {kind}", body="".join(f"{line}\r\n" for line in lines)))


class TestHeaders:
    def test_in_order_and_unfolded(self) -> None:
        found = headers(message("Subject: one", "  two", "\tthree", "s : more", "nonsense", "X:"))
        assert found == [("Subject", "one two three"), ("s", "more"), ("X", "")]

    def test_by_any_name(self) -> None:
        call = message("i: 1@a", "Contact: <sip:a>", "m: <sip:b>")
        assert header(call, "Call-ID") == header(call, "CALL-id") == header(call, "I") == "1@a"
        assert header(call, "m") == "<sip:a>"
        assert header(call, "Via") is None

    def test_fold_below_the_start_line_belongs_to_nothing(self) -> None:
        assert headers(message(" folded", "To: a")) == [("To", "a")]

    def test_usual_message(self) -> None:
        call = index_message(INVITE, FLOW, 1, 1)
        assert len(headers(call)) == 7
        assert header(call, "max-forwards") == "70"

    @given(odd_messages())
    def test_any_message(self, raw: bytes) -> None:
        for name, value in headers(index_message(raw, FLOW, 1, 1)):
            assert name == name.strip(" \t")
            assert value == value.strip(" \t")


class TestSessionDescriptions:
    def test_secure_audio(self) -> None:
        marks = described(
            "v=0",
            "c=IN IP4 192.0.2.1",
            "m=audio 4000 RTP/SAVP 8 101",
            "a=rtpmap:101 telephone-event/8000",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
            "a=sendrecv",
        )
        expected = "SDP RTP/SAVP audio 192.0.2.1:4000 PCMA/8000 telephone-event/8000"
        assert marks == f"{expected}, crypto, sendrecv"

    def test_several_media(self) -> None:
        marks = described(
            "v=0",
            "a=fingerprint:sha-256 AA",
            "a=inactive",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "c=IN IP6 2001:db8::1",
            "a=rtpmap:111 opus/48000/2",
            "m=video 0 RTP/AVP 96",
            "m=image 49170/2 udptl t38",
            "c=IN IP4 192.0.2.9/127",
            "a=sendonly",
        )
        assert marks == (
            "SDP UDP/TLS/RTP/SAVPF audio [2001:db8::1]:9 opus/48000/2, fingerprint, inactive; "
            "RTP/AVP video refused; "
            "udptl image 192.0.2.9:49170 t38, fingerprint, sendonly"
        )

    def test_multipart(self) -> None:
        marks = described(
            "--x",
            "Content-Type: application/sdp",
            "",
            "v=0",
            "c=IN IP4 192.0.2.1",
            "m=audio 4000 RTP/AVP 0",
            "--x",
            "m=nothing",
            kind="multipart/mixed; boundary=x",
        )
        assert marks == "SDP RTP/AVP audio 192.0.2.1:4000 PCMU/8000, sendrecv"

    @pytest.mark.parametrize("kind", ["text/plain", "multipart/mixed"])
    def test_other_bodies(self, kind: str) -> None:
        assert described("hello", kind=kind) == ""

    def test_no_body(self) -> None:
        assert sdp_marks(message("c: application/sdp")) == ""

    def test_no_media(self) -> None:
        assert described("v=0", "c=") == "SDP"

    @given(st.text("mca=: 019/\r\nvPAR", max_size=80))
    def test_any_body(self, body: str) -> None:
        marks = sdp_marks(message("c: application/sdp", body=body))
        assert "\n" not in marks
