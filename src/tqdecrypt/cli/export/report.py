"""``tqdecrypt export report``: one HTML file about a capture, for a ticket."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from stat import S_ISREG
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.choice import Choice
from tqdecrypt.cli.choosing import readable_twice
from tqdecrypt.cli.export.switches import NOTHING_CHOSEN, ExportSwitches
from tqdecrypt.cli.inputs import open_inputs
from tqdecrypt.cli.run import Outcome, Status
from tqdecrypt.cli.screen import complain
from tqdecrypt.cli.switches import reading
from tqdecrypt.errors import UsageError
from tqdecrypt.files import whole_file
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.export.report import ReportRows
    from tqdecrypt.insight import Finding
    from tqdecrypt.media.association import CallMedia, LegMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.views.captured import CaptureFile
    from tqdecrypt.views.course import Course
    from tqdecrypt.views.course_drawing import WorstCalls
    from tqdecrypt.views.report import Ladders

__all__ = ["report"]

MOST_COURSES = 8
"""Calls whose media are drawn over time: those that fared worst."""


@reading
def report(
    switches: ExportSwitches,
    *,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="The headline.")
    ] = "Encrypted SIP: what happened",
    note: Annotated[
        str,
        typer.Option(
            "--note", metavar="TEXT", help="What you have to say about it, below the headline."
        ),
    ] = "",
    most_calls: Annotated[
        int, typer.Option("--calls", metavar="N", min=0, help="Most rows of the table of calls.")
    ] = 100,
    ladders: Annotated[
        int, typer.Option("--ladders", metavar="N", min=0, help="Most failed calls that are drawn.")
    ] = 12,
    sound: Annotated[
        bool,
        typer.Option(
            "--audio",
            help="Decode the audio of the calls whose media are drawn, for how loud it was; nothing of "
            "what is said is kept, and no key of SRTP shown.",
        ),
    ] = False,
) -> int:
    """Write a report about the captures: one HTML file that opens anywhere, for a ticket.

    It says in plain sentences what was captured, what could be decrypted and why not the rest, which calls
    failed and how, what is wrong and what to do first. It holds no script and loads nothing; it prints.
    """
    from tqdecrypt.export.report import ReportRows
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.views.course_drawing import WorstCalls
    from tqdecrypt.views.report import Ladders

    choice = switches.choose()
    with whole_file(switches.output, replace=switches.force, what="report") as file:
        inputs = open_inputs(switches) if choice.first is None else choice.first.inputs
        rows = ReportRows(most_calls, choice.trunks, inputs.options.ring)
        worst = WorstCalls(MOST_COURSES)

        def heard(call: CallMedia) -> None:
            if choice.has_media(call):
                worst.add(call.legs)

        collector = MediaCollector(heard)
        analysis = choice.analysis(
            *(rows.joint_call, rows.dark_leg, rows.indicators, rows.auditor.leg),
            on_registration=rows.auditor.registration,
            media=collector,
        )
        inputs.options.media = collector
        outcome = choice.read(switches, rows, analysis=analysis, inputs=inputs)
        inputs.options.media = None  # what reads once more for ladders has no use for it
        if outcome.summary is None:
            raise KeyboardInterrupt
        if not choice.wanted.everything and not (rows.calls.total or rows.sessions.total):
            raise UsageError(NOTHING_CHOSEN)
        drawn = Ladders()
        if rows.failed.total and ladders and outcome.status is not Status.INTERRUPTED:
            drawn = _ladders(switches, choice, rows, outcome, ladders)
        courses = _courses(switches, choice, worst, collector, outcome, sound=sound)
        page = _page(
            switches, choice, rows, outcome, drawn, courses, title, note, analysis.findings
        )
        file.write(page.encode("utf-8"))
    complain(_written(switches.output, rows, drawn))
    return outcome.status


def _courses(
    switches: ExportSwitches,
    choice: Choice,
    worst: WorstCalls,
    collector: MediaCollector,
    outcome: Outcome,
    *,
    sound: bool,
) -> list[tuple[str, Course]]:
    """Return what is drawn of the calls that fared worst; with *sound* their levels and silences, too."""
    from tqdecrypt.views.course_drawing import course_of

    calls = list(worst)
    if sound and calls and outcome.status is not Status.INTERRUPTED:
        _hear(switches, choice, collector, outcome, calls)
    found = ((legs[0].call_id, course_of(legs)) for legs in calls)
    return [(call_id, course) for call_id, course in found if course is not None]


def _hear(
    switches: ExportSwitches,
    choice: Choice,
    collector: MediaCollector,
    outcome: Outcome,
    drawn: Sequence[Sequence[LegMedia]],
) -> None:
    """Read files once more, and note how loud the streams of *drawn* were.

    A level is no secret: where keys are masked in the messages that the report has, these are read once more
    as they were sent.
    """
    from tqdecrypt.cli.export.unmasked import find_media
    from tqdecrypt.cli.srtp import hear_calls
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.picking import key_of
    from tqdecrypt.media.verdict import MediaVerdict

    streams = {key_of(one): one for legs in drawn for leg in legs for one in leg.streams}
    calls = [CallMedia(list(legs)) for legs in drawn]
    protected = any(one.verdict is not MediaVerdict.CLEAR for one in streams.values())
    masked = protected and switches.mask_profile is not Profile.NONE
    if masked and readable_twice(switches):

        def is_drawn(call: CallMedia) -> bool:
            return any(key_of(one) in streams for _, one in call.streams)

        found, _ = find_media(switches, choice, is_drawn, again=outcome)
        collector, calls = found.collector, list(found.calls)
    hear_calls(switches, collector, calls)
    for call in calls:
        for _, one in call.streams:
            if key_of(one) in streams:
                streams[key_of(one)].heard = one.heard


def _ladders(
    switches: ExportSwitches, choice: Choice, rows: ReportRows, outcome: Outcome, most: int
) -> Ladders:
    """Read files once more for the messages of calls that failed."""
    from tqdecrypt.export.report import LadderMessages
    from tqdecrypt.views.report import Ladders

    if not readable_twice(switches):
        return Ladders(
            left_out="Their messages went by before it was known that they fail, and a pipe comes but once: "
            "a report from a file has their ladders."
        )
    sink = LadderMessages(rows.outcomes.worth_a_look(most), rows.dark_legs)
    choice.read(switches, sink, again=outcome)
    return sink.ladders()


def _page(
    switches: ExportSwitches,
    choice: Choice,
    rows: ReportRows,
    outcome: Outcome,
    ladders: Ladders,
    courses: Sequence[tuple[str, Course]],
    title: str,
    note: str,
    findings: Sequence[Finding],
) -> str:
    from tqdecrypt import __version__
    from tqdecrypt.export import format_time
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.views.report import Report, report_page

    assert outcome.summary is not None
    audit = rows.auditor.finish(format_time, findings=findings)
    outcome.summary.counters.update(rows.counters)
    outcome.summary.counters.update(audit.audited.counters)
    return report_page(
        Report(
            title=title,
            note=note,
            made=time.time_ns(),
            version=__version__,
            given=outcome.inputs.options.ring.describe(),
            chosen=choice.wanted.words(),
            captures=[_capture(path) for path in switches.captures],
            summary=outcome.summary,
            outcomes=rows.outcomes,
            calls=rows.calls,
            failed=rows.failed,
            sessions=rows.sessions,
            audit=audit,
            hosts=rows.hosts,
            findings=choice.findings(findings),
            indicators=rows.indicators,
            timeline=rows.timeline.timeline(),
            ladders=ladders,
            courses=courses,
            interrupted=outcome.status is Status.INTERRUPTED,
            name_of=(choice.trunks or Trunks()).name_of,
        )
    )


def _capture(path: str) -> CaptureFile:
    from tqdecrypt.views.captured import CaptureFile

    if path == "-":
        return CaptureFile("standard input", None)
    try:
        status = os.stat(path)
    except OSError:  # it is among the problems
        return CaptureFile(os.path.basename(path), None)
    return CaptureFile(os.path.basename(path), status.st_size if S_ISREG(status.st_mode) else None)


def _written(output: str, rows: ReportRows, ladders: Ladders) -> str:
    """Return what was written where, and what had to be left out."""
    from tqdecrypt.views.words import count

    parts = [
        count(rows.calls.total, "call"),
        count(rows.sessions.total, "TLS session"),
        count(len(ladders.stories), "ladder"),
    ]
    left = [
        (rows.calls.total - len(rows.calls.calls), "call", "calls"),
        (
            rows.failed.total - len(ladders.stories),
            "ladder of a failed call",
            "ladders of failed calls",
        ),
    ]
    out = [count(number, noun, nouns) for number, noun, nouns in left if number > 0]
    where = "standard output" if output == "-" else output
    words = f"the report is in {where}: {', '.join(parts)}"
    return f"{words}; left out: {', '.join(out)}." if out else f"{words}."
