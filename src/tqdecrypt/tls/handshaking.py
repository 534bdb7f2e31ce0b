"""Handshake messages of both directions become exchanges (RFC 5246 section 7.4, RFC 8446 section 4).

What a message means is looked up in the table at the end.  Nothing here depends on the order of the
directions: what belongs to which handshake is told by counting each end's hellos.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.errors import Malformed
from tqdecrypt.keys import read_certificate
from tqdecrypt.tls.constants import ExtensionType, HandshakeType, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
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
from tqdecrypt.tls.record import RecordState
from tqdecrypt.tls.suites import find_suite
from tqdecrypt.tls.tls13 import Tls13Opener, verify_finished13

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls.contracts import SecretSource
    from tqdecrypt.tls.direction import RecordReader

__all__ = ["ROLE_NAMES", "Handshaking"]

ROLE_NAMES = ("client", "server")
MAX_TRANSCRIPT = 1 << 19
"""Bytes of handshake messages that are kept of each end: two of the longest."""
MAX_CHAIN = 16
"""Certificates of a chain that are looked at: those of public authorities have two to four."""
MAX_NOTES = 16
"""Sentences about handshake messages that cannot be read; more of the same say nothing new."""
MAX_EXCHANGES = 64
"""Handshakes of one session that are kept; renegotiation beyond that is abuse."""


class Handshaking(ABC):
    """The part of a session that listens to its handshakes."""

    header_length = 4
    """Of a handshake message (RFC 5246 section 7.4)."""
    dtls = False

    __slots__ = ("_secrets", "client_side", "exchanges", "moment", "notes", "readers")

    def __init__(self, secrets: SecretSource) -> None:
        self._secrets = secrets
        self.readers: tuple[RecordReader, RecordReader]
        self.client_side: int | None = None
        """Which side is the TLS client; ``None`` until a hello told."""
        self.exchanges: list[Exchange] = []
        self.moment = 0
        """Time of the record that is being looked at, ns."""
        self.notes: list[str] = []

    @abstractmethod
    def _want_secrets(self, exchange: Exchange) -> None:
        """Ask for secrets as soon as everything that they depend on is here."""

    def handshake_message(
        self, reader: RecordReader, message: bytes, frame: int, time: int
    ) -> None:
        """Handle one handshake message, header included (RFC 5246 section 7.4)."""
        self.moment = time
        kind = message[0]
        try:
            _HANDLERS.get(kind, Handshaking._other)(self, reader, message, frame)
        except Malformed as error:
            self._remark(f"frame {frame}: {HandshakeType(kind).name}: {error}")

    def _remark(self, note: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(note)

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
            exchange.chains[role] = self._read_chain(chain, frame)

    def _read_chain(self, chain: Sequence[bytes], frame: int) -> tuple[CertificateFacts, ...]:
        """Return what the certificates say, up to the first that cannot be read."""
        facts = []
        for place, certificate in enumerate(chain[:MAX_CHAIN], 1):
            try:
                facts.append(read_certificate(certificate))
            except Malformed as error:
                self._remark(f"frame {frame}: certificate {place} of {len(chain)}: {error}")
                break
        if len(chain) > MAX_CHAIN:
            self._remark(
                f"frame {frame}: {len(chain)} certificates, of which {MAX_CHAIN} are looked at"
            )
        return tuple(facts)

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
        self._note(exchange, f"{ROLE_NAMES[role]} {name}", frame)

    def _note(self, exchange: Exchange, what: str, frame: int) -> None:
        """Keep what was seen in which frame, as evidence, and when."""
        if len(exchange.frames) < 64:
            exchange.frames.append((what, frame, self.moment))


def _says_again(exchange: Exchange, hello: ClientHello) -> bool:
    """Return whether *hello* is the second of a handshake (RFC 8446 section 4.1.2).

    It keeps its random; the HelloRetryRequest may come later, the directions are independent.
    """
    return exchange.client_hello is not None and exchange.client_hello.random == hello.random


_HANDLERS: dict[int, Callable[[Handshaking, RecordReader, bytes, int], None]] = {
    HandshakeType.hello_request: Handshaking._hello_request,
    HandshakeType.client_hello: Handshaking._client_hello,
    HandshakeType.server_hello: Handshaking._server_hello,
    HandshakeType.hello_verify_request: Handshaking._hello_verify_request,
    HandshakeType.new_session_ticket: Handshaking._new_session_ticket,
    HandshakeType.encrypted_extensions: Handshaking._encrypted_extensions,
    HandshakeType.certificate: Handshaking._certificate,
    HandshakeType.server_key_exchange: Handshaking._server_key_exchange,
    HandshakeType.certificate_request: Handshaking._certificate_request,
    HandshakeType.server_hello_done: Handshaking._server_hello_done,
    HandshakeType.certificate_verify: Handshaking._certificate_verify,
    HandshakeType.client_key_exchange: Handshaking._client_key_exchange,
    HandshakeType.finished: Handshaking._finished,
}
