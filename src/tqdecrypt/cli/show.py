"""``tqdecrypt show``: the ladder of one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.run import Status, read_for
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from tqdecrypt.cli.collect import Kept, OneCall
    from tqdecrypt.pipeline import Summary

__all__ = ["show"]

MOST_NAMED = 10
"""Call-IDs that are listed when several fit."""


@reading
def show(
    switches: Switches,
    *,
    call: Annotated[
        str,
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="The Call-ID, its beginning, or a part of it that no other has.",
            show_default=False,
        ),
    ],
    full: Annotated[bool, typer.Option("--full", help="Every message whole, below.")] = False,
) -> int:
    """Draw the ladder of one call, or of any other exchange with a Call-ID."""
    wanted = call.strip().rstrip("…")
    if not wanted:
        raise UsageError("--call needs a Call-ID or a part of it; read lists them.")
    from tqdecrypt.cli.collect import OneCall

    sink = OneCall(wanted)
    outcome = read_for(switches, sink)
    found = sink.candidates
    if len(found) == 1:
        _print(switches, next(iter(found.values())), sink, full=full)
        return outcome.status
    if outcome.summary is None:
        complain("interrupted before the call was found.")
        return outcome.status
    if found:
        complain(_ambiguous(wanted, found, sink))
        return Status.USAGE
    complain(_missing(wanted, outcome.summary))
    return outcome.status or Status.USAGE


def _print(switches: Switches, kept: Kept, sink: OneCall, *, full: bool) -> None:
    from rich.text import Text

    from tqdecrypt.views import CallLadder, FullMessage, Story
    from tqdecrypt.views.words import count

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    screen.print(CallLadder(Story(kept.messages, (kept.call,) if kept.call else (), sink.reports)))
    if kept.cut:
        screen.print(Text(f"and {count(kept.cut, 'more message')} that are not shown."))
    if full:
        for message in kept.messages:
            screen.print(Text(), FullMessage(message))


def _ambiguous(wanted: str, found: dict[str, Kept], sink: OneCall) -> str:
    names = list(found)
    more = len(names) - MOST_NAMED
    some = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    at_least = "at least " if sink.unkept else ""
    return f"{at_least}{len(names)} Call-IDs have {wanted!r} in them, name one: {some}."


def _missing(wanted: str, summary: Summary) -> str:
    sentence = f"no message has a Call-ID with {wanted!r} in it; read lists the Call-IDs."
    if summary.dark_sessions:
        sessions = "session" if summary.dark_sessions == 1 else "sessions"
        sentence += f" {summary.dark_sessions} TLS {sessions} stayed dark: it may be in there."
    return sentence
