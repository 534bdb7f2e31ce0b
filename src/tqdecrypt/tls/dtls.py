"""DTLS 1.0 and 1.2 sessions: what differs from TLS in the handshake (RFC 6347 section 4.2)."""

from __future__ import annotations

from tqdecrypt.tls.constants import ContentType, HandshakeType, Version
from tqdecrypt.tls.contracts import Listener, SecretSource, WaitingBudget
from tqdecrypt.tls.datagrams import RECORD_HEADER, looks_like_dtls
from tqdecrypt.tls.direction import RecordReader
from tqdecrypt.tls.dtls_record import DtlsReader
from tqdecrypt.tls.exchange import CLIENT, Exchange, Refusal
from tqdecrypt.tls.handshake import ClientHello
from tqdecrypt.tls.handshaking import ROLE_NAMES
from tqdecrypt.tls.session import Session

__all__ = ["DtlsSession", "looks_like_dtls"]

HANDSHAKE_HEADER = 12
WINDOW = 64
"""Records that may overtake another one.  A peer's own window is mostly as wide (RFC 6347 section
4.1.2.6), so that what comes later than that is of no use to the peer either."""
MOST_NUMBERS = 1 << 13
"""How far behind the newest record a number may stand that was not seen yet: 1 KB a direction.  What
is older, and not seen, cannot be told from a repetition."""
MAX_MESSAGES = 32
"""How far a handshake message may be ahead of the one that comes next; no flight has as many."""
MAX_FRAGMENTS = 512
"""Fragments of one handshake message: those of the longest, in the smallest datagrams of IP."""
MOST_TRIED = 4
"""Records that are tried to see whether secrets fit: the first may be damaged."""
MAX_EPOCHS = 4
"""Epochs of a direction that are known at a time: the present, two before it and the next."""


class DtlsSession(Session):
    """A DTLS session between two UDP ends."""

    header_length = HANDSHAKE_HEADER
    dtls = True

    __slots__ = ("_cookie_asked", "_given_up", "_malformed_frames")

    readers: tuple[DtlsReader, DtlsReader]

    def __init__(
        self,
        secrets: SecretSource,
        listener: Listener,
        *,
        ends: tuple[str, str] = ("", ""),
        budget: WaitingBudget | None = None,
    ) -> None:
        super().__init__(secrets, listener, ends=ends, budget=budget)
        self._cookie_asked = False
        """Whether the server sent a HelloVerifyRequest."""
        self._given_up = False
        """Whether what is missing is waited for no more."""
        self._malformed_frames: list[int] = []

    def _make_readers(self) -> tuple[DtlsReader, DtlsReader]:
        return DtlsReader(self, 0), DtlsReader(self, 1)

    def receive_datagram(self, side: int, data: bytes, frame: int, time: int) -> None:
        """Take one datagram of one side."""
        if not self.first_frame or frame < self.first_frame:
            self.first_frame, self.started = frame, time
        self.last_frame = max(self.last_frame, frame)
        self.ended = max(self.ended, time)  # clocks are set back, and captures put together
        self.sides_seen |= 1 << side
        self.readers[side].receive_datagram(data, frame, time)

    def give_up_missing(self) -> None:
        """Nothing more comes: go on without what is missing, as far as that goes.

        Secrets may be asked for by this; when they are there, :meth:`finish`.
        """
        self._given_up = True
        for reader in self.readers:
            reader.give_up_missing()
        for exchange in self.exchanges:
            self._want_secrets(exchange)

    def finish(self) -> None:
        """See :meth:`Session.finish`."""
        self.give_up_missing()
        super().finish()
        for reader in self.readers:
            if reader.first_waiting_frame is not None:
                reader.darken()
        self._note_records()

    def begins_anew(self, side: int, data: bytes) -> bool:
        """Return whether a datagram begins another session between the same ends.

        A client that was restarted may use the same port (RFC 6347 section 4.2.8): its ClientHello
        stands in epoch 0 again, with a random that was not seen.
        """
        body = data[RECORD_HEADER + HANDSHAKE_HEADER :]
        return (
            self.readers[side].established
            and data[:1] == bytes([ContentType.handshake])
            and data[3:5] == bytes(2)
            and data[RECORD_HEADER : RECORD_HEADER + 1] == bytes([HandshakeType.client_hello])
            and len(body) >= 34
            and body[2:34] not in [e.client_hello.random for e in self.exchanges if e.client_hello]
        )

    # What the readers say.

    def exchange_begun_by(self, reader: DtlsReader, *, unseen: bool) -> Exchange | None:
        """Return the handshake that an end said hello in, or, *unseen*, that its peer did."""
        if reader.exchange_count or (unseen and self.exchanges):
            return self._exchange_of(reader)
        return None

    def epoch_begun(self, reader: DtlsReader, exchange: Exchange) -> None:
        """What *reader* reads from here on is protected by the keys of *exchange*."""
        self._change(reader, exchange)

    def change_cipher_spec(self, reader: RecordReader, frame: int) -> None:
        """Handle ChangeCipherSpec: the next epoch may begin."""
        assert isinstance(reader, DtlsReader)
        if not reader.cipher_changes():
            return
        if self.exchanges:
            role = ROLE_NAMES[self._role(reader.side)]
            self._note(self._exchange_of(reader), f"{role} ChangeCipherSpec", frame)
        reader.begin_epoch()

    def message_lost(self, reader: DtlsReader) -> None:
        """Take note that a handshake message did not come."""
        if self.exchanges:
            self._exchange_of(reader).incomplete[self._role(reader.side)] = True

    def malformed_record(self, frame: int) -> None:
        """Take note of what cannot be a DTLS record."""
        if len(self._malformed_frames) < 8:
            self._malformed_frames.append(frame)

    # Handshake messages.

    def _client_says(
        self, hello: ClientHello, reader: RecordReader, message: bytes, frame: int
    ) -> None:
        """Handle a ClientHello: one with a cookie takes the place of the one before (4.2.1)."""
        if not reader.exchange_count:
            if self._cookie_asked and not hello.cookie:
                return  # the one with the cookie is what counts
        elif reader.side == self.client_side and message[4:6] != bytes(2):
            exchange = self._exchange_of(reader)
            exchange.messages[CLIENT].clear()
            exchange.client_hello = hello
            self._keep(exchange, CLIENT, "ClientHello", message, frame)
            self._hellos_complete(exchange)
            return
        super()._client_says(hello, reader, message, frame)

    def _hello_verify_request(self, reader: RecordReader, message: bytes, frame: int) -> None:
        self._cookie_asked = True
        super()._hello_verify_request(reader, message, frame)

    def _hellos_complete(self, exchange: Exchange) -> None:
        if exchange.version == Version.DTLS13 and exchange.refusal is None:
            self.refuse(exchange, Refusal.UNSUPPORTED_SUITE)
        else:
            super()._hellos_complete(exchange)

    def _want_secrets(self, exchange: Exchange) -> None:
        """Ask for secrets, but call no handshake abbreviated whose rest may only be late."""
        certain = exchange.full or exchange.resumption_offered or self._given_up
        if not certain and self.client_side is not None:
            certain = self.readers[1 - self.client_side].said_all(exchange)
        if certain:
            super()._want_secrets(exchange)

    def _note_records(self) -> None:
        malformed = sum(reader.malformed for reader in self.readers)
        if malformed:
            frames = ", ".join(map(str, self._malformed_frames))
            self.notes.append(
                f"{malformed} records were damaged or cut, and passed over (first frames: {frames})"
            )
        repeated = sum(reader.repeated for reader in self.readers)
        if repeated:
            self.notes.append(f"{repeated} records came again, and were read once")
        for reader in self.readers:
            if missing := reader.missing_records:
                self.notes.append(
                    f"{missing} records of the {ROLE_NAMES[self._role(reader.side)]} did not come, "
                    "by their numbers: lost on the way, or by the capture"
                )
