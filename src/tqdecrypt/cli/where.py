"""``--where``: the switch of every command that has it; :mod:`tqdecrypt.cli.choice` is what it does."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

__all__ = ["Where"]


def _completions(incomplete: str) -> list[tuple[str, str]]:
    from tqdecrypt.query import complete

    return [(completion.text, completion.meaning) for completion in complete(incomplete)]


Where: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="EXPRESSION",
        help="Only what this selects, such as 'status >= 500 and from ~ \"+4420\"'; "
        "docs/reference/filters.md has the fields.",
        autocompletion=_completions,
        show_default=False,
    ),
]
