"""Media of calls as packets that players take: RTP in clear as it was, SRTP as the RTP that came out of it.

Nothing is written that its authentication tag does not prove, and everything that is left out is counted.
Addresses, ports and times are those of the capture; the IP and UDP headers are made, as those of signalling
are.  Packets are put in order within a block, so that memory holds no more than that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.export.hidden_digits import DigitMask
from tqdecrypt.export.packets import udp_packet
from tqdecrypt.media.association import Assigned, CallMedia, LegMedia
from tqdecrypt.media.columns import Datagrams, classify
from tqdecrypt.media.picking import (
    FIRST_RTCP,
    LAST_RTCP,
    Picked,
    StreamKey,
    StreamPicker,
    ends_of,
    key_of,
    rows_of_frames,
)
from tqdecrypt.media.srtp.decryption import SrtpDecryption
from tqdecrypt.media.verdict import MEANINGS, MediaVerdict

if TYPE_CHECKING:
    from tqdecrypt.capture.block import PacketBlock
    from tqdecrypt.export.aside import PacketsAside
    from tqdecrypt.export.signalling import PacketWriter
    from tqdecrypt.media.srtp.dtls import DtlsTable
    from tqdecrypt.packet.transport import TransportColumns

__all__ = ["ClearMedia"]

_LINGER = 60_000_000_000
"""Nanoseconds in which RTCP may come before the first and after the last RTP of its sender."""
_OPENED = "SRTP in the capture, authenticated and decrypted"
_OPENED_CONTROL = "SRTCP in the capture, authenticated and decrypted"


class _Packet(NamedTuple):
    """A packet of this block that is to be written, in order of time."""

    time: int
    frame: int
    data: bytes
    comment: str


class ClearMedia:
    """Takes the datagrams of captures that were read before, and writes those of some legs in clear.

    It is a :class:`~tqdecrypt.media.srtp.decryption.SecondReading` and a
    :class:`~tqdecrypt.media.srtp.decryption.ClearListener`.

    :param legs: with their streams.
    :param dtls: keys from DTLS handshakes.
    :param writer: takes the packets.
    :param signalling: the packets of messages, which are written in between.
    :param since: the first moment that is wanted, ns.
    :param until: the moment from which on nothing is wanted, ns.
    :param digits: whether telephone events keep saying what was dialled.
    :ivar rtp: packets that were written.
    :ivar rtcp: likewise.
    :ivar opened: how many of both were protected.
    :ivar streams: those of which RTP was written.
    :ivar dark: why RTP was left out, and how much of it; complete after :meth:`finish`.
    :ivar counters: ``cut`` by the snap length; ``rtcp_dark``, left out since nothing proves it;
        ``events_hidden``, telephone events written without their digits; ``malformed``, such that are
        none, left out; ``unannounced``, written between ends that no line of an SDP names, only ICE
        candidates, or what the other direction says.
    :raises UsageError: when there is something to open and pylibsrtp is not installed.
    """

    def __init__(
        self,
        legs: Iterable[LegMedia],
        dtls: DtlsTable,
        writer: PacketWriter,
        signalling: PacketsAside,
        *,
        since: int | None = None,
        until: int | None = None,
        digits: bool = False,
    ) -> None:
        chosen = list(legs)
        self._writer = writer
        self._signalling = signalling
        self._since, self._until = since, until
        self._digits = digits
        self._streams: dict[StreamKey, Assigned] = {}
        self._masks: dict[StreamKey, DigitMask] = {}
        self._unannounced: set[StreamKey] = set()
        """Between ends that no line of an SDP names: players do not know that it is RTP."""
        self._spans: dict[StreamKey, list[tuple[int, int]]] = {}
        """When each was; between the same ends, another call may have the same SSRC at another time."""
        for leg in chosen:
            named = {line.endpoint for line in leg.lines}
            for one in leg.streams:
                self._streams[key_of(one)] = one
                if named.isdisjoint((one.stream.source, one.stream.destination)):
                    self._unannounced.add(key_of(one))
                self._masks[key_of(one)] = DigitMask(
                    (number, encoding)
                    for line in leg.lines
                    if line.index == one.line.index
                    for number, encoding, _ in line.codecs
                )
                span = one.stream.started, one.stream.ended
                self._spans.setdefault(key_of(one), []).append(span)
        self._clear = {
            key for key, one in self._streams.items() if one.verdict is MediaVerdict.CLEAR
        }
        self._picker = StreamPicker(self._streams)
        self._decryption = SrtpDecryption([CallMedia(chosen)], dtls, self)
        self._seen: Counter[StreamKey] = Counter()
        """RTP of each stream."""
        self._accounted: Counter[StreamKey] = Counter()
        """Likewise, that was written or is counted elsewhere."""
        self._control_seen = 0
        self._here: tuple[Datagrams, dict[int, int]] | None = None
        """The block's datagrams, and the row of each frame."""
        self._packets: list[_Packet] = []
        self.rtp = self.rtcp = self.opened = 0
        self.streams: set[StreamKey] = set()
        self.dark: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """Take a block's datagrams; write what is in clear."""
        if not self._streams:
            return
        datagrams = classify(rows, block)
        for one in self._picker.rtp(datagrams, block):
            if self._wanted(one.key, one.time):
                self._seen[one.key] += 1
                self._take(datagrams, one, control=False)
        for one in self._picker.rtcp(datagrams, block):
            if self._wanted(one.key, one.time, _LINGER):
                self._control_seen += 1
                self._take(datagrams, one, control=True)
        self._here = datagrams, rows_of_frames(datagrams, block)
        self._decryption.receive(rows, block)
        self._here = None
        self._packets.sort()
        for packet in self._packets:
            self._signalling.hand_on(self._writer, packet.time)
            self._writer.write(packet.time, packet.data, packet.comment)
        self._packets.clear()

    def clear_packets(
        self,
        stream: Assigned,
        packets: Sequence[bytes | None],
        frames: Sequence[int],
        times: Sequence[int],
        unproven: Collection[int],
    ) -> None:
        """See :class:`~tqdecrypt.media.srtp.decryption.ClearListener`."""
        assert self._here is not None  # it is told while a block is received
        datagrams, row_of = self._here
        key, doubtful = key_of(stream), frozenset(unproven)
        columns = zip(packets, frames, times, strict=True)
        for place, (packet, frame, time) in enumerate(columns):
            if packet is None:
                continue
            control = FIRST_RTCP <= packet[1] <= LAST_RTCP
            if not self._wanted(key, time, _LINGER if control else 0):
                continue
            if place in doubtful:
                if not control:
                    self._accounted[key] += 1
                    self.dark[MEANINGS[MediaVerdict.UNAUTHENTICATED].title] += 1
                continue
            comment = _OPENED_CONTROL if control else _OPENED
            picked = Picked(key, row_of[frame], frame, time, cut=False)
            self.opened += self._add(datagrams, picked, packet, comment, control=control)

    def finish(self) -> None:
        """Everything was read: write what is left of the signalling, and tell what was left out."""
        self._signalling.hand_on(self._writer)
        self._writer.flush()
        self._decryption.finish()
        for key, one in self._streams.items():
            left = self._seen[key] - self._accounted[key]
            if left <= 0:
                continue
            partly = MEANINGS[one.verdict].clear or one.verdict is MediaVerdict.PARTLY_DECRYPTED
            self.dark["that no key opens" if partly else MEANINGS[one.verdict].title] += left
        self.counters["rtcp_dark"] = max(self._control_seen - self.rtcp, 0)

    def _wanted(self, key: StreamKey, time: int, linger: int = 0) -> bool:
        if self._since is not None and time < self._since:
            return False
        if self._until is not None and time >= self._until:
            return False
        return any(begin - linger <= time <= end + linger for begin, end in self._spans[key])

    def _take(self, datagrams: Datagrams, one: Picked, *, control: bool) -> None:
        """Take a packet that is in clear."""
        if one.key not in self._clear:
            return
        if one.cut:
            self.counters["cut"] += 1
            self._accounted[one.key] += not control
            self._control_seen -= control
            return
        words = "RTCP as captured" if control else "RTP as captured"
        self._add(datagrams, one, datagrams.payload(one.row), words, control=control)

    def _add(
        self, datagrams: Datagrams, one: Picked, data: bytes, comment: str, *, control: bool
    ) -> bool:
        """Have a packet written; return whether it is."""
        if not control and not self._digits:
            try:
                hidden = self._masks[one.key].hide(data)
            except Malformed:
                self.counters["malformed"] += 1
                self._accounted[one.key] += 1
                return False
            if hidden is not None:
                data = hidden
                self.counters["events_hidden"] += 1
                comment = f"{comment}, digit masked"
        source, destination = ends_of(datagrams, one.row)
        self._packets.append(
            _Packet(
                one.time,
                one.frame,
                udp_packet(source, destination, data),
                f"{comment}; frame {one.frame}",
            )
        )
        if control:
            self.rtcp += 1
            return True
        self.rtp += 1
        self._accounted[one.key] += 1
        self.streams.add(one.key)
        if one.key in self._unannounced:
            self.counters["unannounced"] += 1
        return True
