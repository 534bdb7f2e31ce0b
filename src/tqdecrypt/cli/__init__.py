"""The command line: a thin shell over the pipeline, the views and the exports."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; *arguments* are ``sys.argv[1:]``."""
    from tqdecrypt.cli.entry import run

    return run(arguments)
