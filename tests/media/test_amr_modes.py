"""Which modes of AMR a stream has, and what it is rated as."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.errors import Malformed
from tqdecrypt.media.amr_modes import AmrModes, amr_formats
from tqdecrypt.media.audio.amr import NARROW, WIDE, Layout, Modes, pull_frames
from tqdecrypt.media.impairments import impairment_of_modes
from tqdecrypt.sip.sdp_attributes import codec_of

from .audio.test_amr import frame, payload

EFFICIENT, ALIGNED = Layout(), Layout(octet_aligned=True)
LAYOUTS = st.sampled_from([EFFICIENT, ALIGNED, Layout(octet_aligned=True, checksums=True)])


def counted(payloads: Sequence[bytes], modes: Modes, layout: Layout) -> dict[int, int]:
    found = AmrModes({97: (modes, layout)})
    lead = [int.from_bytes(one[:2].ljust(2, b"\0")) for one in payloads]
    found.receive(
        np.full(len(payloads), 97, np.uint8),
        np.array(lead, np.uint16),
        np.array([len(one) for one in payloads], np.int64),
    )
    return found.packets


@given(st.sampled_from([NARROW, WIDE]), LAYOUTS, st.integers(0, 8), st.integers(1, 6))
def test_the_mode_of_each_packet_is_counted(
    modes: Modes, layout: Layout, frame_type: int, number: int
) -> None:
    made = payload([frame(frame_type, modes)] * number, modes, layout)
    speech = frame_type < len(modes.bit_rates)
    wanted = {modes.bit_rates[frame_type]: 3} if speech else {}
    assert counted([made] * 3, modes, layout) == wanted


@given(st.sampled_from([NARROW, WIDE]), LAYOUTS, st.binary(min_size=2, max_size=70))
def test_nothing_counts_that_a_decoder_would_not_take(
    modes: Modes, layout: Layout, data: bytes
) -> None:
    found = counted([data], modes, layout)
    if found:
        (rate,) = found
        frame_type = (
            data[1] >> 3 & 15 if layout.octet_aligned else int.from_bytes(data[:2]) >> 7 & 15
        )
        assert modes.bit_rates[frame_type] == rate
        if not data[1] & 0x80 and layout.octet_aligned:
            frames = pull_frames(data, modes, layout)
            assert frames[0][0] >> 3 == frame_type
    else:
        try:
            frames = pull_frames(data, modes, layout)
        except Malformed:
            return
        kinds = {one[0] >> 3 for one in frames}
        exact = payload([bytes(one) for one in frames], modes, layout)
        assert len(kinds) > 1 or min(kinds) >= len(modes.bit_rates) or len(exact) != len(data), (
            "one kind of frames, just as long as it should be, counts"
        )


def test_a_layout_other_than_the_announced_one_counts_little() -> None:
    made = [payload([frame(7)], NARROW, EFFICIENT)] * 50
    assert counted(made, NARROW, EFFICIENT) == {12_200: 50}
    assert counted(made, NARROW, ALIGNED) == {}


def test_formats_that_are_amr() -> None:
    told = {
        96: codec_of("96", "AMR/8000", ""),
        97: codec_of("97", "amr-wb/16000", "octet-align=1; mode-set=0,1,2"),
        98: codec_of("98", "AMR/8000", "interleaving=30"),
        99: codec_of("99", "opus/48000/2", ""),
    }
    assert amr_formats(told) == {96: (NARROW, EFFICIENT), 97: (WIDE, ALIGNED)}


@pytest.mark.parametrize(
    ("codec", "modes", "ie", "rated_as"),
    [
        ("AMR", {}, 5, "AMR 12.2 kbit/s"),
        ("AMR", {4_750: 10}, 21.3, "AMR 4.75 kbit/s"),
        ("AMR", {12_200: 300, 4_750: 100}, 9.1, "AMR 12.2 kbit/s (75%) and other modes"),
        ("AMR", {12_200: 10, 99: 1000}, 5, "AMR 12.2 kbit/s"),
        ("AMR-WB", {}, 0, "AMR-WB"),
        ("amr-wb", {6_600: 10}, 5.2, "AMR-WB 6.6 kbit/s"),  # 41 - (129 - 93.2)
        ("AMR-WB", {23_850: 5, 12_650: 4}, 0, "AMR-WB 23.85 kbit/s (56%) and other modes"),
        ("PCMA", {12_200: 10}, 0, "G.711 with concealment"),
    ],
)
def test_what_a_mix_of_modes_costs(
    codec: str, modes: dict[int, int], ie: float, rated_as: str
) -> None:
    found = impairment_of_modes(codec, modes)
    assert found is not None
    assert found.ie == pytest.approx(ie, abs=0.05)
    assert found.codec == rated_as
