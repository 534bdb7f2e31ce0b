"""Packets that are put aside come back in their order, in front of what is later."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.export.aside import PacketsAside

TIMES = st.integers(-(1 << 63), (1 << 63) - 1)
PACKETS = st.lists(st.tuples(TIMES, st.binary(max_size=40), st.text(max_size=10)), max_size=20)


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, bytes, str]] = []
        self.counters: Counter[str] = Counter()

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        self.packets.append((time, data, comment))

    def flush(self) -> None:
        """Nothing waits here."""


@given(PACKETS, st.lists(TIMES))
def test_all_come_back_in_their_order_however_they_are_asked_for(
    packets: list[tuple[int, bytes, str]], moments: list[int]
) -> None:
    kept = Kept()
    with PacketsAside() as aside:
        for packet in packets:
            aside.write(*packet)
        for moment in moments:
            aside.hand_on(kept, moment)
            waiting = packets[len(kept.packets) :]
            assert not waiting or waiting[0][0] > moment
        aside.hand_on(kept)
    assert kept.packets == packets


def test_what_has_the_same_time_stands_in_front() -> None:
    kept = Kept()
    with PacketsAside() as aside:
        for time in (5, 7, 9):
            aside.write(time, b"x")
        aside.hand_on(kept, 7)
    assert [time for time, *_ in kept.packets] == [5, 7]
