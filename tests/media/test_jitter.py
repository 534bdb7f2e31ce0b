"""The estimate of jitter: the quick way is the one of RFC 3550 appendix A.8."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.media.jitter import jitter_of, running_jitter

deviations = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=70)


@given(st.lists(st.tuples(deviations, st.floats(0, 1e4)), min_size=1, max_size=6))
def test_many_streams_at_once_are_the_same_as_one_packet_at_a_time(
    streams: list[tuple[list[float], float]],
) -> None:
    size = np.array([len(one) for one, _ in streams])
    found = running_jitter(
        np.concatenate([one for one, _ in streams]),
        np.cumsum(size) - size,
        size,
        np.array([before for _, before in streams]),
    )
    expected = [value for one, before in streams for value in jitter_of(one, before)]
    assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(deviations, st.integers(0, 70))
def test_it_does_not_matter_where_a_block_ends(one: list[float], cut: int) -> None:
    first = jitter_of(one[:cut])
    rest = jitter_of(one[cut:], first[-1] if first else 0.0)
    assert first + rest == jitter_of(one)


def test_an_example_by_hand() -> None:
    """D of 16, 0, 32 ticks: 16/16 = 1, 1 - 1/16 = 0.9375, 0.9375 + (32 - 0.9375)/16 = 2.87890625."""
    assert jitter_of([16, 0, 32]) == [1.0, 0.9375, 2.87890625]
