from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.amr import (
    NARROW,
    NO_DATA,
    WIDE,
    Layout,
    Modes,
    layout_of,
    pull_frames,
)

EFFICIENT = Layout()
ALIGNED = Layout(octet_aligned=True)


def frame(frame_type: int, modes: Modes = NARROW, ones: int = 0b1011) -> bytes:
    """A frame in the storage format with a pattern in it."""
    bits = modes.bits[frame_type]
    octets = (bits + 7) // 8
    value = sum(1 << i for i in range(bits) if ones >> (i % 4) & 1)
    return bytes([frame_type << 3 | 4]) + (value << (8 * octets - bits)).to_bytes(octets)


def payload(frames: list[bytes], modes: Modes, layout: Layout) -> bytes:
    """RFC 4867, written down from its figures, bit by bit."""
    bits = "1111"
    if layout.octet_aligned:
        bits += "0000"
    for i, one in enumerate(frames):
        more = "1" if i + 1 < len(frames) else "0"
        bits += more + f"{one[0] >> 3 & 15:04b}" + str(one[0] >> 2 & 1)
        if layout.octet_aligned:
            bits += "00"
    if layout.checksums:
        bits += "10101010" * sum(1 for one in frames if len(one) > 1)
    for one in frames:
        speech = "".join(f"{octet:08b}" for octet in one[1:])
        if layout.octet_aligned:
            bits += speech
        else:
            bits += speech[: modes.bits[one[0] >> 3 & 15]]
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def test_a_packet_of_one_frame_bandwidth_efficient() -> None:
    # RFC 4867 section 4.3.5.1: 5.9 kbit/s, 118 bits: 4 + 6 + 118 = 128, no padding.
    data = payload([frame(2)], NARROW, EFFICIENT)
    assert len(data) == 16
    assert data[0] >> 4 == 15
    assert pull_frames(data, NARROW, EFFICIENT) == [frame(2)]


def test_a_lost_frame_is_no_data() -> None:
    data = payload([bytes([14 << 3]), frame(8, WIDE)], WIDE, ALIGNED)
    assert pull_frames(data, WIDE, ALIGNED) == [bytes([NO_DATA << 3]), frame(8, WIDE)]


@given(
    st.sampled_from([NARROW, WIDE]),
    st.sampled_from([EFFICIENT, ALIGNED, Layout(octet_aligned=True, checksums=True)]),
    st.data(),
)
def test_frames_come_out_as_they_went_in(modes: Modes, layout: Layout, data: st.DataObject) -> None:
    kinds = st.sampled_from([kind for kind in modes.bits if kind != 14])
    wanted = [
        frame(kind, modes, data.draw(st.integers(1, 15)))
        for kind in data.draw(st.lists(kinds, min_size=1, max_size=6))
    ]
    assert pull_frames(payload(wanted, modes, layout), modes, layout) == wanted


@given(st.binary(max_size=80), st.sampled_from([NARROW, WIDE]), st.booleans(), st.booleans())
def test_any_bytes_are_frames_or_malformed(
    data: bytes, modes: Modes, aligned: bool, checksums: bool
) -> None:
    try:
        frames = pull_frames(data, modes, Layout(aligned, checksums))
    except Malformed:
        return
    for one in frames:
        assert len(one) == 1 + (modes.bits[one[0] >> 3] + 7) // 8


@pytest.mark.parametrize(
    ("parameters", "layout"),
    [
        ("", EFFICIENT),
        ("mode-set=7;octet-align=0", EFFICIENT),
        ("octet-align=1; mode-set=0,2,4,7", ALIGNED),
        ("crc=1", Layout(octet_aligned=True, checksums=True)),
    ],
)
def test_parameters_say_the_layout(parameters: str, layout: Layout) -> None:
    assert layout_of(parameters) == layout


@pytest.mark.parametrize("parameters", ["octet-align=1;interleaving=30", "robust-sorting=1"])
def test_what_is_not_in_order_is_not_guessed_at(parameters: str) -> None:
    with pytest.raises(Malformed):
        layout_of(parameters)
