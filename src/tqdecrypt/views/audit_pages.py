"""The audit in a report: each part with a few sentences for a person who has not seen one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.views.audit import (
    AdviceList,
    AuditHeading,
    differences_table,
    peers_table,
    properties_table,
    reconnects_table,
    servers_table,
)
from tqdecrypt.views.audit_certificates import certificates_table
from tqdecrypt.views.audit_pictures import load_picture, share_picture, spread_picture
from tqdecrypt.views.audit_timing import failures_table, load_table, timing_table
from tqdecrypt.views.markup import Markup, element, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tqdecrypt.insight.audit import AuditResult
    from tqdecrypt.views.audit_table import AuditTable

__all__ = ["decryptability", "handshakes", "reconnects", "servers", "uniformity"]

MOST_ROWS = 25
"""Of a table: a page of them is read, ten pages are not; audit --json has all."""


def decryptability(audit: AuditResult, causes: Markup | None) -> Markup | None:
    """Return shares and causes, peer by peer, and what would help; ``None`` without any TLS.

    :param causes: why sessions are dark, told at length.
    """
    audited = audit.audited
    if not audited.total.sessions:
        return None
    advice = AdviceList(audit.advice)
    return joined(
        [
            element(
                "p",
                "A session is decrypted when every record that was captured of it verified with the keys "
                "given. It is the TLS server's key that counts, whoever makes the calls.",
            ),
            element("figure", share_picture(audited.total)),
            AuditHeading(audited).html(),
            element(
                "p",
                "With each peer: whether we are its TLS server or its client, which share of sessions and of "
                "bytes is clear, how many calls ran in from it and out to it, and why the rest is dark. A "
                "share counts sessions that carried something.",
            ),
            peers_table(audited, MOST_ROWS).html(),
            advice.html() if advice else None,
            causes,
        ]
    )


def reconnects(audit: AuditResult) -> Markup | None:
    """Return which connections have to be opened again; ``None`` without any."""
    if not audit.reconnects:
        return None
    return _part(
        "These connections were open before the capture began. Without their handshake nothing opens them, "
        "however long the capture runs. Ending one makes the two ends connect anew; what that would cost, "
        "as far as it could be seen, stands beside it.",
        reconnects_table(audit.reconnects, MOST_ROWS),
    )


def uniformity(audit: AuditResult) -> Markup | None:
    """Return what was agreed on with each peer, and which hosts differ from the rest."""
    if not audit.audited.total.sessions:
        return None
    tables = [properties_table(audit.audited, MOST_ROWS)]
    if audit.differences:
        tables.append(differences_table(audit.differences, MOST_ROWS))
    return _part(
        "What TLS clients offered decides, together with the server's list, whether RSA key exchange is "
        "agreed on, which the server's key opens. Hosts of one trunk should do alike: one that differs is "
        "often a node that was set up by hand, or a rollout that stopped half way.",
        *tables,
    )


def servers(audit: AuditResult) -> Markup | None:
    """Return servers and certificates, and how they were sent."""
    audited = audit.audited
    if not audited.servers:
        return None
    return _part(
        "Every TLS server with the certificate that it showed, and every certificate that any end showed. "
        "Days are reckoned from the end of the capture. A chain is what was sent with a certificate: each "
        "should be issued by the next, and only the root may be left out.",
        servers_table(audited, audited.last, MOST_ROWS),
        certificates_table(audited, audited.last, MOST_ROWS),
    )


def handshakes(audit: AuditResult) -> Markup | None:
    """Return how long handshakes took, how many there were over time, and why some failed."""
    audited = audit.audited
    timing = audited.timing
    if not timing.handshakes and not timing.failed:
        return None
    spread, load = spread_picture(audited), load_picture(audited)
    times = timing_table(audited, MOST_ROWS)
    failures = failures_table(audited, MOST_ROWS)
    return joined(
        [
            element(
                "p",
                "Measured where the capture was made. Hello: from ClientHello to ServerHello. Server's "
                "flight: on to ServerHelloDone. Client's flight: on to ClientKeyExchange. Finished: from "
                "there to the server's Finished, which holds its private-key operation. Total: from "
                "ClientHello to the last Finished. Connect is one round trip to the server: the server's "
                "share is what Hello and Finished took beyond it. A slow network shows in Connect, too; a "
                "busy server does not.",
            ),
            element("figure", spread) if spread is not None else None,
            times.html() if times else None,
            element(
                "p",
                "How many handshakes there were over time. A storm is a slice of time with fifty of them and "
                "ten times as many as usual: everybody connected anew, as after a restart or a failover.",
            ),
            element("figure", load) if load is not None else None,
            load_table(audited, MOST_ROWS).html(),
            failures.html() if failures else None,
        ]
    )


def _part(intro: str, *tables: AuditTable) -> Markup:
    parts: Sequence[Markup] = [table.html() for table in tables]
    return joined([element("p", intro), *parts])
