"""The index pass: the quick way finds what the complete way finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.sip import Message, index_message
from tqdecrypt.sip import index as index_module
from tqdecrypt.sip.grammar import find_body, pull_fields
from tqdecrypt.sip.index import content_length, index_completely

from .messages import BAD_START_LINES, FLOW, INVITE, RINGING, fields_of, odd_messages


def index(raw: bytes) -> Message:
    return index_message(raw, FLOW, 7, 1_000)


def completely(raw: bytes) -> Message:
    body_start = find_body(raw)
    return index_completely(raw, len(raw) if body_start < 0 else body_start, FLOW, 7, 1_000)


def with_lines(*lines: bytes) -> bytes:
    return b"\r\n".join([b"BYE sip:b@example.com SIP/2.0", *lines, b"", b""])


class TestUsualMessages:
    def test_request(self) -> None:
        message = index(INVITE)
        assert (message.method, message.request_uri) == ("INVITE", "sip:bob@biloxi.example.com")
        assert (message.status, message.reason) == (None, None)
        assert message.call_id == "3848276298220188511@atlanta.example.com"
        assert (message.cseq, message.cseq_method) == (1, "INVITE")
        assert message.from_ == b'"Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl'
        assert message.to == b"Bob <sip:bob@biloxi.example.com>"
        assert message.branch == "z9hG4bK74bf9"
        assert message.raw[message.body_start :] == b"v=0\r\n"
        assert (message.frame, message.time, message.flow) == (7, 1_000, FLOW)

    def test_response(self) -> None:
        message = index(RINGING)
        assert (message.status, message.reason) == (180, "Ringing")
        assert (message.method, message.request_uri) == (None, None)
        assert message.branch == "z9hG4bK74bf9"

    @pytest.mark.parametrize(
        ("usual", "odd"),
        [
            (b"Call-ID: ", b"i:"),
            (b"Call-ID: ", b"CALL-ID\t: "),
            (b"CSeq: 1 INVITE", b"cseq: 1\r\n  INVITE"),
            (b"From: ", b"f: "),
            (b"From: ", b"From:\r\n\t"),
            (b"To: ", b"t:   "),
            (b"Via: ", b"v: "),
            (b";branch=", b" ; Branch = "),
            (b"INVITE sip:bob", b"INVITE   sip:bob"),
            (b"\r\n", b"\n"),
        ],
    )
    def test_other_spellings_mean_the_same(self, usual: bytes, odd: bytes) -> None:
        assert usual in INVITE
        expected, found = fields_of(index(INVITE)), fields_of(index(INVITE.replace(usual, odd)))
        for positional in ("raw", "body_start"):
            del expected[positional], found[positional]
        assert found == expected

    def test_any_order(self) -> None:
        start, *lines = INVITE.partition(b"\r\n\r\n")[0].split(b"\r\n")
        backwards = b"\r\n".join([start, *reversed(lines), b"", b""])
        assert fields_of(index(backwards))["from_"] == index(INVITE).from_
        assert index(backwards).branch == "z9hG4bK74bf9"

    def test_missing_headers_leave_fields_empty(self) -> None:
        message = index(with_lines(b"Subject: nothing else"))
        assert (message.call_id, message.cseq, message.cseq_method) == ("", 0, "")
        assert (message.from_, message.to, message.branch) == (b"", b"", "")

    def test_header_without_its_end(self) -> None:
        assert index(INVITE[:200]).branch == "z9hG4bK74bf9"

    def test_bytes_that_are_no_utf8(self) -> None:
        message = index(RINGING.replace(b"Ringing", b"L\xc3\xa4utet \xff"))
        assert message.reason == "Läutet \\xff"


class TestMemory:
    def test_tables_are_emptied_when_full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index_module, "MOST_REMEMBERED", 2)
        for number in range(200, 210):
            raw = (
                b"SIP/2.0 %d X\r\nVia: a\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: %d M\r\n"
                b"Content-Length: %d\r\n\r\n" % (number, number, number)
            )
            request = raw.replace(b"SIP/2.0 %d X" % number, b"M%d sip:a SIP/2.0" % number)
            assert (index(raw).status, index(raw).cseq) == (number, number)
            assert index(request).method == f"M{number}"
            assert content_length(raw, 0, len(raw)) == number


class TestTopmostVia:
    def test_another_spelling_above(self) -> None:
        message = index(with_lines(b"v: SIP/2.0/TLS top;branch=1", b"Via: SIP/2.0/TLS x;branch=2"))
        assert message.branch == "1"

    def test_record_route_above(self) -> None:
        raw = INVITE.replace(b"Via", b"Record-Route: <sip:p;lr>\r\nVia")
        assert index(raw).branch == "z9hG4bK74bf9"

    def test_two_in_one_line(self) -> None:
        assert index(with_lines(b"Via: SIP/2.0/UDP a, SIP/2.0/UDP b;branch=2")).branch == ""
        assert index(with_lines(b"Via: SIP/2.0/UDP a;branch=1,SIP/2.0/UDP b")).branch == "1"

    def test_quoted(self) -> None:
        assert index(with_lines(b'Via: SIP/2.0/UDP a;x=",;branch=0";branch=1')).branch == "1"


class TestQuickEqualsComplete:
    @settings(max_examples=500)
    @given(odd_messages())
    def test_odd_messages(self, raw: bytes) -> None:
        assert fields_of(index(raw)) == fields_of(completely(raw))
        assert fields_of(index(raw)) == fields_of(completely(raw))  # from what was remembered, too

    @settings(max_examples=300)
    @given(odd_messages(), st.data())
    def test_damaged_messages(self, raw: bytes, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + 1 :]
        try:
            expected = fields_of(completely(raw))
        except Malformed:
            with pytest.raises(Malformed):
                index(raw)
        else:
            assert fields_of(index(raw)) == expected

    def test_a_carriage_return_at_the_very_end(self) -> None:
        """A header that two bare line feeds end, and a value behind them."""
        raw = b"SIP/2.0 200 OK\r\nVia: a;branch=b\n\nc\r\n"
        assert index(raw).branch == completely(raw).branch

    @settings(max_examples=200)
    @given(odd_messages())
    def test_content_length(self, raw: bytes) -> None:
        body_start = find_body(raw)
        _, found = pull_fields(raw, body_start)
        lengths = [field for field in found if field.key == b"content-length"]
        lengths.sort(key=lambda field: field.canonical and field.name == b"Content-Length")
        expected = None
        if lengths:
            value = lengths[-1].value.partition(b"\r")[0].strip()
            expected = int(value) if value.isdigit() else -1
        assert content_length(raw, 0, body_start) == expected
        assert content_length(b"before" + raw, 6, body_start + 6) == expected

    @given(st.binary(max_size=80) | odd_messages(BAD_START_LINES))
    def test_malformed_is_the_only_exception(self, raw: bytes) -> None:
        with pytest.raises(Malformed, match=r"expected a (request|status) line"):
            index(raw)
