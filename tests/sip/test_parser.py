"""The full parse: every field typed, every problem named, never an exception besides Malformed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.sip import Message, ParsedMessage, index_message, parse_message
from tqdecrypt.sip import problems as problems_module
from tqdecrypt.sip.address import tag_of, uri_of
from tqdecrypt.sip.field_names import key_of, long_name
from tqdecrypt.sip.grammar import is_start_line, text

from .messages import BAD_START_LINES, FLOW, INVITE, RINGING, odd_messages, whole_messages
from .torture import CASES, SDP, Case, build

START = "INVITE sip:ben@example.org SIP/2.0"


def parsed(*lines: str, body: str = "", start: str = START, **more: object) -> ParsedMessage:
    return parse_message(build(start, *lines, body=body, **more))  # type: ignore[arg-type]


def names(message: ParsedMessage) -> list[str]:
    return [problem.name for problem in message.problems]


class TestShape:
    def test_request(self) -> None:
        message = parse_message(INVITE)
        assert (message.method, message.request_uri) == ("INVITE", "sip:bob@biloxi.example.com")
        assert (message.status, message.reason, message.version) == (None, None, "SIP/2.0")
        assert [field.long_name for field in message.fields][:3] == ["Via", "Max-Forwards", "From"]
        assert message.body == b"v=0\r\n"
        assert (message.declared_length, message.behind) == (5, 0)

    def test_response(self) -> None:
        message = parse_message(RINGING)
        assert (message.status, message.reason) == (180, "Ringing")
        assert message.uri is None

    def test_line_ends_in_front_keep_connections_open(self) -> None:
        message = parse_message(b"\r\n\r\n" + INVITE)
        assert message.start == 4
        assert message.raw[message.fields[0].offset :].startswith(b"Via:")

    def test_bare_line_feeds(self) -> None:
        message = parse_message(INVITE.replace(b"\r\n", b"\n"))
        assert message.call_id == "3848276298220188511@atlanta.example.com"
        assert "line-ends" in names(message)

    def test_values_by_any_name(self) -> None:
        message = parsed("s: one", "Subject: two")
        assert message.value("SUBJECT") == "one"
        assert message.values("s") == ["one", "two"]
        assert message.value("Organization") is None
        assert message.typed("s") == ("one", "two")

    def test_behind_the_body(self) -> None:
        message = parse_message(INVITE + b"more")
        assert message.behind == 4
        assert message.body == b"v=0\r\n"

    def test_nothing_secret_in_the_repr(self) -> None:
        message = parsed('Authorization: Digest username="a", response="0123abcd"')
        assert "0123abcd" not in f"{message!r}{message.authorizations!r}"

    def test_names(self) -> None:
        assert long_name(key_of("i"), "i") == "Call-ID"
        assert long_name(key_of("x-mine"), "x-mine") == "x-mine"
        assert key_of("\u212a") == "\u212a"


class TestTypedFields:
    def test_addresses(self) -> None:
        message = parsed(
            'Contact: "Ada, at home" <sip:ada@192.0.2.7>;q=0.5, <sip:ada@192.0.2.8>',
            "Record-Route: <sip:p2.example.com;lr>",
            "Record-Route: <sip:p1.example.com;lr>",
            "P-Asserted-Identity: <sip:+4420@example.com>, <tel:+4420>",
            start="REGISTER sip:example.com SIP/2.0",
        )
        assert [one.display_name for one in message.contacts] == ["Ada, at home", ""]
        assert [one.uri_text for one in message.record_routes] == [
            "sip:p2.example.com;lr",
            "sip:p1.example.com;lr",
        ]
        assert [one.uri.scheme for one in message.asserted_identities if one.uri] == ["sip", "tel"]
        assert message.from_ is not None
        assert message.from_.tag == "a1"
        assert not message.problems

    def test_star(self) -> None:
        message = parsed("Contact: *", "Expires: 0", start="REGISTER sip:example.com SIP/2.0")
        assert message.contacts[0].uri is None
        assert message.expires is not None
        assert message.expires.seconds == 0
        assert not message.problems

    def test_the_rest(self) -> None:
        message = parsed(
            "Session-Expires: 1800;refresher=uas",
            "Min-SE: 90",
            'Reason: Q.850;cause=16;text="Normal, clearing", SIP;cause=200',
            "Replaces: 7@a;to-tag=x;from-tag=y;early-only",
            f"Session-ID: {'a' * 32};remote={'0' * 32}",
            'P-Charging-Vector: icid-value="x 1";orig-ioi=a.example',
            "Supported: timer, 100rel",
            "Allow:",
            "Date: Sat, 13 Nov 2010 23:29:00 GMT",
            "Warning: 307 isi.example \"Session parameter 'foo' not understood\"",
            "Retry-After: 120 (in a meeting);duration=60",
            "RAck: 776656 1 INVITE",
            "RSeq: 9",
            "Event: presence;id=7",
            "Subscription-State: active;expires=60",
        )
        assert not message.problems
        assert message.session_expires is not None
        assert message.session_expires.refresher == "uas"
        assert [reason.cause for reason in message.reasons] == [16, 200]
        assert message.reasons[0].text == "Normal, clearing"
        assert message.replaces == ("7@a", "x", "y", True)
        assert message.session_id == ("a" * 32, "0" * 32)
        assert message.charging_vector is not None
        assert message.charging_vector.get("ICID-value") == "x 1"
        assert message.supported == ("timer", "100rel")
        assert message.allow == ()
        assert message.date == datetime(2010, 11, 13, 23, 29, tzinfo=UTC)
        assert message.warnings[0].code == 307
        assert message.retry_after is not None
        assert (message.retry_after.seconds, message.retry_after.duration) == (120, 60)
        assert message.retry_after.comment == "in a meeting"
        assert message.rack == (776656, 1, "INVITE")
        assert message.rseq == 9
        assert message.event is not None
        assert message.event.name == "presence"
        assert message.subscription_state is not None

    def test_credentials(self) -> None:
        message = parsed(
            'WWW-Authenticate: Digest realm="a, b", nonce="x\\"y", algorithm=SHA-256, stale=FALSE',
            "Authorization: Basic QWxhZGRpbjo=",
            start="SIP/2.0 401 Unauthorized",
        )
        (challenge,) = message.challenges
        assert challenge.parameters.get("realm") == "a, b"
        assert challenge.parameters.get("nonce") == 'x"y'
        assert message.authorizations[0].scheme == "Basic"
        assert "QWxh" not in repr(message.authorizations)
        assert not message.problems

    def test_what_cannot_be_read_is_none_and_said(self) -> None:
        message = parsed("CSeq: one INVITE", "Expires: soon", "RAck: 1", "Date: today")
        assert (message.cseq, message.expires, message.rack, message.date) == (None,) * 4
        assert {"number", "value", "date"} <= set(names(message))


class TestProblems:
    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("no colon at all", "stray-line"),
            ("Bad Name: x", "field-name"),
            ("Subject: bell \x07", "control-character"),
            ("Subject: lone \r cr", "control-character"),
            ("Via: SIP/2.0/UDP a;branch=z9hG4bK1;ttl=300", "number"),
            ("Via: SIP/2.0/UDP a;branch=z9hG4bK1;rport=99999", "port"),
            ("Via: SIP/2.0/UDP a b;branch=z9hG4bK1", "parameter"),
            ("Content-Length: +5", "content-length"),
            ("Contact: sip:a@b, sip:c@d", "contact-count"),
            ("From: <sip:ada@example.com>", "tag-missing"),
            ("From: <sip:ada@example.com;tag=1", "brackets"),
            ("Content-Type: application", "value"),
            ("Session-ID: XYZ", "uuid"),
        ],
    )
    def test_a_line(self, line: str, name: str) -> None:
        assert name in names(parsed(line, body=SDP if "Content-Type" in line else ""))

    def test_no_length_on_a_stream(self) -> None:
        over = "Via: SIP/2.0/{} a;branch=z9hG4bK1"
        for transport, wrong in (("TLS", True), ("TCP", True), ("UDP", False), ("WSS", False)):
            message = parsed(over.format(transport), without=("Content-Length",))
            assert ("content-length-missing" in names(message)) is wrong

    def test_a_body_that_nothing_names(self) -> None:
        message = parse_message(INVITE)
        assert "content-type-missing" in names(message)

    def test_header_without_its_end(self) -> None:
        message = parse_message(INVITE[: INVITE.index(b"\r\nContent-Length")])
        assert names(message)[-1] == "header-cut"
        assert message.body == b""

    def test_the_session_description_is_part_of_it(self) -> None:
        message = parsed(body=SDP.replace("c=IN IP4 192.0.2.7", "c=IN IP4 192.0.2.777"))
        (problem,) = message.problems
        assert problem.name == "sdp-address"
        assert message.raw[problem.offset :].startswith(b"c=IN")

    def test_only_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(problems_module, "MOST_PROBLEMS", 3)
        message = parsed(*["junk"] * 10)
        assert len(message.problems) == 3 + 1
        assert "And 7 more problems." in [problem.sentence for problem in message.problems]

    def test_several_parts(self) -> None:
        for kind, body, name in (
            ("multipart/mixed", "--x\r\n\r\na\r\n--x--", "boundary"),
            ("multipart/mixed;boundary=x", "nothing", "multipart"),
            ("multipart/mixed;boundary=x", "--x\r\n\r\na", "multipart"),
            ("multipart/mixed;boundary=x", "--x\r\nnonsense\r\n\r\na\r\n--x--", "multipart"),
        ):
            assert name in names(parsed(f"Content-Type: {kind}", body=body))

    def test_parts_within_parts(self) -> None:
        inner = f"--in\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--in--"
        body = (
            "--out\r\nContent-Type: multipart/alternative; boundary=in\r\n"
            f"Content-Disposition: session;handling=required\r\n\r\n{inner}\r\n--out--"
        )
        message = parsed('Content-Type: multipart/mixed; boundary="out"', body=body)
        (part,) = message.parts
        assert part.content == SDP.encode()
        assert message.session_description is not None
        assert message.session_description.media[0].port == 4000


class TestAgreesWithTheIndexPass:
    """Where a field that may stand once stands there several times, the two may choose unlike
    lines; the index pass then names one of those that stand there.
    """

    def check(self, raw: bytes) -> None:
        index = index_message(raw, FLOW, 1, 1)
        message = parse_message(raw)
        assert (message.method, message.status) == (index.method, index.status)
        assert (message.request_uri, message.reason) == (index.request_uri, index.reason)
        assert message.body_start == index.body_start
        assert index.call_id in (message.values("call-id") or [""])
        assert text(index.from_) in (message.values("from") or [""])
        assert text(index.to) in (message.values("to") or [""])
        self.check_cseq(message, index)
        self.check_address(message, "from", index.from_)
        self.check_address(message, "to", index.to)

    def check_cseq(self, message: ParsedMessage, index: Message) -> None:
        read = [(cseq.number, cseq.method) for cseq in message.typed("cseq")]
        assert (index.cseq, index.cseq_method) == (0, "") or (index.cseq, index.cseq_method) in read

    def check_address(self, message: ParsedMessage, key: str, value: bytes) -> None:
        if len(message.values(key)) != 1 or not value:
            return
        (address,) = message.typed(key)
        if not any(problem.offset == self.offset(message, key) for problem in message.problems):
            assert address.uri_text == uri_of(value)
            assert address.tag == tag_of(value)

    def offset(self, message: ParsedMessage, key: str) -> int:
        return next(field.offset for field in message.fields if field.key == key)

    @settings(max_examples=500)
    @given(odd_messages() | whole_messages())
    def test_odd_messages(self, raw: bytes) -> None:
        self.check(raw)

    @settings(max_examples=300)
    @given(
        odd_messages() | st.sampled_from([case.raw for case in CASES]), st.data(), st.integers(0, 9)
    )
    def test_damaged_messages(self, raw: bytes, data: st.DataObject, size: int) -> None:
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + size :]
        try:
            index_message(raw, FLOW, 1, 1)
        except Malformed:
            return
        self.check(raw)

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.section)
    def test_torture(self, case: Case) -> None:
        self.check(case.raw)


class TestAnyBytes:
    @settings(max_examples=300)
    @given(st.binary(max_size=200) | odd_messages(BAD_START_LINES) | odd_messages())
    def test_malformed_for_the_start_line_alone(self, raw: bytes) -> None:
        begin = len(raw) - len(raw.lstrip(b"\r\n"))
        line = raw[begin:].partition(b"\n")[0].removesuffix(b"\r")
        try:
            message = parse_message(raw)
        except Malformed as error:
            assert "line" in str(error)  # noqa: PT017 - whether it is raised is not the question
            return
        assert is_start_line(line)
        for problem in message.problems:
            assert 0 <= problem.offset <= len(raw)
            assert problem.sentence.isprintable()
        assert message.raw[message.body_start :][: len(message.body)] == message.body

    @settings(max_examples=200)
    @given(
        st.sampled_from(["Via", "Contact", "From", "Reason", "Authorization", "Session-Expires"]),
        st.text(alphabet='ab1 \t;=,"<>\\/:@[]().%*?&+', max_size=60),
    )
    def test_any_value(self, name: str, value: str) -> None:
        message = parsed(f"{name}: {value}")
        assert isinstance(message.typed(name), tuple)
        assert all(problem.sentence.isprintable() for problem in message.problems)
