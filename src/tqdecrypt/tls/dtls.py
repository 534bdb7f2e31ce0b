"""DTLS 1.0 and 1.2 (RFC 4347, RFC 6347): the same handshake and keys over datagrams.

What differs from TLS: every record carries its epoch and sequence number, so nothing is searched;
handshake messages are numbered and fragmented, and are put together by number; a ClientHello that is
answered by HelloVerifyRequest is forgotten; records that were seen before are dropped.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.compression import Inflater
from tqdecrypt.tls.constants import ContentType, HandshakeType
from tqdecrypt.tls.exchange import SERVER, Exchange
from tqdecrypt.tls.protection import Opener
from tqdecrypt.tls.record import MAX_FRAGMENT, MAX_HANDSHAKE, MAX_WAITING, RecordReader, RecordState
from tqdecrypt.tls.session import TlsSession
from tqdecrypt.wire import Cursor

__all__ = ["DtlsSession", "looks_like_dtls"]

RECORD_HEADER = 13
HANDSHAKE_HEADER = 12
WINDOW = 64
"""Records that are remembered to tell repetitions (RFC 6347 section 4.1.2.6)."""
MAX_MESSAGES = 32
"""Handshake messages that are put together at a time."""


def looks_like_dtls(data: bytes) -> bool:
    """Return whether a datagram begins with a DTLS record (RFC 7983: first byte 20 … 63)."""
    return (
        len(data) >= RECORD_HEADER
        and 20 <= data[0] <= 25
        and data[1] == 0xFE
        and data[2] in (0xFF, 0xFD)
        and RECORD_HEADER + (data[11] << 8 | data[12]) <= len(data)
    )


class _Protected(NamedTuple):
    """A protected record with its place."""

    content_type: int
    version: int
    sequence: int
    """Epoch and sequence number as one number of 64 bits."""
    fragment: bytes
    frame: int
    time: int


class _Message:
    """A handshake message that is being put together."""

    __slots__ = ("body", "have", "kind")

    def __init__(self, kind: int, length: int) -> None:
        self.kind = kind
        self.body = bytearray(length)
        self.have = bytearray(length)

    def add(self, offset: int, fragment: bytes) -> None:
        end = offset + len(fragment)
        self.body[offset:end] = fragment
        self.have[offset:end] = b"\1" * len(fragment)

    @property
    def whole(self) -> bool:
        return 0 not in self.have


class DtlsReader(RecordReader):
    """The record layer of one direction."""

    __slots__ = ("_epoch", "_highest", "_messages", "_next", "_protected", "_seen", "repeated")

    def __init__(self, session: TlsSession, side: int) -> None:
        super().__init__(session, side)
        self._epoch = 0
        self._highest = -1
        self._seen = 0
        """Bit *i*: the record *i* below the highest was seen."""
        self._messages: dict[int, _Message] = {}
        self._next = 0
        """Number of the next handshake message."""
        self._protected: list[_Protected] = []
        self.repeated = 0

    @property
    def first_waiting_frame(self) -> int | None:
        """Frame of the oldest record that waits for keys."""
        return self._protected[0].frame if self._protected else None

    def receive_datagram(self, data: bytes, frame: int, time: int) -> None:
        """Take the records of one datagram."""
        position = 0
        while len(data) - position >= RECORD_HEADER:
            content_type = data[position]
            version = int.from_bytes(data[position + 1 : position + 3], "big")
            sequence = int.from_bytes(data[position + 3 : position + 11], "big")
            length = data[position + 11] << 8 | data[position + 12]
            stop = position + RECORD_HEADER + length
            if length > MAX_FRAGMENT or stop > len(data):
                self.bad_records += 1
                return
            fragment = data[position + RECORD_HEADER : stop]
            position = stop
            if self._repeated(sequence):
                self.repeated += 1
            elif sequence >> 48 == 0:
                self._hand_over(content_type, fragment, frame, time)
            else:
                self._take_protected(
                    _Protected(content_type, version, sequence, fragment, frame, time)
                )

    def _repeated(self, sequence: int) -> bool:
        """Return whether a record was seen before; remember it."""
        ahead = sequence - self._highest
        if ahead > 0:
            self._seen = (self._seen << min(ahead, WINDOW) | 1) & ((1 << WINDOW) - 1)
            self._highest = sequence
            return False
        if -ahead >= WINDOW:
            return False  # too old to tell; its MAC decides
        bit = 1 << -ahead
        seen = bool(self._seen & bit)
        self._seen |= bit
        return seen

    def _take_protected(self, record: _Protected) -> None:
        if self.state is RecordState.OPEN:
            self._open_protected(record)
        elif self.state is RecordState.DARK:
            self._count_dark(record)
        elif self._session.exchanges:  # ChangeCipherSpec may come later: datagrams overtake
            self._queue(record)
        else:
            self.darken()
            self._count_dark(record)

    def _queue(self, record: _Protected) -> None:
        budget = self._session.budget
        size = len(record.fragment)
        if self._waiting_bytes + size > MAX_WAITING or budget.used + size > budget.limit:
            self.overflowed = True
            self.darken()
            self._count_dark(record)
            return
        self._waiting_bytes += size
        budget.used += size
        self._protected.append(record)

    def _open_protected(self, record: _Protected) -> None:
        assert self.opener is not None
        self.opener.sequence = record.sequence
        plaintext = self.opener.open(record.content_type, record.version, record.fragment)
        if plaintext is None and not self.opened_records:
            # Each secret's opener needs this record's number, which is not known to it.
            plaintext = self._session.other_secret(
                self, record.content_type, record.version, record.fragment, record.sequence
            )
        if plaintext is None:
            self._failed(record.fragment, record.frame)
        else:
            self._opened(record.content_type, plaintext, record.frame, record.time)

    def _count_dark(self, record: _Protected) -> None:
        self.dark_bytes += len(record.fragment)
        self.dark_data |= record.content_type == ContentType.application_data
        if record.content_type == ContentType.alert:
            self._session.dark_alert(self.side, record.frame)

    def open_with(
        self, opener: Opener, *, wrapped: bool = False, inflater: Inflater | None = None
    ) -> None:
        """Open records with *opener* from here on; first those that waited."""
        super().open_with(opener, wrapped=wrapped, inflater=inflater)
        waiting, self._protected = self._protected, []
        for record in waiting:
            self._take_protected(record)

    def darken(self) -> None:
        """No keys will come: count what there is, keep nothing."""
        super().darken()
        waiting, self._protected = self._protected, []
        for record in waiting:
            self._count_dark(record)

    def _defragment(self, content: bytes, frame: int, time: int) -> None:
        """Put handshake messages together by their numbers (RFC 6347 section 4.2.3)."""
        cursor = Cursor(content)
        try:
            while not cursor.at_end:
                kind, length = cursor.pull_uint8(), cursor.pull_uint24()
                number, offset = cursor.pull_uint16(), cursor.pull_uint24()
                fragment = cursor.pull_opaque(3)
                if length > MAX_HANDSHAKE or offset + len(fragment) > length:
                    raise Malformed("a handshake fragment within its message")
                self._add_fragment(number, kind, length, offset, fragment)
        except Malformed:
            self._session.unreadable_handshake(self, cursor.remaining, frame)
        while self._next in self._messages and self._messages[self._next].whole:
            message = self._messages.pop(self._next)
            header = (
                bytes([message.kind])
                + len(message.body).to_bytes(3, "big")
                + self._next.to_bytes(2, "big")
                + bytes(3)
                + len(message.body).to_bytes(3, "big")
            )
            self._next += 1
            if message.kind in set(HandshakeType):
                self._session.handshake_message(self, header + bytes(message.body), frame, time)

    def _add_fragment(
        self, number: int, kind: int, length: int, offset: int, fragment: bytes
    ) -> None:
        if number < self._next or (
            number not in self._messages and len(self._messages) >= MAX_MESSAGES
        ):
            return  # repeated, or more than any flight holds
        message = self._messages.setdefault(number, _Message(kind, length))
        if len(message.body) == length:
            message.add(offset, fragment)


class DtlsSession(TlsSession):
    """A DTLS session between two UDP ends."""

    header_length = HANDSHAKE_HEADER
    dtls = True

    __slots__ = ()

    readers: tuple[DtlsReader, DtlsReader]

    def _make_readers(self) -> tuple[RecordReader, RecordReader]:
        return DtlsReader(self, 0), DtlsReader(self, 1)

    def receive_datagram(self, side: int, data: bytes, frame: int, time: int) -> None:
        """Take one datagram of one side."""
        if not self.first_frame:
            self.first_frame, self.started = frame, time
        self.last_frame, self.ended = frame, time
        self.readers[side].receive_datagram(data, frame, time)

    def _asked_again(self, exchange: Exchange) -> bool:
        """Return whether another ClientHello belongs to *exchange*: repeated, or with a cookie.

        The one before is no part of the transcript (RFC 6347 section 4.2.1).
        """
        if exchange.server_hello is not None:
            return super()._asked_again(exchange)
        exchange.messages[0].clear()
        return not exchange.messages[SERVER]
