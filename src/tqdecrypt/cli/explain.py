"""``tqdecrypt explain``: one TLS session step by step, its keys, and what opens it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.run import Outcome, Status, read_for
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.cli.switches import Switches, reading

if TYPE_CHECKING:
    from tqdecrypt.cli.collect import ListedSessions, OneSession

__all__ = ["explain"]


@reading
def explain(
    switches: Switches,
    *,
    session: Annotated[
        int | None,
        typer.Option(
            "--session",
            metavar="ID",
            min=1,
            help="Number of the session. Without it: the only one, or the list of all.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every suite and algorithm that was offered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,
    show_secrets: Annotated[
        bool,
        typer.Option(
            "--show-secrets",
            help="Show secrets themselves, not their fingerprints. Whoever sees them opens the session.",
        ),
    ] = False,
) -> int:
    """Explain one TLS session: who said what, what decided, which keys follow, what opens it.

    For everybody who wants to know why a session could or could not be decrypted; read lists them.
    """
    from tqdecrypt.cli.collect import ListedSessions, OneSession
    from tqdecrypt.tls.watching import Watch

    sink = OneSession(session) if session is not None else ListedSessions()
    watch = Watch({session or 1})
    outcome = read_for(switches, sink, watch=watch, progress=not sys.stdout.isatty())
    if isinstance(sink, ListedSessions) and sink.total > 1:
        return _list(switches, sink, outcome, as_json=as_json)
    if sink.report is None:
        return _missing(sink, session, outcome)
    from tqdecrypt.explain import explain as explain_session

    explanation = explain_session(
        sink.report,
        watch.recordings.get(sink.report.session),
        outcome.inputs.options.ring,
        show_secrets=show_secrets,
    )
    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    if as_json:
        from tqdecrypt.export.explanation import explanation_json

        screen.write(f"{explanation_json(explanation)}\n")
    else:
        from tqdecrypt.views.explanation_drawing import ExplainedSession

        screen.print(ExplainedSession(explanation, full=full))
    return outcome.status


def _missing(sink: OneSession, session: int | None, outcome: Outcome) -> int:
    if outcome.summary is None:
        complain("interrupted before the session ended.")
        return outcome.status
    complain(
        f"there is no TLS session {session}: the capture has {sink.total}; read lists them."
        if sink.total
        else "the capture has no TLS session."
    )
    return outcome.status or Status.USAGE


def _list(switches: Switches, sink: ListedSessions, outcome: Outcome, *, as_json: bool) -> int:
    """Say which sessions there are; one has to be named."""
    from tqdecrypt.views import SessionsTable

    if not as_json:
        screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
        screen.print(SessionsTable(sink.rows))
        screen.flush()
    dark = sink.first_dark
    proposal = f"{dark} (the first dark one)" if dark is not None else "1"
    complain(f"the capture has {sink.total} TLS sessions; name one: --session {proposal}.")
    return outcome.status or Status.USAGE
