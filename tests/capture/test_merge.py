"""Several captures as one, in time order as mergecap has it."""

from __future__ import annotations

import itertools
import random
import resource
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.capture import open_captures

from .writer import COMPRESSIONS, Record, Section, feeding, pcap, read, stored


def as_mergecap(captures: Sequence[Sequence[Record]]) -> list[Record]:
    """Return the packets in order: always from the capture whose next packet is the earliest.

    The one named last wins a tie.
    """
    left = [list(capture) for capture in reversed(captures)]
    merged = []
    while any(left):
        first = min((c for c in left if c), key=lambda capture: capture[0].time)
        merged.append(first.pop(0))
    return merged


def write(folder: Path, captures: Sequence[Sequence[Record]]) -> list[Path]:
    """Write each capture in another form."""
    paths = []
    for number, records in enumerate(captures):
        path = folder / f"{number}.pcap"
        data = pcap(records, dialect="ns", link_type=number)
        if number % 3 == 1:
            section = Section(">").interface(link_type=number, resolution=9)
            for record in records:
                section.enhanced(record.time, record.data, length=record.length)
            data = bytes(section)
        elif number % 3 == 2:
            data = COMPRESSIONS["zstd frames"](data)
        path.write_bytes(data)
        paths.append(path)
    return paths


def numbered(*captures: Sequence[int]) -> list[list[Record]]:
    """Return captures with packets of these times; each packet can be told from all others."""
    number = itertools.count()
    return [[stored(next(number), time) for time in times] for times in captures]


def test_interleaved_packet_by_packet(tmp_path: Path) -> None:
    captures = numbered(range(0, 30_000, 3), range(1, 30_000, 3), range(2, 30_000, 3))
    result = read(*write(tmp_path, captures))
    assert result.times == list(range(30_000))
    assert result.records == as_mergecap(captures)
    assert [interface.link_type for interface in result.interfaces] == [0, 1, 2] * 10_000


def test_one_behind_the_other_whatever_their_order(tmp_path: Path) -> None:
    captures = numbered(range(2000, 3000), range(1000), range(1000, 2000))
    assert read(*write(tmp_path, captures)).times == list(range(3000))


def test_a_capture_is_not_sorted_within_itself(tmp_path: Path) -> None:
    captures = numbered([10, 3, 11], [5, 8, 10, 12])
    assert read(*write(tmp_path, captures)).times == [5, 8, 10, 10, 3, 11, 12]


def test_the_last_named_wins_a_tie_even_across_windows(tmp_path: Path) -> None:
    captures = numbered([7] * 60_000, [7] * 60_000)
    assert read(*write(tmp_path, captures)).numbers == [*range(60_000, 120_000), *range(60_000)]


@given(st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=4))
def test_merging_is_a_stable_sort_by_the_latest_time_of_each_capture(
    tmp_path_factory: pytest.TempPathFactory, times: list[list[int]]
) -> None:
    captures = numbered(*times)
    keys = [
        (latest, -number, place)
        for number, capture in enumerate(times)
        for place, latest in enumerate(itertools.accumulate(capture, max))
    ]
    expected = [captures[-number][place] for _, number, place in sorted(keys)]
    assert expected == as_mergecap(captures)
    with pytest.MonkeyPatch.context() as patch:
        # Windows of a few packets, so that every border between them is met.
        patch.setattr("tqdecrypt.capture.source.FIRST_WINDOW", 64)
        patch.setattr("tqdecrypt.capture.source.WINDOW", 90)
        result = read(*write(tmp_path_factory.mktemp("merge"), captures))
    assert result.records == expected
    assert result.problems == []


def test_damaged_and_missing_captures_among_others(tmp_path: Path) -> None:
    captures = numbered(range(0, 100, 2), range(1, 100, 2), range(50, 60))
    paths = write(tmp_path, captures)
    paths[0].write_bytes(paths[0].read_bytes()[: 24 + 20 * 20 + 5])
    result = read(paths[0], tmp_path / "none.pcap", *paths[1:])
    assert result.records == as_mergecap([captures[0][:20], *captures[1:]])
    assert len(result.problems) == 2


def test_what_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (path,) = write(tmp_path, numbered(range(5)))
    assert read(path, path).times == list(range(5))


def test_progress(tmp_path: Path) -> None:
    paths = write(tmp_path, numbered(range(20_000), range(20_000)))
    seen: list[tuple[int, int]] = []
    with open_captures(
        [str(path) for path in paths], on_progress=lambda *done: seen.append(done)
    ) as reader:
        blocks = list(reader)
        total = sum(path.stat().st_size for path in paths)
        assert (reader.total_bytes, reader.live) == (total, False)
    assert len(seen) == len(blocks)
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    paths = []
    for number in range(150):
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(pcap([stored(number, number * 1000)]))
        paths.append(path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
    try:
        assert read(*paths).numbers == list(range(150))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_pipe_with_packets_is_merged_with_files(tmp_path: Path) -> None:
    captures = numbered(range(0, 2000, 2), range(1, 2000, 2))
    (path,) = write(tmp_path, captures[:1])
    with feeding(tmp_path / "fifo", pcap(captures[1], dialect="ns")) as pipe:
        assert read(path, pipe).times == list(range(2000))


def test_nobody_waits_for_a_silent_pipe(tmp_path: Path) -> None:
    captures = numbered(range(100), range(50, 60))
    (path,) = write(tmp_path, captures[:1])
    data = pcap(captures[1], dialect="ns")
    with feeding(tmp_path / "fifo", data[:24], 0.7, data[24:]) as pipe:
        result = read(pipe, path)
    assert result.times == [*range(100), *range(50, 60)]
    assert result.problems == []


def test_two_pipes(tmp_path: Path) -> None:
    captures = numbered(range(0, 40, 2), range(1, 40, 2))
    first, second = (pcap(capture, dialect="ns") for capture in captures)
    half = 24 + 20 * 10
    with (
        feeding(tmp_path / "a", first[:half], 0.6, first[half:]) as a,
        feeding(tmp_path / "b", second[:half], 0.6, second[half:]) as b,
    ):
        result = read(a, b)
    assert sorted(result.times) == list(range(40))
    assert result.times[:20] == list(range(20))


@pytest.mark.peer("mergecap")
def test_mergecap_agrees(tmp_path: Path) -> None:
    dice = random.Random(7)
    captures = numbered(*[[dice.randrange(60) for _ in range(100)] for _ in range(4)])
    captures += numbered([10, 3, 11, 12, 12], [5, 8, 10, 12, 1], [12, 10, 40])
    paths = []
    for number, records in enumerate(captures):
        path = tmp_path / f"{number}.pcap"
        path.write_bytes(pcap(records, dialect="ns"))
        paths.append(path)
    merged = tmp_path / "merged.pcap"
    subprocess.run(["mergecap", "-F", "nsecpcap", "-w", merged, *paths], check=True)
    assert read(merged).records == read(*paths).records
