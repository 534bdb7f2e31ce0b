"""Serial numbers compare across their wrap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.wire import serial_difference

NUMBERS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (0, 0, 0),
        (5, 3, 2),
        (3, 5, -2),
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (10, 0xFFFFFFFB, 15),
        (0x7FFFFFFF, 0, 0x7FFFFFFF),
        (0x80000000, 0, -0x80000000),
    ],
)
def test_known_differences(a: int, b: int, difference: int) -> None:
    assert serial_difference(a, b) == difference


@given(NUMBERS, st.integers(-(2**31), 2**31 - 1))
def test_adding_the_difference_leads_back(b: int, difference: int) -> None:
    assert serial_difference((b + difference) % 2**32, b) == difference


@given(NUMBERS, NUMBERS)
def test_it_is_antisymmetric_but_for_opposite_numbers(a: int, b: int) -> None:
    forth, back = serial_difference(a, b), serial_difference(b, a)
    assert forth == -back or forth == back == -(2**31)
