"""Telling SIP from first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.sip import looks_like_sip

from .messages import INVITE, RINGING


@pytest.mark.parametrize(
    "data",
    [
        INVITE,
        RINGING,
        b"\r\n\r\n" + INVITE,
        b"NOTIFY sips:a@example.com SIP/2.0\n",
        b"INVITE tel:+12025550100",
        b"x.Y-z SIP:a@example.com SIP/2.0\r\n",
        b"SIP/2.0 200",
    ],
)
def test_sip(data: bytes) -> None:
    assert looks_like_sip(data) is True


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /index.html HTTP/1.1\r\n",
        b"OPTIONS rtsp://example.com RTSP/1.0\r\n",
        b"INVITE sip:a@example.com HTTP/1.1\r\n",
        b"SIP/2.0 20000000000",
        b"SIP/3.0",
        b"220 mail.example.com ESMTP\r\n",
        b"A" * 40,
        b"\r\n\x00",
    ],
)
def test_something_else(data: bytes) -> None:
    assert looks_like_sip(data) is False


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"S", b"SIP/2.0 ", b"SIP/2.0 18", b"INV", b"ACK si"]
)
def test_too_short_to_tell(data: bytes) -> None:
    assert looks_like_sip(data) is None


@given(st.sampled_from([INVITE, RINGING, b"\r\n" + INVITE]), st.integers(0, 120))
def test_no_prefix_of_sip_is_told_to_be_something_else(message: bytes, size: int) -> None:
    assert looks_like_sip(message[:size]) is not False


@given(st.binary(max_size=40), st.integers(0, 40))
def test_what_was_told_once_stays(data: bytes, size: int) -> None:
    if looks_like_sip(data[:size]) is False:
        assert looks_like_sip(data) is False
