"""The switches that every export has, besides those of every command that reads captures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import typer

from tqdecrypt.cli.choice import Choice
from tqdecrypt.cli.choosing import choose
from tqdecrypt.cli.switches import Switches
from tqdecrypt.cli.wanted import Wanted
from tqdecrypt.cli.where import Where
from tqdecrypt.errors import UsageError
from tqdecrypt.masking import Profile

__all__ = ["NOTHING_CHOSEN", "ExportSwitches"]

NOTHING_CHOSEN = (
    "nothing in the captures is chosen, so that nothing was written; read lists calls and TLS sessions "
    "with their times."
)
"""What is said when the switches leave nothing."""


@dataclass(slots=True, kw_only=True)
class ExportSwitches(Switches):
    """What is handed on, and where to."""

    USUAL_MASK: ClassVar[Profile] = Profile.KEYS
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Where to; - is standard output.",
            show_default=False,
        ),
    ]
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False
    where: Where = None
    calls: Annotated[
        list[str],
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="Only this call with all its legs: its Call-ID, or a part of it that no other has. "
            "Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    only: Annotated[
        bool, typer.Option("--only", help="With --call: without the other legs of the same call.")
    ] = False
    sessions: Annotated[
        list[int],
        typer.Option(
            "--session",
            metavar="ID",
            min=1,
            help="Only this TLS session. Repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only from this moment on, such as 2026-03-09T14:05Z.",
            show_default=False,
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="Only before this moment.", show_default=False
        ),
    ] = None

    @property
    def by_session_alone(self) -> bool:
        """Whether no other switch than ``--session`` chooses."""
        return not (self.where or self.calls or self.since or self.until)

    def choose(self) -> Choice:
        """Return what decides what is handed on; read files once, if that takes it.

        :raises UsageError: see :func:`~tqdecrypt.cli.choice.choose`; also for times that are none.
        """
        since, until = _moment("--since", self.since), _moment("--until", self.until)
        wanted = Wanted(
            where=self.where,
            calls=tuple(one.strip().rstrip("…") for one in self.calls),
            sessions=frozenset(self.sessions),
            since=since,
            until=until,
            only=self.only,
        )
        if not all(wanted.calls):
            raise UsageError("--call needs a Call-ID or a part of it.")
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise UsageError("--since has to be before --until.")
        return choose(self, wanted)


def _moment(switch: str, text: str | None) -> int | None:
    """Return the moment, ns."""
    if text is None:
        return None
    from tqdecrypt.query.syntax import Value
    from tqdecrypt.query.types import Fault, moment

    try:
        return moment(Value(text))[0]
    except Fault as fault:
        raise UsageError(f"{switch}: {fault}.") from None
