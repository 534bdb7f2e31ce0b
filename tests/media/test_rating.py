from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tqdecrypt.media.jitter_buffer import JitterBuffer
from tqdecrypt.media.rating import (
    codec_name,
    known_delay,
    rate_stream,
    rated_behind_buffer,
)
from tqdecrypt.media.reports import Reported
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.table import MediaTable

from .reading import follow, talk


def passed(
    numbers: Iterable[int],
    delays: Sequence[float] = (),
    size: float | None = None,
    kind: int = 8,
) -> Stream:
    """A stream of G.711 (or *kind*) with these packets, behind a buffer of *size* ms."""
    found: list[Stream] = []
    buffers = None if size is None else lambda: JitterBuffer(size)
    table = MediaTable(found.append, buffers=buffers)
    segments = sorted(
        talk(numbers, delays=delays, payload_type=kind), key=lambda segment: segment.time_ns
    )
    follow(segments, cuts=(30, 31, 70), table=table)
    (stream,) = found
    return stream


def test_a_stream_without_loss_is_as_good_as_its_codec() -> None:
    rating = rate_stream(passed(range(200)))
    assert rating is not None
    assert round(rating.r, 1) == 93.2
    g729 = rate_stream(passed(range(200), kind=18))
    assert g729 is not None
    assert g729.r == pytest.approx(93.2 - 11, abs=0.05)


def test_loss_costs_what_the_recommendation_says() -> None:
    # Every twentieth packet, alone: 5 % of 95 / (5 + 25.1).
    stream = passed([n for n in range(1, 400) if n % 20])
    assert stream.loss_runs == stream.lost == 19
    rating = rate_stream(stream)
    assert rating is not None
    share = 100 * 19 / 399
    assert rating.r == pytest.approx(93.2 - 95 * share / (share + 25.1), abs=0.05)


def test_loss_in_bursts_costs_more() -> None:
    alone = rate_stream(passed([n for n in range(1, 400) if n % 20]))
    bursts = passed([n for n in range(1, 400) if n % 100 not in range(40, 45)])
    assert bursts.loss_runs == 4
    together = rate_stream(bursts)
    assert alone is not None
    assert together is not None
    assert together.r < alone.r - 1


def test_packets_out_of_order_make_no_burst_shorter() -> None:
    numbers = [n for n in range(1, 400) if n % 100 not in range(40, 45)]
    swapped = list(numbers)
    for at in range(10, len(numbers) - 10, 30):
        swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
    stream = passed(swapped)
    assert stream.reordered > 5
    found, wanted = rate_stream(stream), rate_stream(passed(numbers))
    assert found is not None
    assert wanted is not None
    assert found.r == pytest.approx(wanted.r, abs=0.01)


def test_what_the_capture_lost_nobody_heard() -> None:
    stream = passed([n for n in range(400) if n % 20])
    rating = rate_stream(replace(stream, capture_lost=stream.lost))
    assert rating is not None
    assert round(rating.r, 1) == 93.2


def test_a_buffer_turns_jitter_into_loss() -> None:
    delays = [80.0 if n % 10 == 5 else 0.0 for n in range(400)]
    without = passed(range(400), delays)
    assert without.played is None
    assert rated_behind_buffer(without) is None
    short, long = passed(range(400), delays, 40), passed(range(400), delays, 100)
    assert short.played is not None
    assert long.played is not None
    assert short.played.discarded == 40
    assert long.played.discarded == 0
    bad, good = rated_behind_buffer(short), rated_behind_buffer(long)
    assert bad is not None
    assert good is not None
    assert bad.r == pytest.approx(93.2 - 95 * 10 / (10 + 25.1), abs=0.5)
    # 100 ms of buffer and 20 ms of packet are hardly noticed, 300 ms are.
    slow = rated_behind_buffer(passed(range(400), delays, 300))
    assert slow is not None
    assert good.r > 93
    assert 75 < slow.r < 80


def test_blocks_make_no_difference_to_a_buffer() -> None:
    delays = np.random.default_rng(3).uniform(0, 90, 300).tolist()
    found = []
    for cuts in ((), (1, 2, 3, 50, 120), tuple(range(5, 300, 5))):
        streams: list[Stream] = []
        table = MediaTable(streams.append, buffers=lambda: JitterBuffer(60))
        segments = sorted(talk(range(300), delays=delays), key=lambda segment: segment.time_ns)
        follow(segments, cuts=cuts, table=table)
        played = streams[0].played
        assert played is not None
        found.append((played.discarded, played.before, played.after))
    assert found[0] == found[1] == found[2]
    assert found[0][0] > 0


def test_a_round_trip_from_here_is_part_of_the_delay() -> None:
    stream = passed(range(100))
    reported = Reported()
    assert known_delay(stream, reported) == pytest.approx(20)
    reported.add_round_trip(600_000_000)
    reported.add_round_trip(400_000_000)
    assert known_delay(stream, reported) == pytest.approx(220)
    near, far = rate_stream(stream), rate_stream(stream, "", reported)
    assert near is not None
    assert far is not None
    assert far.r < near.r - 3


def test_what_is_not_rated() -> None:
    assert rate_stream(passed(range(49))) is None
    assert rate_stream(passed(range(100), kind=96)) is None
    assert rate_stream(passed(range(100), kind=96), "opus/48000/2") is not None
    assert codec_name(passed(range(60))) == "PCMA"
    assert codec_name(passed(range(60)), "G729/8000") == "G729"
