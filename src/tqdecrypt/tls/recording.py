"""What is kept of one session that is to be explained.

Every handshake message, alert and gap with its frame and its time, the headers of all records, and how
much application data there was.  Everything has a bound: who explains a session looks at its
handshakes, not at days of calls behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tls.constants import ContentType
from tqdecrypt.tls.outline import RecordFacts, RecordOutline, outline_datagram

if TYPE_CHECKING:
    from tqdecrypt.tls.exchange import Exchange
    from tqdecrypt.tls.record import Plaintext

__all__ = [
    "Opening",
    "Recording",
    "SeenAlert",
    "SeenGap",
    "SeenMessage",
    "SeenRecord",
    "Volume",
]

MOST_MESSAGES = 1024
"""Handshake messages of a session that are kept: 64 handshakes of 16."""
MOST_MESSAGE_BYTES = 1 << 22
"""Bytes of them: what :data:`tqdecrypt.tls.session.MAX_TRANSCRIPT` is for sixteen handshakes."""
MOST_RECORDS = 256
"""Records of application data of one side that are kept one by one; the others are added up."""
MOST_OTHERS = 1024
"""Other records, alerts and gaps that are kept."""
MOST_TIMES = 1 << 16
"""Frames whose time is remembered: more than can wait for keys at a time."""


class SeenRecord(NamedTuple):
    """A record: its header, and where it was completed."""

    side: int
    content_type: int
    size: int
    """Bytes of its fragment; of application data that was read, of its plaintext."""
    frame: int
    time: int


class SeenMessage(NamedTuple):
    """One handshake message."""

    side: int
    data: bytes
    """With its header."""
    frame: int
    time: int


class SeenAlert(NamedTuple):
    """One alert that could be read."""

    side: int
    level: int
    description: int
    frame: int
    time: int


class SeenGap(NamedTuple):
    """Bytes that the capture lacks."""

    side: int
    size: int
    snapped: bool
    frame: int
    """Last frame of that side in front of it."""
    time: int


class Opening(NamedTuple):
    """How the TCP connection began; frame 0 and time 0 for what was not captured."""

    syn_side: int | None = None
    """Who opened it."""
    syn_frame: int = 0
    syn_time: int = 0
    answer_frame: int = 0
    answer_time: int = 0


class Volume:
    """Records of application data beyond those that are kept one by one."""

    __slots__ = ("count", "frame", "size", "time")

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.frame = 0
        """Of the last one."""
        self.time = 0

    def add(self, size: int, frame: int, time: int) -> None:
        """Count one more."""
        self.count += 1
        self.size += size
        self.frame, self.time = frame, time


class Recording:
    """What was seen of one session, as it came: the sides one by one, not in the order of time."""

    def __init__(self, number: int, *, dtls: bool = False) -> None:
        self.number = number
        self.dtls = dtls
        self.opening = Opening()
        self.client_side: int | None = None
        self.exchanges: list[Exchange] = []
        """The handshakes; they hold secrets."""
        self.messages: list[SeenMessage] = []
        self.alerts: list[SeenAlert] = []
        self.records: list[SeenRecord] = []
        """Not those of plain handshake messages, which stand in :attr:`messages`."""
        self.opened: list[SeenRecord] = []
        """Application data that could be read; its size is that of the plaintext."""
        self.gaps: list[SeenGap] = []
        self.more_records = (Volume(), Volume())
        """By side, like :attr:`records`."""
        self.more_opened = (Volume(), Volume())
        self.unkept = 0
        """Messages, records, alerts and gaps beyond what is kept."""
        self.times: dict[int, int] = {}
        self.issuers: dict[bytes, int] = {}
        """By session id or ticket, which sessions issued them; shared by all recordings."""
        self._message_bytes = 0
        self._kept = [0, 0]
        self._kept_opened = [0, 0]
        self._outlines = (RecordOutline(), RecordOutline())
        self._last = [(0, 0), (0, 0)]

    def __repr__(self) -> str:
        return f"<Recording of session {self.number}: {len(self.messages)} messages>"

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """Take in-order bytes of one side."""
        self._remember(side, frames, times)
        for facts in self._outlines[side].receive(data, ends, frames, times):
            self._take_record(side, facts)

    def receive_datagram(self, side: int, data: bytes, frame: int, time: int) -> None:
        """Take one datagram of one side."""
        self._remember(side, [frame], [time])
        for facts in outline_datagram(data, frame, time):
            self._take_record(side, facts)

    def gap(self, side: int, size: int, snapped: bool) -> None:
        """Bytes of one side are missing."""
        self._outlines[side].gap(size)
        if self._may_keep(self.gaps):
            self.gaps.append(SeenGap(side, size, snapped, *self._last[side]))

    def message(self, side: int, data: bytes, frame: int, time: int) -> None:
        """Take one handshake message that could be read."""
        size = self._message_bytes + len(data)
        if len(self.messages) >= MOST_MESSAGES or size > MOST_MESSAGE_BYTES:
            self.unkept += 1
            return
        self._message_bytes = size
        self.messages.append(SeenMessage(side, data, frame, time))

    def alert(self, side: int, content: bytes, frame: int) -> None:
        """Take one alert that could be read."""
        if len(content) == 2 and self._may_keep(self.alerts):
            time = self.time_of(side, frame)
            self.alerts.append(SeenAlert(side, content[0], content[1], frame, time))

    def application_data(self, side: int, records: Sequence[Plaintext]) -> None:
        """Take application data that could be read."""
        for data, frame, time in records:
            if self._kept_opened[side] < MOST_RECORDS:
                self._kept_opened[side] += 1
                record = SeenRecord(side, ContentType.application_data, len(data), frame, time)
                self.opened.append(record)
            else:
                self.more_opened[side].add(len(data), frame, time)

    def time_of(self, side: int, frame: int) -> int:
        """Return when a frame was captured; of one that is forgotten, when the side was last heard."""
        return self.times.get(frame, self._last[side][1])

    def _may_keep(self, kept: Sequence[object]) -> bool:
        if len(kept) < MOST_OTHERS:
            return True
        self.unkept += 1
        return False

    def _take_record(self, side: int, facts: RecordFacts) -> None:
        record = SeenRecord(side, *facts)
        if record.content_type != ContentType.application_data:
            if self._may_keep(self.records):
                self.records.append(record)
        elif self._kept[record.side] < MOST_RECORDS:
            self._kept[record.side] += 1
            self.records.append(record)
        else:
            self.more_records[record.side].add(record.size, record.frame, record.time)

    def _remember(self, side: int, frames: list[int], times: list[int]) -> None:
        self._last[side] = frames[-1], times[-1]
        self.times.update(zip(frames, times, strict=True))
        while len(self.times) > MOST_TIMES:
            del self.times[next(iter(self.times))]
