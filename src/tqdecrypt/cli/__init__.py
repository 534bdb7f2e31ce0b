"""The command line: a thin shell over the pipeline, the views and the exports."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]

SELDOM = 200_000
"""Objects between two runs of the garbage collector; Python's 700 are meant for smaller programs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    :param arguments: ``None``: those that the program was given; then the process ends here.
    """
    # numpy's linear algebra, which nothing here uses, starts a thread a core when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Modules that are being loaded leave no garbage.
    gc.set_threshold(SELDOM)
    from tqdecrypt.cli.entry import run

    status = run(arguments)
    if arguments is None:
        _leave(status)
    return status


def _leave(status: int) -> NoReturn:
    """End the process without taking apart what it has in memory, which takes as long as a short run."""
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)
