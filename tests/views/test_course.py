from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from media.reading import talk
from media.scenes import SipCall, run, sdp
from tqdecrypt.media.association import LegMedia
from tqdecrypt.media.heard import Heard
from tqdecrypt.views.course import MOST_LINES, Course, CourseLine, Piece, columns
from tqdecrypt.views.course_drawing import CourseChart, WorstCalls, course_of
from tqdecrypt.views.words import time_of_day
from views.pages import HOSTILE, inside, picture, words_of
from views.scenes import START, assert_snapshot, drawn

SECOND = 10**9


def there() -> CourseLine:
    """A minute with a burst of loss, and jitter that rises."""
    pieces = [Piece(50, 0, 1 + at / 10, -20 if at % 7 else -127) for at in range(60)]
    pieces[30] = Piece(35, 15, 62.5, -24)
    pieces[31] = Piece(48, 2, 40.0, -24)
    return CourseLine("1001 → 2002, PCMA", START, 1.0, pieces)


def back() -> CourseLine:
    """Begins late, pauses, and nobody listened."""
    pieces = [Piece(50, 0, 2.0)] * 20 + [Piece(0, 0, 0.0)] * 10 + [Piece(50, 0, 2.0)] * 20
    return CourseLine("2002 → 1001, PCMA", START + 10 * SECOND, 1.0, pieces)


def course(*lines: CourseLine) -> Course:
    found = Course.of(lines)
    assert found is not None
    return found


def test_both_directions_of_a_call() -> None:
    chart = CourseChart(course(there(), back()))
    assert_snapshot("course-80", drawn(chart))
    assert_snapshot("course-120", drawn(chart, width=120))
    text = drawn(chart, ascii_only=True).replace("→", ">")
    assert text.isascii()
    assert_snapshot("course-ascii-80", text)


def test_as_a_picture_and_in_a_page() -> None:
    chart = CourseChart(course(there(), back()))
    assert inside(picture(chart.svg()))
    assert_snapshot("course", chart.svg().replace("><", ">\n<") + "\n", ".svg")
    words = words_of(chart.html())
    assert "Loss, jitter and level of 2 streams over time" in words
    assert "30.0 %" in words
    assert "62.5 ms" in words
    assert "not decoded" in words


def test_a_second_of_loss_is_seen_in_an_hour() -> None:
    pieces = [Piece(50, 0, 1.0)] * 3600
    pieces[1800] = Piece(25, 25, 1.0)
    loss, jitter = columns(course(line := CourseLine("x", START, 1.0, pieces)), line, 40)
    assert [value for value in loss.values if value] == [50.0]
    assert loss.worst == "most 50.0 %"
    assert jitter.worst == "most 1.0 ms"


def test_where_nothing_came_there_is_a_hole_and_not_zero() -> None:
    loss, _ = columns(course(there(), line := back()), line, 60)
    assert loss.values[5] is None
    assert loss.values[15] == 0
    assert loss.values[35] is None
    assert loss.height(5) is None


def test_all_of_a_piece_that_is_lost_is_no_hole() -> None:
    line = CourseLine("x", START, 1.0, [Piece(50, 0, 1.0), Piece(0, 50, 0.0)])
    loss, jitter = columns(course(line), line, 2)
    assert loss.values == (0, 100)
    assert jitter.values == (1.0, None)


def test_without_anything_there_is_no_picture() -> None:
    assert Course.of([]) is None
    assert Course.of([CourseLine("x", START, 1.0, [])]) is None


def test_more_streams_than_a_person_looks_at_are_counted() -> None:
    many = course(*[back()] * (MOST_LINES + 3))
    assert many.more == 3
    assert "and 3 more streams" in drawn(CourseChart(many))
    assert "and 3 more streams" in CourseChart(many).svg()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    chart = CourseChart(course(there()._replace(label=name)))
    assert inside(picture(chart.svg()))
    words_of(chart.html())


piece = st.builds(
    Piece,
    st.integers(0, 100),
    st.integers(0, 100),
    st.floats(0, 5000),
    st.none() | st.integers(-127, 0),
)
line = st.builds(
    CourseLine,
    st.text(max_size=12),
    st.integers(START, START + 10**12),
    st.sampled_from([1.0, 2.0, 64.0]),
    st.lists(piece, min_size=1, max_size=80),
)


@given(st.lists(line, min_size=1, max_size=3), st.sampled_from([40, 80, 133]))
def test_any_course_fits_any_width(lines: list[CourseLine], width: int) -> None:
    chart = CourseChart(course(*lines))
    for row in drawn(chart, width=width).splitlines()[1:]:
        assert cell_len(row) <= width
    assert inside(picture(chart.svg()))


@pytest.mark.parametrize("cells", [1, 7, 60, 200])
def test_the_worst_value_is_in_every_picture(cells: int) -> None:
    loss, jitter, level = columns(course(line := there()), line, cells)
    for measure, worst in ((loss, 30), (jitter, 62.5), (level, -20)):
        assert max(value for value in measure.values if value is not None) == worst


def test_the_calls_that_fared_worst_come_first() -> None:
    even = list(range(200))
    calls = [
        [leg("good", even)],
        [leg("holed", [at for at in even if at % 4])],
        [],
        [leg("uneven", even, [30.0 * (at % 2) for at in even])],
        [leg("silent", [])],
    ]
    for most, names in ((9, ["holed", "uneven", "good"]), (1, ["holed"])):
        worst = WorstCalls(most)
        for legs in calls:
            worst.add(legs)
        assert [legs[0].call_id for legs in worst] == names


def test_levels_stand_where_somebody_listened() -> None:
    legs = [leg("heard", range(200))]
    (line,) = (course_of(legs) or course()).lines
    assert line.label.endswith("to the callee, PCMA/8000")
    assert not line.heard
    (one,) = legs[0].streams
    one.heard = Heard(one.stream.started, range(-30, -26), -28, 4.0, 1.5, 0.0, 1.2, START, None)
    heard = course_of(legs)
    assert heard is not None
    assert [piece.level for piece in heard.lines[0].pieces] == [-30, -29, -28, -27]
    words = words_of(CourseChart(heard).html())
    assert f"38%, longest 1.20 s at {time_of_day(START, 0)}" in words


def leg(name: str, numbers: Sequence[int], delays: Sequence[float] = ()) -> LegMedia:
    """A leg whose callee was sent these packets."""
    call = SipCall(sdp("198.51.100.10", 11_000), sdp("203.0.113.20", 12_000), name)
    phone, gateway = ("198.51.100.10", 11_000), ("203.0.113.20", 12_000)
    return run(
        call, talk(numbers, delays=delays, begin=1000, source=phone, destination=gateway)
    ).leg
