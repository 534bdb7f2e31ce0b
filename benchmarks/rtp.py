"""What quality of media costs a packet, beside reading and decrypting the signalling alone.

    python -m benchmarks.rtp [CAPTURE KEY]

CPU time of the process for ``rtp``; the best of some rounds, in turn, since only ratios of one run count.
"""

from __future__ import annotations

import math
import resource
import sys
import time

from benchmarks.captures import capture
from tqdecrypt.calls import Call
from tqdecrypt.insight import Analysis
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.media.association import CallMedia
from tqdecrypt.media.collector import MediaCollector
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport

ROUNDS = 3


class _Nothing:
    """Takes what comes and keeps nothing."""

    def message(self, message: Message) -> None:
        pass

    def session(self, report: SessionReport) -> None:
        pass

    def call(self, call: Call) -> None:
        pass


def main() -> None:
    """Measure, and print one line each."""
    path, key = sys.argv[1:] or _usual()
    ring = KeyRing(load_private_keys([key]).keys)
    keyless = reading = quality = whole = math.inf
    packets = streams = 0
    for _ in range(ROUNDS):
        collector = MediaCollector(lambda call: None)
        keyless = min(keyless, _read(path, ReadOptions(ring=KeyRing(), media=collector)))
        reading = min(reading, _read(path, ReadOptions(ring=ring)))
        collector = MediaCollector(lambda call: None)
        quality = min(quality, _read(path, ReadOptions(ring=ring, media=collector)))
        packets = collector.counters["rtp_packets"]
        whole, streams = _judged(path, ring, whole)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{packets:,} RTP packets in {streams:,} streams of calls; peak {peak:.0f} MB")
    print(
        f"{keyless:8.2f} CPU s  reading, and quality of all streams without a key: "
        f"{packets / keyless:,.0f} packets a second"
    )
    print(f"{reading:8.2f} CPU s  reading, decryption, call list; media dropped as columns")
    print(
        f"{quality:8.2f} CPU s  and media: {packets / (quality - reading):12,.0f} packets a second"
    )
    print(f"{'':16}all of it together: {packets / quality:12,.0f} packets a second")
    print(f"{whole:8.2f} CPU s  and calls analysed, streams assigned, findings")


def _judged(path: str, ring: KeyRing, best: float) -> tuple[float, int]:
    """Read with everything; return the least time so far, and how many streams calls had."""
    streams = 0

    def take(call: CallMedia) -> None:
        nonlocal streams
        streams += sum(len(leg.streams) for leg in call.legs)
        analysis.call_media(call)

    collector = MediaCollector(take)
    analysis = Analysis(media=collector)
    options = ReadOptions(ring=ring, media=collector, analysis=analysis)
    return min(best, _read(path, options)), streams


def _usual() -> tuple[str, str]:
    usual = capture("rtp", quick=False)
    return str(usual.path), str(usual.key)


def _read(path: str, options: ReadOptions) -> float:
    """Return the CPU time of reading, that of child processes included."""
    before = time.process_time()
    children = _children()
    read_captures([path], options, _Nothing())
    return time.process_time() - before + _children() - children


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
