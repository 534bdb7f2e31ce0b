"""SBCs that do not trust the authority of Teams' certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.insight.teams import ROOTS, sbc_of, teams_role
from tqdecrypt.tls import Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_roots"]

MEANING = Meaning(
    "teams-roots",
    Severity.CRITICAL,
    "An SBC refused the certificate of Microsoft Teams: it lacks an authority that Teams uses.",
)

_DISTRUST = ("unknown_ca", "bad_certificate", "certificate_unknown")


@on_session
def teams_roots(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Look for alerts about Teams' certificate that the SBC sent."""
    role = teams_role(report)
    if role is None or report.verdict is not Verdict.HANDSHAKE_FAILED or report.alert is None:
        return
    sender = "client" if role == "server" else "server"
    if f"from the {sender}" not in report.alert or not report.alert.startswith(_DISTRUST):
        return
    host = sbc_of(report, role)[0]
    facts = report.server_facts if role == "server" else report.client_facts
    issuer = f", issued by {facts.issuer}" if facts is not None else ""
    yield Finding(
        MEANING.name,
        MEANING.severity,
        report.started,
        f"{host} refused the certificate of Teams{issuer}: {report.alert.partition(', frame')[0]}.",
        (
            f"Import all authorities that Teams uses into the trust store of {host}: {', '.join(ROOTS)}.",
            "Try it against Microsoft's test endpoint, sip.g1.pstnhub.microsoft.com:5061.",
        ),
        frames=frames_of(report.handshake_frames),
        sessions=(report.session,),
        hosts=(host,),
        key=(host, report.alert.partition(",")[0]),
    )
