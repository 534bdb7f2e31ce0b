"""SBCs that show Teams no certificate, or do not ask Teams for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.insight.teams import sbc_of, teams_role

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_mutual_tls"]

MEANING = Meaning(
    "teams-mutual-tls",
    Severity.ERROR,
    "An SBC showed Microsoft Teams no certificate, or does not ask Teams for its own.",
)


@on_session
def teams_mutual_tls(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Say who lacks whose certificate."""
    role = teams_role(report)
    if role is None or report.resumed != "no":
        return
    host, facts, _ = sbc_of(report, role)
    if role == "server":
        if not report.client_certificate_requested or facts is not None:
            return
        severity = MEANING.severity
        sentence = f"Teams asked {host} for its certificate, and it sent none."
        advice = f"Give {host} a certificate for TLS as a client, the one of its FQDN in Teams."
    else:
        if report.client_certificate_requested is not False:
            return
        severity = Severity.WARNING
        sentence = f"{host} did not ask Teams for a certificate: anybody who reaches it could pass for Teams."
        advice = f"Turn mutual TLS on, on the TLS interface of {host} towards Teams."
    yield Finding(
        MEANING.name,
        severity,
        report.started,
        sentence,
        (advice, "Direct Routing knows an SBC by its certificate, and by nothing else."),
        frames=frames_of(report.handshake_frames[:4]),
        sessions=(report.session,),
        hosts=(host,),
        key=(host, role),
    )
