"""``--where``: what an expression selects, found in a first pass over the captures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from tqdecrypt.cli.inputs import is_live
from tqdecrypt.cli.run import Outcome, read_for
from tqdecrypt.cli.switches import Switches
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tqdecrypt.calls import Call
    from tqdecrypt.pipeline import Sink
    from tqdecrypt.query import Selection
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["Chosen", "Where", "readable_twice", "select"]


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
"""The switch of every command that has it."""


def readable_twice(switches: Switches) -> bool:
    """Return whether all captures are files: a pipe is read but once."""
    return "-" not in switches.captures and not is_live(switches.captures)


def select(
    switches: Switches, where: str, *, whole: bool = False
) -> tuple[Selection, Outcome | None]:
    """Return what *where* selects, and what came of the first pass, if there was one.

    :param whole: insist on it; from a pipe, messages could be decided on one by one.
    :raises UsageError: for an expression that means nothing, or one that a pipe cannot answer.
    """
    from tqdecrypt.query import Kind, Selection, compile_query

    selection = Selection(compile_query(where))
    if not readable_twice(switches) and selection.messages_alone and not whole:
        return selection, None
    if not readable_twice(switches):
        raise UsageError(
            "--where reads the captures twice when it asks more than messages, and a pipe comes but "
            "once: save it to a file first, or ask fields of messages only, such as message.from."
        )
    analysis = None
    if Kind.FINDING in selection.query.kinds:
        from tqdecrypt.insight import Analysis

        analysis = Analysis()
    outcome = read_for(switches, _FirstPass(selection), analysis=analysis)
    selection.finish(analysis.findings if analysis is not None else ())
    return selection, outcome


class _FirstPass:
    """Gives everything to a selection."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.session = selection.session
        self.call = selection.call

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        self._selection.message(message)


class Chosen:
    """Gives a sink what is selected.

    :param live: there was no first pass: messages are decided on as they come, calls when they are over;
        every session is let through, since its messages may be still to come.
    """

    def __init__(self, sink: Sink, selection: Selection, *, live: bool) -> None:
        self._sink = sink
        self._selection = selection
        self._live = live
        self._wanted: Callable[[Message], bool] = (
            selection.message if live else selection.has_message
        )

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._wanted(message):
            self._sink.message(message)

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._live or self._selection.has_session(report):
            self._sink.session(report)

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        if self._selection.has_call(call):
            self._sink.call(call)
