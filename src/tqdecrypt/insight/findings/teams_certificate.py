"""Certificates of SBCs that Teams does not believe: self-signed, without a name, not for servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import frames_of, is_address
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_session
from tqdecrypt.insight.teams import sbc_of, teams_role

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "teams_certificate"]

MEANING = Meaning(
    "teams-certificate",
    Severity.ERROR,
    "The certificate that an SBC shows Microsoft Teams is not one that Teams accepts.",
)


@on_session
def teams_certificate(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Look at the SBC's certificate with the eyes of Teams."""
    role = teams_role(report)
    if role is None:
        return
    host, facts, names = sbc_of(report, role)
    if facts is None:
        return
    for sentence, advice in _faults(facts, names):
        yield Finding(
            MEANING.name,
            MEANING.severity,
            report.started,
            f"The certificate of {host} ({', '.join(names[:3]) or facts.subject or 'no name'}) {sentence}.",
            (advice,),
            frames=frames_of(report.handshake_frames[:4]),
            sessions=(report.session,),
            hosts=(host,),
            key=(host, facts.fingerprint_sha256, sentence),
        )


def _faults(facts: CertificateFacts, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and what to do about it."""
    if facts.self_signed:
        yield (
            "is self-signed",
            "Get one from a public authority that Microsoft's trusted root program has; Teams believes no "
            "other.",
        )
    if not any("." in name and not is_address(name) and ":" not in name for name in names):
        yield (
            "has no domain name in it",
            "Get one for the SBC's FQDN as it is set up in Teams, in its subject alternative names.",
        )
    usages = facts.extended_key_usages
    if usages and "serverAuth" not in usages:
        yield (
            "is not meant for server authentication (extended key usage)",
            "Get one whose extended key usage has serverAuth: since June 2026 Teams takes no other.",
        )
