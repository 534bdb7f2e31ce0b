"""DTLS 1.0 and 1.2 (RFC 4347, RFC 6347): the same handshake and keys over datagrams.

Theory.  Datagrams are lost, come twice and overtake each other, on the network and in the capture, so
nothing here depends on their order.

*Records* carry their epoch and number.  An epoch is what stands between two ChangeCipherSpecs, and has
keys of its own; those of earlier epochs are kept, for records that come late.  A record of an epoch
whose keys are not known yet waits, and is itself the proof that a ChangeCipherSpec went before it:
that one may be lost.  A number is remembered when its record verified, not before (section 4.1.2.6), so
that a damaged copy does not stand in the way of the good one; no record is shown twice.

*Handshake messages* are numbered, from 0 in every handshake, and come in fragments (section 4.2.3).
Everything in epoch *n* belongs to handshake *n*, but for the Finished, which is the last of the
handshake before.  They are handed on in order.  A message that is still missing when :data:`WINDOW`
records wait, or at the end, is given up, and what stands behind it is handed on: without extended
master secret it may not matter.

A ClientHello that is answered by HelloVerifyRequest is no part of the handshake (section 4.2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.compression import Inflater
from tqdecrypt.tls.constants import ContentType, HandshakeType
from tqdecrypt.tls.datagrams import (
    MAX_NUMBER,
    MOST_NUMBERS,
    DtlsRecord,
    Fragments,
    RecordNumbers,
    split_datagram,
)
from tqdecrypt.tls.direction import RecordReader
from tqdecrypt.tls.exchange import Exchange
from tqdecrypt.tls.protection import Opener
from tqdecrypt.tls.record import MAX_HANDSHAKE, MAX_WAITING, RecordState
from tqdecrypt.wire import Cursor

if TYPE_CHECKING:
    from tqdecrypt.tls.dtls import DtlsSession

__all__ = ["DtlsReader"]

WINDOW = 64
"""Records that may overtake another one.  A peer's own window is mostly as wide (RFC 6347 section
4.1.2.6), so that what comes later than that is of no use to the peer either."""
MAX_MESSAGES = 32
"""How far a handshake message may be ahead of the one that comes next; no flight has as many."""
MOST_AHEAD = 3
"""Epochs that a record may be ahead: more than a handshake and its renegotiations within WINDOW."""
KEPT_EPOCHS = 2
"""Epochs that are over whose keys are kept, for records that come late."""
MOST_TRIED = 4
"""Records that are tried to see whether secrets fit: the first may be damaged."""

_IN_CLEAR = frozenset((ContentType.change_cipher_spec, ContentType.alert, ContentType.handshake))
_KINDS = frozenset(HandshakeType)
_HELLOS = (HandshakeType.client_hello, HandshakeType.server_hello)


class _Epoch:
    """An epoch of one direction."""

    __slots__ = ("changed_at", "numbers", "opener", "waiting")

    def __init__(self) -> None:
        self.changed_at: int | None = None
        """Number of the record that held the ChangeCipherSpec at its end."""
        self.numbers = RecordNumbers()
        self.opener: Opener | None = None
        self.waiting: list[DtlsRecord] = []


_Place = tuple[int, int]
"""Where a handshake message stands: which handshake, which message of it."""


class DtlsReader(RecordReader):
    """The record layer of one direction."""

    __slots__ = (
        "_agreed",
        "_changed",
        "_epoch",
        "_epochs",
        "_messages",
        "_next",
        "_reading",
        "malformed",
        "repeated",
    )

    _session: DtlsSession

    def __init__(self, session: DtlsSession, side: int) -> None:
        super().__init__(session, side)
        self._epoch = 0
        """The present one."""
        self._epochs = {0: _Epoch()}
        self._agreed: Exchange | None = None
        """The handshake that the present epoch's keys are of."""
        self._changed = False
        """Whether a ChangeCipherSpec ended the present epoch."""
        self._reading = 0
        """Epoch and number of the record that is being read."""
        self._messages: dict[_Place, Fragments] = {}
        self._next: _Place = (0, 0)
        self.repeated = 0
        """Records that were not read because they had come before."""
        self.malformed = 0
        """Records and ends of datagrams that cannot be DTLS."""

    @property
    def first_waiting_frame(self) -> int | None:
        """Frame of the oldest record that waits for keys."""
        frames = [epoch.waiting[0].frame for epoch in self._epochs.values() if epoch.waiting]
        return min(frames, default=None)

    @property
    def established(self) -> bool:
        """Whether the first handshake went as far as protected records."""
        return self._epoch > 0

    @property
    def missing_records(self) -> int:
        """How many records never came, by the numbers of those that were opened."""
        return sum(e.numbers.missing for e in self._epochs.values() if e.opener is not None)

    def said_all(self, exchange: Exchange) -> bool:
        """Return whether every record came that this end sent before its ChangeCipherSpec."""
        begun = exchange is self._agreed
        epoch = self._epochs.get(self._epoch - begun)
        if epoch is None or epoch.changed_at is None:
            return False
        return epoch.numbers.reach(epoch.changed_at)

    def opens_first(self, opener: Opener) -> bool:
        """See :meth:`RecordReader.opens_first`."""
        for record in self._epochs[self._epoch].waiting[:MOST_TRIED]:
            opener.sequence = record.sequence
            if opener.open(record.content_type, record.version, record.fragment) is not None:
                return True
        return False

    def receive_datagram(self, data: bytes, frame: int, time: int) -> None:
        """Take the records of one datagram."""
        records, whole = split_datagram(data, frame, time)
        for record in records:
            self._receive(record)
        if not whole:
            self._pass_over_malformed(frame)

    def _pass_over_malformed(self, frame: int) -> None:
        self.malformed += 1
        self._session.malformed_record(frame)

    def _receive(self, record: DtlsRecord) -> None:
        if record.epoch == 0:
            self._receive_plain(record)
        elif record.epoch == self._epoch:
            self._receive_protected(record)
        elif record.epoch < self._epoch:
            self._receive_late(record)
        else:
            self._receive_early(record)

    # Epoch 0: nothing is protected, nothing proves anything.

    def _receive_plain(self, record: DtlsRecord) -> None:
        numbers = self._epochs[0].numbers
        if record.number in numbers:
            self.repeated += 1
            if record.content_type == ContentType.alert:
                return  # of handshake messages and ChangeCipherSpec a copy does no harm
        elif record.number < MOST_NUMBERS:
            numbers.add(record.number)
        if record.content_type not in _IN_CLEAR:
            self._pass_over_malformed(record.frame)
            return
        self._reading = record.sequence
        self._hand_over(record.content_type, record.fragment, record.frame, record.time)

    # Later epochs.

    def _receive_protected(self, record: DtlsRecord) -> None:
        """Take a record of the present epoch."""
        if self.state is RecordState.OPEN:
            assert self.opener is not None
            self._open_protected(record, self._epochs[self._epoch], self.opener)
        elif self.state is RecordState.WAITING:
            self._queue(record)
        else:
            self._count_dark(record)

    def _receive_late(self, record: DtlsRecord) -> None:
        """Take a record of an epoch that is over."""
        epoch = self._epochs.get(record.epoch)
        if epoch is not None and epoch.opener is not None:
            self._open_protected(record, epoch, epoch.opener)
        else:
            self._count_dark(record)

    def _receive_early(self, record: DtlsRecord) -> None:
        """Take a record of an epoch that has not begun, as far as is known."""
        hopeless = self.state is RecordState.DARK and (self._epoch or not self._session.exchanges)
        if hopeless or record.epoch > self._epoch + MOST_AHEAD:
            self._count_dark(record)
            return
        self._queue(record)
        self.begin_epoch()
        early = [n for n in self._epochs if n > self._epoch]
        if sum(len(self._epochs[number].waiting) for number in early) <= WINDOW:
            return
        if not self._session.exchanges:
            self.darken()
            return
        for number in early:
            for late in self._take_queue(self._epochs[number]):
                self._count_dark(late)

    def _queue(self, record: DtlsRecord) -> None:
        budget = self._session.budget
        size = len(record.fragment)
        if self._waiting_bytes + size > MAX_WAITING or budget.used + size > budget.limit:
            self.overflowed = True
            self._count_dark(record)
            self.darken()
            return
        self._waiting_bytes += size
        budget.used += size
        self._epochs.setdefault(record.epoch, _Epoch()).waiting.append(record)
        if sum(len(epoch.waiting) for epoch in self._epochs.values()) == WINDOW:
            self._session.give_up_missing()

    def begin_epoch(self, *, unseen: bool = False) -> None:
        """Begin the next epoch if there is proof of it and its handshake is known.

        :param unseen: whether this end's own hello may be missing.
        """
        following = self._epochs.get(self._epoch + 1)
        proven = self._changed or (following is not None and bool(following.waiting))
        exchange = self._session.exchange_begun_by(self, unseen=unseen)
        if not proven or exchange is None or exchange is self._agreed:
            return
        self._agreed = exchange
        self._changed = False
        self._epochs[self._epoch].opener = self.opener
        self._epoch += 1
        self._epochs.setdefault(self._epoch, _Epoch())
        for number in [n for n in self._epochs if 0 < n < self._epoch - KEPT_EPOCHS]:
            del self._epochs[number]
        self._session.epoch_begun(self, exchange)

    def _open_protected(self, record: DtlsRecord, epoch: _Epoch, opener: Opener) -> None:
        if record.number in epoch.numbers:
            self.repeated += 1
            return
        opener.sequence = record.sequence
        plaintext = opener.open(record.content_type, record.version, record.fragment)
        if plaintext is None and not self.opened_records:
            # Each secret's opener needs this record's number, which is not known to it.
            plaintext = self._session.other_secret(
                self, record.content_type, record.version, record.fragment, record.sequence
            )
        if plaintext is None:
            self._failed(record.fragment, record.frame)
            return
        epoch.numbers.add(record.number)
        self._reading = record.sequence
        self._opened(record.content_type, plaintext, record.frame, record.time)

    def _count_dark(self, record: DtlsRecord) -> None:
        """Count a record that cannot be opened; its number is not proven, so nothing is told by it."""
        self.dark_bytes += len(record.fragment)
        self.dark_data |= record.content_type == ContentType.application_data
        if record.content_type == ContentType.alert:
            self._session.dark_alert(self.side, record.frame)

    def _records_lost(self, fragment: bytes) -> None:
        pass  # each record has its number in it

    def cipher_changes(self) -> bool:
        """Take a ChangeCipherSpec; return False when it is an old one."""
        number, number_in_epoch = self._reading >> 48, self._reading & MAX_NUMBER
        epoch = self._epochs[number]
        if epoch.changed_at is None:
            epoch.changed_at = number_in_epoch
        if number != self._epoch or self._changed:
            return False
        self._changed = True
        return True

    # What the session decides.

    def open_with(
        self, opener: Opener, *, wrapped: bool = False, inflater: Inflater | None = None
    ) -> None:
        """Open the present epoch's records with *opener*; first those that waited."""
        super().open_with(opener, wrapped=wrapped, inflater=inflater)
        epoch = self._epochs[self._epoch]
        epoch.opener = opener
        for record in self._take_queue(epoch):
            self._receive(record)

    def darken(self) -> None:
        """No keys will come: count what there is, keep nothing."""
        super().darken()
        for epoch in list(self._epochs.values()):
            for record in self._take_queue(epoch):
                self._count_dark(record)

    def _take_queue(self, epoch: _Epoch) -> list[DtlsRecord]:
        waiting, epoch.waiting = epoch.waiting, []
        size = sum(len(record.fragment) for record in waiting)
        self._waiting_bytes -= size
        self._session.budget.used -= size
        return waiting

    # Handshake messages.

    def _defragment(self, content: bytes, frame: int, time: int) -> None:
        """Put handshake messages together by their numbers (RFC 6347 section 4.2.3)."""
        cursor = Cursor(content)
        try:
            while not cursor.at_end:
                kind, length = cursor.pull_uint8(), cursor.pull_uint24()
                number, offset = cursor.pull_uint16(), cursor.pull_uint24()
                fragment = cursor.pull_opaque(3)
                handshake = (self._reading >> 48) - (kind == HandshakeType.finished)
                if length > MAX_HANDSHAKE or offset + len(fragment) > length or handshake < 0:
                    raise Malformed("a handshake fragment within its message")
                self._add_fragment((handshake, number), kind, length, offset, fragment)
        except Malformed:
            self._pass_over_malformed(frame)
        self._hand_on_messages(frame, time)

    def _add_fragment(
        self, place: _Place, kind: int, length: int, offset: int, fragment: bytes
    ) -> None:
        handshake, number = place
        first = self._next[1] if handshake == self._next[0] else 0
        if place < self._next or handshake > self._epoch or number >= first + MAX_MESSAGES:
            return  # repeated, or more than any flight holds
        message = self._messages.get(place)
        if message is None or (message.kind, message.length) != (kind, length):
            message = self._messages[place] = Fragments(kind, length)
        message.add(offset, fragment)

    def _hand_on_messages(self, frame: int, time: int) -> None:
        """Hand on the messages whose turn it is."""
        self._skip_before_hello()
        while (message := self._messages.get(self._next)) is not None:
            body = message.whole()
            if body is None:
                break
            handshake, number = self._next
            del self._messages[self._next]
            last = message.kind == HandshakeType.finished
            self._next = (handshake + 1, 0) if last else (handshake, number + 1)
            if last:  # nothing that claims to stand behind it does
                self._messages = {p: m for p, m in self._messages.items() if p >= self._next}
            length = len(body).to_bytes(3, "big")
            header = bytes([message.kind]) + length + number.to_bytes(2, "big") + bytes(3) + length
            if message.kind in _KINDS:
                self._session.handshake_message(self, header + body, frame, time)
        self.begin_epoch()

    def _skip_before_hello(self) -> None:
        """Begin with the second message if it is a hello: what stands before it does not count.

        That is a ClientHello without cookie, a HelloVerifyRequest or a HelloRequest.
        """
        handshake, number = self._next
        second = self._messages.get((handshake, 1))
        if number == 0 and self._next not in self._messages and second and second.kind in _HELLOS:
            self._next = (handshake, 1)

    def give_up_missing(self) -> None:
        """Hand on what stands behind handshake messages that did not come."""
        while self._messages:
            place = min(self._messages)
            if place <= self._next:  # fragments of it are missing
                del self._messages[place]
                self._next = max(self._next, (place[0], place[1] + 1))
            else:
                self._next = place
            self._session.message_lost(self)
            self._hand_on_messages(self._session.last_frame, self._session.ended)
        self.begin_epoch(unseen=True)
