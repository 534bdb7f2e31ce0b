"""What the analysis of calls costs a message, beside the call list alone and the decryption.

    python -m benchmarks.analysis [CAPTURE KEY]

CPU time of the process, of reading and of each of the others in turn; the best of some rounds, since only
ratios of one run count.
"""

from __future__ import annotations

import gc
import math
import random
import sys
import time
import tracemalloc
from collections.abc import Callable

from benchmarks.captures import capture
from benchmarks.sip import Call as SipCall
from tqdecrypt.calls import Analyser, Call, CallTable, JointCall, Leg
from tqdecrypt.insight import Analysis
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tls import SessionReport

_BEGIN = 1_700_000_000_000_000_000
_PAUSE = 1_000_000
"""A thousand messages a second."""
ROUNDS = 4
DIALOGS = 40_000
"""How many established dialogs are held for the measure of memory."""
_Analyst = Analyser | Analysis


class _Sink:
    """Gives messages to an analyser, or to nobody."""

    def __init__(self, analyser: Analyser | None) -> None:
        self.count = 0
        self.analyser = analyser

    def message(self, message: Message) -> None:
        self.count += 1
        if self.analyser is not None:
            self.analyser.receive(message)

    def session(self, report: SessionReport) -> None:
        pass

    def call(self, call: Call) -> None:
        pass


def main() -> None:
    """Measure, and print one line each."""
    path, key = sys.argv[1:] or _usual()
    ring = KeyRing(load_private_keys([key]).keys)
    analysts: dict[str, Callable[[], _Analyst | None]] = {
        "reading, decryption, call list": lambda: None,
        "transactions, dialogs, offers, legs, besides": lambda: Analyser(_forget),
        "and joining legs": lambda: Analyser(_forget, on_call=_forget),
        "and findings: the whole analysis": Analysis,
        "the whole, if no call went its ordinary course": lambda: Analysis(follows_courses=False),
    }
    best = dict.fromkeys(analysts, math.inf)
    for _ in range(ROUNDS):
        for name, make in analysts.items():
            best[name] = min(best[name], _read(path, ring, make()))
    reading, *others = best.items()
    print(f"{reading[1]:6.2f} µs/message  {reading[0]}")
    for name, taken in others:
        besides = taken - reading[1]
        print(f"{besides:6.2f} µs/message  {name} ({besides / reading[1]:.2f} times reading)")
    print(f"{_memory(Analysis().message):6.0f} bytes per established dialog, in the whole analysis")
    print(f"{_memory(CallTable(_forget).receive):6.0f} bytes more in the call list")


def _read(path: str, ring: KeyRing, analyst: _Analyst | None) -> float:
    """Return the microseconds of CPU time a message."""
    analyser = analyst if isinstance(analyst, Analyser) else None
    analysis = analyst if isinstance(analyst, Analysis) else None
    sink = _Sink(analyser)
    gc.collect()
    begun = time.process_time()
    read_captures([path], ReadOptions(ring, analysis=analysis), sink)
    if analyser is not None:
        analyser.finish()
    taken = time.process_time() - begun
    if not sink.count:
        sys.exit(f"no SIP message in {path}")
    return taken / sink.count * 1e6


def _usual() -> tuple[str, str]:
    usual = capture("bulk-gcm", quick=True)
    return str(usual.path), str(usual.key)


def _memory(receive: Callable[[Message], None]) -> float:
    """Return the bytes that *receive* keeps of a call between ACK and BYE, its place in tables included.

    Each call has addresses, numbers and tags of its own; flows are shared, as on a trunk.
    """
    rng = random.Random(1)
    there = Flow("192.0.2.1:5061", "192.0.2.2:5061", "TLS", "verified", 1)
    back = Flow("192.0.2.2:5061", "192.0.2.1:5061", "TLS", "verified", 1)
    gc.collect()
    tracemalloc.start()
    frame = 0
    for number in range(DIALOGS):
        drawn = SipCall.drawn(rng, number, "192.0.2.1", "192.0.2.2", (4000 + number, 9000 + number))
        for by_caller, raw in drawn.messages()[:5]:
            frame += 1
            time = _BEGIN + frame * _PAUSE
            receive(index_message(raw, there if by_caller else back, frame, time))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / DIALOGS


def _forget(_: Call | JointCall | Leg) -> None:
    pass


if __name__ == "__main__":
    main()
