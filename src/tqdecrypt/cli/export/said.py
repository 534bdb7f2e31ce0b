"""What an export says on standard error when it is done."""

from __future__ import annotations

from collections.abc import Sequence

from tqdecrypt.cli.screen import complain
from tqdecrypt.files import STANDARD_OUTPUT

__all__ = ["say_written"]


def say_written(output: str, what: Sequence[str], besides: Sequence[str] = ()) -> None:
    """Say in one line what was written where, and what there is to know besides."""
    where = "standard output" if output == STANDARD_OUTPUT else output
    complain("; ".join([f"{where}: {_listed(what)}", *besides]) + ".")


def _listed(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
