from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tqdecrypt.media import jitter_buffer
from tqdecrypt.media.jitter_buffer import JitterBuffer, Losses, Played, unwrapped

PACKET = 20_000_000


Whole = NDArray[np.int64]


def stream(
    delays: list[float], start: int = 1_700_000_000_000_000_000
) -> tuple[Whole, Whole, Whole]:
    """Packets of 20 ms, each so many milliseconds later than its time, in the order of arrival."""
    count = len(delays)
    arrivals = start + np.arange(count) * PACKET + (np.array(delays) * 1e6).astype(np.int64)
    order = np.argsort(arrivals, kind="stable")
    return arrivals[order], (np.arange(count) * 160)[order], np.arange(count)[order]


def played(
    rows: tuple[Whole, Whole, Whole], size: float, least: float | None = None, pieces: int = 1
) -> tuple[Played, list[bool]]:
    """What a buffer makes of it, the stream cut into pieces."""
    buffer = JitterBuffer(size, least)
    late: list[bool] = []
    for arrivals, timestamps, sequence in zip(
        *(np.array_split(column, pieces) for column in rows), strict=True
    ):
        late += buffer.receive(arrivals, timestamps, sequence, 8000).tolist()
    return buffer.finish(), late


def fixed(rows: tuple[Whole, Whole, Whole], size: float) -> Played:
    return played(rows, size)[0]


def adaptive(rows: tuple[Whole, Whole, Whole], greatest: float) -> Played:
    return played(rows, greatest, jitter_buffer.LEAST_SIZE)[0]


def by_the_definition(delays: list[float], size: float, *, adapting: bool = False) -> list[bool]:
    """The same in a loop: who comes too late, in the order of arrival."""
    arrivals, timestamps, _ = stream(delays)
    transits: list[float] = []
    behind: list[float] = []
    late = []
    before = None
    for arrival, timestamp in zip(arrivals.tolist(), timestamps.tolist(), strict=True):
        if before is None:
            transits.append(0.0)
        else:
            step = (arrival - before[0]) / 1e6 - (timestamp - before[1]) * (1000 / 8000)
            transits.append(transits[-1] + (step if abs(step) <= jitter_buffer.ANEW else 0.0))
        before = arrival, timestamp
        window = jitter_buffer.WINDOW
        quickest = min(transits[-window:])
        now = size
        if adapting:
            longest = max(behind[-(window - 1) :], default=0.0)
            now = min(max(longest, jitter_buffer.LEAST_SIZE), max(size, jitter_buffer.LEAST_SIZE))
        behind.append(transits[-1] - quickest)
        late.append(behind[-1] > now)
    return late


def test_without_jitter_nothing_is_late_and_everything_waits_the_whole_size() -> None:
    result = fixed(stream([5.0] * 100), 40)
    assert result.discarded == 0
    assert result.waited == pytest.approx(40)
    assert result.before == result.after == Losses(100, 0, 0)


def test_one_packet_that_is_later_than_the_buffer_is_long_is_lost_to_the_listener() -> None:
    delays = [0.0] * 50
    delays[20] = 61
    result = fixed(stream(delays), 60)
    assert result.discarded == 1
    assert result.before.missing == 0
    assert result.after == Losses(50, 1, 1)
    assert fixed(stream(delays), 61).discarded == 0


def test_an_adaptive_buffer_learns_from_the_first_late_packet() -> None:
    delays = [0.0] * 50
    delays[20] = delays[30] = 55
    assert adaptive(stream(delays), 200).discarded == 1
    assert adaptive(stream(delays), 30).discarded == 2


def test_clocks_that_drift_apart_fill_no_buffer() -> None:
    # 100 ms in ten minutes: 167 millionths.
    delays = np.linspace(0, 100, 30_000).tolist()
    assert fixed(stream(delays), 40).discarded == 0


def test_a_slower_route_is_followed_after_the_window() -> None:
    result = fixed(stream([0.0] * 600 + [100.0] * 1200), 60)
    assert result.discarded == jitter_buffer.WINDOW - 1


def test_lost_and_late_packets_in_a_row_are_one_burst() -> None:
    arrivals, timestamps, sequence = stream([0.0] * 30)
    arrivals[12] += 70_000_000
    kept = np.array([i for i in range(30) if i not in (10, 11)])
    order = kept[np.argsort(arrivals[kept], kind="stable")]
    result = fixed((arrivals[order], timestamps[order], sequence[order]), 60)
    assert result.before == Losses(30, 2, 1)
    assert result.after == Losses(30, 3, 1)
    assert result.after.percent == pytest.approx(10)
    assert result.after.burst_ratio == pytest.approx(3 * 0.9)


def test_the_last_and_the_first_packet_count_when_they_are_late() -> None:
    delays = [0.0] * 10
    delays[9] = 500
    assert fixed(stream(delays), 60).after == Losses(10, 1, 1)


def test_duplicates_are_neither_lost_nor_counted_twice() -> None:
    arrivals, timestamps, sequence = stream([0.0] * 6)
    sequence = np.array([5, 6, 6, 8, 7, 10])
    assert fixed((arrivals, timestamps, sequence), 1000).before == Losses(6, 1, 1)


def test_a_sender_that_begins_anew_fills_no_buffer() -> None:
    arrivals, timestamps, sequence = stream([0.0] * 100)
    for shift in (-1_000_000, 1_000_000):
        anew = np.concatenate((timestamps[:50], timestamps[50:] + shift)) % (1 << 32)
        assert fixed((arrivals, anew, sequence), 40).discarded == 0


def test_an_empty_stream_has_nothing_to_say() -> None:
    nothing = np.zeros(0, np.int64)
    for least in (None, 20):
        result, late = played((nothing, nothing, nothing), 60, least)
        assert result.before == result.after == Losses(0, 0, 0)
        assert result.after.percent == 0
        assert late == []


def test_numbers_go_on_where_the_field_starts_again() -> None:
    values = np.array([65534, 65535, 1, 0, 2], np.uint16)
    assert unwrapped(values, 16).tolist() == [65534, 65535, 65537, 65536, 65538]
    assert unwrapped(np.zeros(0, np.uint16), 16).tolist() == []


delays = st.lists(st.floats(0, 300).map(lambda d: round(d, 3)), min_size=1, max_size=120)


@given(
    delays,
    st.sampled_from([0, 20, 60, 200]),
    st.booleans(),
    st.sampled_from([2, 7, 16]),
    st.integers(1, 9),
)
def test_columns_in_pieces_say_what_a_loop_says(
    late_by: list[float], size: float, adapting: bool, window: int, pieces: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jitter_buffer, "WINDOW", window)
        least = jitter_buffer.LEAST_SIZE if adapting else None
        result, late = played(stream(late_by), size, least, pieces)
        assert late == by_the_definition(late_by, size, adapting=adapting)
        assert result.discarded == sum(late)
        whole = played(stream(late_by), size, least)[0]
        assert (result.before, result.after) == (whole.before, whole.after)
        assert (result.size, result.waited) == pytest.approx((whole.size, whole.waited))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80), st.integers(1, 9))
def test_what_is_missing_is_counted_the_same_in_pieces(steps: list[int], pieces: int) -> None:
    numbers = np.arange(len(steps)) + np.array(steps)
    rows = stream([0.0] * len(steps))[:2]
    result, _ = played((*rows, numbers), 1000, None, pieces)
    known = {one for one in numbers.tolist() if one >= numbers[0]}
    missing = [one not in known for one in range(int(numbers[0]), max(known) + 1)]
    runs = sum(now and not before for before, now in zip([False, *missing], missing, strict=False))
    assert result.before == Losses(len(missing), sum(missing), runs)


@given(delays)
@settings(max_examples=50)
def test_a_longer_buffer_never_loses_more(late_by: list[float]) -> None:
    missed = [fixed(stream(late_by), size).after.missing for size in (0, 10, 40, 100, 400)]
    assert missed == sorted(missed, reverse=True)
    assert missed[-1] == 0


@given(st.lists(st.integers(-20, 20), max_size=60), st.integers(0, 65535))
def test_unwrapping_undoes_wrapping(steps: list[int], start: int) -> None:
    real = np.cumsum(np.array([start, *steps]))
    assert (unwrapped((real % 65536).astype(np.uint16), 16) == real).all()
