"""What receivers said of streams in RTCP, and how long it takes to them and back."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import TypeVar

from tqdecrypt.errors import Malformed
from tqdecrypt.media.rtcp import Compound, ReportBlock, VoipMetrics, pull_compound

__all__ = ["MOST_REPORTED", "ReportTable", "Reported"]

_Value = TypeVar("_Value")

MOST_REPORTED = 20_000
"""Streams of which reports are kept, half a kilobyte each; the one reported on longest ago goes."""
MOST_SENDER_REPORTS = 8
"""Sender reports of a sender whose time is kept: receivers answer the last one or the one before."""
_NTP_UNIT = 1_000_000_000 / 65_536
"""Nanoseconds in a unit of the middle 32 bits of an NTP timestamp."""
MOST_DELAY = 60_000_000_000
"""The longest round trip that is believed, in nanoseconds."""


class Reported:
    """What was heard of one stream from those who received it.  Times in nanoseconds."""

    __slots__ = ("block", "frame", "jitter_max", "reporter", "reports", "round_trips", "time",
                 "voip")  # fmt: skip

    def __init__(self) -> None:
        self.reports = 0
        self.reporter = ""
        """``ip:port`` where the last report came from."""
        self.time = 0
        self.frame = 0
        self.block: ReportBlock | None = None
        """The last one."""
        self.jitter_max = 0
        """In timestamp units."""
        self.round_trips: list[int] = []
        """Shortest, last, longest, and the number of them: nanoseconds from where it was captured to the
        receiver and back."""
        self.voip: VoipMetrics | None = None
        """The last VoIP metrics block (RFC 3611 section 4.7)."""

    def add_round_trip(self, nanoseconds: int) -> None:
        """Take one measured round trip."""
        if not self.round_trips:
            self.round_trips = [nanoseconds, nanoseconds, nanoseconds, 1]
            return
        shortest, _, longest, number = self.round_trips
        self.round_trips = [
            min(shortest, nanoseconds), nanoseconds, max(longest, nanoseconds), number + 1
        ]  # fmt: skip


class ReportTable:
    """Takes RTCP datagrams.

    A report is about an SSRC; streams that share one are told apart by where the report came from: the
    address that the stream goes to.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        """``rtcp_packets``; ``rtcp_unreadable``: encrypted (SRTCP), or damaged; ``srtcp_opened``;
        ``rtcp_reports_evicted``."""
        self._reported: OrderedDict[tuple[int, str], Reported] = OrderedDict()
        """(SSRC, host that reports) → what it said."""
        self._senders: OrderedDict[int, deque[tuple[int, int]]] = OrderedDict()
        """SSRC → (middle of the NTP timestamp, capture time) of its last sender reports."""
        self.goodbyes: OrderedDict[int, int] = OrderedDict()
        """SSRC → time of its BYE."""

    def receive(self, data: bytes, source: str, frame: int, time: int) -> Compound | None:
        """Take one datagram; return what it says, ``None`` when it cannot be read."""
        self.counters["rtcp_packets"] += 1
        try:
            compound = pull_compound(data)
        except Malformed:
            self.counters["rtcp_unreadable"] += 1
            return None
        if compound.sender is not None:
            self._note_sent(compound.ssrc, compound.sender.ntp >> 16 & 0xFFFFFFFF, time)
        if compound.receiver_time is not None:
            self._note_sent(compound.ssrc, compound.receiver_time >> 16 & 0xFFFFFFFF, time)
        for block in compound.blocks:
            reported = self._about(block.ssrc, source)
            reported.reports += 1
            reported.reporter, reported.time, reported.frame = source, time, frame
            reported.block = block
            reported.jitter_max = max(reported.jitter_max, block.jitter)
            self._measure(reported, block.ssrc, block.last_report, block.delay, time)
        for metrics in compound.voip:
            reported = self._about(metrics.ssrc, source)
            reported.reporter = source
            reported.voip = metrics
        for ssrc in compound.goodbye:
            _put(self.goodbyes, ssrc, time)
        return compound

    def receive_opened(
        self, data: bytes, sealed: bytes, source: str, frame: int, time: int
    ) -> Compound | None:
        """Take SRTCP that was opened in a second reading; *sealed* is what :meth:`receive` had."""
        self.counters["rtcp_packets"] -= 1  # that counts it again
        self.counters["srtcp_opened"] += 1
        try:
            pull_compound(sealed)
        except Malformed:
            self.counters["rtcp_unreadable"] -= 1
        return self.receive(data, source, frame, time)

    def about(self, ssrc: int, receiver: str) -> Reported | None:
        """Return what the host of *receiver* (``ip:port``) said of a stream."""
        return self._reported.get((ssrc, _host(receiver)))

    def forget(self, ssrc: int, receiver: str) -> None:
        """A stream is over, and nobody asks for it again."""
        self._reported.pop((ssrc, _host(receiver)), None)
        self._senders.pop(ssrc, None)
        self.goodbyes.pop(ssrc, None)

    def _about(self, ssrc: int, source: str) -> Reported:
        key = ssrc, _host(source)
        reported = self._reported.get(key)
        if reported is None:
            if len(self._reported) >= MOST_REPORTED:
                self._reported.popitem(last=False)
                self.counters["rtcp_reports_evicted"] += 1
            reported = self._reported[key] = Reported()
        else:
            self._reported.move_to_end(key)
        return reported

    def _note_sent(self, ssrc: int, middle: int, time: int) -> None:
        sent = self._senders.get(ssrc)
        if sent is None:
            sent = deque(maxlen=MOST_SENDER_REPORTS)
            _put(self._senders, ssrc, sent)
        sent.append((middle, time))

    def _measure(self, reported: Reported, ssrc: int, last: int, delay: int, time: int) -> None:
        """Section 6.4.1, with both times taken where it was captured: no clock has to be right.

        What comes out is the way from there to the receiver and back.
        """
        if not last:
            return
        for middle, sent in self._senders.get(ssrc, ()):
            if middle == last:
                trip = time - sent - round(delay * _NTP_UNIT)
                if 0 <= trip <= MOST_DELAY:
                    reported.add_round_trip(trip)
                return


def _put(table: OrderedDict[int, _Value], key: int, value: _Value) -> None:
    """Put into a table of at most :data:`MOST_REPORTED`; the oldest goes."""
    while len(table) >= MOST_REPORTED:
        table.popitem(last=False)
    table[key] = value


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]
