"""Handshake times: tables and pictures that tell a busy server from a slow network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from tqdecrypt.insight.audit.timing import Bottleneck
from tqdecrypt.tls.timing import Phase
from tqdecrypt.views import theme
from tqdecrypt.views.audit_table import MOST_ROWS, AuditTable, span
from tqdecrypt.views.grid import Column, Row
from tqdecrypt.views.words import count, time_of_day

if TYPE_CHECKING:
    from tqdecrypt.calls.delays import Delays
    from tqdecrypt.insight.audit import Audited
    from tqdecrypt.insight.audit.timing import HandshakeTiming

__all__ = ["failures_table", "load_table", "timing_table"]

MILLISECOND = 1_000_000
_BARS = "▁▂▃▄▅▆▇█"
MOST_BARS = 60

_PHASES = (
    (Phase.CONNECT, "Connect"),
    (Phase.SERVER_HELLO, "Hello"),
    (Phase.SERVER_FLIGHT, "Server's flight"),
    (Phase.CLIENT_FLIGHT, "Client's flight"),
    (Phase.SERVER_FINISHED, "Finished"),
    (Phase.TOTAL, "Total"),
)

_WORDS = {
    Bottleneck.NOTHING: Text("none", theme.SUCCESS),
    Bottleneck.SERVER: Text("the server is busy", theme.FAILURE),
    Bottleneck.CLIENT: Text("the client is slow", theme.NOTICE),
    Bottleneck.NETWORK: Text("the network is slow", theme.FAILURE),
    Bottleneck.LOSS: Text("packets are lost", theme.FAILURE),
    Bottleneck.UNKNOWN: Text("too few to tell", theme.DIM),
}


def timing_table(audited: Audited, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of handshake times, in milliseconds: median and 95th percentile of each phase."""
    columns = (
        Column("Server, peer", least=14, most=47, yields=2),
        Column("Kind", least=0, yields=9),
        Column("Number", right=True),
        *(Column(name, right=True, least=0, yields=_yield(phase)) for phase, name in _PHASES),
        Column("p99", right=True, least=0, yields=4),
        Column("Server's share", right=True, least=0, yields=3),
        Column("Holdup", least=8, yields=1),
    )
    rows: list[Row] = []
    for server in audited.servers:
        rows += _rows(server.endpoint, server.timing, theme.HEADING)
    if len(audited.peers) > 1:
        for peer in audited.peers:
            rows += _rows(f"with {peer.name}", peer.timing, "")
    heading = Text("Handshake times", theme.HEADING)
    heading.append("  milliseconds, median/95 %", theme.DIM)
    return AuditTable("timing", columns, heading, rows, most)


def _yield(phase: Phase) -> int:
    return 0 if phase is Phase.TOTAL else 5 if phase is Phase.CONNECT else 6


def _rows(name: str, timing: HandshakeTiming, style: str) -> Iterator[Row]:
    for kind, number, phases in (
        ("full", timing.full, timing.full_phases),
        ("resumed", timing.resumed, timing.resumed_phases),
    ):
        if not number:
            continue
        total = phases.get(Phase.TOTAL)
        yield Row(
            [
                theme.said(name, style),
                Text(kind),
                Text(f"{number:,}"),
                *(Text(_two(phases.get(phase))) for phase, _ in _PHASES),
                Text(_one(total, 0.99)),
                Text(_share(timing) if kind == "full" else ""),
                _WORDS[timing.bottleneck].copy() if kind == "full" or not timing.full else Text(),
            ]
        )


def load_table(audited: Audited, most: int = MOST_ROWS) -> AuditTable:
    """Return how many handshakes each server had over time, and when there was a storm."""
    columns = (
        Column("Server", least=14, most=47, yields=2),
        Column("Full", right=True),
        Column("Resumed", right=True, least=0, yields=6),
        Column("Failed", right=True),
        Column("Came again", right=True, least=0, yields=7),
        Column("Most a second", right=True, least=0, yields=5),
        Column("Seen/closed", right=True, least=0, yields=8),
        Column("Usually lasts", right=True, least=0, yields=9),
        Column("Over time", least=8, yields=3),
        Column("Storms", least=0, yields=4),
    )
    rows = []
    for server in audited.servers:
        timing = server.timing
        busiest = timing.slices.busiest
        per_second = 0.0 if busiest is None else busiest[1].handshakes / timing.slices.length * 1e9
        lasts = server.lifetimes.quantile(0.5)
        storms = [time_of_day(begin, 0) for begin, _ in timing.slices.storms()]
        rows.append(
            Row(
                [
                    theme.said(server.endpoint),
                    Text(f"{timing.full:,}"),
                    Text(f"{timing.resumed:,}"),
                    Text(f"{timing.failed:,}", theme.FAILURE if timing.failed else ""),
                    Text(f"{timing.retransmissions:,}"),
                    Text(f"{per_second:,.1f}"),
                    Text(f"{timing.connections:,}/{timing.slices.closed:,}"),
                    Text("" if lasts is None else span(lasts)),
                    Text(_bars(timing)),
                    Text(", ".join(storms[:3]), theme.FAILURE),
                ]
            )
        )
    heading = Text("Handshakes over time", theme.HEADING)
    heading.append("  and TCP segments that came again", theme.DIM)
    return AuditTable("load", columns, heading, rows, most)


def failures_table(audited: Audited, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of failed handshakes by peer, cause and side; an alert names its sender."""
    columns = (
        Column("Peer", least=12, most=36, yields=3),
        Column("Sessions", right=True),
        Column("Failed", right=True),
        Column("Cause", least=20, yields=2),
        Column("Who has to change", least=8, yields=4),
    )
    rows = []
    for peer in audited.peers:
        failures = peer.properties.failures
        for value in failures:
            side, _, cause = value.partition(": ")
            cells = [
                theme.said(peer.name),
                Text(f"{peer.decryptability.sessions:,}"),
                Text(f"{failures[value]:,}"),
                theme.said(cause, theme.FAILURE),
                Text("not told" if side == "nobody" else f"the {side}"),
            ]
            rows.append(Row(cells))
    failed = audited.total.failed_sessions
    heading = Text(count(failed, "failed handshake"), theme.HEADING)
    return AuditTable("failures", columns, heading, rows, most)


def _bars(timing: HandshakeTiming) -> str:
    """Return a line of bars, one for each part of the time."""
    numbers = [one.handshakes for _, one in timing.slices.series()]
    if not numbers:
        return ""
    if len(numbers) > MOST_BARS:
        step = -(-len(numbers) // MOST_BARS)
        numbers = [sum(numbers[at : at + step]) for at in range(0, len(numbers), step)]
    most = max(numbers) or 1
    return "".join(
        _BARS[min(number * len(_BARS) // (most + 1), len(_BARS) - 1)] if number else " "
        for number in numbers
    )


def _share(timing: HandshakeTiming) -> str:
    """Return what the server itself took for the hello and for its private operation."""
    return f"{_one(timing.server_think, 0.5)} + {_one(timing.server_private, 0.5)}".strip(" +")


def _two(delays: Delays | None) -> str:
    if delays is None:
        return ""
    return f"{_one(delays, 0.5)}/{_one(delays, 0.95)}"


def _one(delays: Delays | None, share: float) -> str:
    value = None if delays is None else delays.quantile(share)
    if value is None:
        return ""
    return f"{value / MILLISECOND:,.{2 if value < 10 * MILLISECOND else 0}f}"
