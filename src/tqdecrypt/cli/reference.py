"""Writes the reference of the command line from the commands themselves.

``python -m tqdecrypt.cli.reference > docs/reference/cli.md``
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer

from tqdecrypt.cli.app import EXIT_STATUS, command_line
from tqdecrypt.cli.switches import (
    HEP_LISTEN_VARIABLE,
    HEP_PASSWORD_VARIABLE,
    PASSPHRASE_VARIABLE,
    SECRETS_PASSPHRASE_VARIABLE,
)

__all__ = ["reference"]

_VARIABLES = {
    PASSPHRASE_VARIABLE: "passphrase of encrypted private keys",
    SECRETS_PASSPHRASE_VARIABLE: "passphrase of the secrets store",
    HEP_LISTEN_VARIABLE: "password that HEP received with `--hep-listen` must have",
    HEP_PASSWORD_VARIABLE: "password that `export hep` sends",
    "NO_COLOR": "no colours when it is set to anything",
    "COLUMNS": "width of tables and ladders, when the output is no terminal",
}


def reference() -> str:
    """Return the reference of all commands in Markdown."""
    group: Any = typer.main.get_command(command_line())
    return "\n".join(_lines(group)) + "\n"


def _lines(group: Any) -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "Made by `python -m tqdecrypt.cli.reference` from the commands themselves."
    yield ""
    yield from _paragraphs(group.help)
    for command in group.commands.values():
        yield from _section(command, ("tqdecrypt",), "##")
    yield "## Exit status"
    yield ""
    yield "| status | meaning |"
    yield "|---|---|"
    for status, meaning in EXIT_STATUS:
        yield f"| {status} | {meaning} |"
    yield ""
    yield "When several apply, an input that could not be read comes first."
    yield ""
    yield "## Environment"
    yield ""
    yield "| variable | meaning |"
    yield "|---|---|"
    for variable, meaning in _VARIABLES.items():
        yield f"| `{variable}` | {meaning} |"


def _section(command: Any, path: tuple[str, ...], heading: str) -> Iterator[str]:
    """Yield the section of a command, or of a group of them."""
    if not hasattr(command, "commands"):
        yield from _command(command, path, heading)
        return
    yield f"{heading} {' '.join((*path[1:], command.name))}"
    yield ""
    yield from _paragraphs(command.help)
    for inner in command.commands.values():
        yield from _section(inner, (*path, command.name), heading + "#")


def _command(command: Any, path: tuple[str, ...], heading: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    required = [f"{_spelled(option)}" for option in options if option.required]
    usage = [*path, command.name, *(f"{a.metavar}…" for a in arguments), *required]
    yield f"{heading} {' '.join((*path[1:], command.name))}"
    yield ""
    yield f"`{' '.join(usage)} [OPTIONS]`"
    yield ""
    yield from _paragraphs(command.help)
    yield "| | |"
    yield "|---|---|"
    for argument in arguments:
        yield f"| `{argument.metavar}…` | {_cell(argument.help)} |"
    for option in options:
        yield f"| `{_cell(_spelled(option))}` | {_cell(option.help)}{_default(option)} |"
    yield ""


def _spelled(option: Any) -> str:
    names = ", ".join(option.opts)
    if option.is_flag:
        return names
    return f"{names} {option.metavar}"


def _default(option: Any) -> str:
    if option.is_flag or not option.show_default or option.default in (None, (), []):
        return ""
    return f" Default: {option.default}."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        line = " ".join(paragraph.split())
        yield f"```\n{line}\n```" if " | tqdecrypt " in line else line
        yield ""


if __name__ == "__main__":
    sys.stdout.write(reference())
