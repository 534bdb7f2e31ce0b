"""Many delays in little room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import Delays


def delays_of(values: list[int]) -> Delays:
    delays = Delays()
    for value in values:
        delays.add(value)
    return delays


def test_nothing() -> None:
    delays = Delays()
    assert (delays.count, delays.mean, delays.quantile(0.5)) == (0, None, None)


def test_below_zero_counts_as_zero() -> None:
    assert delays_of([-5, 0]).quantile(1) == 0


@given(st.lists(st.integers(0, 10**15), min_size=1), st.floats(0, 1))
def test_quantiles_are_off_by_less_than_ten_per_cent(values: list[int], share: float) -> None:
    delays = delays_of(values)
    assert (delays.minimum, delays.maximum) == (min(values), max(values))
    assert delays.mean == pytest.approx(sum(values) / len(values))
    at = max(1, -int(-share * len(values) // 1)) - 1
    near = sorted(values)[at : at + 2]
    quantile = delays.quantile(share)
    assert quantile is not None
    assert any(0.9 * value - 1 <= quantile <= 1.1 * value + 1 for value in near)


@given(st.lists(st.integers(0, 10**12)), st.lists(st.integers(0, 10**12)))
def test_merged_is_counted_together(some: list[int], others: list[int]) -> None:
    merged = delays_of(some)
    merged.merge(delays_of(others))
    together = delays_of(some + others)
    assert (merged.count, merged.total) == (together.count, together.total)
    assert (merged.minimum, merged.maximum) == (together.minimum, together.maximum)
    assert merged.quantile(0.9) == together.quantile(0.9)
