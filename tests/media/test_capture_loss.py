"""Loss of the capture that it tells itself, told apart from loss of the network."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from capture.writer import Section, read
from kit.packets import Segment
from tqdecrypt.media.capture_loss import Heard, LossMoments
from tqdecrypt.media.collector import MediaCollector
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.update import LossLog
from tqdecrypt.packet import PacketDecoder, Wanted

from .reading import block_of, talk
from .scenes import SipCall, run_file, sdp, write


def followed(packets: Sequence[Segment], drops: Mapping[int, int], size: int = 100) -> Stream:
    """Return the stream of packets; *drops* has the place of each that others were lost in front of."""
    streams: list[Stream] = []
    collector = MediaCollector(
        lambda call: None, lambda stream, verdict, call_id: streams.append(stream)
    )
    decoder = PacketDecoder(Wanted.ALL_UDP | Wanted.EVERY_PORT)
    for start in range(0, len(packets), size):
        block = block_of(packets[start : start + size], start + 1)
        told = [drops.get(start + place, 0) for place in range(len(block))]
        block.dropped = np.array(told, np.int64) if any(told) else None
        collector.receive(decoder.decode(block).udp, block)
    collector.finish()
    collector.conclude()
    (stream,) = streams
    return stream


def nobody() -> Heard:
    """No stream that could show that others lack packets, too."""
    nothing = np.zeros(0, np.int64)
    return Heard(nothing, nothing, dict)


LOSSY = talk([n for n in range(300) if n not in (50, 51, 120, 200, 201, 202)])
"""Holes in front of the places 50, 118 and 197."""


@pytest.mark.parametrize("size", [1, 7, 50, 300])
def test_what_is_missing_where_the_capture_dropped_it_lost(size: int) -> None:
    stream = followed(LOSSY, {50: 2, 118: 1, 197: 3}, size)
    assert (stream.lost, stream.capture_lost, stream.capture_told) == (6, 6, 6)
    assert stream.network_lost == 0


def test_only_as_many_as_were_dropped() -> None:
    stream = followed(LOSSY, {197: 1})
    assert (stream.lost, stream.capture_lost, stream.network_lost) == (6, 1, 5)


def test_a_drop_at_another_moment_explains_nothing() -> None:
    stream = followed(LOSSY, {49: 10, 51: 10, 119: 10, 250: 10})
    assert (stream.lost, stream.capture_lost) == (6, 0)


def test_a_drop_in_front_of_somebody_elses_packet_explains_the_hole_around_it() -> None:
    log = LossLog(*(np.array([value], np.int64) for value in (2_000, 1, 5, 1_000)))
    for at, told in ((999, 0), (1_000, 0), (1_500, 4), (2_000, 4), (2_001, 0)):
        moments = LossMoments()
        moments.receive(log)
        moments.dropped_in_front(np.array([at]), np.array([4]))
        moments.judge(None, nobody)
        found = moments.take(1)
        assert (0 if found is None else found.told) == told


def test_one_drop_does_not_explain_two_streams_losses_twice() -> None:
    time, number, lost, since = [100, 101], [1, 2], [3, 3], [50, 50]
    moments = LossMoments()
    moments.receive(LossLog(*(np.array(column) for column in (time, number, lost, since))))
    moments.dropped_in_front(np.array([60, 70]), np.array([2, 2]))
    moments.judge(None, nobody)
    losses = [moments.take(number) for number in (1, 2)]
    assert [0 if loss is None else loss.told for loss in losses] == [3, 1]


def test_drops_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.media.capture_loss.MOST_DROPS", 2)
    moments = LossMoments()
    for _ in range(3):
        moments.dropped_in_front(np.array([1, 2]), np.array([0, 1]))
    assert moments.dropped == 1


def test_the_finding_says_that_the_file_says_so(tmp_path: Path) -> None:
    call = SipCall(sdp("198.51.100.10", 10000), sdp("203.0.113.20", 20000))
    caller, callee = ("198.51.100.10", 10000), ("203.0.113.20", 20000)
    # Thirty packets of one direction are missing, with the time that they took.
    there = talk(range(500), begin=1000, source=caller, destination=callee)
    there = there[:200] + there[230:]
    plain, noted = tmp_path / "plain.pcap", tmp_path / "noted.pcapng"
    write(plain, call, there, talk(range(500), begin=1005, source=callee, destination=caller))
    section = Section().interface(resolution=9)
    for record in read(plain).records:
        options = [(4, struct.pack("<Q", 30))] if record.time == there[200].time_ns else []
        section.enhanced(record.time, record.data, options)
    noted.write_bytes(bytes(section))
    (found,) = run_file(plain).found("media-loss")
    assert run_file(plain).found("capture-loss") == []
    told = run_file(noted)
    assert told.found("media-loss") == []
    (found,) = told.found("capture-loss")
    assert "30 packets" in found.sentence
    assert "were dropped in front of packets that the capture file notes" in found.sentence
    assert told.summary.counters["packets_dropped_in_front_of_others"] == 30
