"""``tqdecrypt export json``: everything about the chosen calls and sessions as JSON lines."""

from __future__ import annotations

from typing import Annotated

import typer

from tqdecrypt.cli.export.switches import ExportSwitches
from tqdecrypt.cli.switches import reading
from tqdecrypt.files import whole_file

__all__ = ["json_lines"]


@reading
def json_lines(
    switches: ExportSwitches,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The text of each message, too.")] = False,
) -> int:
    """Write messages, TLS sessions, calls, joined legs and findings as JSON lines.

    The lines are those of read --json --findings.
    """
    from tqdecrypt.export import JsonLines

    choice = switches.choose()
    with whole_file(switches.output, replace=switches.force) as file:
        sink = JsonLines(file, raw=raw)
        analysis = choice.analysis(sink.joint_call, sink.dark_leg)
        outcome = choice.read(switches, sink, analysis=analysis, on_idle=sink.flush)
        for finding in choice.findings(analysis.findings):
            sink.finding(finding)
        if outcome.summary is not None:
            sink.summary(outcome.summary)
        sink.flush()
    return outcome.status
