"""What legs have in common, read from their session descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls.joint_call import Reason
from tqdecrypt.calls.likeness import description_text, in_any_order, in_usual_order, reason_of

from .script import sdp

LINES = st.sampled_from(
    [
        b"v=0",
        b"o=- 1 2 IN IP4 192.0.2.1",
        b"o=a b c d e f g",
        b"o=broken",
        b"s=-",
        b"s= m=audio 1 c=IN IP4 x",
        b"t=0 0",
        b"b=AS:64",
        b"c=IN IP4 192.0.2.1/127",
        b"c=IN IP6 2001:db8::1",
        b"c=IN",
        b"m=audio 4000 RTP/AVP 8",
        b"m=audio 4000/2 RTP/AVP 8",
        b"m=audio",
        b"a=sendrecv",
        b"",
    ]
)


@given(
    st.lists(LINES, max_size=8),
    st.sampled_from([b"\r\n", b"\n", b"\r"]),
    st.booleans(),
)
def test_the_usual_order_says_what_any_order_does(
    lines: list[bytes], end: bytes, begins_well: bool
) -> None:
    if begins_well:
        lines = [b"v=0", b"o=- 1 2 IN IP4 192.0.2.1", b"s=-", b"c=IN IP4 192.0.2.1", *lines]
    body = end.join([*lines, b""])
    assert in_usual_order(body) in (None, in_any_order(body))


def test_ordinary_descriptions_are_in_their_usual_order() -> None:
    """Otherwise the property above would say nothing."""
    assert in_usual_order(sdp(4000)) == (b"o=- 1 1 IN IP4 192.0.2.1", b"192.0.2.1", b"4000")


@pytest.mark.parametrize(
    ("mark", "reason", "words"),
    [
        (b"o=- 1 1 IN IP4 192.0.2.1", Reason.DESCRIPTION, "o=- 1 1 IN IP4 192.0.2.1"),
        (b"m=192.0.2.1:4000", Reason.MEDIA, "192.0.2.1:4000"),
        (b"m=2001:db8::1:4000", Reason.MEDIA, "[2001:db8::1]:4000"),
    ],
)
def test_marks_in_words(mark: bytes, reason: Reason, words: str) -> None:
    assert reason_of(mark) is reason
    assert description_text(mark) == words


def test_a_number_is_a_mark_too() -> None:
    assert reason_of("301234567") is Reason.NUMBERS
