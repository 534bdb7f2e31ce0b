"""An audit as one JSON object: for programs, and as the baseline of the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tqdecrypt.insight.audit.audit import Audited, Peer, Server
from tqdecrypt.insight.audit.baseline import FORMAT
from tqdecrypt.insight.audit.reconnect import Reconnect
from tqdecrypt.insight.audit.uniformity import Difference
from tqdecrypt.keys import CertificateFacts, Linking, judge_chain

if TYPE_CHECKING:
    from tqdecrypt.insight.audit.advice import Advice
    from tqdecrypt.insight.audit.relation import Relation

__all__ = ["audit_document"]

SECOND = 1_000_000_000


def audit_document(
    audited: Audited,
    stamp: Callable[[int], str],
    *,
    differences: Iterable[Difference],
    reconnects: Iterable[Reconnect],
    advice: Iterable[Advice],
) -> dict[str, Any]:
    """Return the object.

    :param stamp: how times in nanoseconds are written.
    """
    return {
        "format": FORMAT,
        "first": stamp(audited.first) if audited.first else None,
        "last": stamp(audited.last) if audited.last else None,
        "decryptability": audited.total.as_dict(),
        "properties": audited.properties.as_dict(),
        "timing": audited.timing.as_dict(),
        "peers": [_peer(peer, stamp) for peer in audited.peers],
        "servers": [_server(server, stamp) for server in audited.servers],
        "certificates": {
            fingerprint: certificate(facts) | {"chains": _chains(audited, fingerprint)}
            for fingerprint, facts in audited.certificates.items()
        },
        "differences": [asdict(difference) for difference in differences],
        "changes": [],
        "reconnects": [_reconnect(one, stamp) for one in reconnects],
        "advice": [asdict(one) for one in advice],
        "what_if": None,
        "counters": dict(audited.counters),
    }


def certificate(facts: CertificateFacts) -> dict[str, object]:
    """Return what a certificate says."""
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "names": facts.names,
        "key": facts.key,
        "not_before": None if facts.not_before is None else facts.not_before.isoformat(),
        "not_after": None if facts.not_after is None else facts.not_after.isoformat(),
        "self_signed": facts.self_signed,
        "extended_key_usages": facts.extended_key_usages,
        "key_encipherment": facts.key_encipherment,
    }


def _chains(audited: Audited, fingerprint: str) -> list[dict[str, object]]:
    """Return the chains that this certificate was sent with."""
    found: list[dict[str, object]] = []
    for chain, sessions in audited.chains.get(fingerprint, {}).items():
        judged = judge_chain(audited.chain(chain))
        found.append(
            {
                "certificates": chain.split(),
                "length": judged.length,
                "linking": judged.linking.value,
                "issuer_not_sent": judged.not_sent or None,
                "intermediate_missing": judged.linking is Linking.BROKEN,
                "sessions": sessions,
            }
        )
    return found


def _peer(peer: Peer, stamp: Callable[[int], str]) -> dict[str, object]:
    return {
        "name": peer.name,
        "trunk": peer.trunk,
        "labels": peer.labels,
        "hosts": peer.hosts,
        "we_are": peer.role.value,
        "decryptability": peer.decryptability.as_dict(),
        "properties": peer.properties.as_dict(),
        "timing": peer.timing.as_dict(),
        "relations": [_relation(relation, stamp) for relation in peer.relations],
    }


def _relation(relation: Relation, stamp: Callable[[int], str]) -> dict[str, object]:
    return {
        "client": relation.client,
        "server": relation.server,
        "first": stamp(relation.first) if relation.first else None,
        "last": stamp(relation.last) if relation.last else None,
        "examples": relation.sessions,
        "decryptability": relation.decryptability.as_dict(),
        "properties": relation.properties.as_dict(),
        "connections_seen_whole": relation.lifetimes.count,
        "median_lifetime_seconds": _seconds(relation.lifetimes.quantile(0.5)),
    }


def _server(server: Server, stamp: Callable[[int], str]) -> dict[str, object]:
    return {
        "endpoint": server.endpoint,
        "ours": server.ours,
        "clients": server.clients,
        "decryptability": server.decryptability.as_dict(),
        "properties": server.properties.as_dict(),
        "timing": server.timing.as_dict(),
        "connections_seen_whole": server.lifetimes.count,
        "median_lifetime_seconds": _seconds(server.lifetimes.quantile(0.5)),
        "handshakes": _handshakes(server, stamp),
    }


def _handshakes(server: Server, stamp: Callable[[int], str]) -> dict[str, object]:
    """Return how many there were over time."""
    slices = server.timing.slices
    return {
        "slice_seconds": slices.length / SECOND,
        "slices": [
            {"begin": stamp(begin)} | one._asdict() for begin, one in slices.series() if any(one)
        ],
    }


def _reconnect(one: Reconnect, stamp: Callable[[int], str]) -> dict[str, object]:
    connection = one.connection
    return {
        "session": connection.session,
        "peer": one.peer,
        "client": connection.client,
        "server": connection.server,
        "verdict": connection.verdict.value,
        "seen_since": stamp(connection.started),
        "age_at_least_seconds": _seconds(connection.age),
        "dark_bytes": connection.bytes,
        "calls_inferred": connection.calls,
        "calls_inferred_open": connection.calls_open,
        "registrations": connection.registrations,
        "usual_lifetime_seconds": _seconds(one.usual_lifetime),
        "lifetimes_of": one.lifetimes_of or None,
        "sessions_seen": one.seen,
        "sessions_clear": one.clear,
        "reconnect_helps": one.helps,
        "causes_otherwise": one.causes,
    }


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / SECOND, 3)
