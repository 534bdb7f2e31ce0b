"""``tqdecrypt audit``: how much can be decrypted with whom, why not the rest, and what changed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.inputs import open_inputs, open_trunks
from tqdecrypt.cli.run import Outcome, read_for
from tqdecrypt.cli.screen import Screen
from tqdecrypt.cli.switches import Switches, reading

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import AuditResult

__all__ = ["audit"]


@reading
def audit(
    switches: Switches,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object; also the baseline of a later audit.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="What audit --json wrote earlier: say what has changed since.",
            show_default=False,
        ),
    ] = None,
    timing: Annotated[
        bool,
        typer.Option(
            "--timing",
            help="How long handshakes take and whose share that is, load over time, failures, "
            "certificates; --json has it anyway.",
        ),
    ] = False,
) -> int:
    """Audit the TLS of a capture: for every trunk, peer and server, what can be decrypted and why not.

    Who is TLS client and who is server, in which direction calls run, what was offered and chosen, which
    key counts, which peers differ from the rest of their trunk, and which connections have to be opened
    again before anybody can read them.
    """
    from tqdecrypt.export import format_time
    from tqdecrypt.insight.audit import Auditor, read_baseline

    earlier = None if baseline is None else read_baseline(baseline)
    trunks = open_trunks(switches)
    inputs = open_inputs(switches)
    auditor = Auditor(inputs.options.ring, trunks)
    outcome = read_for(switches, auditor, analysis=auditor.analysis, inputs=inputs)
    result = auditor.finish(format_time, earlier)
    if outcome.summary is not None:
        outcome.summary.counters.update(result.audited.counters)
    if as_json:
        json.dump(result.document, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _print(switches, result, outcome, changes=earlier is not None, timing=timing)
    return outcome.status


def _print(
    switches: Switches, result: AuditResult, outcome: Outcome, *, changes: bool, timing: bool
) -> None:
    from rich.text import Text

    from tqdecrypt.views import FindingsList, SummaryLines
    from tqdecrypt.views.audit import (
        AuditHeading,
        certificates_table,
        changes_table,
        differences_table,
        failures_table,
        peers_table,
        reconnects_table,
        servers_table,
    )
    from tqdecrypt.views.audit_timing import load_table, timing_table

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    audited = result.audited
    screen.print(AuditHeading(audited), Text())
    if audited.total.sessions:
        screen.print(peers_table(audited), Text(), servers_table(audited, audited.last), Text())
    if timing:
        screen.print(timing_table(audited), Text(), load_table(audited), Text())
        for table in (failures_table(audited), certificates_table(audited, audited.last)):
            if table:
                screen.print(table, Text())
    if changes:
        screen.print(changes_table(result.changes), Text())
    if result.differences:
        screen.print(differences_table(result.differences), Text())
    if result.reconnects:
        screen.print(reconnects_table(result.reconnects), Text())
    tls = [finding for finding in result.findings if finding.sessions]
    if tls:
        screen.print(FindingsList(tls), Text())
    if outcome.summary is not None:
        screen.print(SummaryLines(outcome.summary, () if screen.is_terminal else None))
