"""OPTIONS to Teams that come too seldom, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_end, on_ping
from tqdecrypt.insight.teams import LONGEST_PING, is_teams_address, sbc_of, teams_role
from tqdecrypt.tls import MEANINGS

if TYPE_CHECKING:
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "teams_options", "teams_options_missing"]

MEANING = Meaning(
    "teams-options",
    Severity.WARNING,
    "An SBC sends Microsoft Teams OPTIONS too seldom, or none: Teams takes the trunk out of service.",
)
SECOND = 1_000_000_000
_ADVICE = f"Let it send OPTIONS to each of Teams' proxies every 60 to {LONGEST_PING} seconds."


@on_ping
def teams_options(series: PingSeries, context: Context) -> Iterator[Finding]:
    """Look at the cadence of OPTIONS to Teams."""
    source, destination = address_of(series.source), address_of(series.destination)
    if not is_teams_address(destination):
        return
    _pinging(context).add(source)
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


@on_end
def teams_options_missing(context: Context) -> Iterator[Finding]:
    """Look for SBCs with a long clear session to Teams and no OPTIONS in it."""
    pinging = _pinging(context)
    said = set()
    for report in context.sessions():
        if report.ended - report.started < 2 * LONGEST_PING * SECOND:
            continue
        if teams_role(report) != "server" or not MEANINGS[report.verdict].clear:
            continue
        host = sbc_of(report, "server")[0]
        if host in pinging or host in said:
            continue
        said.add(host)
        lasted = seconds_text(report.ended - report.started)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            report.started,
            f"{host} had a TLS session with Teams for {lasted} and sent no OPTIONS.",
            (_ADVICE,),
            frames=frames_of(report.handshake_frames[:2]),
            sessions=(report.session,),
            hosts=(host,),
            key=(host, "none"),
        )


def _pinging(context: Context) -> set[str]:
    """Return the SBCs that sent Teams OPTIONS; as many as there are trunks."""
    found = context.notes.setdefault(MEANING.name, set())
    assert isinstance(found, set)
    return found
