"""Certificates that are out of their validity, or soon will be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "certificate_expiry"]

MEANING = Meaning(
    "certificate-expiry",
    Severity.WARNING,
    "A certificate had expired, or expires within weeks: every new connection then fails.",
)
DAY = 86_400_000_000_000


@on_session
def certificate_expiry(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Compare the end of the certificates' validity with the time of the session.

    Those of DTLS-SRTP are made anew for each call or day, and believed for the fingerprint in the SDP.
    """
    if report.is_dtls and not report.messages:
        return
    for owner, end, subject, fingerprint in (
        (report.server, report.server_not_after, report.server_subject, report.server_certificate),
        (report.client, report.client_not_after, report.client_subject, report.client_certificate),
    ):
        if end is None or end - report.started > context.thresholds.expiry_days * DAY:
            continue
        host = address_of(owner)
        days = abs(end - report.started) // DAY
        if end < report.started:
            severity, when = Severity.CRITICAL, f"had expired {days} days before"
        else:
            severity = Severity.ERROR if days < 7 else MEANING.severity
            when = f"expires in {days} days"
        yield Finding(
            MEANING.name,
            severity,
            report.started,
            f"The certificate of {host} ({subject or 'without a name'}) {when}.",
            (
                f"Renew it on {host}, with the same key if keys are kept for decryption, or hand the new "
                "key to whoever decrypts.",
            ),
            frames=frames_of(report.handshake_frames[:4]),
            sessions=(report.session,),
            hosts=(host,),
            key=(fingerprint, host, severity),
        )
