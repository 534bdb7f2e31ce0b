"""``tqdecrypt show``: the ladder of one call over all its hops, and what they changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tqdecrypt.cli.choosing import choose, readable_twice
from tqdecrypt.cli.inputs import open_inputs, open_trunks
from tqdecrypt.cli.named import ambiguous, missing
from tqdecrypt.cli.run import Outcome, Status, read_for
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.cli.wanted import Wanted
from tqdecrypt.cli.where import Where
from tqdecrypt.errors import UsageError
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.cli.collect import Found, SeveralCalls
    from tqdecrypt.insight import Analysis, Finding
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.views.ladder import Mark

__all__ = ["show"]


@reading
def show(
    switches: Switches,
    *,
    call: Annotated[
        list[str] | None,
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="The Call-ID, its beginning, or a part of it that no other has. Repeatable: several "
            "in one ladder.",
            show_default=False,
        ),
    ] = None,
    where: Where = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="Most calls that --where shows.")
    ] = 10,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Every message whole, below, with what is wrong with its lines."
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="What changed between two hops, below: the INVITE and each response to it.",
        ),
    ] = False,
    to_scale: Annotated[
        bool, typer.Option("--to-scale", help="Empty rows for time that passes in the ladder.")
    ] = False,
    media: Annotated[
        bool,
        typer.Option("--media", help="When media streams begin, change and end, in the ladder."),
    ] = False,
    sound: Annotated[
        bool,
        typer.Option(
            "--audio",
            help="With --media: decode the audio, for how silent it was; nothing of what is said is kept.",
        ),
    ] = False,
    only: Annotated[
        bool,
        typer.Option("--only", help="Only what is named, without the other legs of the same call."),
    ] = False,
) -> int:
    """Draw the ladder of one call over all its legs, or of any other exchange with a Call-ID.

    With --where, one after the other of those that it selects.
    """
    wanted = [one.strip().rstrip("…") for one in call or ()]
    if not all(wanted) or not (wanted or where):
        raise UsageError("--call needs a Call-ID or a part of it, or --where an expression.")
    if sound and not media:
        raise UsageError("--audio says how media sounded: it takes --media as well.")
    looks = _Looks(full, diff, to_scale, media, sound)
    if where is None and switches.mask_profile is not Profile.NONE:
        return _show_masked(switches, wanted, looks, only=only)
    if where is None:
        return _show(switches, wanted, looks, only=only, apart=False)
    if not readable_twice(switches):
        raise UsageError(
            "show --where reads the captures twice, and a pipe comes but once: save it to a file first."
        )
    choice = choose(switches, Wanted(where=where))
    first, selection = choice.first, choice.selection
    assert first is not None
    assert selection is not None
    chosen = [one for one in selection.ordered_call_ids if not wanted or _named(one, wanted)]
    if not chosen:
        complain("--where selects nothing that has a Call-ID.")
        return first.status or Status.USAGE
    chosen = _masked(first, chosen)
    status = _show(switches, chosen[:most], looks, only=only, apart=True, again=first)
    if len(chosen) > most:
        from tqdecrypt.views.words import count

        complain(f"{count(len(chosen) - most, 'more')} not shown; --most N shows more.")
    return status


class _Looks(NamedTuple):
    """How calls are to be shown."""

    full: bool
    diff: bool
    to_scale: bool
    media: bool
    sound: bool


def _show_masked(switches: Switches, wanted: Sequence[str], looks: _Looks, *, only: bool) -> int:
    """Show what *wanted* names as it was captured, masked."""
    if not readable_twice(switches):
        raise UsageError(
            "show --mask reads the captures twice, and a pipe comes but once: save it to a file first."
        )
    choice = choose(switches, Wanted(calls=tuple(wanted), only=only))
    assert choice.first is not None
    chosen = _masked(choice.first, sorted(choice.call_ids))
    return _show(switches, chosen, looks, only=only, apart=False, again=choice.first)


def _masked(first: Outcome, call_ids: list[str]) -> list[str]:
    """Return what Call-IDs are called when they are shown."""
    masker = first.inputs.masker
    return call_ids if masker is None else [masker.call_id(one) for one in call_ids]


def _named(call_id: str, wanted: Sequence[str]) -> bool:
    return any(one in call_id for one in wanted)


def _show(
    switches: Switches,
    wanted: Sequence[str],
    looks: _Looks,
    *,
    only: bool,
    apart: bool,
    again: Outcome | None = None,
) -> int:
    """Show what *wanted* names, in one ladder or each call *apart*."""
    from tqdecrypt.cli.collect import JoinedCalls, SeveralCalls
    from tqdecrypt.insight import Analysis
    from tqdecrypt.views.words import count

    sink = SeveralCalls(wanted)
    joined = JoinedCalls(() if only else wanted)
    media = _Media(switches, wanted, sound=looks.sound) if looks.media else None
    analysis = Analysis(
        on_call=joined.take,
        on_dark_leg=joined.take_dark,
        trunks=open_trunks(switches),
        media=None if media is None else media.collector,
    )
    if media is not None:
        media.analysis = analysis
    inputs = open_inputs(switches) if again is None else again.inputs
    inputs.options.media = None if media is None else media.collector
    outcome = read_for(switches, sink, analysis=analysis, again=again, inputs=inputs)
    inputs.options.media = None
    failure = _unclear(sink, outcome)
    if failure is not None:
        return failure
    found = sink.found()
    call_ids = joined.with_legs(found.call_ids)
    others = [call_id for call_id in call_ids if call_id not in found.call_ids]
    if others and readable_twice(switches):
        # Which legs belong together is known at the end; the messages of the others went by.
        sink = SeveralCalls(call_ids)
        outcome = read_for(switches, sink, again=outcome)
        found = sink.found()
    elif others:
        complain(
            f"{count(len(others), 'more leg')} of the same call went by: {', '.join(others)}; "
            "save the capture to a file to see all legs in one ladder."
        )
    found = found._replace(joins=joined.joins(), dark_legs=joined.dark_legs(found.call_ids))
    for number, one in enumerate(found.apart(joined.with_legs) if apart else [found]):
        marks = () if media is None else media.marks(one)
        _print(switches, one, looks, marks, first=not number)
        _print_findings(switches, one, analysis.findings)
    return outcome.status


class _Media:
    """The media of the calls that may be meant, judged.

    :param sound: whether to listen to them, for how loud they were.
    """

    analysis: Analysis

    def __init__(self, switches: Switches, wanted: Sequence[str], *, sound: bool) -> None:
        from tqdecrypt.media.collector import MediaCollector
        from tqdecrypt.media.keeping import KeptCalls

        self._kept = KeptCalls(
            lambda call: any(_named(call_id, wanted) for call_id in call.call_ids)
        )
        self._switches = switches
        self._sound = sound
        self.collector = MediaCollector(self._take, on_end=self._end)

    def _take(self, call: CallMedia) -> None:
        if self._kept.receive(call) and not self._sound:
            self.analysis.call_media(call)

    def _end(self) -> None:
        if self._sound:
            from tqdecrypt.cli.srtp import hear_calls

            calls = list(self._kept)
            hear_calls(self._switches, self.collector, calls)
            for call in calls:
                self.analysis.call_media(call)

    def marks(self, found: Found) -> list[Mark]:
        """Return marks for the media of the calls shown."""
        from tqdecrypt.views.media_marks import media_marks

        return media_marks([leg for leg in self._kept.legs if leg.call_id in found.call_ids])


def _unclear(sink: SeveralCalls, outcome: Outcome) -> int | None:
    """Say which name fits no Call-ID, or several; return the exit status for that."""
    for one in sink.each:
        found = one.candidates
        if len(found) == 1:
            continue
        if outcome.summary is None:
            complain("interrupted before the call was found.")
            return outcome.status
        if found:
            complain(ambiguous(one.wanted, found, at_least=bool(one.unkept)))
            return Status.USAGE
        complain(missing(one.wanted, outcome.summary))
        return outcome.status or Status.USAGE
    return None


def _print(
    switches: Switches, found: Found, looks: _Looks, media: Sequence[Mark], *, first: bool
) -> None:
    from rich.text import Text

    from tqdecrypt.views import (
        CallLadder,
        FullMessage,
        Story,
        comparisons,
        dark_marks,
        problems_by_line,
        session_marks,
    )
    from tqdecrypt.views.words import count

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    if not first:
        screen.print(Text("\n"))
    marks = session_marks(found.messages, found.reports) + dark_marks(found.dark_legs)
    marks = sorted([*marks, *media], key=lambda mark: mark.time)
    notes = [f"dark leg of {leg.call_id}, {leg.sentence}" for leg in found.dark_legs]
    story = Story(found.messages, found.calls, found.reports, marks, found.joins, notes)
    screen.print(CallLadder(story, to_scale=looks.to_scale))
    if found.cut:
        screen.print(Text(f"and {count(found.cut, 'more message')} that are not shown."))
    if looks.diff:
        compared = comparisons(found.messages)
        for comparison in compared:
            screen.print(Text(), comparison)
        if not compared:
            screen.print(Text(), Text("Nothing to compare: no INVITE was seen on two hops."))
    if looks.full:
        for message in found.messages:
            screen.print(Text(), FullMessage(message, problems_by_line(message)))


def _print_findings(switches: Switches, found: Found, findings: Sequence[Finding]) -> None:
    """Print what is wrong with the calls shown, or with the TLS sessions that carried them."""
    from rich.text import Text

    from tqdecrypt.views import FindingsList

    call_ids = {call.call_id for call in found.calls}
    sessions = {number for call in found.calls for number in call.sessions}
    theirs = [
        finding
        for finding in findings
        if call_ids.intersection(finding.call_ids) or sessions.intersection(finding.sessions)
    ]
    if theirs:
        screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
        screen.print(Text(), FindingsList(theirs))
