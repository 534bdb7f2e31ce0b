"""TLS connections that were refused, by whom and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.tls import Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "cause_of", "tls_handshake_failed"]

MEANING = Meaning(
    "tls-handshake-failed",
    Severity.ERROR,
    "A TLS handshake failed: nothing can be signalled over that connection.",
)


@on_session
def tls_handshake_failed(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Yield failed handshakes, added up by the two hosts and the cause."""
    if report.verdict is not Verdict.HANDSHAKE_FAILED:
        return
    client, server = address_of(report.client), address_of(report.server)
    cause = cause_of(report)
    yield Finding(
        MEANING.name,
        MEANING.severity,
        report.started,
        f"TLS from {client} to {server} failed: {cause}.",
        tuple(report.advice),
        frames=frames_of(report.handshake_frames),
        sessions=(report.session,),
        hosts=(server, client) if report.side == "server" else (client, server),
        key=(client, server, cause),
    )


def cause_of(report: SessionReport) -> str:
    """Return why a handshake failed, without what differs from one to the next."""
    if report.alert:
        return report.alert.partition(", frame")[0]
    return report.ending or "the connection was closed"
