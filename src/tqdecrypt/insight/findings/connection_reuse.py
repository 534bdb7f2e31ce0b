"""Peers that connect to each other instead of using the one connection (RFC 5923)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_end
from tqdecrypt.tls import MEANINGS, Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.context import Context
    from tqdecrypt.tls import SessionReport

__all__ = ["MEANING", "connection_reuse"]

MEANING = Meaning(
    "connection-reuse",
    Severity.NOTICE,
    "Two hosts opened TLS connections to each other: each direction has its own server, and its own key.",
)
MOST_PAIRS = 1_000


@on_end
def connection_reuse(context: Context) -> Iterator[Finding]:
    """Yield pairs of hosts with TLS sessions in both directions."""
    pairs: dict[tuple[str, str], SessionReport] = {}
    for report in context.sessions():
        if report.roles_known:
            key = address_of(report.client), address_of(report.server)
            worse = MEANINGS[report.verdict].clear
            known = pairs.get(key)
            if known is None or (not worse and MEANINGS[known.verdict].clear):
                pairs[key] = report
    told = 0
    for (client, server), report in pairs.items():
        back = pairs.get((server, client))
        if back is None or client >= server or told >= MOST_PAIRS:
            continue
        told += 1
        yield _finding(report, back)


def _finding(report: SessionReport, back: SessionReport) -> Finding:
    one, other = address_of(report.client), address_of(report.server)
    failed = [at for at in (report, back) if at.verdict is Verdict.HANDSHAKE_FAILED]
    dark = [at for at in (report, back) if not MEANINGS[at.verdict].clear]
    sentence = f"{one} and {other} open TLS connections to each other"
    severity = MEANING.severity
    if failed:
        sentence += f"; those from {address_of(failed[0].client)} fail"
        severity = Severity.ERROR
    elif dark:
        sentence += (
            f"; those from {address_of(dark[0].client)} stay dark, since there "
            f"{address_of(dark[0].server)} is the server whose key is needed"
        )
        severity = Severity.WARNING
    return Finding(
        MEANING.name,
        severity,
        min(report.started, back.started),
        sentence + ".",
        (
            "Let both sides send requests over the connection that is there: alias in Via and a "
            "certificate on both sides (RFC 5923), or outbound (RFC 5626).",
            "Where that cannot be, the certificates of both must be fit for server and client, and for "
            "decryption the keys of both are needed.",
        ),
        frames=frames_of((*report.handshake_frames[:2], *back.handshake_frames[:2])),
        sessions=(report.session, back.session),
        hosts=(one, other),
        key=(one, other),
    )
