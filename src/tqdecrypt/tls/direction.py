"""The records of one direction: whether they can be opened, and what comes out of them.

States.  A direction starts ``PLAIN``.  ChangeCipherSpec (in TLS 1.3: the ServerHello) turns it
``WAITING``: its records are queued, bounded, until the session has the keys; then it is ``OPEN``.
When no keys will come it is ``DARK``, and only lengths are counted.

How records come out of a stream is told in :mod:`~tqdecrypt.tls.stream`, out of datagrams in
:mod:`~tqdecrypt.tls.dtls_record`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from tqdecrypt.tls.compression import Inflater
from tqdecrypt.tls.constants import ContentType
from tqdecrypt.tls.record import Record, RecordState

if TYPE_CHECKING:
    from tqdecrypt.tls.protection import Opener
    from tqdecrypt.tls.session import Session

__all__ = ["RecordReader"]

MAX_FAILED = 256
"""Records in a row that do not verify before a direction that was open is given up: its keys were
changed where the capture cannot show it."""


class RecordReader(ABC):
    """Opens the records of one direction and hands what they hold to the session."""

    __slots__ = (
        "_session",
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

    def __init__(self, session: Session, side: int) -> None:
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
    @abstractmethod
    def first_waiting_frame(self) -> int | None:
        """Frame of the oldest record that waits for keys."""

    @abstractmethod
    def opens_first(self, opener: Opener) -> bool:
        """Return whether *opener* opens the oldest protected record that waits for keys."""

    @abstractmethod
    def _defragment(self, content: bytes, frame: int, time: int) -> None:
        """Put handshake messages together."""

    @abstractmethod
    def _records_lost(self, fragment: bytes) -> None:
        """Take note that records may be missing behind one that did not verify."""

    def _failed(self, fragment: bytes, frame: int) -> None:
        """A record did not verify: it may be damaged, or not belong here at all.

        TLS 1.3: when only the application's traffic secret is known, the handshake's records in front
        of it are not bad, but dark.
        """
        self.failed_in_row += 1
        self.bad_records += not self.wrapped or self.opened_records > 0
        self.dark_bytes += len(fragment)
        self._records_lost(fragment)
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

    # What the session decides.

    def wait(self, *, wrapped: bool = False) -> None:
        """Queue records until :meth:`open_with` or :meth:`darken`."""
        self.state = RecordState.WAITING
        self.opener = None
        self.wrapped = wrapped

    def wrap(self) -> None:
        """Learn that the session is TLS 1.3 after records began to wait."""
        self.wrapped = True

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

    def darken(self) -> None:
        """No keys will come: count what there is, keep nothing."""
        self.state = RecordState.DARK
        self.opener = None

    def finish(self) -> int:
        """Return how many bytes of a record are left whose end never came."""
        return 0

    def let_go(self) -> None:
        """Forget the session: the two refer to each other, and nothing more comes."""
        del self._session
