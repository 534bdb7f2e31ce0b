"""The captures by name: where they lie, what they hold, and how they are made when missing.

The parent of the measured programs imports this, so it stays light: making a capture is left to
a process of its own (``python -m benchmarks.generate NAME``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DATA", "GENERATOR", "NAMES", "ON_DEMAND", "Capture", "capture"]

DATA = Path(__file__).parent / "data"
GENERATOR = 1
"""Raise it with every change to what a capture holds: older captures are then made anew."""
NAMES = ("bulk-gcm", "bulk-cbc", "bulk-loss", "handshakes", "rtp", "big-1g", "big-2g")
ON_DEMAND = frozenset({"big-1g", "big-2g"})
"""Removed again after the run."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture and what a reader must find in it."""

    name: str
    path: Path
    key: Path
    packets: int
    bytes: int
    calls: int
    sessions: int
    messages: int
    recoverable: int
    """Messages of which every packet was captured."""
    media_streams: int

    def remove(self) -> None:
        """Delete its files."""
        for path in (self.path, self.key, self.path.with_suffix(".json")):
            path.unlink(missing_ok=True)


def capture(name: str, *, quick: bool) -> Capture:
    """The capture of that name; made first when it is not there."""
    stem = f"{name}{'-quick' if quick else ''}-v{GENERATOR}"
    facts = DATA / f"{stem}.json"
    if not facts.exists():
        print(f"making {stem}.pcap …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "benchmarks.generate", name, str(DATA / stem)]
        subprocess.run([*command, *(["--quick"] if quick else [])], check=True)
    paths = DATA / f"{stem}.pcap", DATA / f"{stem}.key"
    return Capture(name, *paths, **json.loads(facts.read_text()))
