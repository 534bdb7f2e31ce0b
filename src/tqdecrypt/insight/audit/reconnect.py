"""The reconnect planner: connections that stay dark until they are opened again.

A connection whose handshake was not captured stays dark however long the capture runs; some are open for
days.  For each of them: how old it is at least, when such connections usually end by themselves, whether
the next one would be readable, and what it costs to end it now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.calls.delays import Delays
from tqdecrypt.tls.verdict import Verdict

if TYPE_CHECKING:
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.audit.audit import Audited, Peer
    from tqdecrypt.insight.audit.relation import Relation
    from tqdecrypt.tls.report import SessionReport

__all__ = ["DarkConnection", "DarkConnections", "Reconnect", "plan"]

MOST_CONNECTIONS = 10_000
"""Connections that are remembered, half a kilobyte each."""
UNSEEN = frozenset({Verdict.HANDSHAKE_NOT_CAPTURED, Verdict.RESUMED_UNSEEN})
"""Why a connection is dark that a new handshake makes clear."""
FEW = 3
"""Lifetimes from which on one can speak of what is usual."""


@dataclass(slots=True)
class DarkConnection:
    """A connection whose first handshake was not seen."""

    session: int
    client: str
    server: str
    started: int
    """When its first packet was captured, ns."""
    ended: int
    verdict: Verdict
    open: bool
    """Whether it was still open when the capture ended."""
    bytes: int
    """Of records that stayed dark."""
    calls: int = 0
    """Legs that are inferred on it."""
    calls_open: int = 0
    """Those of them that had not ended."""
    registrations: int = 0
    """Bindings of the same client and server that were seen in clear and had not expired."""

    @property
    def hosts(self) -> tuple[str, str]:
        """Addresses of client and server."""
        return self.client.rpartition(":")[0], self.server.rpartition(":")[0]

    @property
    def age(self) -> int:
        """How old it was at least when the capture ended, ns."""
        return self.ended - self.started


@dataclass(frozen=True, slots=True)
class Reconnect:
    """What can be said about opening one connection again."""

    connection: DarkConnection
    peer: str
    lifetimes: Delays
    """Of connections that were seen from begin to end."""
    lifetimes_of: str
    """Whose they are: ``the same two``, ``the peer``, or nothing when there are none."""
    clear: int
    """Sessions of the same two, or else of the peer, with a handshake that was seen and that are clear."""
    seen: int
    """All of theirs whose handshake was seen."""
    causes: tuple[str, ...]
    """Why the others of them are dark."""

    @property
    def usual_lifetime(self) -> int | None:
        """Median of the lifetimes, ns; ``None`` when too few were seen."""
        return self.lifetimes.quantile(0.5) if self.lifetimes.count >= FEW else None

    @property
    def helps(self) -> bool | None:
        """Whether the next connection would be readable; ``None`` when nothing tells."""
        return None if not self.seen else 2 * self.clear > self.seen


class DarkConnections:
    """Remembers the connections whose handshake was not seen.

    :ivar beyond: how many there were beyond :data:`MOST_CONNECTIONS`.
    """

    def __init__(self) -> None:
        self.by_session: dict[int, DarkConnection] = {}
        self.beyond = 0
        self._registrations: Counter[frozenset[str]] = Counter()

    def session(self, report: SessionReport) -> None:
        """Take a session that ended."""
        if report.verdict not in UNSEEN:
            return
        if len(self.by_session) >= MOST_CONNECTIONS:
            self.beyond += 1
            return
        self.by_session[report.session] = DarkConnection(
            session=report.session,
            client=report.client,
            server=report.server,
            started=report.started,
            ended=report.ended,
            verdict=report.verdict,
            open=not report.closed,
            bytes=report.client_encrypted_bytes + report.server_encrypted_bytes,
        )

    def registration(self, registration: Registration) -> None:
        """Take a binding that is over, or that was there when the capture ended."""
        gone = (
            registration.deregistered
            if registration.superseded is None
            else registration.superseded
        )
        if registration.expires is None or gone is not None:
            return
        ends = (registration.source, registration.registrar)
        hosts = frozenset(end.rpartition(":")[0] for end in ends)
        if len(self._registrations) < MOST_CONNECTIONS or hosts in self._registrations:
            self._registrations[hosts] += 1

    def registrations_of(self, connection: DarkConnection) -> int:
        """Return how many bindings there are between the two hosts of a connection."""
        return self._registrations[frozenset(connection.hosts)]

    def dark_call(self, session: int, *, ended: bool) -> None:
        """Count a leg that is inferred in a session."""
        connection = self.by_session.get(session)
        if connection is not None:
            connection.calls += 1
            connection.calls_open += not ended


def plan(connections: DarkConnections, audited: Audited) -> list[Reconnect]:
    """Return what can be said of each connection that is still open, the oldest first."""
    peers = {
        (relation.client, relation.server): (peer, relation)
        for peer in audited.peers
        for relation in peer.relations
    }
    found = []
    for connection in connections.by_session.values():
        known = peers.get((connection.client.rpartition(":")[0], connection.server))
        if connection.open and known is not None:
            connection.registrations = connections.registrations_of(connection)
            found.append(_reconnect(connection, *known))
    return sorted(found, key=lambda one: -one.connection.age)


def _reconnect(connection: DarkConnection, peer: Peer, relation: Relation) -> Reconnect:
    lifetimes, whose = relation.lifetimes, "the same two"
    if lifetimes.count < FEW:
        lifetimes, whose = Delays(), "the peer"
        for other in peer.relations:
            lifetimes.merge(other.lifetimes)
    shares = relation.decryptability
    unseen = sum(shares.causes[cause.value] for cause in UNSEEN)
    if not shares.clear_sessions + shares.dark_sessions - unseen:
        shares = peer.decryptability
        unseen = sum(shares.causes[cause.value] for cause in UNSEEN)
    return Reconnect(
        connection=connection,
        peer=peer.name,
        lifetimes=lifetimes,
        lifetimes_of=whose if lifetimes.count else "",
        clear=shares.clear_sessions,
        seen=shares.clear_sessions + shares.dark_sessions - unseen,
        causes=tuple(
            cause for cause in shares.causes if cause not in {one.value for one in UNSEEN}
        ),
    )
