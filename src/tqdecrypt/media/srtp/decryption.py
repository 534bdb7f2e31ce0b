"""Opens the SRTP of a run: the captures are read once more, when it is known whose stream is whose.

Keys stand in offers and answers, and which of them a packet belongs to is clear only when streams are
assigned to calls; media may come in front of the answer with its key, and the RSA operations that open the
signalling take their time.  So packets are not kept, but read again: only the headers of all, and the
payload of those that are protected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tqdecrypt.calls.call import Party
from tqdecrypt.media.amr_modes import AmrModes, amr_formats
from tqdecrypt.media.association import Assigned, CallMedia, LegMedia
from tqdecrypt.media.by_frame import ByFrame
from tqdecrypt.media.columns import Datagrams, Kind, classify
from tqdecrypt.media.grouping import group_of_keys
from tqdecrypt.media.srtp.dtls import DtlsTable
from tqdecrypt.media.srtp.opener import SrtpOpener
from tqdecrypt.media.srtp.track import TrialBudget
from tqdecrypt.media.verdict import MediaVerdict
from tqdecrypt.packet.address import endpoint_text

if TYPE_CHECKING:
    from tqdecrypt.capture.block import PacketBlock
    from tqdecrypt.media.reports import ReportTable
    from tqdecrypt.packet.transport import TransportColumns

__all__ = [
    "ClearListener",
    "SecondReading",
    "Span",
    "SrtpDecryption",
    "decrypt",
    "may_be_opened",
    "span_of",
]

TRIALS = 1 << 22
"""Trials of roll-over counters in all streams together: some five seconds at most."""
_LINGER = 60_000_000_000
"""Nanoseconds after the last RTP of a stream in which more of its RTCP may come."""
_DARK = frozenset({MediaVerdict.PROTECTED, MediaVerdict.OTHER_DIRECTION, MediaVerdict.DTLS_DARK})
"""Verdicts from the signalling alone that keys may change."""
_FLOW = np.dtype(
    [
        *(("version", "u1"), ("source_port", "u2"), ("destination_port", "u2")),
        *(("source_high", "u8"), ("source_low", "u8")),
        *(("destination_high", "u8"), ("destination_low", "u8")),
    ]
)


_Report = tuple[int, int, bytes, bytes, str]
"""Time, frame, clear and protected RTCP, and where it came from."""


class ClearListener(Protocol):
    """Takes clear media."""

    def clear_packets(
        self,
        stream: Assigned,
        packets: Sequence[bytes | None],
        frames: Sequence[int],
        times: Sequence[int],
        unproven: Collection[int],
    ) -> None:
        """Packets of a stream in order of arrival, RTP and RTCP; ``None`` for what stayed dark.

        :param times: nanoseconds since 1970-01-01 UTC.
        :param unproven: places of packets that nothing authenticates (UNAUTHENTICATED_SRTP).
        """


class _Target:
    """A protected stream, and what came of it in this block."""

    __slots__ = ("assigned", "control", "cut", "frames", "modes", "opener", "packets", "times")

    def __init__(self, assigned: Assigned, opener: SrtpOpener) -> None:
        self.assigned = assigned
        self.opener = opener
        self.cut = 0
        """Packets that the snap length cut: nothing proves what is not there."""
        self.packets: list[bytes] = []
        self.frames: list[int] = []
        self.times: list[int] = []
        self.control: dict[int, str] = {}
        """Places of RTCP among the packets, and where it came from (``ip:port``)."""
        amr = amr_formats(assigned.formats)
        self.modes = AmrModes(amr) if amr else None


def may_be_opened(call: CallMedia, dtls: DtlsTable, *, later: bool) -> bool:
    """Return whether keys may open a stream of a call: those of its SDP, or of a DTLS handshake.

    :param later: whether a handshake may be opened later.
    """
    return any(
        bool(leg.keys.by_sender)
        or (
            one.verdict is MediaVerdict.DTLS_DARK
            and (later or bool(dtls.between(one.stream.source, one.stream.destination)))
        )
        for leg, one in call.streams
        if one.verdict in _DARK
    )


class SrtpDecryption:
    """Takes the datagrams of captures that were read before, and opens those of protected streams.

    :param calls: with the streams assigned; :meth:`finish` sets their verdicts.
    :param dtls: keys from DTLS handshakes.
    :param listener: takes all clear packets.
    :param reports: takes the clear RTCP.
    :param budget: of searches for roll-over counters, also those of other readings.
    :raises UsageError: when there is something to open and pylibsrtp is not installed.
    """

    def __init__(
        self,
        calls: Iterable[CallMedia],
        dtls: DtlsTable,
        listener: ClearListener | None = None,
        reports: ReportTable | None = None,
        budget: TrialBudget | None = None,
    ) -> None:
        self._listener = listener
        self._reports = reports
        self._budget = budget or TrialBudget(TRIALS)
        self._targets: list[_Target] = []
        self._over: deque[_Target] | None = None
        """Those that are not let go yet, in the order in which they end."""
        self._by_flow: dict[tuple[str, str], ByFrame[bytes, _Target]] = {}
        self._by_hosts: ByFrame[tuple[str, str, bytes], _Target] = ByFrame()
        """For RTCP, which has ports of its own: the hosts and the SSRC are the same."""
        for call in calls:
            for leg, one in call.streams:
                if one.verdict in _DARK:
                    self._add(leg, one, dtls)

    def __bool__(self) -> bool:
        return bool(self._targets)

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams."""
        datagrams = classify(rows, block)
        kinds = datagrams.kinds
        which = np.flatnonzero((kinds == Kind.RTP) | (kinds == Kind.RTCP))
        if not len(which):
            return
        flows = _flows(rows, which)
        groups = group_of_keys(flows)
        touched: dict[_Target, None] = {}
        for start, size in zip(groups.start.tolist(), groups.size.tolist(), strict=True):
            members = groups.order[start : start + size]
            ends = _ends(flows[members[0]])
            touched |= self._sort_out(datagrams, block, which[members], ends)
        opened: list[_Report] = []
        for target in touched:
            opened += self._open(target)
        if self._reports is not None:
            # A round trip is from a report of one end to the answer of the other: in order of time.
            for time, frame, clear, sealed, source in sorted(opened):
                self._reports.receive_opened(clear, sealed, source, frame, time)
        self._let_go(int(block.time.min()))

    def finish(self) -> None:
        """Everything was read: tell the streams what became of them."""
        for target in self._targets:
            one = target.assigned
            report = target.opener.report_on(one.stream.ssrc)
            one.srtp = report
            if not report.sources:
                if target.cut:
                    one.verdict = MediaVerdict.SNAP_LENGTH
                continue
            one.verdict = report.verdict
            if target.modes is not None:
                one.stream = replace(one.stream, amr_modes=target.modes.packets)
            if report.verdict is MediaVerdict.AUTHENTICATION_FAILED and one.answered_without_key:
                one.verdict = MediaVerdict.NO_KEY_IN_SDP
            if self._reports is not None:
                one.reported = self._reports.about(one.stream.ssrc, one.stream.destination)

    def _let_go(self, now: int) -> None:
        """Free what libsrtp holds for streams that are over."""
        if self._over is None:
            self._over = deque(sorted(self._targets, key=lambda one: one.assigned.stream.ended))
        while self._over and self._over[0].assigned.stream.ended < now - _LINGER:
            self._over.popleft().opener.let_go()

    def _add(self, leg: LegMedia, one: Assigned, dtls: DtlsTable) -> None:
        sender = Party.CALLEE if one.to is Party.CALLER else Party.CALLER
        stream = one.stream
        keys = [*leg.keys.of(sender, one.line.index)]
        other = [*leg.keys.of(one.to, one.line.index)]
        for ends in _keyed_ends(one):
            for key, theirs in dtls.between(*ends):
                keys.append(key)
                other.append(theirs)
        if not keys:
            return
        opener = SrtpOpener(keys, other, budget=self._budget)
        target = _Target(one, opener)
        self._targets.append(target)
        ssrc = stream.ssrc.to_bytes(4, "big")
        frames = stream.first_frame, stream.last_frame
        flow = self._by_flow.setdefault((stream.source, stream.destination), ByFrame())
        flow.add(ssrc, *frames, target)
        hosts = _host(stream.source), _host(stream.destination)
        self._by_hosts.add((*hosts, ssrc), *frames, target)

    def _sort_out(
        self,
        datagrams: Datagrams,
        block: PacketBlock,
        rows: npt.NDArray[np.int64],
        ends: tuple[str, str],
    ) -> dict[_Target, None]:
        """Give the packets of one flow to their streams; return those that got some."""
        streams = self._by_flow.get(ends)
        hosts = _host(ends[0]), _host(ends[1])
        touched: dict[_Target, None] = {}
        control = datagrams.kinds[rows] == Kind.RTCP
        if streams is None:
            rows, control = rows[control], control[control]
        packet = datagrams.rows.packet[rows]
        whole = datagrams.length[rows] >= datagrams.wire_length[rows]
        columns = (rows, packet, whole, control, block.time[packet])
        for row, index, complete, is_control, time in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            data, frame = datagrams.payload(row), block.first_frame + index
            if is_control:
                target = self._by_hosts.near((*hosts, data[4:8]), frame)
            else:
                target = None if streams is None else streams.at(data[8:12], frame)
            if target is None:
                continue
            if not complete:
                target.cut += 1
                continue
            touched[target] = None
            if is_control:
                target.control[len(target.packets)] = ends[0]
            target.packets.append(data)
            target.frames.append(frame)
            target.times.append(time)
        return touched

    def _open(self, target: _Target) -> list[_Report]:
        """Open what a stream has in this block; return the RTCP that came out."""
        packets, frames, times = target.packets, target.frames, target.times
        opened = target.opener.receive(packets, times)
        clear = opened.clear
        if self._listener is not None:
            self._listener.clear_packets(target.assigned, clear, frames, times, opened.unproven)
        if target.modes is not None:
            target.modes.receive_packets(
                packet
                for place, packet in enumerate(clear)
                if packet is not None
                and place not in target.control
                and place not in opened.unproven
            )
        reports = [
            (times[place], frames[place], out, packets[place], source)
            for place, source in target.control.items()
            if (out := clear[place]) is not None
        ]
        target.packets, target.frames, target.times, target.control = [], [], [], {}
        return reports


def _flows(rows: TransportColumns, which: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    """Return addresses and ports of datagrams."""
    flows = np.zeros(len(which), _FLOW)
    flows["version"] = rows.version[which]
    flows["source_port"] = rows.source_port[which]
    flows["destination_port"] = rows.destination_port[which]
    flows["source_high"], flows["source_low"] = rows.source[which].T
    flows["destination_high"], flows["destination_low"] = rows.destination[which].T
    return flows


def _ends(flow: np.void) -> tuple[str, str]:
    version, *_ = values = [int(value) for value in flow.item()]
    _, source_port, destination_port, source_high, source_low, high, low = values
    return (
        endpoint_text(version, source_high, source_low, source_port),
        endpoint_text(version, high, low, destination_port),
    )


def _keyed_ends(one: Assigned) -> dict[tuple[str, str], None]:
    """Return between which endpoints DTLS may have keys for a stream and its RTCP.

    Without rtcp-mux RTCP has a handshake, and keys, of its own (RFC 5764 section 3).
    """
    ends = {(one.stream.source, one.stream.destination): None}
    if one.sender is not None:
        ends[one.sender.rtcp, one.line.rtcp] = None
    return ends


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]


class Span(NamedTuple):
    """Where in captures the packets of streams are; clocks may jump, numbers of frames do not."""

    first_frame: int
    last_frame: int
    since: int
    """Nanoseconds; RTCP may come before and behind the frames."""
    until: int

    def is_over(self, block: PacketBlock) -> bool:
        """Return whether a block and all behind it have nothing of the streams any more."""
        return block.first_frame > self.last_frame and int(block.time.min()) > self.until

    def has_not_begun(self, block: PacketBlock) -> bool:
        """Return whether a block and all in front of it have nothing of the streams yet."""
        before = block.first_frame + len(block) <= self.first_frame
        return before and int(block.time.max()) < self.since


def span_of(calls: Iterable[CallMedia]) -> Span:
    """Return where the packets of calls are."""
    streams = [one.stream for call in calls for _, one in call.streams]
    return Span(
        min((one.first_frame for one in streams), default=0),
        max((one.last_frame for one in streams), default=0),
        min((one.started for one in streams), default=0) - _LINGER,
        max((one.ended for one in streams), default=0) + _LINGER,
    )


class SecondReading(Protocol):
    """Takes all datagrams once more, as :class:`SrtpDecryption` does."""

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams."""

    def finish(self) -> None:
        """Everything was read."""


def decrypt(
    captures: Sequence[str],
    decryption: SecondReading,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    span: Span | None = None,
) -> None:
    """Read *captures*, files that were read before, into *decryption*, and finish it.

    What cannot be read was said when they were read for the first time.

    :param span: where there is something to read; what is in front is skipped, and reading ends behind.
    """
    from tqdecrypt.capture import open_captures
    from tqdecrypt.packet import PacketDecoder, Wanted

    decoder = PacketDecoder(Wanted.ALL_UDP | Wanted.EVERY_PORT)
    with open_captures(captures, on_progress=on_progress) as reader:
        for block in reader:
            if not len(block) or (span is not None and span.has_not_begun(block)):
                continue
            if span is not None and span.is_over(block):
                break
            decryption.receive(decoder.decode(block).udp, block)
    decryption.finish()
