"""OPTIONS to Teams that come too seldom, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from tqdecrypt.insight.context import SessionNote
from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_end, on_ping, on_session
from tqdecrypt.insight.teams import LONGEST_PING, is_teams_address, sbc_of, teams_role
from tqdecrypt.tls import MEANINGS

if TYPE_CHECKING:
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_options", "teams_options_missing"]

MEANING = Meaning(
    "teams-options",
    Severity.WARNING,
    "An SBC sends Microsoft Teams OPTIONS too seldom, or none: Teams takes the trunk out of service.",
)
SECOND = 1_000_000_000
MOST_SBCS = 2_000
"""SBCs that are remembered; further ones are counted as ``teams_sbcs_not_looked_at``."""
_ADVICE = f"Let it send OPTIONS to each of Teams' proxies every 60 to {LONGEST_PING} seconds."


@on_ping
def teams_options(series: PingSeries, context: Context) -> Iterator[Finding]:
    """Look at the cadence of OPTIONS to Teams."""
    source, destination = address_of(series.source), address_of(series.destination)
    if not is_teams_address(destination):
        return
    pinging = _noted(context).pinging
    if len(pinging) < MOST_SBCS:
        pinging.add(source)
    usual = series.intervals.quantile(0.5)
    if usual is None or usual <= LONGEST_PING * SECOND:
        return
    yield Finding(
        MEANING.name,
        MEANING.severity,
        series.first_time,
        f"{source} sends OPTIONS to Teams ({destination}) every {seconds_text(usual)}.",
        (_ADVICE,),
        frames=frames_of((series.first_frame, series.last_frame)),
        sessions=series.sessions[:4],
        hosts=(source,),
        key=(source, "seldom"),
    )


@on_session
def remember(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Remember the first long clear session of each SBC with Teams."""
    if (
        report.ended - report.started >= 2 * LONGEST_PING * SECOND
        and teams_role(report) == "server"
        and MEANINGS[report.verdict].clear
    ):
        noted = _noted(context)
        host = sbc_of(report, "server")[0]
        if host in noted.sessions or len(noted.sessions) < MOST_SBCS:
            noted.sessions.setdefault(host, SessionNote.of(report))
        else:
            context.counters["teams_sbcs_not_looked_at"] += 1
    yield from ()


@on_end
def teams_options_missing(context: Context) -> Iterator[Finding]:
    """Look for SBCs with a long clear session to Teams and no OPTIONS in it."""
    noted = _noted(context)
    for host, note in noted.sessions.items():
        if host in noted.pinging:
            continue
        lasted = seconds_text(note.ended - note.started)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            note.started,
            f"{host} had a TLS session with Teams for {lasted} and sent no OPTIONS.",
            (_ADVICE,),
            frames=frames_of(note.hello_frames),
            sessions=(note.session,),
            hosts=(host,),
            key=(host, "none"),
        )


@dataclass(slots=True)
class _Noted:
    """What is remembered until the end."""

    pinging: set[str] = field(default_factory=set)
    """SBCs that sent Teams OPTIONS."""
    sessions: dict[str, SessionNote] = field(default_factory=dict)
    """The first long session with Teams, by SBC."""


def _noted(context: Context) -> _Noted:
    return cast("_Noted", context.notes.setdefault(MEANING.name, _Noted()))
