"""Teams' certificates that are for servers only, shown as a client's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.insight.teams import sbc_of, teams_role
from tqdecrypt.tls import Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_client_usage"]

MEANING = Meaning(
    "teams-client-usage",
    Severity.NOTICE,
    "Microsoft Teams shows a certificate without client authentication: an SBC may refuse its calls.",
)


@on_session
def teams_client_usage(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Look at the usages of what Teams shows when it opens the connection."""
    facts = report.client_facts
    if teams_role(report) != "client" or facts is None:
        return
    usages = facts.extended_key_usages
    if not usages or "clientAuth" in usages:
        return
    host = sbc_of(report, "client")[0]
    refused = report.verdict is Verdict.HANDSHAKE_FAILED and "from the server" in (
        report.alert or ""
    )
    yield Finding(
        MEANING.name,
        Severity.CRITICAL if refused else MEANING.severity,
        report.started,
        f"Teams showed {host} a certificate for {', '.join(usages)} only, as a client"
        + (", and was refused." if refused else "; it was accepted."),
        (
            f"Let {host} accept client certificates whose extended key usage lacks client authentication: "
            "public authorities stop putting it in during 2026; the vendor has a release or a switch.",
        ),
        frames=frames_of(report.handshake_frames),
        sessions=(report.session,),
        hosts=(host,),
        key=(host, refused),
    )
