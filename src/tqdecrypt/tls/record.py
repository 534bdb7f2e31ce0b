"""The record layer of one direction (RFC 5246 section 6.2, RFC 8446 section 5).

States.  A direction starts ``PLAIN``.  ChangeCipherSpec (in TLS 1.3: the ServerHello) turns it
``WAITING``: its records are queued, bounded, until the session has the keys; then it is ``OPEN``.
When no keys will come it is ``DARK``, and only lengths are counted.

Gaps.  If the gap lies inside a record whose header was seen, the next boundary is known and exactly
one record is lost.  Else the boundary is *searched*: an offset where a header is plausible is
believed when the record there verifies.  The sequence number behind a gap is searched as well, up to
as many records as the missing bytes can have held.  Nothing is believed without MAC or tag.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tls.compression import Inflater
from tqdecrypt.tls.constants import ContentType, HandshakeType

if TYPE_CHECKING:
    from tqdecrypt.tls.protection import Opener
    from tqdecrypt.tls.session import TlsSession

__all__ = [
    "MAX_FRAGMENT",
    "MAX_WAITING",
    "DarkData",
    "Plaintext",
    "Record",
    "RecordReader",
    "RecordState",
    "plausible_header",
]

MAX_FRAGMENT = (1 << 14) + 2048
"""Longest TLSCiphertext fragment (RFC 5246 section 6.2.3)."""
MAX_WAITING = 1 << 20
"""Bytes of records that one direction queues for its keys: some 1,500 SIP messages."""
MAX_HANDSHAKE = 1 << 18
"""Longest handshake message that is put together; chains of 16 KB certificates are real."""
MAX_SEARCH = 1 << 16
"""Most sequence numbers tried behind a gap."""
MAX_FAILED_SEARCH = 1 << 12
"""Most tried because records did not verify: 4 ms a record, whatever a peer sends."""
MAX_FAILED = 256
"""Records in a row that do not verify before a direction that was open is given up: its keys were
changed where the capture cannot show it."""
HEADER = 5
"""Length of a record header."""
ALERT_LENGTH = 2
HANDSHAKE_TYPES = frozenset(HandshakeType)


class RecordState(enum.StrEnum):
    """See the module's text."""

    PLAIN = "plain"
    WAITING = "waiting"
    OPEN = "open"
    DARK = "dark"


Plaintext = tuple[bytes, int, int]
"""What was in a record of application data, with the frame that completed it and its time, ns."""
DarkData = tuple[int, int, int]
"""What is known of one that stays dark: the size of its fragment, frame and time, ns."""


class Record(NamedTuple):
    """A record that waits for its keys."""

    content_type: int
    version: int
    fragment: bytes
    frame: int
    time: int
    behind_gap: int
    """Bytes missing in front of it."""


_make_record: Callable[[type[Record], tuple[int, int, bytes, int, int, int]], Record]
_make_record = tuple.__new__
"""Half the price of :class:`Record`'s own constructor."""


def plausible_header(data: bytes, position: int) -> bool:
    """Return whether a record header may stand at *position* (5 bytes must be there)."""
    return (
        20 <= data[position] <= 24
        and data[position + 1] == 3
        and data[position + 2] <= 4
        and (data[position + 3] << 8 | data[position + 4]) <= MAX_FRAGMENT
    )


class RecordReader:
    """Cuts one direction into records, opens them and hands what they hold to the session."""

    __slots__ = (
        "_gap_bytes",
        "_gap_records",
        "_rest",
        "_searching",
        "_session",
        "_skip",
        "_waiting",
        "_waiting_bytes",
        "bad_records",
        "before",
        "dark_bytes",
        "dark_data",
        "declined",
        "direct",
        "exchange_count",
        "failed_in_row",
        "handshake",
        "inflater",
        "missing_bytes",
        "opened_records",
        "opener",
        "overflowed",
        "plain_bytes",
        "side",
        "snapped",
        "state",
        "wrapped",
    )

    def __init__(self, session: TlsSession, side: int) -> None:
        self._session = session
        self.side = side
        self.state = RecordState.PLAIN
        self.opener: Opener | None = None
        self.wrapped = False
        """TLS 1.3: protected records say application_data, the true type stands inside, and
        records that say anything else are not protected (RFC 8446 section 5.2)."""
        self.inflater: Inflater | None = None
        """The DEFLATE compression method (RFC 3749)."""
        self.direct = True
        """Whether plaintext is ready as it comes out of the opener: not wrapped, not compressed."""
        self._rest = b""
        """An incomplete record."""
        self._skip = 0
        """Bytes to pass over: the tail of a record that lost its middle."""
        self._searching = False
        """Whether the boundary of the next record is unknown."""
        self._gap_bytes = 0
        self._gap_records = 0
        """Most records that may be missing in front of the next one; 0: its number is known."""
        self._waiting: list[Record] | None = None
        self._waiting_bytes = 0
        self.before: Record | None = None
        """The record in front, while secrets for the middle of a session are looked for."""
        self.failed_in_row = 0
        self.handshake = b""
        """An incomplete handshake message."""
        self.exchange_count = 0
        """How many handshakes this end has begun."""
        self.declined = 0
        """How many of the other end's it has declined since (no_renegotiation)."""
        self.opened_records = 0
        self.bad_records = 0
        """Records whose MAC or tag did not verify."""
        self.plain_bytes = 0
        """Verified application bytes."""
        self.dark_bytes = 0
        """Bytes in protected records that were not opened."""
        self.dark_data = False
        """Whether application data was among them (TLS 1.3 calls everything that)."""
        self.missing_bytes = 0
        self.snapped = False
        """Whether the snap length cut something."""
        self.overflowed = False
        """Whether records were given up because too many waited for keys."""

    @property
    def first_waiting(self) -> Record | None:
        """The oldest protected record that waits for keys."""
        for record in self._waiting or ():
            if not self.wrapped or record.content_type == ContentType.application_data:
                return record
        return None

    def opens_first(self, opener: Opener) -> bool:
        """Return whether *opener* opens the oldest protected record that waits for keys."""
        record = self.first_waiting
        return record is not None and opener.open(*record[:3]) is not None

    @property
    def first_waiting_frame(self) -> int | None:
        """Frame of the oldest record that waits for keys."""
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
            record = _make_record(
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

    def _look_past(
        self,
        data: bytes,
        position: int,
        ends: list[int],
        shift: int,
        frames: list[int],
        times: list[int],
    ) -> int:
        """Look behind what may be the beginning of a long record for one that verifies.

        Ciphertext can look like a header; nothing that follows may wait for its end.  Returns where
        the record that was taken ends, or 0.
        """
        for place in range(position + 1, len(data) - HEADER + 1):
            if not plausible_header(data, place):
                continue
            stop = place + HEADER + (data[place + 3] << 8 | data[place + 4])
            if stop > len(data):
                continue
            index = next(i for i, end in enumerate(ends) if end + shift >= stop)
            self._pass_over(place - position)
            record = Record(
                data[place],
                data[place + 1] << 8 | data[place + 2],
                data[place + HEADER : stop],
                frames[index],
                times[index],
                self._gap_bytes,
            )
            if self._take(record):
                self._searching = False
                return stop
            self._pass_over(position - place)
        return 0

    def gap(self, size: int, snapped: bool) -> None:
        """Take note that *size* bytes are missing behind what was received."""
        self.missing_bytes += size
        self.snapped |= snapped
        self.handshake = b""
        if self._skip >= size:
            self._skip -= size
            return
        size -= self._skip
        self._skip = 0
        rest = self._rest
        self._rest = b""
        self._gap_bytes += size + len(rest)
        if len(rest) >= HEADER and not self._searching:
            lacking = HEADER + (rest[3] << 8 | rest[4]) - len(rest)
            if size <= lacking:  # all within one record: its end is known
                self._skip = lacking - size
                self._gap_bytes += self._skip
                self._gap_records += 1
                return
        overhead = HEADER + (self.opener.overhead if self.opener else 16)
        most = self._gap_bytes // overhead + 1
        self._gap_records = min(max(self._gap_records, most), MAX_SEARCH)
        self._searching = True

    def _may_begin_in_sslv2(self, data: bytes, position: int) -> bool:
        """Return whether the direction's first bytes are an SSL 2.0 ClientHello that offers more."""
        return (
            self.state is RecordState.PLAIN
            and not self.exchange_count
            and not self._searching
            and data[position] < 0x90  # 4 KB: no more suites than there are
            and data[position + 2] == HandshakeType.client_hello
            and data[position + 3] == 3
        )

    def _pass_over(self, size: int) -> None:
        """Take note of bytes that belong to no record that could be found."""
        self._gap_bytes += size
        if self.state is not RecordState.PLAIN:
            self.dark_bytes += size

    def _find_header(self, data: bytes, position: int, frame: int) -> int:
        """Return where a record header may stand, from *position* on; else close to the end."""
        if not self._searching:
            self._searching = True
            self._gap_records = max(self._gap_records, 1)
            self._session.boundary_lost(self, frame)
        last = len(data) - HEADER
        while position <= last:
            if plausible_header(data, position):
                following = position + HEADER + (data[position + 3] << 8 | data[position + 4])
                if following > last or plausible_header(data, following):
                    return position
            position += 1
        return position

    def _take(self, record: Record) -> bool:
        """Take a record by state; return False when nothing verified that it is one."""
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

    def _gap_records_done(self, plaintext: bytes | None, record: Record) -> None:
        if plaintext is None:
            self._gap_bytes += HEADER + len(record.fragment)
        else:
            self._gap_bytes = self._gap_records = 0

    def _take_dark(self, record: Record) -> bool:
        self._gap_bytes = self._gap_records = 0
        self.dark_bytes += len(record.fragment)
        if record.content_type == ContentType.application_data:
            self.dark_data = True
            self._session.dark_data(self.side, [_dark(record)])
        elif record.content_type == ContentType.alert:
            self._session.dark_alert(self.side, record.frame)
        return True

    def _failed(self, fragment: bytes, frame: int) -> None:
        """A record did not verify: it may be damaged, or not belong here at all.

        TLS 1.3: when only the application's traffic secret is known, the handshake's records in front
        of it are not bad, but dark.
        """
        self.failed_in_row += 1
        self.bad_records += not self.wrapped or self.opened_records > 0
        self.dark_bytes += len(fragment)
        # When it was the length that was damaged, other records went down with it.
        swallowed = len(fragment) // (HEADER + self.opener.overhead) if self.opener else 0
        if self._gap_records < MAX_FAILED_SEARCH:
            self._gap_records = min(self._gap_records + 1 + swallowed, MAX_FAILED_SEARCH)
        self._session.record_failed(self, frame)
        if self.failed_in_row >= MAX_FAILED and self.state is RecordState.OPEN:
            self.darken()

    def _opened(self, content_type: int, plaintext: bytes, frame: int, time: int) -> None:
        self.opened_records += 1
        self.failed_in_row = 0
        if self.wrapped:
            plaintext = plaintext.rstrip(b"\0")
            if not plaintext:
                return
            content_type = plaintext[-1]
            plaintext = plaintext[:-1]
        if self.inflater is not None:
            inflated = self.inflater.inflate(plaintext)
            if inflated is None:
                self._session.notes.append(f"frame {frame}: the compressed data cannot be read on")
                self.darken()
                return
            plaintext = inflated
        if content_type == ContentType.application_data:
            self.plain_bytes += len(plaintext)
            self._session.application_data(self.side, [(plaintext, frame, time)])
        else:
            self._hand_over(content_type, plaintext, frame, time)

    def _hand_over(self, content_type: int, content: bytes, frame: int, time: int) -> None:
        """Hand readable content that is not application data to the session."""
        session = self._session
        if content_type == ContentType.handshake:
            self._defragment(content, frame, time)
        elif content_type == ContentType.change_cipher_spec:
            session.moment = time
            session.change_cipher_spec(self, frame)
        elif content_type == ContentType.alert:
            session.alert(self.side, content, frame)

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

    def wait(self, *, wrapped: bool = False) -> None:
        """Queue records until :meth:`open_with` or :meth:`darken`."""
        self.state = RecordState.WAITING
        self.opener = None
        self.wrapped = wrapped

    def wrap(self) -> None:
        """Learn that the session is TLS 1.3 after records began to wait.

        Those that it does not protect need no keys: a second ClientHello behind a ChangeCipherSpec
        that was sent for the sake of middleboxes (RFC 8446 appendix D.4).
        """
        self.wrapped = True
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
        """Open records with *opener* from here on; first those that waited."""
        self.opener = opener
        self.wrapped = wrapped
        self.inflater = inflater
        self.direct = not wrapped and inflater is None
        self.state = RecordState.OPEN
        self.failed_in_row = 0
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

    def let_go(self) -> None:
        """Forget the session: the two refer to each other, and nothing more comes."""
        del self._session

    def darken(self) -> None:
        """No keys will come: count what there is, keep nothing."""
        self.state = RecordState.DARK
        self.opener = None
        waiting = self._take_waiting_list()
        for record in waiting:
            data = record.content_type == ContentType.application_data
            self.dark_data |= data
            if data or not self.wrapped:
                self.dark_bytes += len(record.fragment)
        dark = [
            _dark(record)
            for record in waiting
            if record.content_type == ContentType.application_data
        ]
        if dark:
            self._session.dark_data(self.side, dark)

    def finish(self) -> int:
        """Return how many bytes of a record are left whose end never came."""
        left, self._rest = len(self._rest), b""
        if self.state is not RecordState.PLAIN:
            self.dark_bytes += left
        return left

    def _take_waiting_list(self) -> list[Record]:
        waiting, self._waiting = self._waiting, None
        self._session.budget.used -= self._waiting_bytes
        self._waiting_bytes = 0
        return waiting or []


def _dark(record: Record) -> DarkData:
    return len(record.fragment), record.frame, record.time


_TAKE: dict[RecordState, Callable[[RecordReader, Record], bool]] = {
    RecordState.PLAIN: RecordReader._take_plain,
    RecordState.WAITING: RecordReader._take_waiting,
    RecordState.OPEN: RecordReader._take_open,
    RecordState.DARK: RecordReader._take_dark,
}
