"""What the analysis of calls costs a message, beside the call list alone and the decryption.

    python -m benchmarks.analysis [CAPTURE KEY]

CPU time of the process; the best of some rounds, since only ratios of one run count.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc
from collections.abc import Callable

from benchmarks.captures import capture
from benchmarks.sip import Call as SipCall
from tqdecrypt.calls import Analyser, Call, CallTable, Leg
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tls import SessionReport

_BEGIN = 1_700_000_000_000_000_000
_PAUSE = 1_000_000
"""A thousand messages a second."""
ROUNDS = 5
DIALOGS = 40_000
"""How many established dialogs are held for the measure of memory."""


class _Messages:
    """A sink that keeps messages only."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        pass

    def call(self, call: Call) -> None:
        pass


def main() -> None:
    """Measure, and print one line each."""
    path, key = sys.argv[1:] or _usual()
    sink = _Messages()
    ring = KeyRing(load_private_keys([key]).keys)
    begun = time.process_time()
    read_captures([path], ReadOptions(ring), sink)
    reading = time.process_time() - begun
    messages = sink.messages
    count = len(messages)
    print(f"{count} messages")
    print(f"{reading / count * 1e6:6.2f} µs/message  reading, decryption, call list")

    def list_calls() -> None:
        table = CallTable(_forget)
        for message in messages:
            table.receive(message)
        table.finish()

    def analyse() -> None:
        analyser = Analyser(_forget)
        for message in messages:
            analyser.receive(message)
        analyser.finish()

    for name, work in (("call list alone", list_calls), ("analysis, its calls included", analyse)):
        print(f"{_best(work) / count * 1e6:6.2f} µs/message  {name}")
    print(f"{_memory():6.0f} bytes per established dialog")


def _usual() -> tuple[str, str]:
    usual = capture("bulk-gcm", quick=True)
    return str(usual.path), str(usual.key)


def _best(work: Callable[[], None]) -> float:
    """Return the shortest CPU time of some rounds, with the collector as the pipeline sets it."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 10, 10)
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    gc.set_threshold(*before)
    return min(times)


def _memory() -> float:
    """Return the bytes that a leg takes between ACK and BYE, its place in the tables included.

    Each call has addresses, numbers and tags of its own; flows are shared, as on a trunk.
    """
    rng = random.Random(1)
    there = Flow("192.0.2.1:5061", "192.0.2.2:5061", "TLS", "verified", 1)
    back = Flow("192.0.2.2:5061", "192.0.2.1:5061", "TLS", "verified", 1)
    gc.collect()
    tracemalloc.start()
    analyser = Analyser(_forget)
    frame = 0
    for number in range(DIALOGS):
        drawn = SipCall.drawn(rng, number, "192.0.2.1", "192.0.2.2", (4000 + number, 9000 + number))
        for by_caller, raw in drawn.messages()[:5]:
            frame += 1
            time = _BEGIN + frame * _PAUSE
            analyser.receive(index_message(raw, there if by_caller else back, frame, time))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / DIALOGS


def _forget(_: Call | Leg) -> None:
    pass


if __name__ == "__main__":
    main()
