from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.views.words import clean, count, date_of, duration, listed, time_of_day, user_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße, 世界", "Grüße, 世界"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("line\r\nbreak\tand tab", "line\\x0d\\x0abreak\\x09and tab"),
        ("\x7f\x85\xa0\u2028", "\\x7f\\x85\\xa0\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("[bold]no markup[/bold]", "[bold]no markup[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_becomes_an_escape(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(st.characters(codec=None)))
def test_clean_text_is_printable_and_stays_clean(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)


def test_times_are_cut_not_rounded() -> None:
    assert time_of_day(86_399_999_999_999) == "23:59:59.999"
    assert time_of_day(1_999_999_999, 6) == "00:00:01.999999"
    assert time_of_day(1_999_999_999, 0) == "00:00:01"
    assert date_of(1_773_050_400 * 10**9) == "2026-03-09"
    assert date_of(1 << 80) == "an impossible date"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59, "0:59"), (61, "1:01"), (3_661, "1:01:01"), (-5, "0:00")]
)
def test_durations_read_like_a_telephone_bill(seconds: int, text: str) -> None:
    assert duration(seconds * 10**9) == text


def test_numbers_come_with_their_noun() -> None:
    assert count(1, "call") == "1 call"
    assert count(2_000, "call") == "2,000 calls"
    assert count(0, "reply", "replies") == "0 replies"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([7], "7"), ([1, 2], "1, 2"), ([1, 2, 3, 5, 7, 8, 9], "1-3, 5, 7-9")],
)
def test_runs_are_joined(numbers: list[int], text: str) -> None:
    assert listed(numbers) == text


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:+12025550110@sip.example.com;user=phone", "+12025550110"),
        ("sips:alice:secret@example.com", "alice"),
        ("sip:example.com:5061;transport=tls", "example.com:5061"),
        ("tel:+12025550110;phone-context=x", "+12025550110"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_person_is_recognised_by_the_user_part(uri: str, user: str) -> None:
    assert user_of(uri) == user
