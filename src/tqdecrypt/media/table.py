"""Takes a block's datagrams from the pipeline, and makes streams, reports and flows of them.

What a stream's payload types are stands in the signalling, which may come a few blocks later than the media
that it is about, because a session waits for its keys.  So RTP waits, as columns, until the messages in front
of it have been handed on (:meth:`MediaTable.settle`), at most :data:`MOST_WAITING` packets of it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.media.columns import Datagrams, Kind, RtpColumns, classify, pull_rtp
from tqdecrypt.media.grouping import group_of_keys
from tqdecrypt.media.jitter_buffer import JitterBuffer
from tqdecrypt.media.reports import ReportTable
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.streams import FormatsOf, Running, StreamTable
from tqdecrypt.media.update import LossLog
from tqdecrypt.packet import endpoint_text
from tqdecrypt.packet.layouts import Integers
from tqdecrypt.packet.transport import TransportColumns

__all__ = ["DatagramFlow", "MediaTable"]

MOST_WAITING = 200_000
"""RTP packets that wait for the signalling in front of them, a hundred bytes each."""
STRETCH = 30_000_000_000
"""Nanoseconds of capture time that are taken in one piece."""
MOST_FLOWS = 4_096
"""Flows of datagrams that are no RTP; the one that began first goes."""
_LETTERS = np.zeros(256, np.bool_)
_LETTERS[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\r\n")] = True
_NAMES = {
    Kind.RTP: "rtp_packets",
    Kind.STUN: "stun_packets",
    Kind.DTLS: "dtls_packets",
    Kind.TURN_CHANNEL: "turn_channel_packets",
}


@dataclass(slots=True)
class DatagramFlow:
    """Datagrams of one kind from one endpoint to another.  Times in nanoseconds."""

    kind: Kind
    source: str
    destination: str
    started: int
    ended: int
    packets: int
    bytes: int
    first_frame: int


class MediaTable:
    """The seam to the pipeline.

    :param on_stream: told each stream when it is given up, or at the end.
    :param on_begin: told each stream when it begins.
    :param buffers: makes the jitter buffer that each stream passes.
    :ivar flows: what there was besides RTP and RTCP: STUN, DTLS, what may be T.38.
    :ivar reports: what RTCP says.
    """

    def __init__(
        self,
        on_stream: Callable[[Stream], None],
        formats: FormatsOf = lambda source, destination: {},
        on_losses: Callable[[LossLog], None] = lambda log: None,
        *,
        on_begin: Callable[[Running], None] | None = None,
        buffers: Callable[[], JitterBuffer] | None = None,
    ) -> None:
        self.streams = StreamTable(
            on_stream, formats, on_losses, on_begin=on_begin, buffers=buffers
        )
        self.reports = ReportTable()
        self.flows: OrderedDict[tuple[int, str, str], DatagramFlow] = OrderedDict()
        self._counters: Counter[str] = Counter()
        self._waiting: deque[RtpColumns] = deque()
        self._waiting_packets = 0

    @property
    def counters(self) -> Counter[str]:
        """What there was, and what was given up, by name."""
        return self._counters + self.streams.counters + self.reports.counters

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams; the block's buffer is not kept."""
        datagrams = classify(rows, block)
        numbers = np.bincount(datagrams.kinds, minlength=len(Kind))
        for kind, name in _NAMES.items():
            if numbers[kind]:
                self._counters[name] += int(numbers[kind])
        if datagrams.relayed.any():
            self._counters["media_in_turn_channels"] += int(np.count_nonzero(datagrams.relayed))
        if numbers[Kind.RTP]:
            rtp, broken = pull_rtp(datagrams, block)
            self._counters["rtp_headers_broken"] += broken
            if len(rtp):
                self._waiting.append(rtp)
                self._waiting_packets += len(rtp)
        if numbers[Kind.RTCP]:
            self._receive_reports(datagrams, block)
        if numbers[Kind.RTP] + numbers[Kind.RTCP] < len(rows):
            self._receive_others(datagrams, block)
        while self._waiting_packets > MOST_WAITING:
            self._counters["media_did_not_wait"] += len(self._waiting[0])
            self._follow(lambda time: None)

    def settle(self, before: int | None, look: Callable[[int], None] = lambda time: None) -> None:
        """All messages in front of frame *before* were handed on; ``None``: all that there are.

        :param look: called with the capture time now and then where packets are far between: what comes long
            after the one before it is to find settled what had settled meanwhile.
        """
        while self._waiting and (before is None or int(self._waiting[0].frame[-1]) < before):
            self._follow(look)

    def finish(self) -> None:
        """Everything was read."""
        self.settle(None)
        self.streams.finish()

    def _follow(self, look: Callable[[int], None]) -> None:
        rtp = self._waiting.popleft()
        self._waiting_packets -= len(rtp)
        stretch = np.maximum.accumulate(rtp.time) // STRETCH
        if stretch[0] == stretch[-1]:
            self.streams.receive(rtp)
            return
        begins = np.flatnonzero(np.append(True, stretch[1:] != stretch[:-1])).tolist()
        for begin, end in zip(begins, [*begins[1:], len(rtp)], strict=True):
            look(int(rtp.time[begin]))
            self.streams.receive(rtp.pick(np.arange(begin, end)))

    def _receive_reports(self, datagrams: Datagrams, block: PacketBlock) -> None:
        for row in np.flatnonzero(datagrams.kinds == Kind.RTCP).tolist():
            packet = int(datagrams.rows.packet[row])
            source, _ = _ends(datagrams.rows, row)
            self.reports.receive(
                datagrams.payload(row), source, block.first_frame + packet, int(block.time[packet])
            )

    def _receive_others(self, datagrams: Datagrams, block: PacketBlock) -> None:
        """Note flows of what is no RTP; SIP is not looked at here."""
        rows = datagrams.rows
        other = (datagrams.kinds != Kind.RTP) & (datagrams.kinds != Kind.RTCP)
        other &= datagrams.length > 0
        which = np.flatnonzero(other)
        plain = which[datagrams.kinds[which] == Kind.OTHER]
        if len(plain) and not rows.detached:
            buffer = np.frombuffer(datagrams.buffer, np.uint8)
            letters = plain[_LETTERS[buffer[datagrams.offset[plain]]]]
            which = np.setdiff1d(which, letters)
        if not len(which):
            return
        keys = rows.source_port[which].astype(np.uint64) << np.uint64(48)
        keys ^= rows.destination_port[which].astype(np.uint64) << np.uint64(32)
        keys ^= (rows.source[which, 1] * np.uint64(0x9E3779B97F4A7C15)) ^ rows.destination[which, 1]
        keys += datagrams.kinds[which]
        groups = group_of_keys(keys)
        for start, size in zip(groups.start.tolist(), groups.size.tolist(), strict=True):
            members = which[groups.order[start : start + size]]
            self._note_flow(datagrams, block, int(members[0]), members)

    def _note_flow(
        self, datagrams: Datagrams, block: PacketBlock, row: int, members: Integers
    ) -> None:
        source, destination = _ends(datagrams.rows, row)
        kind = Kind(int(datagrams.kinds[row]))
        packets = datagrams.rows.packet[members]
        times = block.time[packets]
        key = int(kind), source, destination
        flow = self.flows.get(key)
        if flow is None:
            if len(self.flows) >= MOST_FLOWS:
                self.flows.popitem(last=False)
                self._counters["datagram_flows_evicted"] += 1
            first = int(times[0])
            frame = block.first_frame + int(packets[0])
            flow = DatagramFlow(kind, source, destination, first, first, 0, 0, frame)
            self.flows[key] = flow
        flow.ended = int(times[-1])
        flow.packets += len(members)
        flow.bytes += int(datagrams.wire_length[members].sum())


def _ends(rows: TransportColumns, row: int) -> tuple[str, str]:
    version = int(rows.version[row])
    source, destination = rows.source[row], rows.destination[row]
    return (
        endpoint_text(version, int(source[0]), int(source[1]), int(rows.source_port[row])),
        endpoint_text(
            version, int(destination[0]), int(destination[1]), int(rows.destination_port[row])
        ),
    )
