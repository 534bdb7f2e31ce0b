from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio import RtpPayload
from tqdecrypt.media.audio.packets import pull_payload


@given(
    st.integers(0, 65_535),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 127),
    st.lists(st.integers(0, (1 << 32) - 1), max_size=15),
    st.none() | st.lists(st.integers(0, (1 << 32) - 1), max_size=3),
    st.binary(max_size=40),
    st.integers(0, 255),
)
def test_the_payload_is_what_stands_behind_the_header_and_before_the_padding(
    sequence: int,
    timestamp: int,
    kind: int,
    sources: list[int],
    extension: list[int] | None,
    payload: bytes,
    padding: int,
) -> None:
    first = 0x80 | len(sources) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    packet = struct.pack("!BBHII", first, 0x80 | kind, sequence, timestamp, 7)
    packet += b"".join(one.to_bytes(4) for one in sources)
    if extension is not None:
        packet += b"\xbe\xde" + len(extension).to_bytes(2)
        packet += b"".join(one.to_bytes(4) for one in extension)
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    assert pull_payload(packet, 5) == RtpPayload(5, 7, sequence, timestamp, kind, payload)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        found = pull_payload(data, 0)
    except Malformed:
        return
    assert found.payload in data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 12,
        b"\x80" + b"\x00" * 10,
        b"\x8f" + b"\x00" * 11,
        b"\x90" + b"\x00" * 11,
        b"\x90" + b"\x00" * 11 + b"\xbe\xde\x00\x09",
        b"\xa0" + b"\x00" * 11 + b"\x09",
    ],
)
def test_what_ends_too_soon(data: bytes) -> None:
    with pytest.raises(Malformed):
        pull_payload(data, 0)
