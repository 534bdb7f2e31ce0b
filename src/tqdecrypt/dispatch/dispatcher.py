"""Makes the handler of each connection, and holds what all handlers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.dispatch.dtls_connection import DtlsConnection
from tqdecrypt.dispatch.sniffer import Sniffer
from tqdecrypt.dispatch.tls_connection import TlsConnection
from tqdecrypt.mirror import Mirror
from tqdecrypt.observing import Observers
from tqdecrypt.tcp import Connection, End, StreamHandler
from tqdecrypt.tls import DarkData, Plaintext, Session, SessionReport, WaitingBudget
from tqdecrypt.tls.outline import outline_datagram
from tqdecrypt.tls.parking import Parking
from tqdecrypt.tls.session_secrets import session_secrets

if TYPE_CHECKING:
    from tqdecrypt.dispatch.framed_connection import AnyFramer
    from tqdecrypt.endings import ConnectionEnd
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SecretSource
    from tqdecrypt.tls.session_secrets import SessionSecrets
    from tqdecrypt.tls.watching import Watch

__all__ = ["Dispatcher"]

MOST_AWAKE = 2048
"""TLS sessions that stay as they are however idle: some 25 MB."""
IDLE = 10_000_000_000
"""How long nothing must have come on a session before it is parked, ns of capture time."""
TIDY_EVERY = 1_000_000_000
"""How often idle sessions are looked for, ns of capture time."""
MAX_DTLS = 20_000
"""DTLS sessions at a time; a call with DTLS-SRTP has two.  The oldest goes first."""
SIPS_PORT = 5061
"""Where everybody expects SIP over TLS (RFC 3261 section 19.1.2): silence there needs a reason."""


class Dispatcher:
    """Makes the handler of each connection and holds what they share."""

    def __init__(
        self,
        secrets: SecretSource,
        given: tuple[str, ...],
        messages: list[Message],
        session_ended: Callable[[SessionReport], None],
        ports: frozenset[int] = frozenset(),
        observers: Observers | None = None,
        mirror: Mirror | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.secrets = secrets
        self.given = given
        self.messages = messages
        """Every message is appended here."""
        self.session_ended = session_ended
        self.ports = ports | {SIPS_PORT}
        self.observers = observers or Observers()
        self.mirror = mirror or Mirror()
        self.watch = watch
        """Records sessions that are to be explained."""
        self.counters: Counter[str] = Counter()
        self.on_end: Callable[[ConnectionEnd], None] | None = None
        """Is told of connections that are over, when somebody asks."""
        self.streams = 0
        self.sessions = 0
        self.budget = WaitingBudget()
        self.parking = Parking(secrets, self.budget, watch)
        self.awake: dict[TlsConnection, None] = {}
        """Connections whose session is not parked."""
        self._next_tidy = 0
        self._unsettled: list[tuple[Session, Callable[[], None]]] = []
        self._dtls: dict[tuple[str, str], DtlsConnection] = {}
        self._keying: dict[DtlsConnection, None] = {}
        """Those that may have news for who wants to know of keys for SRTP."""

    def accept(self, connection: Connection) -> StreamHandler:
        """Return what takes the bytes of a new connection."""
        return Sniffer(self, connection)

    def tls_connection(self, connection: Connection) -> StreamHandler:
        """Return what takes the bytes of a connection that speaks TLS."""
        handler = TlsConnection(self, connection)
        return self.observers.stream(handler.number, connection.ends, handler)

    def receive_dtls(
        self, source: str, destination: str, data: bytes, frame: int, time: int
    ) -> None:
        """Take a UDP datagram that holds DTLS records."""
        flow = self._dtls.get((source, destination)) or self._dtls.get((destination, source))
        if flow is not None and flow.begins_anew(source, data):
            self._dtls.pop(flow.ends).end(End.REUSED)
            flow = None
        if flow is None:
            if len(self._dtls) >= MAX_DTLS:
                oldest = next(iter(self._dtls))
                self._dtls.pop(oldest).end(End.EVICTED)
                self.counters["dtls_sessions_evicted"] += 1
            flow = self._dtls[source, destination] = DtlsConnection(self, (source, destination))
        flow.receive(source, data, frame, time)
        if self.observers.keying:
            self._keying[flow] = None
        if self.observers.records:
            records = list(outline_datagram(data, frame, time))
            for one in self.observers.records if records else ():
                one.records(flow.number, source, records)

    def add_counters(self, framer: AnyFramer) -> None:
        """Add what *framer* counted to the counters of all."""
        counted = framer.counters
        if counted:
            self.counters.update(counted)

    def show_plaintext(self, number: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        """Give verified plaintext to who wants it."""
        for one in self.observers.plaintext:
            one.plaintext(number, from_client, records)

    def tell_dark_data(
        self, number: int, session: Session, side: int, records: Sequence[DarkData]
    ) -> None:
        """Tell who wants to know of records that stay dark."""
        client, ends = session.client_side or 0, session.ends
        for one in self.observers.dark_data:
            one.dark_data(number, ends[client], ends[1 - client], side == client, records)

    def when_settled(self, session: Session, report: Callable[[], None]) -> None:
        """Call *report* once it is known whether there are secrets for *session*."""
        if session.awaits_secrets:
            self._unsettled.append((session, report))
        else:
            report()

    def report_settled(self) -> None:
        """Report the sessions that ended while their secrets were sought, and are settled now."""
        waiting, self._unsettled = self._unsettled, []
        for session, report in waiting:
            self.when_settled(session, report)
        if self._keying:
            for flow in list(self._keying):
                flow.tell_keyings()
                if not flow.session.awaits_secrets:
                    del self._keying[flow]

    def finish(self) -> None:
        """End of the capture: what has no end of its own ends."""
        for flow in self._dtls.values():
            flow.end(End.CAPTURE_END)
        self._dtls.clear()

    def tidy(self, now: int) -> None:
        """Park the sessions that have been idle, when there are many; *now* is capture time, ns."""
        if len(self.awake) <= MOST_AWAKE or now < self._next_tidy:
            return
        self._next_tidy = now + TIDY_EVERY
        for connection in [c for c in self.awake if c.park(now - IDLE)]:
            del self.awake[connection]

    def next_session(self) -> int:
        """Return the number of a new session."""
        self.sessions += 1
        return self.sessions

    def next_stream(self) -> int:
        """Return the number of a new TCP connection with SIP or TLS in it."""
        self.streams += 1
        return self.streams

    def secrets_of(self, session: Session) -> SessionSecrets | None:
        """Return what opened a session, when somebody wants it."""
        wanted = any(one.wants_secrets for one in self.observers.ends)
        return session_secrets(session) if wanted else None
