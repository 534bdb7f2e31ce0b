from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.pipeline import Summary
from tqdecrypt.views import FullMessage, SummaryLines, message_line
from tqdecrypt.views.message import start_line
from tqdecrypt.views.summary import size
from tqdecrypt.views.syntax import lines_of
from tqdecrypt.views.words import clean
from views.pages import HOSTILE, words_of
from views.scenes import PBX, SBC, Talk, assert_snapshot, busy_call, drawn, two_hop_call


def test_a_message_whole() -> None:
    assert_snapshot("message-80", drawn(FullMessage(busy_call().messages[0])))


def test_control_and_direction_characters_are_shown_not_obeyed() -> None:
    talk = Talk()
    message = talk.say("MESSAGE sip:x SIP/2.0", PBX, SBC, "1 MESSAGE")
    message.raw += b"\x1b[31m\xe2\x80\xae[bold]\xff\x00\tend\r"
    text = drawn(FullMessage(message))
    assert "\\x1b[31m\\u202e[bold]\\xff\\x00    end\n" in text


def test_a_message_in_a_page() -> None:
    message = busy_call().messages[0]
    page = FullMessage(message, {2: "no tag"}).html()
    assert_snapshot("message", page + "\n", ".html")
    assert "SIP/2.0/TLS a;branch=" in words_of(page)


def test_every_part_looks_its_own_way() -> None:
    message = busy_call().messages[0]
    pieces = [(p.part, p.text) for line in lines_of(message) for p in line.pieces]
    assert pieces[:5] == [
        ("start", "INVITE "),
        ("uri", "sip:+12025550110@sip.example.com"),
        ("start", " SIP/2.0"),
        ("name", "Via:"),
        ("value", " SIP/2.0/TLS a;"),
    ]
    assert ("uri", "sip:+442079460103@pbx.example.net") in pieces
    assert ("parameter", "tag") in pieces
    assert ("description", "m=") in pieces


def test_lines_that_are_no_header_field_are_marked() -> None:
    message = busy_call().messages[1]
    message.raw = message.raw.replace(b"\r\nCSeq", b"\r\nnonsense\r\n\tfolded: <sip:a@b>\r\nCSeq")
    message.body_start = len(message.raw)
    lines = {line.text: line.problem for line in lines_of(message)}
    assert lines["nonsense"] == "not a header field"
    assert not lines["    folded: <sip:a@b>"]
    text = drawn(FullMessage(message, {1: "\x1b[2J"}))
    assert "nonsense\n  ✗ not a header field\n" in text
    assert "  ✗ \\x1b[2J\n" in text
    page = FullMessage(message).html()
    assert "<mark>nonsense</mark>" in page


@pytest.mark.parametrize("evil", [*HOSTILE, '"' * 9, '\\"' * 9, "<" * 9, ";;;==<>;a"])
def test_hostile_messages_harm_no_page(evil: str) -> None:
    message = Talk().say("MESSAGE sip:x SIP/2.0", PBX, SBC, "1 MESSAGE")
    body = evil.encode("utf-8", "surrogatepass")
    message.raw = message.raw.replace(b"<sip:", body + b"<sip:") + body
    words_of(FullMessage(message, {0: evil}).html())
    assert all(line.isprintable() for line in drawn(FullMessage(message)).splitlines())


@given(st.binary(max_size=200))
def test_every_character_is_in_exactly_one_piece(garbage: bytes) -> None:
    message = Talk().say("MESSAGE sip:x SIP/2.0", PBX, SBC, "1 MESSAGE")
    message.raw = message.raw[: message.body_start - 2] + garbage + b"\r\n\r\n" + garbage
    shown = [line.text for line in lines_of(message)]
    text = message.raw.decode("utf-8", "backslashreplace")
    lines = text.split("\n") if not text.endswith("\n") else text.split("\n")[:-1]
    assert shown == [clean(one.removesuffix("\r").replace("\t", "    ")) for one in lines]
    words_of(FullMessage(message).html())


def test_a_line_a_message() -> None:
    lines = [message_line(message) for message in two_hop_call().messages]
    assert lines[0] == (
        "10:00:00.123456 192.0.2.10:41000 -> 192.0.2.20:5061 TLS  "
        "INVITE  3848276298220188511@pbx.example.net"
    )
    assert "UDP  180 Ringing  " in lines[3]
    assert "200 OK (BYE)" in lines[-1]


def test_a_line_stays_a_line() -> None:
    message = Talk("a\x1bb").say("SIP/2.0 200 \x85\u2028", PBX, SBC)
    assert message_line(message).isprintable()
    message.call_id = ""
    assert message_line(message).endswith("(no Call-ID)")


def test_start_lines_of_odd_messages() -> None:
    message = Talk().say("SIP/2.0 200", PBX, SBC, "nonsense")
    assert start_line(message) == "200"
    message.status, message.method = None, None
    assert start_line(message) == "?"


def test_the_summary_leaves_zeros_out() -> None:
    summary = Summary(packets=235, bytes=95_993, sessions=8, decrypted_sessions=6, messages=59)
    summary.counters = {"calls_evicted": 0, "flows_evicted": 1_200, "connections": 8}
    summary.others = {"options": 30, "registrations": 1_000, "messages": 0}
    summary.problems = ["x.pcap ends in the middle of a packet \x1b."]
    assert drawn(SummaryLines(summary), width=120) == (
        "Read 235 packets (96.0 kB): 59 SIP messages, 0 calls, 8 TLS sessions (6 decrypted).\n"
        "Call-IDs beside the calls: OPTIONS 30, registrations 1,000.\n"
        "Counted: flows evicted 1,200.\n"
        "x.pcap ends in the middle of a packet \\x1b.\n"
    )
    assert "ends in the middle" not in drawn(SummaryLines(summary, ()))


def test_sizes_have_three_digits_that_count() -> None:
    assert [size(n) for n in (0, 1, 999, 1_000, 95_993, 999_499, 999_500, 173_000_000)] == [
        "0 bytes", "1 byte", "999 bytes", "1.00 kB", "96.0 kB", "999 kB", "1.00 MB", "173 MB",
    ]  # fmt: skip
