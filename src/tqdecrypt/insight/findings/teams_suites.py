"""SBCs that Teams cannot agree on a cipher suite or version with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.insight.teams import SUITES, sbc_of, teams_role
from tqdecrypt.tls import Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_suites"]

MEANING = Meaning(
    "teams-suites",
    Severity.CRITICAL,
    "An SBC and Microsoft Teams have no cipher suite or TLS version in common that Teams takes.",
)

_LIST = ", ".join(SUITES)


@on_session
def teams_suites(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Compare what the SBC offers, or takes, with the four suites of Teams."""
    role = teams_role(report)
    if role is None or not report.offered_suites:
        return
    host = sbc_of(report, role)[0]
    if role == "server":
        if set(SUITES).isdisjoint(report.offered_suites):
            yield _finding(
                report,
                host,
                f"{host} offered Teams {len(report.offered_suites)} suites, and none of the four that Teams "
                "takes.",
                f"Put at least one of these into the cipher list of {host} for TLS as a client: {_LIST}.",
            )
    elif report.verdict is Verdict.HANDSHAKE_FAILED and (
        not report.alert or "handshake_failure" in report.alert or "insufficient" in report.alert
    ):
        yield _finding(
            report,
            host,
            f"{host} took none of the suites that Teams offered.",
            f"Put at least one of these into the cipher list of {host} for TLS as a server: {_LIST}.",
        )
    if report.alert and "protocol_version" in report.alert:
        yield _finding(
            report,
            host,
            f"{host} and Teams did not agree on a TLS version.",
            f"Turn TLS 1.2 on, on {host}: Teams takes no older one.",
        )


def _finding(report: SessionReport, host: str, sentence: str, advice: str) -> Finding:
    return Finding(
        MEANING.name,
        MEANING.severity,
        report.started,
        sentence,
        (
            advice,
            "These suites are ECDHE: no private key decrypts the leg to Teams. Take session secrets from the "
            "SBC, or its mirrored plaintext (HEP); its other legs can still be read with its key.",
        ),
        frames=frames_of(report.handshake_frames[:2]),
        sessions=(report.session,),
        hosts=(host,),
        key=(host, sentence),
    )
