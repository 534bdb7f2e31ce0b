"""The command line: a thin shell over the pipeline, the views and the exports."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Sequence

__all__ = ["main"]

SELDOM = 50_000
"""Objects between two runs of the garbage collector; Python's 700 are meant for smaller programs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; *arguments* are ``sys.argv[1:]``."""
    # numpy's linear algebra, which nothing here uses, starts a thread a core when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Modules that are being loaded leave no garbage, and those that are loaded stay to the end, where
    # looking through them once more would take longer than it takes to read a small capture.
    gc.set_threshold(SELDOM)
    atexit.register(gc.freeze)
    from tqdecrypt.cli.entry import run

    return run(arguments)
