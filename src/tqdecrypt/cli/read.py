"""``tqdecrypt read``: calls, sessions, and what stayed dark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.choice import Choice
from tqdecrypt.cli.choosing import choose
from tqdecrypt.cli.inputs import is_live
from tqdecrypt.cli.run import Outcome, Status
from tqdecrypt.cli.screen import Screen
from tqdecrypt.cli.switches import Switches, reading
from tqdecrypt.cli.wanted import Wanted
from tqdecrypt.cli.where import Where
from tqdecrypt.errors import UsageError
from tqdecrypt.masking import Profile

if TYPE_CHECKING:
    from tqdecrypt.cli.collect import Tables
    from tqdecrypt.insight import Finding
    from tqdecrypt.insight.indicators import IndicatorTable

__all__ = ["print_sessions", "print_tables", "read"]

LINES_JOINED = 256
"""Lines that are written in one piece when nobody waits for them."""


@reading
def read(
    switches: Switches,
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines: messages, sessions, calls, and a summary."),
    ] = False,
    where: Where = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="With --json: the text of each message, too.")
    ] = False,
    problems: Annotated[
        bool,
        typer.Option(
            "--problems",
            help="With --json: what is wrong with each message, too, by line and section. Slower.",
        ),
    ] = False,
    findings: Annotated[
        bool,
        typer.Option(
            "--findings",
            help="With --json: what is wrong, too, with evidence and advice; tables have it anyway.",
        ),
    ] = False,
    indicators: Annotated[
        bool,
        typer.Option(
            "--indicators", help="Ratios and delays of RFC 6076, by peers; JSON lines, too."
        ),
    ] = False,
    slices: Annotated[
        str | None,
        typer.Option(
            "--slice", metavar="DURATION", help="With --indicators: a row for each 15m, 1h …"
        ),
    ] = None,
    messages: Annotated[
        bool,
        typer.Option("--messages", help="A line for each message; from a pipe that is the rule."),
    ] = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Calls and TLS sessions over time, above the tables.")
    ] = False,
    calls: Annotated[
        int, typer.Option("--calls", metavar="N", help="Most rows of the table of calls.")
    ] = 1_000,
) -> int:
    """Decrypt captures: list calls and TLS sessions, and say why a session stayed dark.

    Reads from a pipe while it is written:

    tcpdump -i eth0 -s 0 -U -w - port 5061 | tqdecrypt read - -k server.key
    """
    if raw and not as_json:
        raise UsageError("--raw goes with --json; for the text of one call use: show --full.")
    if problems and not as_json:
        raise UsageError("--problems goes with --json; for those of one call use: show --full.")
    if findings and not as_json:
        raise UsageError("--findings goes with --json; the tables have findings anyway.")
    if timeline and as_json:
        raise UsageError("--timeline is a picture for people: leave --json out.")
    if raw and switches.mask is None:
        switches.mask = Profile.KEYS
    slice_length = _slice_length(slices, wanted=indicators)
    choice = choose(switches, Wanted(where=where))
    table = None
    if slice_length is not None:
        from tqdecrypt.insight.indicators import IndicatorTable

        table = IndicatorTable(slice_length=slice_length, trunks=choice.trunks)
    if as_json:
        return _read_json(switches, choice, table, raw=raw, problems=problems, findings=findings)
    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    as_lines = messages or is_live(switches)
    return _read_tables(switches, choice, table, screen, as_lines, calls, timeline)


def _slice_length(slices: str | None, *, wanted: bool) -> int | None:
    """Return how long a slice of the indicators is, ns; 0 for one slice, ``None``: none are wanted."""
    if not wanted:
        if slices is not None:
            raise UsageError("--slice goes with --indicators.")
        return None
    if slices is None:
        return 0
    from tqdecrypt.query.syntax import Value
    from tqdecrypt.query.types import DURATION, Fault

    try:
        length = int(DURATION.read(Value(slices)))
    except Fault as fault:
        raise UsageError(f"--slice: {fault}.") from None
    if length < 1_000_000_000:
        raise UsageError("--slice is at least a second.")
    return length


def _read_json(
    switches: Switches,
    choice: Choice,
    indicators: IndicatorTable | None,
    *,
    raw: bool,
    problems: bool,
    findings: bool,
) -> int:
    from tqdecrypt.export import JsonLines

    analysis = None
    sink = JsonLines(sys.stdout, raw=raw, problems=problems)
    if findings:
        analysis = choice.analysis(sink.joint_call, sink.dark_leg, indicators)
    elif indicators is not None:
        analysis = choice.analysis(indicators=indicators)
    outcome = choice.read(
        switches,
        sink,
        analysis=analysis,
        on_idle=sink.flush,
        progress=not sys.stdout.isatty(),
    )
    if analysis is not None and findings:
        for finding in choice.findings(analysis.findings):
            sink.finding(finding)
    if indicators is not None:
        for (source, destination, begin), row in indicators.rows.items():
            sink.indicators(source, destination, begin, row)
        sink.indicators("", "", 0, indicators.total)
    if outcome.summary is not None:
        sink.summary(outcome.summary)
    sink.flush()
    return outcome.status


def _read_tables(
    switches: Switches,
    choice: Choice,
    indicators: IndicatorTable | None,
    screen: Screen,
    as_lines: bool,
    most_calls: int,
    timeline: bool,
) -> int:
    from tqdecrypt.cli.collect import MessageLines, Tables

    lines: list[str] = []

    def flush() -> None:
        screen.write("".join(lines))
        lines.clear()
        screen.flush()

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) >= LINES_JOINED:
            flush()

    tables = MessageLines(write, most_calls) if as_lines else Tables(most_calls)
    if timeline:
        from tqdecrypt.views import TimelineRows

        tables.timeline = TimelineRows()
    in_the_way = as_lines and screen.is_terminal
    analysis = choice.analysis(tables.calls.join, tables.calls.add_dark_leg, indicators)
    outcome = choice.read(
        switches,
        tables,
        analysis=analysis,
        on_idle=flush,
        progress=not in_the_way,
    )
    flush()
    if as_lines:
        screen.write("\n")
    if indicators is not None:
        from rich.text import Text

        from tqdecrypt.views import IndicatorsTable

        screen.print(IndicatorsTable(indicators), Text())
    print_tables(screen, tables, outcome, choice.findings(analysis.findings))
    return outcome.status


def print_tables(
    screen: Screen, tables: Tables, outcome: Outcome, findings: Sequence[Finding]
) -> None:
    """Print calls, findings, sessions, causes and the summary."""
    from rich.text import Text

    from tqdecrypt.views import CallsTable, FindingsList, TimelineChart

    timeline = tables.timeline.timeline() if tables.timeline is not None else None
    if timeline is not None:
        screen.print(TimelineChart(timeline), Text())
    screen.print(CallsTable(tables.calls), Text())
    if findings:
        screen.print(FindingsList(findings), Text())
    print_sessions(screen, tables, outcome)


def print_sessions(screen: Screen, tables: Tables, outcome: Outcome) -> None:
    """Print sessions, causes and the summary."""
    from rich.text import Text

    from tqdecrypt.views import Causes, SessionsTable, SummaryLines

    screen.print(SessionsTable(tables.sessions), Text())
    causes = Causes(tables.sessions)
    if causes:
        screen.print(causes, Text())
    summary = outcome.summary
    if summary is None:
        screen.print(Text("Interrupted: calls and sessions that were going on are missing."))
        return
    both_seen = screen.is_terminal and sys.stderr.isatty()
    screen.print(SummaryLines(summary, () if both_seen else None))
    if outcome.status is Status.INTERRUPTED:
        screen.print(Text("Ended by Ctrl-C."))
