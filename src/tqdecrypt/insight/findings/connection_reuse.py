"""Peers that connect to each other instead of using the one connection (RFC 5923)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

from tqdecrypt.insight.context import SessionNote
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_end, on_session
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
MOST_PAIRS = 20_000
"""Pairs of client and server of which a session is remembered, half a kilobyte each; further ones are
counted as ``host_pairs_not_compared``."""
MOST_FINDINGS = 1_000


@on_session
def remember(report: SessionReport, context: Context) -> Iterator[Finding]:
    """Remember a session of each client and server, one that stayed dark if there is one.

    Those of media (DTLS) are no connections.
    """
    if report.roles_known and not report.is_dtls:
        pairs = _pairs(context)
        key = address_of(report.client), address_of(report.server)
        known = pairs.get(key)
        if known is None and len(pairs) >= MOST_PAIRS:
            context.counters["host_pairs_not_compared"] += 1
        elif known is None or (_clear(known) and not MEANINGS[report.verdict].clear):
            pairs[key] = SessionNote.of(report)
    yield from ()


@on_end
def connection_reuse(context: Context) -> Iterator[Finding]:
    """Yield pairs of hosts with TLS sessions in both directions."""
    pairs = _pairs(context)
    both = (
        (note, pairs[server, client])
        for (client, server), note in pairs.items()
        if client < server and (server, client) in pairs
    )
    for one, back in islice(both, MOST_FINDINGS):
        yield _finding(one, back)


def _pairs(context: Context) -> dict[tuple[str, str], SessionNote]:
    return cast("dict[tuple[str, str], SessionNote]", context.notes.setdefault(MEANING.name, {}))


def _clear(note: SessionNote) -> bool:
    return MEANINGS[note.verdict].clear


def _finding(note: SessionNote, back: SessionNote) -> Finding:
    one, other = address_of(note.client), address_of(note.server)
    failed = [at for at in (note, back) if at.verdict is Verdict.HANDSHAKE_FAILED]
    dark = [at for at in (note, back) if not _clear(at)]
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
        min(note.started, back.started),
        sentence + ".",
        (
            "Let both sides send requests over the connection that is there: alias in Via and a "
            "certificate on both sides (RFC 5923), or outbound (RFC 5626).",
            "Where that cannot be, the certificates of both must be fit for server and client, and for "
            "decryption the keys of both are needed.",
        ),
        frames=frames_of((*note.hello_frames, *back.hello_frames)),
        sessions=(note.session, back.session),
        hosts=(one, other),
        key=(one, other),
    )
