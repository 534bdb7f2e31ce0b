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
from tqdecrypt.cli.what_if import (
    answer_what_if,
    make_wish,
    vendor_named,
    what_if_document,
    what_if_view,
)
from tqdecrypt.errors import UsageError

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
    what_if: Annotated[
        str | None,
        typer.Option(
            "--what-if",
            metavar="LIST",
            help="Also say what each client would get from your server with this cipher list; what-if has "
            "more switches for it.",
            show_default=False,
        ),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="With or without --what-if: the smallest change for each server, with what it gives up.",
        ),
    ] = False,
    vendor: Annotated[
        str | None,
        typer.Option(
            "--vendor",
            metavar="NAME",
            help="With --what-if or --propose: the server's vendor; lists in its spelling, and its settings.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Audit the TLS of a capture: for every trunk, peer and server, what can be decrypted and why not.

    Who is TLS client and who is server, in which direction calls run, what was offered and chosen, which
    key counts, which peers differ from the rest of their trunk, what would make dark ones readable, and
    which connections have to be opened again before anybody can read them.
    """
    from tqdecrypt.export import format_time
    from tqdecrypt.insight.audit import Auditor, read_baseline

    if vendor is not None and what_if is None and not propose:
        raise UsageError("--vendor goes with --what-if or --propose.")
    advisor = vendor_named(vendor)
    wish = make_wish(ciphers=what_if, propose=propose) if what_if is not None or propose else None
    earlier = None if baseline is None else read_baseline(baseline)
    trunks = open_trunks(switches)
    inputs = open_inputs(switches)
    ring = inputs.options.ring
    auditor = Auditor(ring, trunks)
    outcome = read_for(switches, auditor, analysis=auditor.analysis, inputs=inputs)
    result = auditor.finish(format_time, earlier)
    answer = None if wish is None else answer_what_if(auditor.offers, wish, ring, trunks)
    if outcome.summary is not None:
        outcome.summary.counters.update(result.audited.counters)
    if as_json:
        if answer is not None:
            result.document["what_if"] = what_if_document(answer, advisor)
        json.dump(result.document, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return outcome.status
    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    _print(screen, result, changes=earlier is not None, timing=timing)
    if answer is not None:
        from rich.text import Text

        screen.print(*what_if_view(answer, advisor), Text())
    _print_rest(screen, result, outcome)
    return outcome.status


def _print(screen: Screen, result: AuditResult, *, changes: bool, timing: bool) -> None:
    from rich.text import Text

    from tqdecrypt.views.audit import (
        AdviceList,
        AuditHeading,
        changes_table,
        differences_table,
        peers_table,
        properties_table,
        reconnects_table,
        servers_table,
    )
    from tqdecrypt.views.audit_certificates import certificates_table
    from tqdecrypt.views.audit_timing import failures_table, load_table, timing_table

    audited = result.audited
    screen.print(AuditHeading(audited), Text())
    if audited.total.sessions:
        screen.print(peers_table(audited), Text(), properties_table(audited), Text())
        screen.print(servers_table(audited, audited.last), Text())
    tables = [certificates_table(audited, audited.last)]
    if timing:
        tables[:0] = [timing_table(audited), load_table(audited), failures_table(audited)]
    if changes:
        screen.print(changes_table(result.changes), Text())
    tables += [differences_table(result.differences), reconnects_table(result.reconnects)]
    for table in tables:
        if table:
            screen.print(table, Text())
    advice = AdviceList(result.advice)
    if advice:
        screen.print(advice, Text())


def _print_rest(screen: Screen, result: AuditResult, outcome: Outcome) -> None:
    from rich.text import Text

    from tqdecrypt.views import FindingsList, SummaryLines

    tls = [finding for finding in result.findings if finding.sessions]
    if tls:
        screen.print(FindingsList(tls), Text())
    if outcome.summary is not None:
        screen.print(SummaryLines(outcome.summary, () if screen.is_terminal else None))
