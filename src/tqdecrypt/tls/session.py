"""A TLS session on one connection, seen from outside: bytes in, plaintext and a report out.

The session knows nothing of packets.  It is fed the two directions of a connection in any relative
order and calls its :class:`~tqdecrypt.tls.contracts.Listener` with verified plaintext; when it ends, it
is reported on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from operator import attrgetter

from tqdecrypt.tls.alerts import Alert
from tqdecrypt.tls.constants import AlertDescription, Version
from tqdecrypt.tls.contracts import Listener, SecretSource, WaitingBudget
from tqdecrypt.tls.direction import RecordReader
from tqdecrypt.tls.exchange import SERVER, Exchange, Refusal
from tqdecrypt.tls.handshaking import ROLE_NAMES
from tqdecrypt.tls.keying import Keying
from tqdecrypt.tls.record import ALERT_LENGTH, DarkData, Plaintext, Record, RecordState
from tqdecrypt.tls.stream import StreamReader

__all__ = ["Session", "TlsSession"]

GIVE_UP_AFTER = 8
"""Records that fail in a row, when none ever opened, before the secrets are called wrong."""

_FRAME = attrgetter("frame")


class Session(Keying):
    """What TLS and DTLS have in common.

    Side 0 and 1 are the ends of the connection; roles come later.
    """

    __slots__ = (
        "_listener",
        "alerts",
        "budget",
        "dark_alert_frames",
        "failed_frames",
        "first_frame",
        "last_frame",
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
        super().__init__(secrets, ends)
        self._listener = listener
        self.readers = self._make_readers()
        self.budget = budget or WaitingBudget()
        self.sides_seen = 0
        """Bit *i*: side *i* sent something."""
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

    @abstractmethod
    def _make_readers(self) -> tuple[RecordReader, RecordReader]:
        """Return what reads side 0 and side 1."""

    # What the connection says.

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
                name = ROLE_NAMES[self._role(reader.side)]
                self.notes.append(
                    f"the last record of the {name} is cut: {left:,} bytes of it came"
                )
        for exchange in self.exchanges:
            if exchange.openers is None and not exchange.wanted:
                self._secrets.abandoned(exchange)

    def let_go(self) -> None:
        """Break the circles of references, so that an ended session is freed at once."""
        del self._listener
        for reader in self.readers:
            reader.let_go()

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

    def change_cipher_spec(self, reader: RecordReader, frame: int) -> None:
        """Handle ChangeCipherSpec (RFC 5246 section 7.1): what follows is protected."""
        if not self.exchanges:
            reader.darken()
            return
        exchange = self._exchange_of(reader)
        if exchange.version == Version.TLS13:
            return  # sent for the sake of middleboxes only (RFC 8446 appendix D.4)
        role = self._role(reader.side)
        self._note(exchange, f"{ROLE_NAMES[role]} ChangeCipherSpec", frame)
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


class TlsSession(Session):
    """A session over a stream."""

    __slots__ = ()

    readers: tuple[StreamReader, StreamReader]

    def _make_readers(self) -> tuple[StreamReader, StreamReader]:
        return StreamReader(self, 0), StreamReader(self, 1)

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """Take in-order bytes of one side; packet *i* completed ``data[: ends[i]]``."""
        # A side at a time: what the other one said in the same block is older, or newer.
        if not self.first_frame or frames[0] < self.first_frame:
            self.first_frame, self.started = frames[0], times[0]
        if frames[-1] > self.last_frame:
            self.last_frame = frames[-1]
            self.ended = max(self.ended, times[-1])
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
