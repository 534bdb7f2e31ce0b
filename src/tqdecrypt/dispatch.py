"""What a TCP connection speaks is told from its bytes, not from its port.

A connection starts with a :class:`Sniffer`.  Once a few bytes of either side say TLS or SIP, it
is replaced by a :class:`TlsConnection` or a :class:`SipConnection`, and everything that was received
so far is handed on.  What is neither is let go, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.sip import (
    Flow,
    Framer,
    StreamFramer,
    WebSocketFramer,
    looks_like_sip,
    looks_like_websocket,
    make_framers,
    parse_datagram,
)
from tqdecrypt.tcp import Connection, End, Gap, GapCause, StreamHandler
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SessionReport,
    TlsSession,
    Verdict,
    WaitingBudget,
    report_session,
)
from tqdecrypt.tls.dtls import DtlsSession
from tqdecrypt.tls.parking import Parking
from tqdecrypt.tls.record import HEADER, plausible_header

if TYPE_CHECKING:
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SecretSource

__all__ = ["DarkTap", "Dispatcher", "Sniffer", "Tap"]

MOST_LOOKED_AT = 8192
"""Bytes at the beginning of a side that tell the protocol; an HTTP request may have cookies."""
MOST_SNIFFED = 1 << 15
"""Bytes of one connection that are looked at before it is let go: two records at the longest."""
MOST_AWAKE = 2048
"""TLS sessions that stay as they are however idle: some 25 MB."""
IDLE = 10_000_000_000
"""How long nothing must have come on a session before it is parked, ns of capture time."""
TIDY_EVERY = 1_000_000_000
"""How often idle sessions are looked for, ns of capture time."""
MOST_GAPS = 64
"""Gaps in front of the first bytes that tell the protocol; captures of headers only have more."""
MAX_DTLS = 20_000
"""DTLS sessions at a time; a call with DTLS-SRTP has two.  The oldest goes first."""
SIPS_PORT = 5061
"""Where everybody expects SIP over TLS (RFC 3261 section 19.1.2): silence there needs a reason."""

Tap = Callable[[int, bool, bytes, int, int], None]
"""Takes verified plaintext: session, from the client, data, frame, time."""
DarkTap = Callable[[int, str, str, bool, Sequence[DarkData]], None]
"""Takes what is known of records that stay dark: session, ends of client and server (``ip:port``),
from the client, records."""


class Dispatcher:
    """Makes the handler of each connection and holds what they share."""

    def __init__(
        self,
        secrets: SecretSource,
        given: tuple[str, ...],
        messages: list[Message],
        session_ended: Callable[[SessionReport], None],
        ports: frozenset[int] = frozenset(),
        tap: Tap | None = None,
        dark_tap: DarkTap | None = None,
    ) -> None:
        self.secrets = secrets
        self.given = given
        self.messages = messages
        """Every message is appended here."""
        self.session_ended = session_ended
        self.ports = ports | {SIPS_PORT}
        self.tap = tap
        self.dark_tap = dark_tap
        self.counters: Counter[str] = Counter()
        self.sessions = 0
        self.budget = WaitingBudget()
        self.parking = Parking(secrets, self.budget)
        self.awake: dict[TlsConnection, None] = {}
        """Connections whose session is not parked."""
        self._next_tidy = 0
        self._unsettled: list[tuple[TlsSession, Callable[[], None]]] = []
        self._dtls: dict[tuple[str, str], DtlsConnection] = {}

    def accept(self, connection: Connection) -> StreamHandler:
        """Return what takes the bytes of a new connection."""
        return Sniffer(self, connection)

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

    def add_counters(self, framer: Framer) -> None:
        """Add what *framer* counted to the counters of all."""
        counted = framer.counters
        if counted:
            self.counters.update(counted)

    def tap_records(self, number: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        """Give verified plaintext to the tap, if there is one."""
        if self.tap is not None:
            for data, frame, time in records:
                self.tap(number, from_client, data, frame, time)

    def tap_dark_data(
        self, number: int, session: TlsSession, side: int, records: Sequence[DarkData]
    ) -> None:
        """Tell the tap for it, if there is one, of records that stay dark."""
        if self.dark_tap is not None:
            client = session.client_side or 0
            ends = session.ends
            self.dark_tap(number, ends[client], ends[1 - client], side == client, records)

    def when_settled(self, session: TlsSession, report: Callable[[], None]) -> None:
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


class _Received(NamedTuple):
    side: int
    data: bytes
    ends: list[int]
    frames: list[int]
    times: list[int]


class Sniffer:
    """Looks at the first bytes of a connection."""

    __slots__ = ("_connection", "_dispatcher", "_gaps", "_received", "_size")

    def __init__(self, dispatcher: Dispatcher, connection: Connection) -> None:
        self._dispatcher = dispatcher
        self._connection = connection
        self._received: list[_Received | Gap] = []
        self._gaps: list[tuple[int, int]] = []
        self._size = 0

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if not self._received and _begins_tls(data):  # the rule
            handler = self._connection.handler = TlsConnection(self._dispatcher, self._connection)
            handler.receive(side, data, ends, frames, times)
            return
        self._received.append(_Received(side, data, ends, frames, times))
        self._size += len(data)
        beginning = self._beginning(side)
        if _begins_tls(beginning):
            self._replace(TlsConnection(self._dispatcher, self._connection))
            return
        sip = looks_like_sip(beginning)
        if sip:
            self._replace(SipConnection(self._dispatcher, self._connection))
            return
        if looks_like_websocket(beginning) or _frame_at_packet_start(data, ends):
            self._replace(SipConnection(self._dispatcher, self._connection, websocket=True))
            return
        cut = _record_at_packet_start(data, ends)
        if cut is not None and not sip:
            self._drop_before(side, cut)
            self._replace(TlsConnection(self._dispatcher, self._connection))
        elif self._size > MOST_SNIFFED:
            self._let_go()

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if len(self._gaps) >= MOST_GAPS:
            self._let_go()
            return
        self._received.append(gap)
        self._gaps.append((len(self._received) - 1, side))

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        if self._size:
            self._let_go()

    def _beginning(self, side: int) -> bytes:
        """Return the first bytes of one side, up to a gap."""
        found = b""
        for item in self._received:
            if isinstance(item, _Received):
                found += item.data if item.side == side else b""
        return found[:MOST_LOOKED_AT]

    def _replace(self, handler: StreamHandler) -> None:
        self._connection.handler = handler
        sides = dict(self._gaps)
        for index, item in enumerate(self._received):
            if isinstance(item, _Received):
                handler.receive(*item)
            else:
                handler.gap(sides[index], item)

    def _drop_before(self, side: int, cut: int) -> None:
        """Forget the bytes in front of the first record of *side*'s last chunk."""
        kept: list[_Received | Gap] = []
        gaps = dict(self._gaps)
        for index, item in enumerate(self._received):
            if side != (item.side if isinstance(item, _Received) else gaps[index]):
                kept.append(item)
        last = self._received[-1]
        assert isinstance(last, _Received)
        self._gaps = [(i, 1 - side) for i, item in enumerate(kept) if isinstance(item, Gap)]
        first = next(i for i, end in enumerate(last.ends) if end > cut)
        kept.append(
            _Received(
                side,
                last.data[cut:],
                [end - cut for end in last.ends[first:]],
                last.frames[first:],
                last.times[first:],
            )
        )
        self._received = kept
        self._dispatcher.counters["bytes_before_first_record"] += cut

    def _let_go(self) -> None:
        connection = self._connection
        connection.handler = None
        dispatcher = self._dispatcher
        dispatcher.counters["other_tcp_connections"] += 1
        ports = {int(end.rpartition(":")[2]) for end in connection.ends}
        if not ports & dispatcher.ports:
            return
        client = connection.initiator or 0
        first = next((item for item in self._received if isinstance(item, _Received)), None)
        if first is None:
            return
        dispatcher.session_ended(
            SessionReport(
                session=dispatcher.next_session(),
                client=connection.ends[client],
                server=connection.ends[1 - client],
                started=connection.started,
                ended=connection.last_time,
                first_frame=connection.first_frame,
                last_frame=connection.last_frame,
                roles_known=False,
                verdict=Verdict.NOT_TLS,
                why=f"Neither TLS nor SIP: frame {first.frames[0]} begins with the bytes "
                f"{first.data[:8].hex(' ')}.",
                advice=["Check what runs on this port."],
            )
        )


def _begins_tls(data: bytes) -> bool:
    """Return whether a stream that begins with *data* is TLS (or an SSL 2.0 ClientHello)."""
    if len(data) < HEADER:
        return False
    if plausible_header(data, 0):
        return True
    return data[0] & 0x80 != 0 and data[2] == 1 and data[3] == 3 and data[4] <= 3


def _record_at_packet_start(data: bytes, ends: list[int]) -> int | None:
    """Return where a packet begins with a record whose successor is plausible, too.

    A capture that starts in mid-connection may start in mid-record; senders begin most records with
    a segment.
    """
    for start in (0, *ends[:-1]):
        position = start
        records = 0
        while len(data) - position >= HEADER and plausible_header(data, position):
            records += 1
            position += HEADER + (data[position + 3] << 8 | data[position + 4])
        if records and (position >= len(data) or records > 1):
            return start
    return None


def _frame_at_packet_start(data: bytes, ends: list[int]) -> bool:
    """Return whether a packet begins with a WebSocket's frame that has a SIP message in it."""
    return any(data[end] & 0x7E < 4 and looks_like_websocket(data[end:]) for end in ends[:-1])


class SipConnection:
    """SIP over TCP, in clear, in a WebSocket or not."""

    __slots__ = ("_dispatcher", "_framers")

    def __init__(
        self, dispatcher: Dispatcher, connection: Connection, *, websocket: bool = False
    ) -> None:
        self._dispatcher = dispatcher
        flows = (
            Flow(connection.ends[0], connection.ends[1], "TCP", "clear"),
            Flow(connection.ends[1], connection.ends[0], "TCP", "clear"),
        )
        self._framers: tuple[Framer, ...] = tuple(
            WebSocketFramer(flow, certain=True) if websocket else StreamFramer(flow)
            for flow in flows
        )

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        starts = (0, *ends)
        pieces = [data[start:end] for start, end in zip(starts, ends, strict=False)]
        chunks = zip(pieces, frames, times, strict=True)
        self._framers[side].receive_all(chunks, self._dispatcher.messages)

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self._framers[side].gap()

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        for framer in self._framers:
            framer.end()
            self._dispatcher.add_counters(framer)


class DtlsConnection:
    """DTLS between two UDP ends; SIP inside comes a message a record."""

    __slots__ = ("_dispatcher", "_flows", "_messages", "ends", "number", "session")

    def __init__(self, dispatcher: Dispatcher, ends: tuple[str, str]) -> None:
        self._dispatcher = dispatcher
        self.ends = ends
        self.number = dispatcher.next_session()
        self.session = DtlsSession(dispatcher.secrets, self, ends=ends, budget=dispatcher.budget)
        self._flows = (
            Flow(ends[0], ends[1], "TLS", "verified", self.number),
            Flow(ends[1], ends[0], "TLS", "verified", self.number),
        )
        self._messages = 0

    def receive(self, source: str, data: bytes, frame: int, time: int) -> None:
        """Take one datagram."""
        self.session.receive_datagram(self.ends.index(source), data, frame, time)

    def begins_anew(self, source: str, data: bytes) -> bool:
        """See :meth:`DtlsSession.begins_anew`."""
        return self.session.begins_anew(self.ends.index(source), data)

    def end(self, reason: End) -> None:
        """Nothing more comes."""
        self.session.give_up_missing()
        self._dispatcher.when_settled(self.session, lambda: self._report(reason))

    def _report(self, reason: End) -> None:
        self.session.finish()
        dispatcher = self._dispatcher
        report = report_session(
            self.session, self.number, self.ends, None, dispatcher.given, reason.value
        )
        report.messages = self._messages
        dispatcher.secrets.keep(self.session, report.client, report.server)
        self.session.let_go()
        dispatcher.session_ended(report)

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        self._dispatcher.tap_records(self.number, from_client, records)
        client_side = self.session.client_side or 0
        flow = self._flows[client_side if from_client else 1 - client_side]
        for data, frame, time in records:
            message = parse_datagram(data, flow, frame, time)
            if message is not None:
                self._messages += 1
                self._dispatcher.messages.append(message)

    def application_gap(self, from_client: bool) -> None:
        """See :class:`~tqdecrypt.tls.Listener`; datagrams stand for themselves."""

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        self._dispatcher.tap_dark_data(self.number, self.session, side, records)


class TlsConnection:
    """TLS on a TCP connection, and SIP inside when that is what it carries."""

    shared_as = "listener"

    __slots__ = (
        "_connection",
        "_dispatcher",
        "_framers",
        "_messages",
        "_parked",
        "_session",
        "number",
    )

    def __init__(self, dispatcher: Dispatcher, connection: Connection) -> None:
        self._dispatcher = dispatcher
        self._connection = connection
        self.number = dispatcher.next_session()
        self._parked: bytes | None = None
        dispatcher.awake[self] = None
        self._session: TlsSession | None = TlsSession(
            dispatcher.secrets, self, ends=connection.ends, budget=dispatcher.budget
        )
        self._framers: tuple[Framer, Framer] | None = None
        self._messages = 0

    @property
    def session(self) -> TlsSession:
        """The session, brought back if it was parked."""
        if self._session is None:
            assert self._parked is not None
            self._session = self._dispatcher.parking.wake(self._parked, self)
            self._parked = None
            self._dispatcher.awake[self] = None
        return self._session

    def park(self, before: int) -> bool:
        """Put the session away when nothing came since *before*, ns; return whether it was."""
        session = self._session
        if session is None or session.ended > before:
            return False
        for framer in self._framers or ():
            if not framer.idle:
                return False
        parked = self._dispatcher.parking.park(session)
        if parked is None:
            return False
        framers = self._framers or ()
        if not any(isinstance(framer, WebSocketFramer) and framer.is_open for framer in framers):
            for framer in framers:
                self._dispatcher.add_counters(framer)
            self._framers = None
        self._session = None
        self._parked = parked
        return True

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        (self._session or self.session).receive(side, data, ends, frames, times)

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self.session.gap(side, gap.size, gap.cause is GapCause.SNAP_LENGTH)

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self._dispatcher.when_settled(self.session, lambda: self._report(reason))

    def _report(self, reason: End) -> None:
        dispatcher, connection = self._dispatcher, self._connection
        dispatcher.awake.pop(self, None)
        self.session.finish()
        for framer in self._framers or ():
            framer.end()
            dispatcher.add_counters(framer)
        report = report_session(
            self.session,
            self.number,
            self.session.ends,
            connection.initiator,
            dispatcher.given,
            reason.value,
        )
        report.messages = self._messages
        dispatcher.secrets.keep(self.session, report.client, report.server)
        self.session.let_go()
        self._session = self._framers = None
        dispatcher.session_ended(report)

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        dispatcher = self._dispatcher
        dispatcher.tap_records(self.number, from_client, records)
        framers = self._framers
        if framers is None:
            framers = self._framers = self._make_framers(records)
        messages = dispatcher.messages
        before = len(messages)
        framers[0 if from_client else 1].receive_all(records, messages)
        self._messages += len(messages) - before

    def application_gap(self, from_client: bool) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        if self._framers is not None:
            self._framers[0 if from_client else 1].gap()

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        self._dispatcher.tap_dark_data(self.number, self.session, side, records)

    def _make_framers(self, records: Sequence[Plaintext]) -> tuple[Framer, Framer]:
        client_side = self.session.client_side or 0
        client, server = self.session.ends[client_side], self.session.ends[1 - client_side]
        flows = (
            Flow(client, server, "TLS", "verified", self.number),
            Flow(server, client, "TLS", "verified", self.number),
        )
        return make_framers(flows, b"".join([data[:4] for data, _, _ in records[:8]]))
