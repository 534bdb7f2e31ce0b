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

from benchmarks.captures import capture
from benchmarks.sip import Call as SipCall
from tqdecrypt.calls import Analyser, Call, JointCall, Leg
from tqdecrypt.insight import Analysis
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


class _Sink:
    """Gives messages to the analysis, or to nobody."""

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
    without, following, joining, whole = [], [], [], []
    for _ in range(ROUNDS):
        without.append(_read(path, ring, None))
        following.append(_read(path, ring, Analyser(_forget)))
        joining.append(_read(path, ring, Analyser(_forget, on_call=_forget)))
        whole.append(_read(path, ring, None, Analysis()))
    reading = min(without)
    print(f"{reading:6.2f} µs/message  reading, decryption, call list")
    print(
        f"{min(following) - reading:6.2f} µs/message  transactions, dialogs, offers, legs, besides"
    )
    print(f"{min(joining) - reading:6.2f} µs/message  and joining legs")
    print(f"{min(whole) - reading:6.2f} µs/message  and findings: the whole analysis")
    print(f"{_memory():6.0f} bytes per established dialog")


def _read(
    path: str, ring: KeyRing, analyser: Analyser | None, analysis: Analysis | None = None
) -> float:
    """Return the microseconds of CPU time a message."""
    sink = _Sink(analyser)
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


def _forget(_: JointCall | Leg) -> None:
    pass


if __name__ == "__main__":
    main()
