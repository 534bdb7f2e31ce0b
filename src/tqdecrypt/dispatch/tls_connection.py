"""TLS on a TCP connection: the session, who reads its plaintext, and both put away while idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdecrypt.dispatch.framed_connection import AnyFramer
from tqdecrypt.endings import ConnectionEnd, tcp_connection_end
from tqdecrypt.hep import MAGIC as HEP
from tqdecrypt.mirror import HepFramer
from tqdecrypt.sip import Flow, WebSocketFramer, make_framers
from tqdecrypt.tcp import Connection, End, Gap, GapCause
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SessionReport,
    TcpFacts,
    TlsSession,
    report_session,
)

if TYPE_CHECKING:
    from tqdecrypt.dispatch.dispatcher import Dispatcher
    from tqdecrypt.tls.recording import Opening
    from tqdecrypt.tls.watching import Watch

__all__ = ["TlsConnection"]


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
        "_stream",
        "number",
    )

    def __init__(self, dispatcher: Dispatcher, connection: Connection) -> None:
        self._dispatcher = dispatcher
        self._connection = connection
        self.number = dispatcher.next_session()
        self._stream = dispatcher.next_stream()
        self._parked: bytes | None = None
        self._session: TlsSession | None
        if dispatcher.watch is None:
            dispatcher.awake[self] = None
            self._session = TlsSession(
                dispatcher.secrets, self, ends=connection.ends, budget=dispatcher.budget
            )
        else:
            self._session = self._watched(dispatcher.watch)
        self._framers: tuple[AnyFramer, AnyFramer] | None = None
        self._messages = 0

    def _watched(self, watch: Watch) -> TlsSession:
        """Return a session that is watched; one that is recorded is never parked."""
        dispatcher, ends = self._dispatcher, self._connection.ends
        if not watch.wants(self.number):
            dispatcher.awake[self] = None
        return watch.open_tls(self.number, dispatcher.secrets, self, ends, dispatcher.budget)

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
        report.tcp = _tcp_facts(connection, self.session.ends.index(report.client))
        report.messages = self._messages
        dispatcher.observers.session_ended(self.number, self.session)
        if dispatcher.watch is not None:
            dispatcher.watch.ended(self.session, report, _opening(connection))
        dispatcher.secrets.keep(self.session, report.client, report.server)
        if dispatcher.on_end is not None:
            dispatcher.on_end(self._end_of(report, reason))
        self.session.let_go()
        self._session = self._framers = None
        dispatcher.session_ended(report)

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""
        dispatcher = self._dispatcher
        dispatcher.show_plaintext(self.number, from_client, records)
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
        self._dispatcher.tell_dark_data(self.number, self.session, side, records)

    def _end_of(self, report: SessionReport, reason: End) -> ConnectionEnd:
        connection = self._connection
        return tcp_connection_end(
            connection,
            connection.ends.index(report.client),
            self._stream,
            reason,
            self.number,
            self._dispatcher.secrets_of(self.session),
        )

    def _make_framers(self, records: Sequence[Plaintext]) -> tuple[AnyFramer, AnyFramer]:
        beginning = b"".join([data[:4] for data, _, _ in records[:8]])
        if beginning[:4] == HEP:
            mirror = self._dispatcher.mirror
            return HepFramer(mirror), HepFramer(mirror)
        client_side = self.session.client_side or 0
        client, server = self.session.ends[client_side], self.session.ends[1 - client_side]
        number, stream = self.number, self._stream
        flows = (
            Flow(client, server, "TLS", "verified", number, stream=stream, from_opener=True),
            Flow(server, client, "TLS", "verified", number, stream=stream, from_opener=False),
        )
        return make_framers(flows, beginning)


def _tcp_facts(connection: Connection, client: int) -> TcpFacts:
    """Return what the TCP connection was like; *client* is the side of the TLS client."""
    directions = connection.directions
    opener = directions[connection.initiator or 0]
    answerer = directions[1 - opener.side]
    known = connection.initiator is not None
    ours, theirs = directions[client], directions[1 - client]
    return TcpFacts(
        opener.synchronized_at if known else None,
        answerer.synchronized_at if known else None,
        ours.retransmissions,
        theirs.retransmissions,
        ours.gaps,
        theirs.gaps,
    )


def _opening(connection: Connection) -> Opening:
    """Return how a TCP connection began, as far as it was captured."""
    from tqdecrypt.tls.recording import Opening  # for those who explain

    side = connection.initiator
    if side is None:
        return Opening()
    opener, answerer = connection.directions[side], connection.directions[1 - side]
    return Opening(
        side,
        opener.synchronized_frame,
        opener.synchronized_at or 0,
        answerer.synchronized_frame,
        answerer.synchronized_at or 0,
    )
