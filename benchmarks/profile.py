"""Where the reader's time goes: ``scripts/bench --profile NAME``."""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

TOP = 40


def main() -> None:
    """Read a capture in this process as ``read --json`` does, and print the top functions.

    The profiler makes every call dearer, so short functions look worse than they are: trust the
    order and the counts, and measure with ``scripts/bench``.  Only the main thread is seen.
    """
    key, path = sys.argv[1:]
    command = import_module("tqdecrypt.cli").main
    sys.argv = ["tqdecrypt", "read", "--json", "-k", key, path]
    profiler = cProfile.Profile()
    with _output_unheard():
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


@contextmanager
def _output_unheard() -> Iterator[None]:
    """Nowhere for standard output, however it is written to."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


if __name__ == "__main__":
    main()
