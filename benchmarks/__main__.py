"""``scripts/bench``: tqdecrypt beside tshark and ssldump on the same captures, in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.captures import DATA, NAMES, ON_DEMAND, capture
from benchmarks.measure import run
from benchmarks.programs import PROGRAMS, Program, tqdecrypt_path
from benchmarks.sidebyside import Comparison, compare

IDLE, QUICK_IDLE = 200_000, 20_000
"""Sessions of ``idle``."""
STARTS = 20
"""Runs of each command of ``startup``."""


def main() -> int:
    """Run the benchmarks that were asked for; 1 when tqdecrypt did not find every message."""
    arguments = _arguments()
    if arguments.profile:
        wanted = capture(arguments.profile, quick=arguments.quick)
        command = [sys.executable, "-m", "benchmarks.profile", str(wanted.key), str(wanted.path)]
        os.execv(sys.executable, command)
    names = arguments.only or [*NAMES, "idle", "startup"]
    if arguments.make:
        for name in NAMES:
            if name in names:
                print(capture(name, quick=arguments.quick).path)
        return 0
    return _benchmark(names, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__.removeprefix("``scripts/bench``: ")
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=[*NAMES, "idle", "startup"],
        help=f"this benchmark, again for more: {', '.join(NAMES)}, idle, startup",
    )
    parser.add_argument(
        "--program",
        action="append",
        choices=[program.name for program in PROGRAMS],
        help="only this program, again for more",
    )
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds (3)")
    parser.add_argument("--quick", action="store_true", help="captures of a tenth the size")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    parser.add_argument("--make", action="store_true", help="make the captures and measure nothing")
    parser.add_argument("--profile", metavar="NAME", choices=NAMES, help="show where time goes")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return arguments


def _benchmark(names: list[str], arguments: argparse.Namespace) -> int:
    programs = _programs(arguments.program)
    facts: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "system": platform.system()},
        "python": platform.python_version(),
        "programs": {program.name: program.version() for program in programs},
        "quick": arguments.quick,
        "captures": [],
    }
    print("; ".join(facts["programs"].values()), f"; Python {facts['python']}", sep="")
    comparisons: list[Comparison] = []
    for name in [name for name in NAMES if name in names and programs]:
        wanted = capture(name, quick=arguments.quick)
        # What is asked of the large captures is how memory grows; one round tells.
        rounds = 1 if name in ON_DEMAND else arguments.rounds
        try:
            comparisons.append(compare(wanted, programs, rounds))
        finally:
            if name in ON_DEMAND:
                wanted.remove()
        print("", *comparisons[-1].lines(), sep="\n", flush=True)
        facts["captures"].append(comparisons[-1].facts())
    _print_growth(comparisons)
    if "idle" in names:
        facts["idle"] = _idle(QUICK_IDLE if arguments.quick else IDLE)
    if "startup" in names:
        facts["startup"] = _startup()
    if arguments.json:
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n")
    return int(not all(map(_tqdecrypt_complete, comparisons)))


def _programs(wanted: list[str] | None) -> list[Program]:
    """The programs that are there; a sentence for each that is not."""
    programs = []
    for program in PROGRAMS:
        if wanted and program.name not in wanted:
            continue
        if sentence := program.missing():
            print(sentence, file=sys.stderr)
        else:
            programs.append(program)
    return programs


def _print_growth(comparisons: list[Comparison]) -> None:
    """How much more memory the larger of the two large captures took."""
    large = [comparison for comparison in comparisons if comparison.capture.name in ON_DEMAND]
    if len(large) != 2:
        return
    print("\npeak memory from the first to the second:", end="")
    for one, two in zip(large[0].measured, large[1].measured, strict=True):
        print(f" {one.program} × {two.memory / one.memory:.2f}", end="")
    print()


def _tqdecrypt_complete(comparison: Comparison) -> bool:
    """Where tqdecrypt ran it found every message that was there to find."""
    return all(
        row.found == comparison.capture.recoverable and not row.failed
        for row in comparison.measured
        if row.program == "tqdecrypt"
    )


def _idle(sessions: int) -> list[dict[str, Any]]:
    """Memory of idle TLS sessions, by cipher."""
    print(f"\nidle: {sessions:,} TLS sessions on which nothing happens any more, bytes for each")
    rows = []
    for cipher in ("AES128-GCM-SHA256", "AES128-SHA"):
        command = [sys.executable, "-m", "benchmarks.idle", str(sessions), cipher]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        rows.append({"cipher": cipher, **json.loads(done.stdout)})
        print(f"{cipher:<18} {rows[-1]['bytes']:>8,.0f}")
    return rows


def _startup() -> dict[str, Any]:
    """Wall time of ``tqdecrypt --help`` beside the bare interpreter's, in turn."""
    commands = {
        "tqdecrypt --help": [tqdecrypt_path(), "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            cost = run(command, Path(os.devnull))
            if cost.status:
                print(f"{name} fails, so startup is left out.", file=sys.stderr)
                return {}
            walls[name].append(cost.wall)
    print(f"\nstartup: wall ms, {STARTS} rounds\n{'command':<18} {'median (least-most)':>22}")
    for name, times in walls.items():
        spread = f"{median(times) * 1e3:.0f} ({min(times) * 1e3:.0f}-{max(times) * 1e3:.0f})"
        print(f"{name:<18} {spread:>22}")
    return {name: {"median": median(times), "runs": times} for name, times in walls.items()}


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    sys.exit(main())
