"""The record layer over a stream (RFC 5246 section 6.2, RFC 8446 section 5).

Bytes of one direction are cut into records, and each is taken as the state of the direction says
(:mod:`~tqdecrypt.tls.direction`).  What may be missing between two records is told in
:mod:`~tqdecrypt.tls.boundary`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdecrypt.tls.boundary import MAX_SEARCH, BoundarySearch
from tqdecrypt.tls.compression import Inflater
from tqdecrypt.tls.constants import ContentType
from tqdecrypt.tls.record import (
    ALERT_LENGTH,
    HANDSHAKE_TYPES,
    HEADER,
    MAX_FRAGMENT,
    MAX_HANDSHAKE,
    MAX_WAITING,
    DarkData,
    Plaintext,
    Record,
    RecordState,
    make_record,
)

if TYPE_CHECKING:
    from tqdecrypt.tls.protection import Opener
    from tqdecrypt.tls.session import Session

__all__ = ["StreamReader"]


class StreamReader(BoundarySearch):
    """Cuts one direction into records, opens them and hands what they hold to the session."""

    __slots__ = ("_waiting",)

    def __init__(self, session: Session, side: int) -> None:
        super().__init__(session, side)
        self._waiting: list[Record] | None = None

    @property
    def first_waiting(self) -> Record | None:
        """The oldest protected record that waits for keys."""
        for record in self._waiting or ():
            if not self.wrapped or record.content_type == ContentType.application_data:
                return record
        return None

    def opens_first(self, opener: Opener) -> bool:
        """See :meth:`RecordReader.opens_first`."""
        record = self.first_waiting
        return record is not None and opener.open(*record[:3]) is not None

    @property
    def first_waiting_frame(self) -> int | None:
        """See :attr:`RecordReader.first_waiting_frame`."""
        return self._waiting[0].frame if self._waiting else None

    def receive(self, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Take in-order bytes; packet *i* completed ``data[: ends[i]]``."""
        shift = 0
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
            shift = -passed
        elif self._rest:
            shift = len(self._rest)
            data = self._rest + data
            self._rest = b""
        position = 0
        index = 0
        size = len(data)
        session = self._session
        opened: list[Plaintext] = []
        while size - position >= HEADER:
            content_type = data[position]
            length = data[position + 3] << 8 | data[position + 4]
            if (
                self._searching
                or not 20 <= content_type <= 24
                or data[position + 1] != 3
                or length > MAX_FRAGMENT
            ):
                if opened:
                    self._hand_on(opened)
                    opened = []
                while ends[index] + shift <= position:
                    index += 1
                if content_type & 0x80 and self._may_begin_in_sslv2(data, position):
                    stop = position + 2 + ((content_type & 0x7F) << 8 | data[position + 1])
                    if stop > size:
                        break
                    while ends[index] + shift < stop:
                        index += 1
                    session.moment = times[index]
                    session.sslv2_client_hello(self, data[position + 2 : stop], frames[index])
                    position = stop
                    continue
                found = self._find_header(data, position, frames[index])
                self._pass_over(found - position)
                if found != position:
                    position = found
                    continue
            stop = position + HEADER + length
            if stop > size:
                if self._searching and self.state is RecordState.OPEN:
                    stop = self._look_past(data, position, ends, shift, frames, times)
                    if stop:
                        position = stop
                        continue
                break
            while ends[index] + shift < stop:
                index += 1
            fragment = data[position + HEADER : stop]
            version = data[position + 1] << 8 | data[position + 2]
            if (
                self.state is RecordState.OPEN
                and not self._gap_records
                and (self.direct or content_type == 23)
            ):
                position = stop
                assert self.opener is not None
                plaintext = self.opener.open(content_type, version, fragment)
                if content_type == 23 and self.direct and plaintext is not None:
                    opened.append((plaintext, frames[index], times[index]))
                    continue
                if opened:
                    self._hand_on(opened)
                    opened = []
                self._tried(content_type, version, fragment, plaintext, frames[index], times[index])
                continue
            if opened:
                self._hand_on(opened)
                opened = []
            if content_type == 22 and self.state is RecordState.PLAIN:
                self._gap_bytes = self._gap_records = 0
                self._searching = False
                position = stop
                self._defragment(fragment, frames[index], times[index])
                continue
            record = make_record(
                Record,
                (content_type, version, fragment, frames[index], times[index], self._gap_bytes),
            )
            if self._take(record):
                self._searching = False
                position = stop
            else:  # no record begins there: look on
                position += 1
                self._pass_over(1)
        if opened:
            self._hand_on(opened)
        self._rest = data[position:]

    def _hand_on(self, opened: list[Plaintext]) -> None:
        """Hand on application data that needed no further work."""
        self.opened_records += len(opened)
        self.failed_in_row = 0
        self.plain_bytes += sum([len(data) for data, _, _ in opened])
        self._session.application_data(self.side, opened)

    # Records by state.

    def _take(self, record: Record) -> bool:
        if self.wrapped and record.content_type != ContentType.application_data:
            return self._take_unprotected(record)
        return _TAKE[self.state](self, record)

    def _take_unprotected(self, record: Record) -> bool:
        """Take a record that TLS 1.3 does not protect: an early alert, a second ClientHello."""
        if self._searching and record.content_type != ContentType.alert:
            return False
        if record.content_type == ContentType.handshake or len(record.fragment) == ALERT_LENGTH:
            self._hand_over(record.content_type, record.fragment, record.frame, record.time)
        return True

    def _take_plain(self, record: Record) -> bool:
        gap = self._gap_bytes, self._gap_records
        self._gap_bytes = self._gap_records = 0
        if record.content_type == ContentType.application_data:
            self._session.protected_data(self, record)
            if self.state is RecordState.PLAIN:  # undecided yet
                self.before = record
                return self._take_dark(record)
            self.before = None
            if self.state is RecordState.OPEN:  # protected records are missing in front of it
                self._gap_bytes, self._gap_records = gap
            return self._take(record)
        self._hand_over(record.content_type, record.fragment, record.frame, record.time)
        return True

    def _take_waiting(self, record: Record) -> bool:
        self._gap_bytes = self._gap_records = 0
        budget = self._session.budget
        size = len(record.fragment)
        if self._waiting_bytes + size > MAX_WAITING or budget.used + size > budget.limit:
            self._session.hurry()
            if self.state is not RecordState.WAITING:
                return self._take(record)
            self.overflowed = True
            self.darken()
            return self._take_dark(record)
        self._waiting_bytes += size
        budget.used += size
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(record)
        return True

    def _take_open(self, record: Record) -> bool:
        assert self.opener is not None
        if self._gap_records:
            # Bytes passed over since the gap may have been records, too.
            held = min(self._gap_bytes // (HEADER + self.opener.overhead) + 1, MAX_SEARCH)
            plaintext = self.opener.open_ahead(
                record.content_type,
                record.version,
                record.fragment,
                max(self._gap_records, held),
                self._gap_bytes,
            )
            if plaintext is None and self._searching:
                return False
            self._gap_records_done(plaintext, record)
        else:
            plaintext = self.opener.open(*record[:3])
        self._tried(*record[:3], plaintext, record.frame, record.time)
        return True

    def _tried(
        self,
        content_type: int,
        version: int,
        fragment: bytes,
        plaintext: bytes | None,
        frame: int,
        time: int,
    ) -> None:
        """Go on with what came of opening a record: its plaintext, or nothing."""
        if plaintext is None and not self.opened_records:
            plaintext = self._session.other_secret(self, content_type, version, fragment)
        if plaintext is None:
            self._failed(fragment, frame)
        else:
            self._opened(content_type, plaintext, frame, time)

    def _take_dark(self, record: Record) -> bool:
        self._gap_bytes = self._gap_records = 0
        self.dark_bytes += len(record.fragment)
        if record.content_type == ContentType.application_data:
            self.dark_data = True
            self._session.dark_data(self.side, [_dark(record)])
        elif record.content_type == ContentType.alert:
            self._session.dark_alert(self.side, record.frame)
        return True

    def _defragment(self, content: bytes, frame: int, time: int) -> None:
        """Put handshake messages together (RFC 5246 section 7.4: type, length, body)."""
        if not self.handshake and len(content) >= 4:
            size = content[1] << 16 | content[2] << 8 | content[3]
            if size == len(content) - 4 and content[0] in HANDSHAKE_TYPES:  # one whole message
                self._session.handshake_message(self, content, frame, time)
                return
        data = self.handshake + content if self.handshake else content
        position = 0
        while len(data) - position >= 4:
            stop = position + 4 + int.from_bytes(data[position + 1 : position + 4], "big")
            if stop - position > MAX_HANDSHAKE or data[position] not in HANDSHAKE_TYPES:
                self.handshake = b""
                self._session.unreadable_handshake(self, len(data) - position, frame)
                return
            if stop > len(data):
                break
            self._session.handshake_message(self, data[position:stop], frame, time)
            position = stop
        self.handshake = data[position:]

    # What the session decides.

    def wrap(self) -> None:
        """See :meth:`RecordReader.wrap`.

        Those records that it does not protect need no keys: a second ClientHello behind a ChangeCipherSpec
        that was sent for the sake of middleboxes (RFC 8446 appendix D.4).
        """
        super().wrap()
        waiting = self._waiting or []
        self._waiting = [r for r in waiting if r.content_type == ContentType.application_data]
        for record in waiting:
            if record.content_type != ContentType.application_data:
                self._waiting_bytes -= len(record.fragment)
                self._session.budget.used -= len(record.fragment)
                self._take_unprotected(record)

    def open_with(
        self, opener: Opener, *, wrapped: bool = False, inflater: Inflater | None = None
    ) -> None:
        """See :meth:`RecordReader.open_with`."""
        super().open_with(opener, wrapped=wrapped, inflater=inflater)
        waiting = self._take_waiting_list()
        if not waiting:
            return
        gap_bytes, gap_records = self._gap_bytes, self._gap_records
        self._gap_bytes = self._gap_records = 0
        searching, self._searching = self._searching, False
        self._take_all(waiting, HEADER + opener.overhead)
        self._gap_bytes += gap_bytes
        self._gap_records += gap_records
        self._searching = searching

    def _take_all(self, waiting: list[Record], overhead: int) -> None:
        """Take records that waited; plaintext that needs no further work is handed on together."""
        opened: list[Plaintext] = []
        for record in waiting:
            content_type, version, fragment, frame, time, behind_gap = record
            if behind_gap:
                self._gap_bytes += behind_gap
                self._gap_records += behind_gap // overhead + 1
            known = self.opener if self.direct and not self._gap_records else None
            plaintext = None
            if content_type == 23 and known is not None:
                plaintext = known.open(content_type, version, fragment)
                if plaintext is not None:
                    opened.append((plaintext, frame, time))
                    continue
            if opened:
                self._hand_on(opened)
                opened = []
            if content_type == 23 and known is not None:
                self._tried(content_type, version, fragment, plaintext, frame, time)
            else:
                self._take(record)
        if opened:
            self._hand_on(opened)

    def darken(self) -> None:
        """See :meth:`RecordReader.darken`."""
        super().darken()
        waiting = self._take_waiting_list()
        data = [r for r in waiting if r.content_type == ContentType.application_data]
        self.dark_data |= bool(data)
        self.dark_bytes += sum(len(r.fragment) for r in (data if self.wrapped else waiting))
        if data:
            self._session.dark_data(self.side, [_dark(record) for record in data])

    def _take_waiting_list(self) -> list[Record]:
        waiting, self._waiting = self._waiting, None
        self._session.budget.used -= self._waiting_bytes
        self._waiting_bytes = 0
        return waiting or []


def _dark(record: Record) -> DarkData:
    return len(record.fragment), record.frame, record.time


_TAKE: dict[RecordState, Callable[[StreamReader, Record], bool]] = {
    RecordState.PLAIN: StreamReader._take_plain,
    RecordState.WAITING: StreamReader._take_waiting,
    RecordState.OPEN: StreamReader._take_open,
    RecordState.DARK: StreamReader._take_dark,
}
