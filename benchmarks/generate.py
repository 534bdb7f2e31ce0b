"""Makes one capture: ``python -m benchmarks.generate NAME STEM [--quick]``."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks.network import PCAP_HEADER
from benchmarks.streams import merged
from benchmarks.tls import make_key
from benchmarks.traffic import Scenario, Traffic

BULK = Scenario(calls=43_858)
"""307,006 messages."""
MIXED = Scenario(calls=107_000, calls_per_connection=25, media_every=200)
"""A gigabyte, of which a little more than half is signalling."""
SCENARIOS = {
    "bulk-gcm": BULK,
    "bulk-cbc": replace(BULK, cipher="AES128-SHA"),
    "bulk-loss": replace(BULK, loss=0.001),
    "handshakes": Scenario(calls=2_000, calls_per_connection=1),
    "rtp": Scenario(calls=15_000, calls_per_connection=500, media_every=20),
    "big-1g": MIXED,
    "big-2g": replace(MIXED, calls=2 * MIXED.calls),
}


def make(scenario: Scenario, stem: Path) -> None:
    """Write STEM.pcap, STEM.key and, last, STEM.json with what they hold."""
    stem.parent.mkdir(exist_ok=True)
    key, path, part = (stem.with_name(stem.name + end) for end in (".key", ".pcap", ".part"))
    make_key(key)
    traffic = Traffic(scenario, key)
    packets = 0
    with part.open("wb", buffering=1 << 20) as file:
        file.write(PCAP_HEADER)
        for count, records in merged(traffic):
            packets += count
            file.write(records)
    part.replace(path)
    every = scenario.media_every
    facts = {
        "packets": packets,
        "bytes": path.stat().st_size,
        "calls": scenario.calls,
        "sessions": traffic.sessions,
        "messages": traffic.messages,
        "recoverable": traffic.recoverable,
        "media_streams": 2 * -(-scenario.calls // every) if every else 0,
    }
    stem.with_name(stem.name + ".json").write_text(json.dumps(facts) + "\n")


def main() -> None:
    """Make what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SCENARIOS)
    parser.add_argument("stem", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    arguments = parser.parse_args()
    scenario = SCENARIOS[arguments.name]
    if arguments.quick:
        scenario = replace(scenario, calls=scenario.calls // 10)
    make(scenario, arguments.stem)


if __name__ == "__main__":
    main()
