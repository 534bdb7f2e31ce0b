"""All commands of the command line, and what its own help says."""

from __future__ import annotations

from typing import Annotated

import typer

from tqdecrypt import __version__
from tqdecrypt.cli.advise import advise
from tqdecrypt.cli.audit import audit
from tqdecrypt.cli.check import check
from tqdecrypt.cli.demo import demo
from tqdecrypt.cli.explain import explain
from tqdecrypt.cli.export import export
from tqdecrypt.cli.follow import follow
from tqdecrypt.cli.read import read
from tqdecrypt.cli.selftest import selftest
from tqdecrypt.cli.show import show
from tqdecrypt.cli.what_if import what_if

__all__ = ["EXIT_STATUS", "app"]

EXIT_STATUS = (
    (0, "done"),
    (1, "an input could not be read; what could be read was still processed and printed"),
    (2, "usage; also: there is no such call or session"),
    (3, "with --strict, or of follow: a TLS session stayed dark, at least partly"),
    (70, "an internal error of tqdecrypt"),
    (130, "interrupted by Ctrl-C"),
    (141, "whoever read the output went away"),
)

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


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tqdecrypt {__version__}")
        raise typer.Exit


@app.callback()
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


app.command(short_help="List calls and TLS sessions; say what is dark.")(read)
app.command(short_help="Draw the ladder of one call.")(show)
app.command(short_help="Say what can be decrypted with whom, and why not the rest.")(audit)
app.command(short_help="Write the decrypted bytes of one session.")(follow)
app.command("what-if", short_help="Say what another cipher list would make of each client.")(
    what_if
)
app.command(short_help="Say what to set on a vendor's device.")(advise)
app.command(short_help="Ask a TLS server what it negotiates, and who could read it.")(check)
app.command(short_help="Explain the handshake of one session, and what opens it.")(explain)
app.add_typer(export, name="export", short_help="Hand results on to other programs.")
app.command(short_help="Do it all on the example that comes along.")(demo)
app.command(short_help="Prove decryption for every suite of this machine.")(selftest)
