"""All commands of the command line, and what its own help says."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Annotated

import typer

from tqdecrypt import __version__

__all__ = ["EXIT_STATUS", "command_line"]

EXIT_STATUS = (
    (0, "done"),
    (1, "an input could not be read; what could be read was still processed and printed"),
    (2, "usage; also: there is no such call or session"),
    (3, "with --strict, or of follow: a TLS session stayed dark, at least partly"),
    (70, "an internal error of tqdecrypt"),
    (130, "interrupted by Ctrl-C"),
    (141, "whoever read the output went away"),
)

_COMMANDS = {
    "read": "List calls and TLS sessions; say what is dark.",
    "show": "Draw the ladder of one call.",
    "audit": "Say what can be decrypted with whom, and why not the rest.",
    "media": "List media streams: whose they are, what was lost, what is wrong.",
    "follow": "Write the decrypted bytes of one session.",
    "explain": "Explain the handshake of one session, and what opens it.",
    "what-if": "Say what another cipher list would make of each client.",
    "advise": "Say what to set on a vendor's device.",
    "check": "Ask a TLS server what it negotiates, and who could read it.",
    "export": "Hand results on to other programs.",
    "demo": "Do it all on the example that comes along.",
    "selftest": "Prove decryption for every suite of this machine.",
}
"""In the order of the help.  Each stands in the module of its name, under its name (a dash becomes a low
line): a function, or, with commands of its own, a ``Typer``."""


def command_line(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return what runs *arguments*: all commands, or only the one that they name.

    The others would be loaded for nothing, which takes longer than to read a small capture.
    """
    app = typer.Typer(
        name="tqdecrypt",
        add_completion=False,
        rich_markup_mode=None,  # plain help: it needs no rich, and comes at once
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog="Exit status: "
        + "; ".join(f"{status} {meaning}" for status, meaning in EXIT_STATUS[:4])
        + ".",
    )
    app.callback()(_describe)
    named = arguments[0] if arguments else ""
    for name in (named,) if named in _COMMANDS else _COMMANDS:
        place = name.replace("-", "_")
        command = getattr(importlib.import_module(f"tqdecrypt.cli.{place}"), place)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, short_help=_COMMANDS[name])
        else:
            app.command(name, short_help=_COMMANDS[name])(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tqdecrypt {__version__}")
        raise typer.Exit


def _describe(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Decrypt SIP over TLS from packet captures with the server's key, or learn why not.

    Every TLS session gets a verdict: decrypted, or the cause, its evidence and what to do.
    Try it on the example that comes along: tqdecrypt demo
    """
