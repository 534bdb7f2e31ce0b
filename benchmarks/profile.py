"""Where the reader's time goes: ``scripts/bench --profile NAME``."""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
from contextlib import redirect_stdout
from importlib import import_module

TOP = 40


def main() -> None:
    """Read a capture in this process as ``read --json`` does, and print the top functions.

    The profiler makes every call dearer, so short functions look worse than they are: trust the
    order and the counts, and measure with ``scripts/bench``.
    """
    key, path = sys.argv[1:]
    command = import_module("tqdecrypt.cli").main
    sys.argv = ["tqdecrypt", "read", "--json", "-k", key, path]
    profiler = cProfile.Profile()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        profiler.enable()
        try:
            command()
        except SystemExit as finished:
            if finished.code:
                raise
        finally:
            profiler.disable()
    statistics = pstats.Stats(profiler)
    statistics.sort_stats("tottime").print_stats(TOP)
    statistics.sort_stats("cumulative").print_stats(TOP)


if __name__ == "__main__":
    main()
