from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import CallLadder, Story, lay_out
from views.scenes import (
    PBX,
    SBC,
    Talk,
    assert_snapshot,
    busy_call,
    drawn,
    report,
    two_hop_call,
)

WIDTHS = st.integers(60, 200)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_call_over_two_hops(width: int) -> None:
    talk = two_hop_call()
    ladder = CallLadder(talk.story({3: report()}))
    assert_snapshot(f"ladder-two-hops-{width}", drawn(ladder, width=width))


def test_a_refused_call_between_two() -> None:
    talk = busy_call()
    assert_snapshot("ladder-busy-80", drawn(CallLadder(talk.story())))


def test_ascii_terminals_get_ascii() -> None:
    talk = two_hop_call()
    text = drawn(CallLadder(talk.story({3: report()})), ascii_only=True)
    assert text.isascii()
    assert_snapshot("ladder-ascii-80", text)


def test_the_verdict_of_its_sessions_is_told() -> None:
    talk = busy_call()
    partly = report(verdict=Verdict.PACKETS_MISSING)
    text = drawn(CallLadder(talk.story({3: partly})), width=120)
    assert "TLS session 3  192.0.2.10:41000 → 192.0.2.20:5061" in text
    assert "✗ packets missing" in text


def test_hosts_are_columns_in_order_of_appearance() -> None:
    ladder = lay_out(two_hop_call().story())
    assert [column.name for column in ladder.columns] == [
        "192.0.2.10:41000",
        "192.0.2.20:5061",
        "198.51.100.20:5060",
        "198.51.100.30:5060",
    ]
    assert [(arrow.source, arrow.destination) for arrow in ladder.arrows[:3]] == [
        (0, 1),
        (1, 0),
        (2, 3),
    ]


def test_a_host_with_several_ports_is_one_column() -> None:
    talk = busy_call()
    talk.say("BYE sip:x SIP/2.0", SBC, "192.0.2.10:5061", "9 BYE")
    columns = lay_out(Story(talk.messages)).columns
    assert [column.name for column in columns] == ["192.0.2.10:41000,5061", "192.0.2.20:5061"]


def test_a_host_that_talks_to_itself_gets_a_column_a_port() -> None:
    talk = Talk()
    talk.say("OPTIONS sip:x SIP/2.0", "127.0.0.1:40000", "127.0.0.1:5061", "1 OPTIONS")
    talk.say("SIP/2.0 200 OK", "127.0.0.1:5061", "127.0.0.1:40000", "1 OPTIONS")
    ladder = lay_out(Story(talk.messages))
    assert [column.name for column in ladder.columns] == ["127.0.0.1:40000", "127.0.0.1:5061"]
    assert [(a.source, a.destination, a.label) for a in ladder.arrows] == [
        (0, 1, "OPTIONS"),
        (1, 0, "200 OK (OPTIONS)"),
    ]


def test_one_long_reason_phrase_does_not_change_the_picture() -> None:
    talk = busy_call()
    talk.say("SIP/2.0 100 trying -- your call is important to us", SBC, PBX)
    text = drawn(CallLadder(Story(talk.messages)))
    assert "│◀─ 100 trying -- your call is… ─│" in text
    assert "─ INVITE ─" in text


def test_retransmissions_and_time_that_goes_back_are_told() -> None:
    talk = busy_call()
    first, last = talk.messages[0], talk.messages[-1]
    last.time = first.time - 2_000_000_000
    text = drawn(CallLadder(Story(talk.messages)))
    assert "ACK (again)" in text
    assert "-2.036" in text


def test_long_waits_are_told_in_minutes() -> None:
    talk = busy_call()
    talk.messages[-1].time += 7_200 * 10**9
    assert "+2:00:00" in drawn(CallLadder(Story(talk.messages)))


def test_ipv6_names_become_letters_where_they_do_not_fit() -> None:
    talk = Talk()
    talk.say(
        "OPTIONS sip:x SIP/2.0", "[2001:db8::1:2:3:4]:40000", "[2001:db8::9]:5061", "1 OPTIONS"
    )
    text = drawn(CallLadder(Story(talk.messages)), width=70)
    assert "  A  [2001:db8::1:2:3:4]:40000" in text
    assert "  B  [2001:db8::9]:5061" in text


def test_nothing_that_a_peer_sends_reaches_the_terminal() -> None:
    talk = Talk("\x1b[31mred\u202e[bold]x[/]")
    talk.say("INVITE sip:x SIP/2.0", PBX, SBC)
    talk.say("SIP/2.0 200 \x1b]0;\u200f世界e\u0301", SBC, PBX)
    text = drawn(CallLadder(talk.story()), width=120)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31mred\\u202e[bold]x[/]" in text
    assert "200 \\x1b]0;\\u200f世界e\u0301" in text


HOSTS = st.sampled_from(
    ["10.0.0.1", "192.168.100.200", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]", "127.0.0.1"]
)
ENDPOINTS = st.builds("{}:{}".format, HOSTS, st.sampled_from(["5061", "40001", "65535"]))
STARTS = st.sampled_from(
    ["INVITE sip:x SIP/2.0", "SIP/2.0 183 Session Progress", "SIP/2.0 404 " + "not " * 40 + "世界"]
)


@given(st.lists(st.tuples(STARTS, ENDPOINTS, ENDPOINTS), min_size=1, max_size=12), WIDTHS)
def test_no_line_is_wider_than_the_terminal(
    exchanges: list[tuple[str, str, str]], width: int
) -> None:
    talk = Talk()
    for start, source, destination in exchanges:
        talk.say(start, source, destination)
    text = drawn(CallLadder(Story(talk.messages)), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for message in talk.messages:
        # With many hosts in a narrow terminal the transport gives way, never the frame.
        assert re.search(rf" {message.frame}(  .*)?$", text, re.MULTILINE)
