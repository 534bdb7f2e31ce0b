"""``tqdecrypt media``: the media streams of calls, their quality, and what is wrong with them."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.inputs import open_inputs, open_trunks
from tqdecrypt.cli.run import Outcome, Status, read_for
from tqdecrypt.cli.screen import Screen, complain
from tqdecrypt.cli.srtp import hear_media, open_srtp
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tqdecrypt.calls import Call
    from tqdecrypt.insight import Analysis, Finding
    from tqdecrypt.media.association import CallMedia
    from tqdecrypt.media.collector import MediaCollector
    from tqdecrypt.media.jitter_buffer import JitterBuffer
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport

__all__ = ["media"]

MOST_BUFFER = 2_000
"""Milliseconds; nobody waits longer in a conversation."""


@reading
def media(
    switches: Switches,
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines: media, finding and summary objects."),
    ] = False,
    call: Annotated[
        list[str] | None,
        typer.Option(
            "--call",
            metavar="CALL_ID",
            help="Only this call: its Call-ID or a part of it. Repeatable.",
            show_default=False,
        ),
    ] = None,
    jitter_buffer: Annotated[
        str,
        typer.Option(
            "--jitter-buffer",
            metavar="MS",
            help="Rate streams behind a jitter buffer of so many ms; 20-200 for one that adapts.",
            show_default=False,
        ),
    ] = "",
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="Most streams that the table lists.")
    ] = 200,
    sound: Annotated[
        bool,
        typer.Option(
            "--audio",
            help="Decode the audio of calls, for how loud and how silent it was; nothing of what is said is "
            "kept.",
        ),
    ] = False,
) -> int:
    """List the media streams of calls: RTP and SRTP by call, leg and direction, and how they fared.

    Loss, bursts, jitter and spacing are measured from headers, which SRTP leaves clear; RTCP and quality
    reports (RFC 6035) stand beside what was measured.  Loss that the capture has itself is told apart.
    Streams that no session description announces are listed, too.  R and MOS are those of the E-model
    (docs/reference/quality.md).  With --call, loss and jitter are drawn over time.

    SRTP is opened with the keys in the session descriptions (SDES) and those of DTLS handshakes that the
    server's RSA key or a key log opens; each packet is authenticated (pip install 'tqdecrypt[media]').

    With --audio, the share of silence, its longest stretch and the level stand beside each stream, and a
    party that was sent packets with nothing in them is a finding (docs/reference/audio.md).
    """
    from tqdecrypt.insight import Analysis
    from tqdecrypt.media.collector import MediaCollector

    wanted = tuple(call or ())
    collector = MediaCollector(
        functools.partial(hear_media, switches, chosen=functools.partial(_is_chosen, wanted))
        if sound
        else functools.partial(open_srtp, switches),
        buffers=_buffers(jitter_buffer),
    )
    analysis = Analysis(on_call=collector.call, media=collector.calls, trunks=open_trunks(switches))
    inputs = open_inputs(switches)
    inputs.options.media = collector
    outcome = read_for(switches, DarkHosts(collector), analysis=analysis, inputs=inputs)
    if outcome.summary is not None:
        outcome.summary.counters.update(
            {name: count for name, count in collector.counters.items() if count}
        )
    calls = _chosen(collector.calls(), wanted)
    if wanted and not calls:
        complain(f"no call has {' or '.join(wanted)} in its Call-ID; tqdecrypt read lists them.")
        return outcome.status or Status.USAGE
    findings = _of_media(analysis, calls, all_of_them=not wanted)
    if as_json:
        _write(collector, calls, findings, outcome, unassigned=not wanted)
    else:
        _print(switches, collector, calls, findings, outcome, most, unassigned=not wanted)
    return outcome.status


def _buffers(size: str) -> Callable[[], JitterBuffer] | None:
    """Return what makes jitter buffers of the size that was asked for: ``60``, or ``20-200``."""
    if not size:
        return None
    from tqdecrypt.media.jitter_buffer import JitterBuffer

    least, adapts, greatest = size.partition("-")
    try:
        first = float(least)
        last = float(greatest) if adapts else first
    except ValueError:
        first = last = -1.0
    if not 0 <= first <= last <= MOST_BUFFER:
        raise UsageError(
            f"--jitter-buffer {size}: give milliseconds up to {MOST_BUFFER:,}, such as 60, or two such "
            "as 20-200 for a buffer that adapts."
        )
    return lambda: JitterBuffer(last, first if adapts else None)


class DarkHosts:
    """A sink that only tells which TLS sessions stayed dark."""

    def __init__(self, collector: MediaCollector) -> None:
        self._collector = collector

    def message(self, message: Message) -> None:
        """Nothing: the collector has it from the pipeline."""

    def session(self, report: SessionReport) -> None:
        """Note who spoke in the dark."""
        from tqdecrypt.tls import MEANINGS

        if not MEANINGS[report.verdict].clear:
            self._collector.dark_session(report.client, report.server)

    def call(self, call: Call) -> None:
        """Nothing: calls come from the analysis, with their legs."""


def _chosen(calls: list[CallMedia], wanted: tuple[str, ...]) -> list[CallMedia]:
    """Return the calls that are meant: all that have media or announce some, or those named."""
    if not wanted:
        return [one for one in calls if any(leg.lines or leg.streams for leg in one.legs)]
    return [one for one in calls if _is_chosen(wanted, one)]


def _is_chosen(wanted: tuple[str, ...], call: CallMedia) -> bool:
    """Return whether a call is meant: any is, or one with these words in its Call-ID."""
    return not wanted or any(name in call_id for name in wanted for call_id in call.call_ids)


def _of_media(analysis: Analysis, calls: list[CallMedia], *, all_of_them: bool) -> list[Finding]:
    """Return what was found in media; the rest is what ``read`` says."""
    from tqdecrypt.insight.rules import load_rules

    names = {
        sys.modules[rule.__module__].MEANING.name  # one a module
        for rule in load_rules().media
    }
    call_ids = {call_id for one in calls for call_id in one.call_ids}
    return [
        finding
        for finding in analysis.findings
        if finding.name in names and (all_of_them or not call_ids.isdisjoint(finding.call_ids))
    ]


def _write(
    collector: MediaCollector,
    calls: list[CallMedia],
    findings: list[Finding],
    outcome: Outcome,
    *,
    unassigned: bool,
) -> None:
    from tqdecrypt.export import JsonLines
    from tqdecrypt.export.media import media_objects, unassigned_objects

    sink = JsonLines(sys.stdout)
    for one in calls:
        for line in media_objects(one):
            sink.write_object(line)
    if unassigned:
        for line in unassigned_objects(collector.unassigned):
            sink.write_object(line)
    for finding in findings:
        sink.finding(finding)
    if outcome.summary is not None:
        sink.summary(outcome.summary)
    sink.flush()


def _print(
    switches: Switches,
    collector: MediaCollector,
    calls: list[CallMedia],
    findings: list[Finding],
    outcome: Outcome,
    most: int,
    *,
    unassigned: bool,
) -> None:
    from rich.text import Text

    from tqdecrypt.views import FindingsList, SummaryLines
    from tqdecrypt.views.media import MediaTableView

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    screen.print(MediaTableView(calls, collector.unassigned if unassigned else [], most), Text())
    if not unassigned:
        from tqdecrypt.views.course_drawing import CourseChart, course_of

        for one in calls:
            course = course_of(one.legs)
            if course is not None:
                screen.print(CourseChart(course), Text())
    if findings:
        screen.print(FindingsList(findings), Text())
    if outcome.summary is not None:
        screen.print(SummaryLines(outcome.summary, () if screen.is_terminal else None))
