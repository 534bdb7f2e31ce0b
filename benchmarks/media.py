"""The media of very many short calls: time, and how memory grows.

    python -m benchmarks.media [--packets N] [CALLS …]

Calls over UDP follow one another, twenty begin in each second of the capture, and each has two streams of
G.711.  No more of them go on at a time however long the capture is: what grows with it was not forgotten.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import run
from benchmarks.network import PCAP_HEADER, datagram
from benchmarks.programs import tqdecrypt_path
from benchmarks.sip import Call
from benchmarks.streams import FRAME, merged
from benchmarks.traffic import MEDIA_PORTS, SERVER, START, MediaStream, Scenario

INTERVAL = 50_000
"""Microseconds from call to call."""
PHONES = 50
ANSWER = 200_000
"""Microseconds from the INVITE to the 200."""


class ShortCalls:
    """The packets of calls that are answered at once and end when their media does."""

    def __init__(self, calls: int, packets: int) -> None:
        self.scenario = Scenario(calls=calls, media_every=1)
        self.media: list[MediaStream] = []
        self._packets = packets

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Times and pcap records of the signalling, in time order."""
        due: list[tuple[int, int, bytes]] = []
        written = 0
        for number in range(self.scenario.calls):
            for time, packet in self._call(number, START + number * INTERVAL):
                written += 1
                heapq.heappush(due, (time, written, packet))
            while due and due[0][0] <= START + (number + 1) * INTERVAL:
                time, _, packet = heapq.heappop(due)
                yield time, packet
        while due:
            time, _, packet = heapq.heappop(due)
            yield time, packet

    def _call(self, number: int, start: int) -> Iterator[tuple[int, bytes]]:
        rng = random.Random(number)
        phone = f"198.51.100.{1 + number % PHONES}"
        first = 2 * number % len(MEDIA_PORTS)
        ports = MEDIA_PORTS[first], MEDIA_PORTS[first + 1]
        drawn = Call.drawn(rng, number, phone, SERVER, ports)
        call = replace(drawn, transport="udp", port=5060)
        answered = start + ANSWER
        ended = answered + 10_000 + self._packets * FRAME
        times = (start, start + 1_500, start + 20_000, answered, answered + 5_000, ended)
        caller, callee = (phone, 5060), (SERVER, 5060)
        for time, (by_caller, data) in zip((*times, ended + 2_500), call.messages(), strict=True):
            ends = (caller, callee) if by_caller else (callee, caller)
            yield time, datagram(time, *ends, data)
        span = answered + 10_000, ended
        there, back = (phone, ports[0]), (SERVER, ports[1])
        self.media.append(MediaStream(*span, *there, *back, rng.getrandbits(32)))
        self.media.append(MediaStream(*span, *back, *there, rng.getrandbits(32)))


def main() -> None:
    """Print a line for each number of calls and each form of the output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=20, help="RTP packets a direction")
    parser.add_argument("calls", type=int, nargs="*", default=[2_000, 20_000, 60_000])
    arguments = parser.parse_args()
    for calls in arguments.calls:
        with tempfile.TemporaryDirectory() as folder:
            path, output = Path(folder) / "calls.pcap", Path(folder) / "output"
            with path.open("wb", buffering=1 << 20) as file:
                file.write(PCAP_HEADER)
                for _, records in merged(ShortCalls(calls, arguments.packets)):
                    file.write(records)
            for options in ([], ["--json"]):
                command = [tqdecrypt_path(), "media", *options, str(path)]
                measured = run(command, output)
                if options:
                    _check(output, calls, arguments.packets)
                print(
                    f"{calls:9,} calls  {' '.join(['media', *options]):13}  {measured.cpu:7.1f} CPU s  "
                    f"{measured.wall:7.1f} s  {measured.memory / 1e6:6.0f} MB",
                    flush=True,
                )


def _check(output: Path, calls: int, packets: int) -> None:
    """See that every stream was found, whole, and in its call."""
    whole = 0
    with output.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            if one["type"] == "media":
                whole += bool(one["call_id"]) and one.get("packets") == packets
    if whole != 2 * calls:
        sys.exit(f"{whole:,} of {2 * calls:,} streams were found")


if __name__ == "__main__":
    main()
