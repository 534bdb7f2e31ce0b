"""``tqdecrypt selftest``: proof that this machine can decrypt what it can negotiate."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tqdecrypt.cli.run import Status
from tqdecrypt.cli.screen import Screen

__all__ = ["selftest"]


def selftest(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for each trial.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as with the variable NO_COLOR.")
    ] = False,
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="ASCII characters only, for terminals without Unicode.")
    ] = False,
) -> int:
    """Make a TLS SIP call for every suite of this machine's OpenSSL, and decrypt it passively.

    Nothing goes over a network. Exit status 1 when a call did not come out as it was said.
    """
    import ssl

    from rich.text import Text

    from tqdecrypt.selftest import run_trials
    from tqdecrypt.views import TrialsTable

    screen = Screen(no_color=no_color, ascii_only=ascii_only)
    trials = []
    for trial in run_trials():
        trials.append(trial)
        if as_json:
            screen.write(json.dumps(asdict(trial)) + "\n")
    if not as_json:
        screen.print(TrialsTable(trials))
        screen.print(Text(f"\n{ssl.OPENSSL_VERSION}"))
    return Status.DONE if all(trial.passed for trial in trials) else Status.INPUT
