"""``tqdecrypt demo``: the main job on the example that comes with the package."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from tqdecrypt.cli.read import print_sessions
from tqdecrypt.cli.run import Outcome, read_for
from tqdecrypt.cli.screen import Screen
from tqdecrypt.cli.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tqdecrypt.cli.collect import Tables
    from tqdecrypt.insight import Finding
    from tqdecrypt.sip import Message

__all__ = ["demo"]


def demo(
    *,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as with the variable NO_COLOR.")
    ] = False,
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="ASCII characters only, for terminals without Unicode.")
    ] = False,
) -> int:
    """Decrypt the example that comes with tqdecrypt: six calls over a TLS trunk."""
    from tqdecrypt.example import example_path
    from tqdecrypt.insight import Analysis

    with ExitStack() as stack:
        capture = str(stack.enter_context(example_path("calls.pcap")))
        key = str(stack.enter_context(example_path("server.key")))
        switches = Switches(captures=[capture], keys=[key], no_color=no_color, ascii=ascii_only)
        kept: dict[str, list[Message]] = {}
        tables = _tables_and_messages(kept)
        analysis = Analysis(on_call=tables.calls.join, on_dark_leg=tables.calls.add_dark_leg)
        outcome = read_for(switches, tables, analysis=analysis, progress=False, notes=False)
        _print(switches, tables, kept, outcome, analysis.findings)
        return outcome.status


def _tables_and_messages(kept: dict[str, list[Message]]) -> Tables:
    from tqdecrypt.cli.collect import Tables

    class TablesAndMessages(Tables):
        def message(self, message: Message) -> None:
            kept.setdefault(message.call_id, []).append(message)

    return TablesAndMessages()


def _print(
    switches: Switches,
    tables: Tables,
    kept: dict[str, list[Message]],
    outcome: Outcome,
    findings: Sequence[Finding],
) -> None:
    from rich.text import Text

    from tqdecrypt.views import CallLadder, CallsTable, FindingsList, Story

    screen = Screen(no_color=switches.no_color, ascii_only=switches.ascii)
    inputs = f"{_name(switches.captures[0])} -k {_name(switches.keys[0])}"
    screen.print(
        Text(
            "Decrypts SIP over TLS from a capture with the server's key, or says why not.", "bold"
        ),
        Text("The example: a PBX, its SBC and a carrier; TLS on one side, UDP on the other."),
    )
    _command(screen, f"tqdecrypt read {inputs}")
    screen.print(CallsTable(tables.calls))
    calls = sorted(tables.calls.calls, key=lambda call: call.started)
    if calls:
        call = calls[0]
        reports = {report.session: report for report in tables.sessions.listed}
        _command(screen, f"tqdecrypt show {inputs} --call {shlex.quote(call.call_id)}")
        screen.print(CallLadder(Story(kept[call.call_id], (call,), reports)))
    screen.print(Text(), FindingsList(findings), Text())
    print_sessions(screen, tables, outcome)


def _name(path: str) -> str:
    """Return the shorter way to write a path, for a shell."""
    return shlex.quote(min(path, os.path.relpath(path), key=len))


def _command(screen: Screen, command: str) -> None:
    """Print a command so that it can be copied: in one line, however long."""
    screen.write(f"\n$ {command}\n\n")
