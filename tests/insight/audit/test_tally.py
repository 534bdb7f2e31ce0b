"""A tally counts like a table, as long as there are not too many values."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.insight.audit.tally import MOST_VALUES, Tally

words = st.lists(st.text(max_size=2), max_size=40)


@given(words, words)
def test_it_counts_as_a_counter_does(some: list[str], others: list[str]) -> None:
    tally, more = Tally(), Tally()
    for value in some:
        tally.add(value)
    for value in others:
        more.add(value)
    tally.merge(more)
    expected = Counter(some + others)
    assert tally.as_dict() == dict(expected)
    assert (len(tally), tally.total) == (len(expected), expected.total())
    assert all(value in tally and tally[value] == count for value, count in expected.items())
    assert [tally[value] for value in tally] == sorted(expected.values(), reverse=True)


def test_what_most_have_is_commonest() -> None:
    tally = Tally()
    for value, count in (("a", 2), ("b", 3)):
        tally.add(value, count)
    assert (tally.commonest, tally.share("b")) == ("b", 0.6)
    tally.add("a")
    assert tally.commonest is None
    assert Tally().commonest is None


def test_too_many_values_are_counted_together() -> None:
    tally = Tally()
    for number in range(MOST_VALUES + 10):
        tally.add(str(number))
    assert (len(tally), tally.others, tally.total) == (MOST_VALUES, 10, MOST_VALUES + 10)
    assert tally.as_dict()["(others)"] == 10
