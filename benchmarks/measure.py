"""Runs a program and tells what it cost."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "memory_floor", "run"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    cpu: float
    """Seconds of user and system time, of all threads and child processes."""
    wall: float
    memory: int
    """Peak resident set of the largest process, in bytes."""
    status: int


def run(command: Sequence[str], output: Path, *, one_core: bool = False) -> Cost:
    """Run ``command`` to its end with standard output in ``output``, else unheard."""
    cpu = max(os.sched_getaffinity(0))

    def pin() -> None:
        os.sched_setaffinity(0, {cpu})

    with output.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.DEVNULL,
            preexec_fn=pin if one_core else None,  # noqa: PLW1509 - no threads here
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return Cost(seconds, wall, usage.ru_maxrss * 1024, process.returncode)


def memory_floor() -> int:
    """Bytes under which no child's peak can be told.

    The kernel hands the peak of the process that starts a program on to the program.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
