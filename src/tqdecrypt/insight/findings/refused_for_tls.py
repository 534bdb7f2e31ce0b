"""Calls that failed because whoever had to send them on got no TLS connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, attempts_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.findings.tls_handshake_failed import cause_of
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "refused_for_tls"]

MEANING = Meaning(
    "refused-for-tls",
    Severity.CRITICAL,
    "Calls failed because the TLS connection on which they were to go on was refused.",
)
BEFORE = 5_000_000_000
"""Nanoseconds before the INVITE within which a failed handshake still explains its refusal: a box that
failed to connect does not try again at once."""


@on_leg_with(Trait.UNUSUAL)
def refused_for_tls(leg: Leg, context: Context) -> Iterator[Finding]:
    """Join a 408, 500, 502, 503 or 504 with the failed handshakes of the host that sent it."""
    status = leg.call.final_status
    if leg.call.answered is not None or status not in (408, 500, 502, 503, 504):
        return
    for at in reversed(list(attempts_of(leg))):
        final = at.final
        if final is None or final.status != status:
            continue
        box = address_of(at.flow.destination)
        report = _refused(context, box, at.started - BEFORE, final.time)
        if report is None:
            continue
        other = address_of(report.server)
        cause = cause_of(report)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            final.time,
            f"{box} answered {status} because its TLS connection to {other} was refused: {cause}.",
            tuple(report.advice),
            frames=frames_of((at.frame, final.frame, *report.handshake_frames[:4])),
            call_ids=(leg.call_id,),
            sessions=(report.session,),
            hosts=(box, other),
            key=(status, box, other, cause),
        )
        return


def _refused(context: Context, client: str, begin: int, end: int) -> SessionReport | None:
    """Return the last handshake that *client* failed to complete in that time."""
    for report in context.failures_from(client):
        if begin <= report.ended <= end:
            return report
    return None
