"""A stream is found by its ends, its SSRC and the frame, since calls may have the same of the first two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.media.by_frame import ByFrame


def test_each_frame_belongs_to_the_stream_that_it_is_in() -> None:
    found: ByFrame[str, str] = ByFrame()
    found.add("ssrc", 50, 90, "second")
    found.add("ssrc", 1, 40, "first")
    found.add("other", 1, 90, "another")
    assert [found.at("ssrc", frame) for frame in (1, 40, 45, 50, 91)] == [
        "first", "first", None, "second", None,
    ]  # fmt: skip
    assert [found.near("ssrc", frame) for frame in (0, 45, 50, 91)] == [
        "first", "first", "second", "second",
    ]  # fmt: skip
    assert found.at("nobody", 1) is found.near("nobody", 1) is None


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12, unique=True), st.integers(0, 60))
def test_near_is_the_last_that_began(begins: list[int], frame: int) -> None:
    found: ByFrame[int, int] = ByFrame()
    for begin in begins:
        found.add(0, begin, begin, begin)
    before = [begin for begin in begins if begin <= frame]
    assert found.near(0, frame) == (max(before) if before else min(begins))
