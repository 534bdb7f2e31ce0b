from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import TimelineChart, TimelineRows
from tqdecrypt.views import timeline as timeline_module
from tqdecrypt.views.timeline import Crowd, Timeline, at_once, ticks
from tqdecrypt.views.timeline_drawing import length
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import START, Talk, assert_snapshot, busy_call, dark, drawn, report, two_hop_call

SECOND = 10**9


def shifted(talk: Talk, seconds: float, stretch: int = 1) -> Talk:
    for message in talk.messages:
        message.time = START + (message.time - START) * stretch + int(seconds * SECOND)
    return talk


def timeline(calls: int = 0) -> Timeline:
    rows = TimelineRows()
    answered = two_hop_call()
    answered.messages[-2].time += 20 * SECOND
    answered.messages[-1].time += 20 * SECOND
    ongoing = two_hop_call()
    del ongoing.messages[-2:]
    ongoing.messages[-1].time += 12 * SECOND
    for talk in (answered, shifted(busy_call(), 6, 100), shifted(ongoing, 11)):
        rows.add_call(talk.call())
    for number in range(calls):
        rows.add_call(shifted(busy_call(str(number)), number / 4, 50).call())
    sessions = [report(3), dark(7), report(8, Verdict.NO_DATA), report(9, Verdict.PACKETS_MISSING)]
    for number, one in enumerate(sessions):
        one.started += (number * 4 - 1) * SECOND
        one.ended = one.started + 9 * SECOND
        one.roles_known = number != 3
        rows.add_session(one)
    result = rows.timeline()
    assert result is not None
    return result


def test_calls_and_sessions_on_one_axis() -> None:
    chart = TimelineChart(timeline())
    assert_snapshot("timeline-80", drawn(chart))
    assert_snapshot("timeline-120", drawn(chart, width=120))
    text = drawn(chart, ascii_only=True)
    assert text.isascii()
    assert_snapshot("timeline-ascii-80", text)


def test_as_a_picture_and_in_a_page() -> None:
    chart = TimelineChart(timeline())
    assert inside(picture(chart.svg()))
    assert_snapshot("timeline", chart.svg().replace("><", ">\n<") + "\n", ".svg")
    page = chart.html()
    words_of(page)
    assert page.count("<tr>") == 1 + 3 + 4
    assert "<style" not in page


def test_of_many_it_shows_how_many_at_once() -> None:
    chart = TimelineChart(timeline(calls=60))
    assert_snapshot("timeline-crowd-80", drawn(chart))
    assert drawn(chart, ascii_only=True).isascii()
    assert inside(picture(chart.svg()))
    assert "63 calls and 4 TLS sessions" in words_of(chart.html())


def test_nothing_has_no_time_line() -> None:
    assert TimelineRows().timeline() is None


def test_memory_is_bounded_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_module, "MOST_SPANS", 10)
    chart = TimelineChart(timeline(calls=60))
    text = drawn(chart)
    assert "63 calls" in text
    assert "and 53 more calls or sessions that are not shown." in text


def test_times_that_are_impossible_are_left_out_and_told() -> None:
    rows = TimelineRows()
    one = report()
    one.ended = 1 << 70
    rows.add_session(one)
    rows.add_session(report(4))
    result = rows.timeline()
    assert result is not None
    assert (result.unkept, result.total_sessions, len(result.sessions)) == (1, 2, 1)


def test_ticks_are_round_and_few() -> None:
    assert ticks(START, START + 16 * SECOND, 5) == [
        (START // (5 * SECOND) + n) * 5 * SECOND for n in (1, 2, 3)
    ]
    assert ticks(0, 10, 4) == [0]
    assert len(ticks(0, 10**18, 6)) <= 6


def test_lengths_have_three_digits() -> None:
    found = [length(n) for n in (17, 2_500, 42_000_000, 15_240_000_000, 9_000 * SECOND)]
    assert found == ["17 ns", "2.50 µs", "42.0 ms", "15.2 s", "2.50 h"]


SPANS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.booleans()), max_size=20)


@given(SPANS, st.integers(1, 50))
def test_how_many_at_once_is_what_counting_says(
    spans: list[tuple[int, int, bool]], slices: int
) -> None:
    crowd = Crowd(
        [min(a, b) for a, b, _ in spans], [max(a, b) for a, b, _ in spans], [c for *_, c in spans]
    )
    every, bad = at_once(crowd, 0, 1001, slices)

    def counted(only_bad: bool) -> list[int]:
        found = [0] * slices
        for a, b, is_bad in spans:
            if is_bad or not only_bad:
                for at in range(min(a, b) * slices // 1001, max(a, b) * slices // 1001 + 1):
                    found[at] += 1
        return found

    assert (every, bad) == (counted(False), counted(True))


@given(
    st.lists(st.tuples(st.integers(0, 10**14), st.integers(0, 10**14)), min_size=1, max_size=5),
    st.integers(40, 200),
    st.sampled_from(HOSTILE),
)
def test_no_line_is_wider_than_the_terminal(
    spans: list[tuple[int, int]], width: int, evil: str
) -> None:
    rows = TimelineRows()
    for number, (start, end) in enumerate(spans):
        one = report(number, client=f"{evil}:{number}")
        one.started, one.ended = start, end
        rows.add_session(one)
        talk = busy_call()
        call = talk.call()
        call.from_uri = call.to_uri = call.call_id = call.reason = evil
        call.started, call.ended = start, end
        rows.add_call(call)
    result = rows.timeline()
    assert result is not None
    chart = TimelineChart(result)
    lines = drawn(chart, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert inside(picture(chart.svg()))
    words_of(chart.html())
