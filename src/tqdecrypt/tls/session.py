"""A TLS session on one connection, seen from outside: bytes in, plaintext and a report out.

The session knows nothing of packets.  It is fed the two directions of a connection in any relative
order and calls its :class:`Listener` with verified plaintext; when it ends, it reports.

Secrets come from a :class:`SecretSource`.  It answers with :meth:`TlsSession.provide` or
:meth:`TlsSession.refuse`, at once or later; until then protected records wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from tqdecrypt.errors import Malformed
from tqdecrypt.keys import read_certificate
from tqdecrypt.tls.alerts import Alert
from tqdecrypt.tls.ciphers import UnsupportedCipher
from tqdecrypt.tls.compression import DEFLATE, Inflater
from tqdecrypt.tls.constants import AlertDescription, ExtensionType, HandshakeType, Version
from tqdecrypt.tls.derive import partition_key_block
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.handshake import (
    ClientHello,
    pull_certificates,
    pull_certificates13,
    pull_client_hello,
    pull_encrypted_extensions,
    pull_new_session_ticket,
    pull_server_hello,
    pull_sslv2_client_hello,
)
from tqdecrypt.tls.pickup import MAX_SEARCH, MAX_TRIES, find_place
from tqdecrypt.tls.protection import Opener, make_openers
from tqdecrypt.tls.record import (
    ALERT_LENGTH,
    DarkData,
    Plaintext,
    Record,
    RecordReader,
    RecordState,
)
from tqdecrypt.tls.suites import find_suite
from tqdecrypt.tls.tls13 import Tls13Opener, make_openers13, verify_finished13

__all__ = ["Listener", "SecretSource", "TlsSession"]

GIVE_UP_AFTER = 8
"""Records that fail in a row, when none ever opened, before the secrets are called wrong."""
MOST_LOST_FIRST = 16
"""Records that may be missing in front of the one that tells which of several secrets is right."""
MOST_PICK_UPS = 6
"""Records of a session in mid-connection that are tried: the first may be cut, and a CBC record
without its own IV (TLS 1.0) opens only behind another one."""
MAX_TRANSCRIPT = 1 << 19
"""Bytes of handshake messages that are kept of each end: two of the longest."""
MAX_EXCHANGES = 64
"""Handshakes of one session that are kept; renegotiation beyond that is abuse."""


class WaitingBudget:
    """How many bytes may wait for secrets in all sessions together."""

    shared_as = "budget"

    __slots__ = ("limit", "used")

    def __init__(self, limit: int = 1 << 26) -> None:
        self.limit = limit
        self.used = 0


class Listener(Protocol):
    """Takes what a session yields."""

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """The verified plaintext of successive records, never empty."""

    def application_gap(self, from_client: bool) -> None:
        """Plaintext is missing here."""

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """Records of application data from *side*, never empty, that nothing opens."""


class SecretSource(Protocol):
    """Finds the secrets of handshakes."""

    def find(self, session: TlsSession, exchange: Exchange) -> None:
        """Look for the master secret; answer with ``session.provide`` or ``session.refuse``."""

    def pick_ups(self, session: TlsSession) -> Iterable[tuple[Exchange, int | None]]:
        """Return handshakes that may belong to a session in mid-connection.

        With each: the client's side, if that is known.
        """

    def one_sided(self, exchange: Exchange) -> Iterable[Exchange]:
        """Return what *exchange* may be, of which only one direction was captured."""

    def issued(self, exchange: Exchange) -> None:
        """The server issued a session id or ticket by which *exchange* may be resumed."""

    def settled(self, exchange: Exchange) -> None:
        """The secrets of *exchange* were provided or refused."""

    def hurry(self) -> None:
        """Answer now, if the answers are only being computed."""

    def abandoned(self, exchange: Exchange) -> None:
        """The session ended, and the secrets of *exchange* were never asked for."""

    def keep(self, session: TlsSession, client: str, server: str) -> None:
        """Keep the secrets of a session that ended for later runs."""


class TlsSession:
    """See the module's text.  Side 0 and 1 are the ends of the connection; roles come later."""

    header_length = 4
    """Of a handshake message (RFC 5246 section 7.4)."""
    dtls = False

    __slots__ = (
        "_listener",
        "_secrets",
        "alerts",
        "budget",
        "client_side",
        "dark_alert_frames",
        "ended",
        "ends",
        "exchanges",
        "failed_frames",
        "first_frame",
        "last_frame",
        "moment",
        "notes",
        "pick_up_tries",
        "readers",
        "sides_seen",
        "started",
        "unreadable_frame",
    )

    def __init__(
        self,
        secrets: SecretSource,
        listener: Listener,
        *,
        ends: tuple[str, str] = ("", ""),
        budget: WaitingBudget | None = None,
    ) -> None:
        self._secrets = secrets
        self._listener = listener
        self.readers: tuple[RecordReader, RecordReader] = self._make_readers()
        self.ends = ends
        """What the two sides are called."""
        self.budget = budget or WaitingBudget()
        self.pick_up_tries = 0
        self.sides_seen = 0
        """Bit *i*: side *i* sent something."""
        self.client_side: int | None = None
        """Which side is the TLS client; ``None`` until a hello told."""
        self.exchanges: list[Exchange] = []
        self.alerts: list[Alert] = []
        self.dark_alert_frames: list[tuple[int, int]] = []
        """(side, frame) of alerts that could not be read."""
        self.failed_frames: list[int] = []
        """Frames of the first records that did not verify."""
        self.unreadable_frame: int | None = None
        """First frame of a handshake record that is no plain handshake message."""
        self.first_frame = 0
        self.last_frame = 0
        self.started = 0
        self.ended = 0
        self.moment = 0
        """Time of the record that is being looked at, ns."""
        self.notes: list[str] = []

    def _make_readers(self) -> tuple[RecordReader, RecordReader]:
        return RecordReader(self, 0), RecordReader(self, 1)

    # What the connection says.

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """Take in-order bytes of one side; packet *i* completed ``data[: ends[i]]``."""
        # A side at a time: what the other one said in the same block is older, or newer.
        if not self.first_frame or frames[0] < self.first_frame:
            self.first_frame, self.started = frames[0], times[0]
        if frames[-1] > self.last_frame:
            self.last_frame, self.ended = frames[-1], times[-1]
        self.sides_seen |= 1 << side
        self.readers[side].receive(data, ends, frames, times)

    def gap(self, side: int, size: int, snapped: bool) -> None:
        """Take note that bytes of one side are missing."""
        reader = self.readers[side]
        reader.gap(size, snapped)
        if reader.state is RecordState.OPEN:
            self._listener.application_gap(side == self.client_side)
        elif reader.state is RecordState.PLAIN and self.exchanges:
            exchange = self._exchange_of(reader)
            exchange.incomplete[self._role(side)] = True
            self._want_secrets(exchange)

    def finish(self) -> None:
        """Nothing more comes: whoever still waits for secrets stays dark."""
        for reader in self.readers:
            if reader.state is RecordState.WAITING:
                self._ask_at_last(reader)
            if reader.state is RecordState.WAITING:
                self._try_one_sided(reader)
            if reader.state is RecordState.WAITING:
                reader.darken()
            left = reader.finish()
            if left:
                name = _ROLE_NAMES[self._role(reader.side)]
                self.notes.append(
                    f"the last record of the {name} is cut: {left:,} bytes of it came"
                )
        for exchange in self.exchanges:
            if exchange.openers is None and not exchange.wanted:
                self._secrets.abandoned(exchange)

    def _ask_at_last(self, reader: RecordReader) -> None:
        """Ask for secrets though the handshake is not whole: a key log does without the rest."""
        exchange = self._exchange_of(reader)
        if exchange.wanted or exchange.client_hello is None or exchange.suite is None:
            return
        if (
            exchange.full
            and exchange.encrypted_premaster is None
            and exchange.changed_cipher[CLIENT]
        ):
            exchange.incomplete[CLIENT] = True  # it was sent, or the client could not go on
        if self._tls13(exchange) or any(exchange.incomplete):
            exchange.wanted = True
            self._secrets.find(self, exchange)

    def let_go(self) -> None:
        """Break the circles of references, so that an ended session is freed at once."""
        del self._listener
        for reader in self.readers:
            reader.let_go()

    def _try_one_sided(self, reader: RecordReader) -> None:
        """Look for secrets of a handshake of which only one direction was captured."""
        exchange, role = self._exchange_of(reader), self._role(reader.side)
        one = (exchange.client_hello is None) != (exchange.server_hello is None)
        if not one or exchange.openers is not None or reader.first_waiting_frame is None:
            return
        for candidate in self._secrets.one_sided(exchange):
            openers = self._openers_of(candidate)
            opener = openers[role] if openers else None
            if opener is None or not reader.opens_first(opener):
                continue
            exchange.client_hello = exchange.client_hello or candidate.client_hello
            exchange.server_hello = exchange.server_hello or candidate.server_hello
            exchange.suite = candidate.suite
            exchange.master, exchange.secrets_from = candidate.master, candidate.secrets_from
            exchange.traffic_secrets = candidate.traffic_secrets
            exchange.openers = self._openers_of(candidate)
            self._open(reader, exchange)
            return

    @property
    def awaits_secrets(self) -> bool:
        """Whether secrets are being sought that may still be found."""
        return True in [
            e.wanted and e.openers is None and e.refusal is None for e in self.exchanges
        ]

    @property
    def opened(self) -> bool:
        """Whether any record was opened."""
        one, other = self.readers
        return one.opened_records > 0 or other.opened_records > 0

    @property
    def first_waiting_frame(self) -> int | None:
        """Frame of the oldest record that waits for secrets."""
        frames = [f for r in self.readers if (f := r.first_waiting_frame) is not None]
        return min(frames, default=None)

    # What the readers say.

    def application_data(self, side: int, records: Sequence[Plaintext]) -> None:
        """Hand on the verified plaintext of successive records."""
        self._listener.application_data(side == self.client_side, records)

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """Hand on what is known of records that stay dark."""
        self._listener.dark_data(side, records)

    def other_secret(
        self,
        reader: RecordReader,
        content_type: int,
        version: int,
        fragment: bytes,
        sequence: int = 0,
    ) -> bytes | None:
        """Try the other master secrets on a first record that did not verify."""
        exchange = self._exchange_of(reader)
        most = reader.failed_in_row + MOST_LOST_FIRST
        for master, origin in exchange.alternatives:
            openers = self._make_openers(exchange, master)
            opener = openers[self._role(reader.side)] if openers else None
            if opener is not None:
                opener.sequence = sequence
            if opener is None:
                continue
            # A few records in front of it may be lost or damaged; a number costs a microsecond.
            plaintext = opener.open_ahead(content_type, version, fragment, most, 0)
            if plaintext is None:
                continue
            exchange.master, exchange.secrets_from, exchange.openers = master, origin, openers
            exchange.alternatives = []
            for other in self.readers:
                if other.state is RecordState.OPEN and self._exchange_of(other) is exchange:
                    assert openers is not None
                    other.opener = openers[self._role(other.side)]
            self._secrets.settled(exchange)
            return plaintext
        return None

    def record_failed(self, reader: RecordReader, frame: int) -> None:
        """Take note of a record that did not verify."""
        if len(self.failed_frames) < 8:
            self.failed_frames.append(frame)
        if not reader.opened_records and reader.failed_in_row >= GIVE_UP_AFTER:
            if not self.opened:
                self._exchange_of(reader).refusal = Refusal.WRONG_SECRETS
            reader.darken()
        elif reader.opened_records:
            self._listener.application_gap(reader.side == self.client_side)

    def hurry(self) -> None:
        """No more can wait: have the secrets now that are being computed."""
        self._secrets.hurry()

    def boundary_lost(self, reader: RecordReader, frame: int) -> None:
        """Take note that no record begins where one must: bytes are damaged, or not TLS."""
        if reader.state is RecordState.PLAIN:
            if self.exchanges:
                self._exchange_of(reader).incomplete[self._role(reader.side)] = True
        elif reader.state is RecordState.OPEN:
            reader.bad_records += 1
            if len(self.failed_frames) < 8:
                self.failed_frames.append(frame)
            self._listener.application_gap(reader.side == self.client_side)

    def protected_data(self, reader: RecordReader, record: Record) -> None:
        """Handle application data before ChangeCipherSpec: TLS 1.3, or the middle of a session."""
        exchange = self._exchange_of(reader) if self.exchanges else None
        if exchange is None:
            self._pick_up(reader, record)
        elif exchange.refusal is not None:
            reader.darken()
        elif exchange.picked_up is not None:
            self._go_on(reader, exchange, record)
        elif exchange.version is None or exchange.version == Version.TLS13:
            reader.wait(wrapped=True)
        else:  # its ChangeCipherSpec is missing
            exchange.incomplete[self._role(reader.side)] = True
            self._change(reader, exchange)

    def _pick_up(self, reader: RecordReader, record: Record) -> None:
        """Look for secrets that open a record in mid-connection."""
        self.pick_up_tries += 1
        candidates = list(self._secrets.pick_ups(self))
        if not candidates or self.pick_up_tries > MOST_PICK_UPS:
            reader.darken()
            return
        most = min(MAX_SEARCH, max(MAX_TRIES // (2 * len(candidates)), 1 << 10))
        for exchange, client_side in candidates:
            openers = self._openers_of(exchange)
            for side in (0, 1) if client_side is None else (client_side,):
                role = CLIENT if reader.side == side else SERVER
                opener = openers[role] if openers else None
                assert exchange.picked_up is not None
                if opener and find_place(
                    opener, record, exchange.picked_up[role], most, reader.before
                ):
                    self.client_side = side
                    exchange.openers = openers
                    self.exchanges.append(exchange)
                    self._open(reader, exchange)
                    return

    def _go_on(self, reader: RecordReader, exchange: Exchange, record: Record) -> None:
        """Let the other direction of a session that was picked up find its place."""
        role = self._role(reader.side)
        opener = exchange.openers[role] if exchange.openers else None
        self.pick_up_tries += 1
        assert exchange.picked_up is not None
        if opener and find_place(
            opener, record, exchange.picked_up[role], MAX_SEARCH, reader.before
        ):
            self._open(reader, exchange)
        elif self.pick_up_tries > 2 * MOST_PICK_UPS:
            reader.darken()

    def _openers_of(self, exchange: Exchange) -> tuple[Opener | None, Opener | None] | None:
        if exchange.master is not None:
            return self._make_openers(exchange, exchange.master)
        assert exchange.suite is not None
        try:
            return make_openers13(exchange.suite, exchange.traffic_secrets)
        except UnsupportedCipher:
            return None

    def change_cipher_spec(self, reader: RecordReader, frame: int) -> None:
        """Handle ChangeCipherSpec (RFC 5246 section 7.1): what follows is protected."""
        if not self.exchanges:
            reader.darken()
            return
        exchange = self._exchange_of(reader)
        if exchange.version == Version.TLS13:
            return  # sent for the sake of middleboxes only (RFC 8446 appendix D.4)
        role = self._role(reader.side)
        self._note(exchange, f"{_ROLE_NAMES[role]} ChangeCipherSpec", frame)
        self._change(reader, exchange)

    def _change(self, reader: RecordReader, exchange: Exchange) -> None:
        exchange.changed_cipher[self._role(reader.side)] = True
        if exchange.openers is not None:
            self._open(reader, exchange)
        elif exchange.refusal is not None:
            reader.darken()
        else:
            reader.wait()
            self._want_secrets(exchange)

    def alert(self, side: int, content: bytes, frame: int) -> None:
        """Handle a readable alert (RFC 5246 section 7.2)."""
        if len(content) < ALERT_LENGTH:
            return
        role = self._role(side)
        if len(self.alerts) < 16:
            self.alerts.append(Alert(role, content[0], content[1], frame))
            if len(self.alerts) > 1:  # the other side's may be older: directions are independent
                self.alerts.sort(key=_FRAME)
        if content[1] == AlertDescription.no_renegotiation and role == SERVER:
            # The client's hello stays unanswered; the next ServerHello belongs to a later one.
            self.readers[side].declined += 1

    def dark_alert(self, side: int, frame: int) -> None:
        """Handle an alert that cannot be read."""
        if len(self.dark_alert_frames) < 16:
            self.dark_alert_frames.append((self._role(side), frame))

    def unreadable_handshake(self, reader: RecordReader, size: int, frame: int) -> None:
        """Handle a handshake record without a handshake message: it is encrypted, or garbage."""
        self.unreadable_frame = self.unreadable_frame or frame
        if reader.state is RecordState.PLAIN:
            if self.exchanges:
                self._exchange_of(reader).incomplete[self._role(reader.side)] = True
            reader.darken()
            reader.dark_bytes += size

    def handshake_message(
        self, reader: RecordReader, message: bytes, frame: int, time: int
    ) -> None:
        """Handle one handshake message, header included (RFC 5246 section 7.4)."""
        self.moment = time
        kind = message[0]
        try:
            _HANDLERS.get(kind, TlsSession._other)(self, reader, message, frame)
        except Malformed as error:
            if len(self.notes) < 16:
                self.notes.append(f"frame {frame}: {HandshakeType(kind).name}: {error}")

    # Handshake messages, by table.

    def _client_hello(self, reader: RecordReader, message: bytes, frame: int) -> None:
        hello = pull_client_hello(message[self.header_length :], dtls=self.dtls)
        self._client_says(hello, reader, message, frame)

    def sslv2_client_hello(self, reader: RecordReader, message: bytes, frame: int) -> None:
        """Handle a ClientHello in SSL 2.0 format, without its record header (RFC 5246 E.2)."""
        try:
            hello = pull_sslv2_client_hello(message)
            self._client_says(hello, reader, message, frame)
        except Malformed as error:
            self.notes.append(f"frame {frame}: SSL 2.0 ClientHello: {error}")

    def _client_says(
        self, hello: ClientHello, reader: RecordReader, message: bytes, frame: int
    ) -> None:
        if self.client_side is None or not self.exchanges:
            self.client_side = reader.side
        elif self.client_side != reader.side:
            raise Malformed("a ClientHello from the client only")
        current = self._exchange_of(reader) if reader.exchange_count else None
        if current is None or not (self._asked_again(current) or _says_again(current, hello)):
            current = self._begin(reader)
        current.client_hello = hello
        self._keep(current, CLIENT, "ClientHello", message, frame)
        self._hellos_complete(current)

    def _asked_again(self, exchange: Exchange) -> bool:
        """Return whether another ClientHello belongs to *exchange* (RFC 8446 section 4.1.4)."""
        return exchange.server_hello is not None and exchange.server_hello.is_hello_retry_request

    def _server_hello(self, reader: RecordReader, message: bytes, frame: int) -> None:
        hello = pull_server_hello(message[self.header_length :])
        if self.client_side is None:
            self.client_side = 1 - reader.side
        current = self._exchange_of(reader) if reader.exchange_count else None
        if current is None or not self._asked_again(current):
            current = self._begin(reader)
        current.server_hello = hello
        current.suite = find_suite(hello.cipher_suite)
        self._keep(current, SERVER, "ServerHello", message, frame)
        self._hellos_complete(current)

    def _certificate(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange, role = self._exchange_of(reader), self._role(reader.side)
        exchange.full = True
        self._keep(exchange, role, "Certificate", message, frame)
        pull = pull_certificates13 if self._tls13(exchange) else pull_certificates
        chain = pull(message[self.header_length :])
        if chain:
            exchange.certificates[role] = read_certificate(chain[0])

    def _server_key_exchange(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        exchange.full = True
        exchange.server_key_exchange = message[self.header_length :]
        self._keep(exchange, SERVER, "ServerKeyExchange", message, frame)

    def _certificate_request(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        exchange.certificate_requested = True
        self._keep(exchange, SERVER, "CertificateRequest", message, frame)

    def _server_hello_done(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        exchange.full = True
        self._keep(exchange, SERVER, "ServerHelloDone", message, frame)
        exchange.done = len(exchange.messages[SERVER])
        self._want_secrets(exchange)

    def _client_key_exchange(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        exchange.full = True
        self._keep(exchange, CLIENT, "ClientKeyExchange", message, frame)
        exchange.key_exchange_index = len(exchange.messages[CLIENT])
        exchange.encrypted_premaster = message[self.header_length :]
        self._want_secrets(exchange)

    def _certificate_verify(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange, role = self._exchange_of(reader), self._role(reader.side)
        if role == CLIENT:
            exchange.certificate_verified = True
        self._keep(exchange, role, "CertificateVerify", message, frame)

    def _new_session_ticket(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        if self._tls13(exchange):
            return  # what it holds is of use to the client only (RFC 8446 section 4.6.1)
        self._keep(exchange, SERVER, "NewSessionTicket", message, frame)
        exchange.ticket = pull_new_session_ticket(message[self.header_length :])
        if exchange.ticket:
            self._secrets.issued(exchange)

    def _finished(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange, role = self._exchange_of(reader), self._role(reader.side)
        self._keep(exchange, role, "Finished", message, frame)
        exchange.finished_seen[role] = True
        if not self._tls13(exchange):
            exchange.verify_finished()
            return
        if role == SERVER and exchange.schedule is not None:
            self._add_application_phases(exchange)
        verify_finished13(exchange, exchange.traffic_secrets)

    def _add_application_phases(self, exchange: Exchange) -> None:
        """Go on from the handshake's secrets to those of application data (RFC 8446 7.1)."""
        assert exchange.schedule is not None
        secrets = exchange.schedule.application_secrets(exchange)
        exchange.schedule = None
        if secrets is None or exchange.openers is None:
            return
        labels = ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")
        for label, secret, opener in zip(labels, secrets, exchange.openers, strict=True):
            exchange.traffic_secrets[label] = secret
            if isinstance(opener, Tls13Opener):
                opener.add_phase(label, secret)

    def _encrypted_extensions(self, reader: RecordReader, message: bytes, frame: int) -> None:
        exchange = self._exchange_of(reader)
        self._keep(exchange, SERVER, "EncryptedExtensions", message, frame)
        exchange.encrypted_extensions = pull_encrypted_extensions(message[self.header_length :])

    def _hello_request(self, reader: RecordReader, message: bytes, frame: int) -> None:
        """A HelloRequest is no part of the transcript (RFC 5246 section 7.4.1.1)."""
        if self.exchanges:
            self._note(self.exchanges[-1], "server HelloRequest", frame)

    def _hello_verify_request(self, reader: RecordReader, message: bytes, frame: int) -> None:
        """No part of the transcript either (RFC 6347 section 4.2.1)."""
        if self.exchanges:
            self._note(self.exchanges[-1], "server HelloVerifyRequest", frame)

    def _other(self, reader: RecordReader, message: bytes, frame: int) -> None:
        self._keep(
            self._exchange_of(reader),
            self._role(reader.side),
            HandshakeType(message[0]).name,
            message,
            frame,
        )

    # Secrets.

    def _want_secrets(self, exchange: Exchange) -> None:
        """Ask for secrets as soon as everything that they depend on is here."""
        suite = exchange.suite
        if exchange.wanted or suite is None or exchange.client_hello is None:
            return
        if self._tls13(exchange):
            if not exchange.lacks_second_hello or any(exchange.incomplete):
                exchange.wanted = True
                self._secrets.find(self, exchange)
            return
        if exchange.full:
            # The other direction may be behind: a static key needs its ServerKeyExchange, too.
            ready = exchange.encrypted_premaster is not None and (
                exchange.done is not None
                or (
                    not exchange.extended_master_secret
                    and ("DH" not in suite.key_exchange or any(exchange.incomplete))
                )
            )
        else:
            ready = exchange.changed_cipher[SERVER] and (
                exchange.resumption_offered or not exchange.incomplete[SERVER]
            )
            if ready and exchange.resumed_by is None:
                offered = exchange.client_hello.ticket
                exchange.resumed_by = "ticket" if offered else "session id"
        if ready:
            exchange.wanted = True
            self._secrets.find(self, exchange)

    def provide(self, exchange: Exchange, master: bytes, origin: str) -> None:
        """Take the master secret of a handshake; *origin* says where it came from."""
        if exchange.client_hello is None or exchange.openers is not None:
            return
        exchange.master = master
        exchange.secrets_from = origin
        exchange.openers = self._make_openers(exchange, master)
        if exchange.openers is None:
            self.refuse(exchange, Refusal.UNSUPPORTED_SUITE)
            return
        exchange.refusal = None
        self._secrets.settled(exchange)
        for reader in self.readers:
            if reader.state is RecordState.WAITING and self._exchange_of(reader) is exchange:
                self._open(reader, exchange)
        exchange.verify_finished()

    def _make_openers(self, exchange: Exchange, master: bytes) -> tuple[Opener, Opener] | None:
        """Return what opens the records under *master*; ``None`` when no library has the cipher."""
        hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
        assert hello is not None
        assert answer is not None
        assert suite is not None
        if suite.bulk is None:
            return None
        keys = partition_key_block(suite, answer.version, master, hello.random, answer.random)
        try:
            return make_openers(suite, answer.version, exchange.encrypt_then_mac, keys)
        except UnsupportedCipher:
            return None

    def provide_traffic_secrets(
        self, exchange: Exchange, secrets: Mapping[str, bytes], origin: str
    ) -> None:
        """Take the secrets of a TLS 1.3 handshake, named as in a key log."""
        if exchange.suite is None or exchange.openers is not None:
            return
        try:
            exchange.openers = make_openers13(exchange.suite, secrets)
        except UnsupportedCipher:
            self.refuse(exchange, Refusal.UNSUPPORTED_SUITE)
            return
        exchange.traffic_secrets = dict(secrets)
        exchange.secrets_from = origin
        exchange.refusal = None
        for reader in self.readers:
            if reader.state is RecordState.WAITING:
                self._open(reader, exchange)

    def _open(self, reader: RecordReader, exchange: Exchange) -> None:
        """Let *reader* go on with the keys of *exchange*."""
        assert exchange.openers is not None
        opener = exchange.openers[self._role(reader.side)]
        if opener is None:
            reader.darken()
            return
        answer = exchange.server_hello
        compressed = answer is not None and answer.compression_method == DEFLATE
        reader.open_with(
            opener,
            wrapped=self._tls13(exchange),
            inflater=Inflater() if compressed else None,
        )

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """Learn that there are no secrets for a handshake."""
        exchange.refusal = refusal
        self._secrets.settled(exchange)
        exchange.messages[CLIENT].clear()
        exchange.messages[SERVER].clear()
        for reader in self.readers:
            if reader.state is RecordState.WAITING and self._exchange_of(reader) is exchange:
                reader.darken()

    def follows_handshake(self, reader: RecordReader) -> bool:
        """Return whether *reader* uses the keys of its last handshake; not while it is renegotiated."""
        openers = self._exchange_of(reader).openers
        return openers is not None and reader.opener is openers[self._role(reader.side)]

    def restore_openers(self, sequences: Iterable[tuple[int, ...]]) -> None:
        """Derive openers again, for records from *sequences* on, after the session was parked."""
        for exchange, numbers in zip(self.exchanges, sequences, strict=True):
            if exchange.openers is None or self._tls13(exchange):
                continue
            assert exchange.master is not None
            exchange.openers = self._make_openers(exchange, exchange.master)
            for opener, number in zip(exchange.openers or (), numbers, strict=True):
                opener.sequence = number
        for reader in self.readers:
            openers = self._exchange_of(reader).openers
            if reader.state is RecordState.OPEN and openers is not None:
                reader.opener = openers[self._role(reader.side)]

    # Which handshake, which role.

    def _begin(self, reader: RecordReader) -> Exchange:
        """Return the handshake that begins on *reader*'s side: one that the other side began, or new."""
        count = reader.exchange_count + 1 + reader.declined
        if count > MAX_EXCHANGES:
            raise Malformed(f"at most {MAX_EXCHANGES} handshakes")
        reader.exchange_count, reader.declined = count, 0
        while count > len(self.exchanges):
            exchange = Exchange(self.header_length)
            self.exchanges.append(exchange)
            for end in self.readers:  # what was lost in front of the first hello may be the other's
                if end.missing_bytes and end.state is RecordState.PLAIN:
                    exchange.incomplete[self._role(end.side)] = True
        return self.exchanges[reader.exchange_count - 1]

    def _exchange_of(self, reader: RecordReader) -> Exchange:
        """Return the handshake that *reader*'s side is in."""
        if not self.exchanges:
            self.exchanges.append(Exchange(self.header_length))
        return self.exchanges[max(reader.exchange_count, 1) - 1]

    def _role(self, side: int) -> int:
        return CLIENT if side == self.client_side else SERVER

    def _tls13(self, exchange: Exchange) -> bool:
        return exchange.version is not None and exchange.version == Version.TLS13

    def _hellos_complete(self, exchange: Exchange) -> None:
        if exchange.client_hello is None or exchange.server_hello is None:
            return
        if exchange.server_hello.is_hello_retry_request:
            return
        if self._tls13(exchange):
            if ExtensionType.pre_shared_key in exchange.server_hello.extensions:
                exchange.resumed_by = "psk"
            for reader in self.readers:
                if reader.state is RecordState.PLAIN:
                    reader.wait(wrapped=True)
                elif reader.state is RecordState.WAITING and not reader.wrapped:
                    reader.wrap()
        elif exchange.server_hello.session_id:
            self._secrets.issued(exchange)
        self._want_secrets(exchange)

    def _keep(self, exchange: Exchange, role: int, name: str, message: bytes, frame: int) -> None:
        settled = None not in exchange.finished_verified  # nobody needs the transcript any more
        if exchange.refusal is None and not settled:
            messages = exchange.messages[role]
            if len(messages) < 64 and sum(map(len, messages)) + len(message) <= MAX_TRANSCRIPT:
                messages.append(message)
            else:
                exchange.incomplete[role] = True
        self._note(exchange, f"{_ROLE_NAMES[role]} {name}", frame)

    def _note(self, exchange: Exchange, what: str, frame: int) -> None:
        """Keep what was seen in which frame, as evidence, and when."""
        if len(exchange.frames) < 64:
            exchange.frames.append((what, frame, self.moment))


def _says_again(exchange: Exchange, hello: ClientHello) -> bool:
    """Return whether *hello* is the second of a handshake (RFC 8446 section 4.1.2).

    It keeps its random; the HelloRetryRequest may come later, the directions are independent.
    """
    return exchange.client_hello is not None and exchange.client_hello.random == hello.random


_ROLE_NAMES = ("client", "server")
_FRAME = attrgetter("frame")

_HANDLERS: dict[int, Callable[[TlsSession, RecordReader, bytes, int], None]] = {
    HandshakeType.hello_request: TlsSession._hello_request,
    HandshakeType.client_hello: TlsSession._client_hello,
    HandshakeType.server_hello: TlsSession._server_hello,
    HandshakeType.hello_verify_request: TlsSession._hello_verify_request,
    HandshakeType.new_session_ticket: TlsSession._new_session_ticket,
    HandshakeType.encrypted_extensions: TlsSession._encrypted_extensions,
    HandshakeType.certificate: TlsSession._certificate,
    HandshakeType.server_key_exchange: TlsSession._server_key_exchange,
    HandshakeType.certificate_request: TlsSession._certificate_request,
    HandshakeType.server_hello_done: TlsSession._server_hello_done,
    HandshakeType.certificate_verify: TlsSession._certificate_verify,
    HandshakeType.client_key_exchange: TlsSession._client_key_exchange,
    HandshakeType.finished: TlsSession._finished,
}
