"""Measures the programs in turn on one capture, and compares them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.captures import DATA, Capture
from benchmarks.measure import Cost, memory_floor, run
from benchmarks.programs import Program

__all__ = ["ALL_CORES", "Comparison", "Measured", "compare"]

ALL_CORES = frozenset({"handshakes"})
"""Captures where the programs may use every core, since the wall time is the question."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One program's runs on one capture."""

    program: str
    found: int
    costs: tuple[Cost, ...]

    @property
    def cpu(self) -> float:
        """Median of the rounds, seconds."""
        return median(cost.cpu for cost in self.costs)

    @property
    def wall(self) -> float:
        """Median of the rounds, seconds."""
        return median(cost.wall for cost in self.costs)

    @property
    def memory(self) -> int:
        """Largest of the rounds, bytes."""
        return max(cost.memory for cost in self.costs)

    @property
    def failed(self) -> bool:
        """A run ended with something other than success."""
        return any(cost.status for cost in self.costs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All programs on one capture."""

    capture: Capture
    measured: tuple[Measured, ...]
    floor: int
    """Memory peaks at or under this are not the program's own."""

    def ratio(self, other: Measured, what: Literal["cpu", "wall"]) -> float:
        """How many times the first program's ``what`` the other needs: median over the rounds."""
        pairs = zip(self.measured[0].costs, other.costs, strict=True)
        return float(median(getattr(theirs, what) / getattr(ours, what) for ours, theirs in pairs))

    def lines(self) -> Iterator[str]:
        """A table for a person."""
        capture, first = self.capture, self.measured[0].program
        cores = f"{os.cpu_count()} cores" if capture.name in ALL_CORES else "one core"
        yield (
            f"{capture.name}: {capture.packets:,} packets, {capture.bytes / 1e6:,.0f} MB, "
            f"{capture.sessions:,} TLS sessions, {capture.calls:,} calls, "
            f"{capture.recoverable:,} messages to find; {cores}, "
            f"rounds: {len(self.measured[0].costs)}"
        )
        yield (
            f"{'program':<10} {'found':>8} {'CPU s (least-most)':>22} {'wall s':>8} {'peak MB':>9} "
            f"{'messages/CPU s':>15} {'CPU: ' + first:>15} {'wall: ' + first:>15}"
        )
        for row in self.measured:
            cpus = [cost.cpu for cost in row.costs]
            cpu = f"{row.cpu:.2f} ({min(cpus):.2f}-{max(cpus):.2f})"
            peak = "≤" * (row.memory <= self.floor) + f"{row.memory / 1e6:,.0f}"
            rate = f"{row.found / row.cpu:,.0f}"
            ratios = f"× {self.ratio(row, 'cpu'):.2f}", f"× {self.ratio(row, 'wall'):.2f}"
            remarks = [f"missed {capture.recoverable - row.found:,}"] * (
                row.found != capture.recoverable
            ) + ["exit status not 0"] * row.failed
            yield (
                f"{row.program:<10} {row.found:>8} {cpu:>22} {row.wall:>8.2f} {peak:>9} "
                f"{rate:>15} {ratios[0]:>15} {ratios[1]:>15}  {', '.join(remarks)}"
            ).rstrip()

    def facts(self) -> dict[str, Any]:
        """The same, and every single run, for JSON."""
        capture = asdict(self.capture)
        del capture["path"], capture["key"]
        return {
            "capture": capture,
            "one_core": self.capture.name not in ALL_CORES,
            "memory_floor": self.floor,
            "programs": [
                {
                    "program": row.program,
                    "found": row.found,
                    "cpu": row.cpu,
                    "wall": row.wall,
                    "memory": row.memory,
                    "messages_per_cpu_second": row.found / row.cpu,
                    "cpu_ratio": self.ratio(row, "cpu"),
                    "wall_ratio": self.ratio(row, "wall"),
                    "runs": [asdict(cost) for cost in row.costs],
                }
                for row in self.measured
            ],
        }


def compare(capture: Capture, programs: Sequence[Program], rounds: int) -> Comparison:
    """Let each program read once into a file and count; then measure them in turn.

    The counting round warms the page cache; in the measured rounds nothing is kept of the output.
    """
    one_core = capture.name not in ALL_CORES
    found: dict[str, int] = {}
    costs: dict[str, list[Cost]] = {program.name: [] for program in programs}
    output = DATA / "output"
    for program in programs:
        run(program.command(capture), output, one_core=one_core)
        found[program.name] = program.count(output)
    output.unlink()
    for _ in range(rounds):
        for program in programs:
            cost = run(program.command(capture), Path(os.devnull), one_core=one_core)
            costs[program.name].append(cost)
    measured = (Measured(name, found[name], tuple(runs)) for name, runs in costs.items())
    return Comparison(capture, tuple(measured), memory_floor())
