"""The command line: a thin shell over the pipeline, the views and the exports."""

from __future__ import annotations

import os
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; *arguments* are ``sys.argv[1:]``."""
    # numpy's linear algebra, which nothing here uses, starts a thread a core when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tqdecrypt.cli.entry import run

    return run(arguments)
