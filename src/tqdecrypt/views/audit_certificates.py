"""The certificates of an audit: whose they are, when they end, and the chains that they were sent with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tqdecrypt.keys import judge_chain
from tqdecrypt.views import theme
from tqdecrypt.views.audit_table import MOST_ROWS, AuditTable, certificate_name, expiry
from tqdecrypt.views.grid import Column, Row
from tqdecrypt.views.words import count

if TYPE_CHECKING:
    from tqdecrypt.insight.audit import Audited

__all__ = ["certificates_table"]


def certificates_table(audited: Audited, now: int, most: int = MOST_ROWS) -> AuditTable:
    """Return the table of all certificates that ends showed, the one that ends first on top.

    :param now: the moment for which expiry is reckoned, ns.
    """
    columns = (
        Column("Certificate", least=12, most=40, yields=2),
        Column("Shown by", least=10, most=40, yields=3),
        Column("As", least=6),
        Column("Key", least=0, yields=5, whole=True),
        Column("Issuer", least=0, most=60, yields=6),
        Column("Chain as sent", least=0, yields=4),
        Column("Expires", least=10, whole=True),
        Column("SHA-256", least=0, most=17, yields=7),
    )
    shown: dict[tuple[str, str], dict[str, None]] = {}
    for peer in audited.peers:
        for relation in peer.relations:
            for fingerprint in relation.properties.server_certificates:
                shown.setdefault((fingerprint, "server"), {})[relation.server] = None
            for fingerprint in relation.properties.client_certificates:
                shown.setdefault((fingerprint, "client"), {})[relation.client] = None
    found = [
        (audited.certificates[fingerprint], role, list(hosts))
        for (fingerprint, role), hosts in shown.items()
        if fingerprint in audited.certificates
    ]
    found.sort(key=lambda one: one[0].not_after.timestamp() if one[0].not_after else 0)
    rows = (
        Row(
            [
                theme.said(certificate_name(facts)),
                theme.said(hosts[0] + (f" +{len(hosts) - 1}" if len(hosts) > 1 else "")),
                Text(role),
                theme.said(facts.key),
                theme.said("self-signed" if facts.self_signed else facts.issuer),
                _chains(audited, facts.fingerprint_sha256),
                expiry(facts, now),
                Text(f"{facts.fingerprint_sha256[:16]}…", theme.DIM),
            ]
        )
        for facts, role, hosts in found
    )
    heading = Text(count(len(found), "certificate"), theme.HEADING)
    heading.append("  the first to end on top", theme.DIM)
    return AuditTable("certificates", columns, heading, rows, most)


def _chains(audited: Audited, fingerprint: str) -> Text:
    """Return how long the chains are that a certificate was sent with, and whether they link."""
    judged = [judge_chain(audited.chain(chain)) for chain in audited.chains.get(fingerprint, ())]
    sound = all(one.sound for one in judged)
    return theme.said("; ".join(dict.fromkeys(map(str, judged))), "" if sound else theme.FAILURE)
