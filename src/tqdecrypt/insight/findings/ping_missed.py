"""OPTIONS that nobody answered, or that stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_ping

if TYPE_CHECKING:
    from tqdecrypt.calls.ping import PingSeries
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "ping_missed"]

MEANING = Meaning(
    "ping-missed",
    Severity.WARNING,
    "OPTIONS stayed without answer or stopped: peers take a trunk out of service for that.",
)


@on_ping
def ping_missed(series: PingSeries, context: Context) -> Iterator[Finding]:
    """Yield runs of missed OPTIONS, silences, and answers that are failures."""
    source, destination = address_of(series.source), address_of(series.destination)
    share = f"{series.missed} of {series.sent} OPTIONS"
    for run in series.missed_runs:
        over = run.missed >= context.thresholds.missed_pings
        lasted = (
            f", from frame {run.first_frame} on for {seconds_text(run.last_time - run.first_time)}"
        )
        yield Finding(
            MEANING.name,
            Severity.CRITICAL if over else MEANING.severity,
            run.first_time,
            f"{destination} did not answer {run.missed} OPTIONS in a row from {source}"
            f"{lasted if run.missed > 1 else ''} ({share} in all).",
            (
                f"From here, {destination} was away or unreachable then: look at its log, and at the TLS "
                "connection between the two.",
                "Microsoft Teams takes a trunk out of service whose OPTIONS it misses; calls come back when "
                "they do.",
            ),
            frames=frames_of((run.first_frame, run.last_frame)),
            sessions=series.sessions[:4],
            hosts=(destination, source),
        )
    for silence in series.silences:
        usual = series.intervals.quantile(0.5) or 0
        yield Finding(
            MEANING.name,
            MEANING.severity,
            silence.begun,
            f"{source} sent no OPTIONS to {destination} for {seconds_text(silence.ended - silence.begun)}; "
            f"it does every {seconds_text(int(usual))}.",
            (
                f"{source} was away or the capture has a gap: compare with other traffic of that time.",
            ),
            frames=frames_of((silence.begun_frame, silence.ended_frame)),
            sessions=series.sessions[:4],
            hosts=(source, destination),
        )
    refused = {status: n for status, n in series.statuses.items() if status in (403, 408, 500, 503)}
    for status, number in refused.items():
        yield Finding(
            MEANING.name,
            MEANING.severity,
            series.first_time,
            f"{destination} answered {number} of {series.sent} OPTIONS from {source} with {status}.",
            (
                f"It is alive, but out of service or does not know {source}: look at its trunk's state.",
            ),
            frames=frames_of((series.first_frame,)),
            sessions=series.sessions[:4],
            hosts=(destination, source),
        )
