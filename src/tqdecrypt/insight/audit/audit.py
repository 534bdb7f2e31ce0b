"""The audit: which trunks can be decrypted, which peers differ, what has changed.

Fed session by session and call by call, from files or live; memory is bounded by relations (client host
and server), not by sessions.

Whose side is whose
-------------------
It is the TLS server's key that counts, so for each relation the audit says who is TLS client and who is
server, and in which direction calls run over it; with connection reuse (RFC 5923) calls run against it.
Which of the two ends is *ours* is told, in this order, by the file of trunks (a trunk is the other end),
by a key given that belongs to a certificate, and by who has the most relations: an SBC talks to many, a
peer to few.
"""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.audit.relation import Properties, Relation
from tqdecrypt.insight.audit.shares import Decryptability
from tqdecrypt.insight.audit.timing import HandshakeTiming
from tqdecrypt.insight.trunks import Trunks

if TYPE_CHECKING:
    from tqdecrypt.calls import Leg
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.keys import CertificateFacts, KeyRing
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Audit", "Audited", "Peer", "Role", "Server"]

MOST_RELATIONS = 20_000
"""Pairs of client host and server, some 12 kB each with a handful of values: 250 MB at the very most.
Further ones are counted in one relation between ``(others)``."""
MOST_SESSIONS = 1_000_000
"""Sessions whose relation is remembered for the calls that they carried: four bytes each."""
MOST_EXAMPLES = 8
OTHERS = "(others)"


class Role(enum.StrEnum):
    """What we are on the connections with a peer."""

    SERVER = "server"
    """The peer opens them: our key counts."""
    CLIENT = "client"
    """We open them: the peer's key counts."""
    BOTH = "both"


@dataclass(slots=True)
class Peer:
    """A trunk, or a host that belongs to none."""

    name: str
    """The trunk's, or the address."""
    trunk: bool
    """Whether the file of trunks names it."""
    labels: tuple[str, ...] = ()
    """Names by which it was asked for or that its certificate has, as far as they are known."""
    role: Role = Role.SERVER
    """What we are."""
    hosts: list[str] = field(default_factory=list)
    """Its addresses, in order of appearance."""
    relations: list[Relation] = field(default_factory=list)
    decryptability: Decryptability = field(default_factory=Decryptability)
    properties: Properties = field(default_factory=Properties)
    timing: HandshakeTiming = field(default_factory=HandshakeTiming)


@dataclass(slots=True)
class Server:
    """A TLS server: address and port, and everybody who connects to it."""

    endpoint: str
    decryptability: Decryptability = field(default_factory=Decryptability)
    properties: Properties = field(default_factory=Properties)
    timing: HandshakeTiming = field(default_factory=HandshakeTiming)
    certificates: dict[str, CertificateFacts] = field(default_factory=dict)
    """By fingerprint."""
    clients: int = 0
    """Hosts that connected."""
    lifetimes: Delays = field(default_factory=Delays)
    """Of connections whose begin and end were both captured."""
    ours: bool = False


@dataclass(slots=True)
class Audited:
    """What an audit found."""

    total: Decryptability
    properties: Properties
    timing: HandshakeTiming
    peers: list[Peer]
    """Trunks first, then by how much of them is dark."""
    servers: list[Server]
    first: int
    """When the first session began, ns; 0 without any."""
    last: int
    chains: dict[str, dict[str, int]]
    """How often which chain was sent: first certificate -> fingerprints with blanks between -> sessions."""
    certificates: dict[str, CertificateFacts]
    """What all certificates seen say, those of chains among them, by fingerprint."""
    counters: Counter[str]

    def chain(self, fingerprints: str) -> tuple[CertificateFacts, ...]:
        """Return the certificates of a chain, as far as they are kept."""
        found = map(self.certificates.get, fingerprints.split())
        return tuple(facts for facts in found if facts is not None)


class Audit:
    """Takes session reports, legs and inferred legs; :meth:`finish` says what they come to.

    :param ring: to say which key given belongs to a certificate, and so which server is ours.
    :param trunks: names of peers.
    """

    def __init__(self, ring: KeyRing | None = None, trunks: Trunks | None = None) -> None:
        self._ring = ring
        self._trunks = trunks or Trunks()
        self._relations: dict[tuple[str, str], Relation] = {}
        self._of_session = array("I")
        """By number of session, that of its relation; 0 while its report has not come."""
        self._by_number: list[Relation | None] = [None]
        self._invites: dict[int, Counter[str]] = {}
        """Who sent the INVITEs of calls that are over, by session whose report is still to come."""
        self.counters: Counter[str] = Counter()

    # What it is fed.

    def session(self, report: SessionReport) -> None:
        """Take a TLS session that ended; those that only agree on keys of media (RFC 5764) are counted."""
        if report.is_dtls and not report.has_data:
            self.counters["dtls_sessions_without_data"] += 1
            return
        relation = self._relation(report.client.rpartition(":")[0], report.server)
        relation.decryptability.add_session(report)
        relation.properties.add(report, self._key_given(report.server_facts))
        if not relation.first or report.started < relation.first:
            relation.first = report.started
        relation.last = max(relation.last, report.ended)
        if len(relation.sessions) < MOST_EXAMPLES:
            relation.sessions.append(report.session)
        relation.keep_certificates(report)
        relation.timing.add(report)
        if report.opened and report.closed:
            relation.lifetimes.add(report.ended - report.started)
        for sender, count in self._invites.pop(report.session, Counter()).items():
            for _ in range(count):
                relation.decryptability.add_call(from_client=sender == report.client)
        self._remember(report.session, relation)

    def leg(self, leg: Leg) -> None:
        """Take a leg that is over: each TLS session that carried it carried one call more."""
        seen = set()
        for flow in leg.hops:  # the first flow of a session is that of the INVITE
            if flow.session is None or flow.session in seen:
                continue
            seen.add(flow.session)
            relation = self._relation_of(flow.session)
            if relation is not None:
                from_client = None if relation.server == OTHERS else flow.source != relation.server
                relation.decryptability.add_call(from_client=from_client)
            elif len(self._invites) < MOST_SESSIONS:
                self._invites.setdefault(flow.session, Counter())[flow.source] += 1
            else:
                self.counters["calls_beyond_the_audit"] += 1

    def dark_leg(self, leg: DarkLeg) -> None:
        """Take a leg that is inferred in a session that stayed dark."""
        relation = self._relation_of(leg.session)
        if relation is not None:
            relation.decryptability.dark_calls += 1

    def finish(self) -> Audited:
        """Add up what was fed so far."""
        relations = list(self._relations.values())
        ours = self._our_hosts(relations)
        peers: dict[str, Peer] = {}
        servers: dict[str, Server] = {}
        total, properties, timing = Decryptability(), Properties(), HandshakeTiming()
        certificates: dict[str, CertificateFacts] = {}
        chains: dict[str, dict[str, int]] = {}
        for relation in relations:
            _add_chains(chains, relation)
            _add_to_peer(peers, relation, ours, self._trunks)
            _add_to_server(servers, relation, ours)
            total.merge(relation.decryptability)
            properties.merge(relation.properties)
            timing.merge(relation.timing)
            certificates.update(relation.certificates)
        for peer in peers.values():
            peer.labels = _labels(peer)
        begun = [relation.first for relation in relations if relation.first]
        return Audited(
            total=total,
            properties=properties,
            timing=timing,
            peers=sorted(peers.values(), key=_darkest_first),
            servers=sorted(servers.values(), key=lambda one: -one.decryptability.sessions),
            first=min(begun, default=0),
            last=max((relation.last for relation in relations), default=0),
            chains=chains,
            certificates=certificates,
            counters=Counter(self.counters),
        )

    # Who is who.

    def _relation(self, client: str, server: str) -> Relation:
        key = (client, server)
        relation = self._relations.get(key)
        if relation is None:
            if len(self._relations) >= MOST_RELATIONS:
                self.counters["relations_beyond_the_audit"] += 1
                key = (OTHERS, OTHERS)
                relation = self._relations.get(key)
            if relation is None:
                relation = self._relations[key] = Relation(*key, len(self._by_number))
                self._by_number.append(relation)
        return relation

    def _remember(self, session: int, relation: Relation) -> None:
        """Keep which relation a session belongs to, for the calls that are told later."""
        numbers = self._of_session
        if session >= MOST_SESSIONS:
            self.counters["sessions_beyond_the_audit"] += 1
            return
        if session >= len(numbers):
            numbers.extend(repeat(0, session + 1 - len(numbers)))
        numbers[session] = relation.number

    def _relation_of(self, session: int) -> Relation | None:
        """Return the relation of a session whose report came."""
        numbers = self._of_session
        return self._by_number[numbers[session]] if session < len(numbers) else None

    def _key_given(self, facts: CertificateFacts | None) -> str | None:
        if facts is None or self._ring is None:
            return None
        key = self._ring.match_certificate(facts)
        return None if key is None else key.describe()

    def _our_hosts(self, relations: Iterable[Relation]) -> frozenset[str]:
        """Return the hosts that are ours; see the top of the module."""
        ours, theirs = set(), set()
        degree: Counter[str] = Counter()
        undecided = []
        for relation in relations:
            client, server = relation.client, relation.server_host
            named = [self._trunks.name_of(host) is not None for host in (client, server)]
            if named[0] != named[1]:
                ours.add(server if named[0] else client)
                theirs.add(client if named[0] else server)
            elif len(relation.properties.keys_given):
                ours.add(server)
            elif self._is_our_certificate(relation):
                ours.add(client)
            else:
                undecided.append(relation)
            degree[client] += 1
            degree[server] += 1
        for relation in undecided:
            client, server = relation.client, relation.server_host
            if {client, server} & ours:
                continue
            if client in theirs or server in theirs:
                ours.add(server if client in theirs else client)
            else:
                ours.add(client if degree[client] > degree[server] else server)
        return frozenset(ours)

    def _is_our_certificate(self, relation: Relation) -> bool:
        return any(
            self._key_given(relation.certificates.get(fingerprint)) is not None
            for fingerprint in relation.properties.client_certificates
        )


def _add_to_peer(
    peers: dict[str, Peer], relation: Relation, ours: frozenset[str], trunks: Trunks
) -> None:
    client, server = relation.client, relation.server_host
    we_serve = server in ours or client not in ours
    host = client if we_serve else server
    trunk = trunks.name_of(host)
    peer = peers.setdefault(trunk or host, Peer(trunk or host, trunk is not None))
    role = Role.SERVER if we_serve else Role.CLIENT
    peer.role = role if not peer.relations or peer.role is role else Role.BOTH
    peer.relations.append(relation)
    if host not in peer.hosts:
        peer.hosts.append(host)
    peer.decryptability.merge(relation.decryptability)
    peer.properties.merge(relation.properties)
    peer.timing.merge(relation.timing)


def _add_to_server(servers: dict[str, Server], relation: Relation, ours: frozenset[str]) -> None:
    server = servers.setdefault(relation.server, Server(relation.server))
    server.clients += 1
    server.ours = relation.server_host in ours
    server.decryptability.merge(relation.decryptability)
    server.properties.merge(relation.properties)
    server.timing.merge(relation.timing)
    server.lifetimes.merge(relation.lifetimes)
    for fingerprint in relation.properties.server_certificates:
        if fingerprint in relation.certificates:
            server.certificates[fingerprint] = relation.certificates[fingerprint]


def _add_chains(chains: dict[str, dict[str, int]], relation: Relation) -> None:
    for tally in (relation.properties.server_chains, relation.properties.client_chains):
        for chain in tally:
            known = chains.setdefault(chain.partition(" ")[0], {})
            known[chain] = known.get(chain, 0) + tally[chain]


def _labels(peer: Peer) -> tuple[str, ...]:
    """Return names for a peer: of its certificates, and what clients asked it for."""
    names: dict[str, None] = {}
    for relation in peer.relations:
        if peer.role is not Role.CLIENT:
            fingerprints = list(relation.properties.client_certificates)
        else:
            names.update(dict.fromkeys(relation.properties.names_asked))
            fingerprints = list(relation.properties.server_certificates)
        for fingerprint in fingerprints:
            facts = relation.certificates.get(fingerprint)
            if facts is not None:
                names.update(dict.fromkeys(facts.names or (facts.subject,)))
    names.pop("(none)", None)
    return tuple(name for name in names if name)[:MOST_EXAMPLES]


def _darkest_first(peer: Peer) -> tuple[bool, int, int, str]:
    shares = peer.decryptability
    return not peer.trunk, -shares.dark_sessions, -shares.sessions, peer.name
