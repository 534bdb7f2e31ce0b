"""Which peers differ from the rest of their trunk, and which are not even like themselves.

A trunk behaves alike on all of its addresses, or half of its calls can be decrypted and the other half
cannot.  What most hosts of a trunk have is *usual*; a host that mostly has something else differs.  A host
with sessions of several kinds is *mixed*: a rollout, a cluster with one node set up differently, a client
that falls back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tqdecrypt.insight.audit.audit import Audited, Peer
from tqdecrypt.insight.audit.relation import PROPERTIES, Relation
from tqdecrypt.insight.audit.tally import Tally

__all__ = ["Difference", "differences"]

MOST_DIFFERENCES = 1_000
OWN = frozenset({"client_certificates"})
"""Properties in which hosts of a trunk may well differ: each has a certificate of its own."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that one host does otherwise than the rest."""

    peer: str
    """Trunk or host."""
    client: str
    """Host of the TLS client."""
    server: str
    """TLS server, ``ip:port``."""
    property: str
    """A name in :data:`~tqdecrypt.insight.audit.relation.PROPERTIES`."""
    value: str
    usual: str
    sessions: int
    """How many have *value*."""
    mixed: bool
    """Whether the same host has *usual* as well; else it differs from its trunk."""


def differences(audited: Audited) -> list[Difference]:
    """Return what differs, trunk by trunk, the most sessions first."""
    found = [one for peer in audited.peers for one in _of_peer(peer)]
    found.sort(key=lambda one: (one.mixed, -one.sessions))
    return found[:MOST_DIFFERENCES]


def _of_peer(peer: Peer) -> Iterator[Difference]:
    for name in PROPERTIES:
        for relation in peer.relations:
            yield from _mixed(peer, relation, name)
        if len(peer.relations) > 1 and name not in OWN:
            yield from _unusual(peer, name)


def _mixed(peer: Peer, relation: Relation, name: str) -> Iterator[Difference]:
    tally: Tally = getattr(relation.properties, name)
    usual, *others = tally.values or [""]
    for value in others:
        if "unknown" not in (value, usual):
            yield _difference(peer, relation, name, value, usual, tally[value], mixed=True)


def _unusual(peer: Peer, name: str) -> Iterator[Difference]:
    by_host = Tally()
    first: dict[Relation, str] = {}
    for relation in peer.relations:
        values = getattr(relation.properties, name).values
        if values and values[0] != "unknown":
            first[relation] = values[0]
            by_host.add(values[0])
    usual = by_host.commonest
    if usual is None:
        return
    for relation, value in first.items():
        if value != usual:
            sessions = getattr(relation.properties, name)[value]
            yield _difference(peer, relation, name, value, usual, sessions, mixed=False)


def _difference(
    peer: Peer,
    relation: Relation,
    name: str,
    value: str,
    usual: str,
    sessions: int,
    *,
    mixed: bool,
) -> Difference:
    return Difference(
        peer.name, relation.client, relation.server, name, value, usual, sessions, mixed
    )
