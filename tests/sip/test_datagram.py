"""Messages in datagrams."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import Message, parse_datagram

from .messages import INVITE, RINGING, UDP, odd_messages


def parse(data: bytes) -> tuple[Message | None, Counter[str]]:
    counters: Counter[str] = Counter()
    return parse_datagram(data, UDP, 3, 30, counters), counters


def test_one_message() -> None:
    message, counters = parse(INVITE)
    assert message is not None
    assert (message.raw, message.frame, message.time, message.flow) == (INVITE, 3, 30, UDP)
    assert not counters


def test_without_content_length_the_body_reaches_to_the_end() -> None:
    bare = INVITE.replace(b"Content-Length: 5\r\n", b"")
    message, counters = parse(bare)
    assert message is not None
    assert message.raw[message.body_start :] == b"v=0\r\n"
    assert not counters


@pytest.mark.parametrize("cut", [-2, -20, 100])
def test_cut_messages_are_kept_and_counted(cut: int) -> None:
    message, counters = parse(INVITE[:cut])
    assert message is not None
    assert message.raw == INVITE[:cut]
    assert message.method == "INVITE"
    assert counters == {"sip_truncated_messages": 1}


def test_bytes_behind_the_body_are_counted() -> None:
    message, counters = parse(INVITE + b"\x00\x00")
    assert message is not None
    assert message.raw == INVITE
    assert counters == {"sip_trailing_bytes": 2}


def test_length_that_is_no_number() -> None:
    message, counters = parse(RINGING.replace(b"Length: 0", b"Length: -9") + b"body")
    assert message is not None
    assert message.raw.endswith(b"body")
    assert counters == {"sip_bad_content_length": 1}


def test_line_ends_in_front() -> None:
    message, _ = parse(b"\r\n\r\n" + RINGING)
    assert message is not None
    assert message.raw == RINGING


def test_keep_alive() -> None:
    assert parse(b"\r\n\r\n") == (None, {"sip_keep_alives": 1})


def test_status_that_means_nothing() -> None:
    bad = RINGING.replace(b" 180 ", b" 99 ")
    assert parse(bad) == (None, {"sip_malformed_messages": 1})


def test_status_out_of_this_world_is_shown() -> None:
    message, counters = parse(RINGING.replace(b" 180 ", b" 4294967301 "))
    assert message is not None
    assert (message.status, counters) == (4294967301, {})


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x00\x00\x00", b"M-SEARCH * HTTP/1.1\r\n\r\n", b"INVITE"]
)
def test_other_datagrams(data: bytes) -> None:
    assert parse(data) == (None, {})


def test_counting_is_optional() -> None:
    assert parse_datagram(b"\r\n", UDP, 1, 1) is None


@given(st.binary(max_size=100) | odd_messages())
def test_hostile_bytes(data: bytes) -> None:
    message, _ = parse(data)
    assert message is None or message.raw in data
