"""Sessions that are watched, to be explained: every handshake message, with its frame and its time.

A :class:`Watch` is given to whoever makes sessions.  Those that it wants are recorded; of all others it
remembers which session ids and tickets they issued, so that it can be said which one another resumes.
Without a watch sessions are what they always are, and nothing of this costs anything.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.contracts import Listener, SecretSource, WaitingBudget
from tqdecrypt.tls.direction import RecordReader
from tqdecrypt.tls.dtls import DtlsSession
from tqdecrypt.tls.handshake import pull_server_hello
from tqdecrypt.tls.handshake_details import pull_ticket
from tqdecrypt.tls.pickup import ticket_digest
from tqdecrypt.tls.record import Plaintext
from tqdecrypt.tls.recording import Opening, Recording
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.session import Session, TlsSession

__all__ = ["Watch", "WatchedDtlsSession", "WatchedSession"]

MOST_ISSUED = 200_000
"""Session ids and tickets that are remembered, as many as can be resumed; the oldest goes first."""


class Watch:
    """Records the sessions of some numbers.

    :param wanted: their numbers.
    """

    shared_as = "watch"

    def __init__(self, wanted: Container[int]) -> None:
        self._wanted = wanted
        self.recordings: dict[int, Recording] = {}
        self.issuers: dict[bytes, int] = {}

    def wants(self, number: int) -> bool:
        """Return whether session *number* is recorded."""
        return number in self._wanted

    def open_tls(
        self,
        number: int,
        secrets: SecretSource,
        listener: Listener,
        ends: tuple[str, str],
        budget: WaitingBudget,
    ) -> TlsSession:
        """Return a TLS session that is watched."""
        session = WatchedSession(secrets, listener, ends=ends, budget=budget)
        self._begin(session, number)
        return session

    def open_dtls(
        self,
        number: int,
        secrets: SecretSource,
        listener: Listener,
        ends: tuple[str, str],
        budget: WaitingBudget,
    ) -> DtlsSession:
        """Return a DTLS session that is watched."""
        session = WatchedDtlsSession(secrets, listener, ends=ends, budget=budget)
        self._begin(session, number)
        return session

    def ended(
        self, session: Session, report: SessionReport, opening: Opening | None = None
    ) -> None:
        """Take what is known of a session at its end, over TCP also how its connection began."""
        recording = self.recordings.get(report.session)
        if recording is not None:
            client_side = session.client_side
            if client_side is None:  # no hello told; the report says which end is taken for it
                client_side = session.ends.index(report.client)
            recording.client_side = client_side
            recording.exchanges = session.exchanges
            recording.opening = opening or Opening()

    def issued(self, number: int, kind: int, body: bytes, version: int) -> None:
        """Remember by what session *number* may be resumed."""
        if kind == HandshakeType.server_hello:
            key = pull_server_hello(body).session_id
        else:
            ticket = pull_ticket(body, version).ticket
            key = ticket_digest(ticket) if ticket else b""
        if not key or key in self.issuers:  # a session id that is there already is being resumed
            return
        if len(self.issuers) >= MOST_ISSUED:
            del self.issuers[next(iter(self.issuers))]
        self.issuers[key] = number

    def _begin(self, session: _Watched, number: int) -> None:
        session.watch, session.number, session.recording = self, number, None
        if self.wants(number):
            session.recording = self.recordings[number] = Recording(number, dtls=session.dtls)
            session.recording.issuers = self.issuers


_ISSUING = frozenset((HandshakeType.server_hello, HandshakeType.new_session_ticket))


class _Watched(Session):
    """What watching adds to a session; with a ``__dict__``, since two classes with slots do not mix."""

    watch: Watch
    number: int
    recording: Recording | None

    def handshake_message(
        self, reader: RecordReader, message: bytes, frame: int, time: int
    ) -> None:
        if self.recording is not None:
            self.recording.message(reader.side, message, frame, time)
        super().handshake_message(reader, message, frame, time)
        if message[0] in _ISSUING:
            version = self.exchanges[-1].version if self.exchanges else None
            try:
                body = message[self.header_length :]
                self.watch.issued(self.number, message[0], body, version or 0)
            except Malformed:
                pass  # the session itself notes what is malformed

    def sslv2_client_hello(self, reader: RecordReader, message: bytes, frame: int) -> None:
        if self.recording is not None:
            time = self.recording.time_of(reader.side, frame)
            self.recording.message(reader.side, message, frame, time)
        super().sslv2_client_hello(reader, message, frame)

    def alert(self, side: int, content: bytes, frame: int) -> None:
        if self.recording is not None:
            self.recording.alert(side, content, frame)
        super().alert(side, content, frame)

    def application_data(self, side: int, records: Sequence[Plaintext]) -> None:
        if self.recording is not None:
            self.recording.application_data(side, records)
        super().application_data(side, records)


class WatchedSession(_Watched, TlsSession):
    """A TLS session that is watched."""

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :meth:`TlsSession.receive`."""
        if self.recording is not None:
            self.recording.receive(side, data, ends, frames, times)
        super().receive(side, data, ends, frames, times)

    def gap(self, side: int, size: int, snapped: bool) -> None:
        """See :meth:`TlsSession.gap`."""
        if self.recording is not None:
            self.recording.gap(side, size, snapped)
        super().gap(side, size, snapped)


class WatchedDtlsSession(_Watched, DtlsSession):
    """A DTLS session that is watched."""

    def receive_datagram(self, side: int, data: bytes, frame: int, time: int) -> None:
        """See :meth:`DtlsSession.receive_datagram`."""
        if self.recording is not None:
            self.recording.receive_datagram(side, data, frame, time)
        super().receive_datagram(side, data, frame, time)
