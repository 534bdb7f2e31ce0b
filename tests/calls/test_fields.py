"""Header fields found in a hurry are those that the complete way finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls.facts import FactFields, facts_of
from tqdecrypt.calls.fields import (
    OFTEN,
    FieldNames,
    contact_of,
    fields_of,
    maybe_field,
    session_description,
    split_values,
)
from tqdecrypt.errors import Malformed
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.sip.grammar import pull_fields

from .script import sdp

FLOW = Flow("192.0.2.1:5060", "192.0.2.3:5060", "UDP", "clear")
START = "INVITE sip:bob@example.com SIP/2.0"


def message_of(*lines: str, end: str = "\r\n", body: bytes = b"") -> Message:
    raw = end.join([START, *lines, "", ""]).encode() + body
    return index_message(raw, FLOW, 1, 1)


def joined(message: Message) -> dict[bytes, bytes]:
    """The complete way."""
    found: dict[bytes, bytes] = {}
    for field in pull_fields(message.raw, message.body_start)[1]:
        values = [found[field.key], field.value] if field.key in found else [field.value]
        found[field.key] = b", ".join(values)
    return found


lines = st.builds(
    "{}{}{}".format,
    st.sampled_from(
        ["Contact", "contact", "CONTACT", "m", "M", "Reason", "Reason-X", "Via", "v", " folded", ""]
    ),
    st.sampled_from([": ", ":", " : ", ":\t", ":  ", ""]),
    st.sampled_from(["", "one", " two ", "a, b", "<sip:a@b>;c=d", "Reason: x", "\n lone", "\r x"]),
)


@given(st.lists(lines, max_size=6), st.sampled_from(["\r\n", "\n"]))
def test_equal_to_the_complete_way(some: list[str], end: str) -> None:
    try:
        message = message_of(*some, end=end)
    except Malformed:
        return
    complete = joined(message)
    assert fields_of(message) == complete
    for key in (b"contact", b"reason", b"rseq", b"via", b"session-expires"):
        assert maybe_field(message, key) == complete.get(key)


@given(st.lists(lines, max_size=5), st.lists(lines, max_size=5))
def test_equal_when_the_order_of_fields_is_known(usual: list[str], others: list[str]) -> None:
    """What is met often has a pattern of its own; what comes in between does not deceive it."""
    try:
        known, other = message_of(*usual), message_of(*others)
    except Malformed:
        return
    wanted = frozenset({b"contact", b"via", b"reason"})
    names = FieldNames(wanted)
    for message in (*(known,) * (OFTEN + 1), other, known, other):
        found = fields_of(message, names)
        complete = joined(message)
        assert {key: found.get(key) for key in wanted} == {key: complete.get(key) for key in wanted}


@pytest.mark.parametrize(
    "line", ["Contact: <sip:a@b>", "m: <sip:a@b>", "CONTACT:<sip:a@b>", "Contact:\r\n <sip:a@b>"]
)
def test_contact_in_any_spelling(line: str) -> None:
    assert contact_of(message_of("Subject: x", line)) == b"<sip:a@b>"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a, b ,c,", [b"a", b"b", b"c"]),
        (b'"x, y" <sip:a@b>, <sip:c,d@e>;f=g', [b'"x, y" <sip:a@b>', b"<sip:c,d@e>;f=g"]),
        (b'"x\\", y" <sip:a@b>, c', [b'"x\\", y" <sip:a@b>', b"c"]),
        (b'a", b', [b'a"', b"b"]),
        (b"<a, b", [b"<a", b"b"]),
        (b'"\\\\", <a,b>, "c', [b'"\\\\"', b"<a,b>", b'"c']),
    ],
)
def test_values_between_commas(value: bytes, parts: list[bytes]) -> None:
    assert split_values(value) == parts


def test_hostile_values_take_linear_time() -> None:
    for piece in (b'"', b"<", b'\\"', b'"\\', b"<>,", b'"<', b'">'):
        value = piece * (60_000 // len(piece)) + b","
        assert b"".join(split_values(value)).replace(b",", b"") == value.replace(b",", b"")


class TestSessionDescription:
    def test_alone(self) -> None:
        assert session_description(message_of(body=sdp(4000))) == sdp(4000)

    def test_in_a_multipart_body(self) -> None:
        body = (
            b"--x\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n"
            b"--x\r\nContent-Type: application/sdp\r\n\r\n" + sdp(4000) + b"--x--\r\n"
        )
        message = message_of("Content-Type: multipart/mixed;boundary=x", body=body)
        assert session_description(message) == sdp(4000)

    @pytest.mark.parametrize("body", [b"", b"hello", b"a line\nv=0\n"])
    def test_none(self, body: bytes) -> None:
        assert session_description(message_of("Content-Type: text/plain", body=body)) == b""


def test_facts() -> None:
    message = message_of(
        "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1;rport=4711;received=198.51.100.1",
        "Via: SIP/2.0/UDP pc.example.com;branch=z9hG4bK0",
        'From: "Alice" <sip:alice@example.com>;tag=a1',
        "To: <sip:bob@example.com>",
        "Contact: <sip:alice@192.0.2.1;transport=tls>",
        'P-Asserted-Identity: "Alice" <sip:+4930@example.com>, <tel:+4930>',
        "Record-Route: <sip:p2;lr>, <sip:p1;lr>",
        "Session-ID: 0123456789abcdef0123456789abcdef;remote=00000000000000000000000000000000",
        'P-Charging-Vector: icid-value="icid-1";orig-ioi=home1.net',
        "Supported: 100rel, Timer",
        "Require: precondition",
        "x: 1800;refresher=uac",
        "User-Agent: telephone 1.0",
        "Max-Forwards: 69",
        "Replaces: x@y;to-tag=1;from-tag=2",
        "b: <sip:carol@example.com>",
        "Diversion: <sip:dave@example.com>;reason=no-answer",
        "X-Call-ID: outer@a",
        "X-CID: ",
    )
    wanted = FactFields(["x-Call-Id"])
    facts = facts_of(message, fields_of(message, wanted.names), ("a1", ""), wanted)
    assert facts.request_uri == "sip:bob@example.com"
    assert (facts.from_uri, facts.from_tag) == ("sip:alice@example.com", "a1")
    assert facts.p_asserted_identity == ("sip:+4930@example.com", "tel:+4930")
    assert facts.contact == "sip:alice@192.0.2.1;transport=tls"
    assert facts.via == (
        ("192.0.2.1:5061", "198.51.100.1", "4711"),
        ("pc.example.com", "", ""),
    )
    assert facts.record_routes == 2
    assert facts.session_id == ("0123456789abcdef0123456789abcdef", "0" * 32)
    assert facts.icid == "icid-1"
    assert (facts.supported, facts.require) == (("100rel", "timer"), ("precondition",))
    assert facts.session_expires == 1800
    assert (facts.user_agent, facts.max_forwards) == ("telephone 1.0", 69)
    assert facts.replaces == "x@y;to-tag=1;from-tag=2"
    assert facts.referred_by == "sip:carol@example.com"
    assert facts.diversion == "sip:dave@example.com"
    assert facts.correlation == {"x-Call-Id": "outer@a"}
