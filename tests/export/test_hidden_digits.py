"""Telephone events without their digits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.reading import rtp
from tqdecrypt.errors import Malformed
from tqdecrypt.export.hidden_digits import NO_EVENT, hide_digits


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=3, max_size=3)), max_size=4))
def test_only_the_codes_change(reports: list[tuple[int, bytes]]) -> None:
    plain = rtp(1, 160, payload=b"".join(bytes([code]) + rest for code, rest in reports))
    wanted = rtp(1, 160, payload=b"".join(bytes([NO_EVENT]) + rest for _, rest in reports))
    assert hide_digits(plain) == wanted


def test_it_is_found_behind_sources_and_extension_and_in_front_of_padding() -> None:
    head = b"\xb1" + rtp(1, 160)[1:12] + b"csrc" + b"\xbe\xde\x00\x01" + b"ext."
    packet = head + b"\x05\x0a\x01\x40" + b"\x00\x00\x00\x04"
    assert hide_digits(packet) == head + b"\xff\x0a\x01\x40" + b"\x00\x00\x00\x04"


@given(st.binary(max_size=40))
def test_whatever_it_is_the_length_stays(data: bytes) -> None:
    try:
        hidden = hide_digits(data)
    except Malformed:
        return
    assert len(hidden) == len(data)
    assert hidden[:12] == data[:12]
