"""Reads captures once more for the sound of some streams: picks their packets out, opens them, hands them on.

A :class:`~tqdecrypt.pipeline.MediaSink`.  Columns say which packets are wanted, so that Python runs only for
the packets of the call that somebody listens to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.packets import pull_payload
from tqdecrypt.media.audio.track import RtpPayload
from tqdecrypt.media.columns import Datagrams, classify, pull_rtp
from tqdecrypt.packet import endpoint_text
from tqdecrypt.packet.transport import TransportColumns
from tqdecrypt.sip import Message

__all__ = ["Listener", "StreamKey"]


class StreamKey(NamedTuple):
    """What tells streams apart."""

    source: str
    """``ip:port``."""
    destination: str
    ssrc: int


class Opens(Protocol):
    """Opens the packets of one direction."""

    def __call__(self, packets: Sequence[bytes], times: Sequence[int]) -> Sequence[bytes | None]:
        """Return each packet in clear, ``None`` for what did not authenticate."""


class Listener:
    """Picks packets out.

    :param wanted: stream → channel that it is heard on.
    :param on_payload: told each payload with its channel, in the order of capture within a stream.
    :param openers: stream → what decrypts it; streams without one are in clear.
    :ivar counters: ``audio_not_authentic``, ``audio_cut`` (by the snap length), ``audio_malformed``.
    """

    def __init__(
        self,
        wanted: Mapping[StreamKey, int],
        on_payload: Callable[[int, RtpPayload], None],
        openers: Mapping[StreamKey, Opens] | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._wanted = wanted
        self._ssrcs = np.array(sorted({key.ssrc for key in wanted}), np.uint32)
        self._on_payload = on_payload
        self._openers = openers or {}

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """See :class:`~tqdecrypt.pipeline.MediaSink`."""
        if not len(self._ssrcs):
            return
        datagrams = classify(rows, block)
        rtp, _ = pull_rtp(datagrams, block)
        which = np.flatnonzero(np.isin(rtp.ssrc, self._ssrcs))
        if not len(which):
            return
        row_of = {
            frame: row for row, frame in enumerate((rows.packet + block.first_frame).tolist())
        }
        batches: dict[StreamKey, list[tuple[int, int]]] = {}
        for at in which.tolist():
            version = int(rtp.version[at])
            source, destination = (
                endpoint_text(version, int(half[at, 0]), int(half[at, 1]), int(port[at]))
                for half, port in (
                    (rtp.source, rtp.source_port),
                    (rtp.destination, rtp.destination_port),
                )
            )
            key = StreamKey(source, destination, int(rtp.ssrc[at]))
            if key not in self._wanted:
                continue
            if rtp.cut[at]:
                self.counters["audio_cut"] += 1
                continue
            batches.setdefault(key, []).append((row_of[int(rtp.frame[at])], int(rtp.time[at])))
        for key, members in batches.items():
            self._hand_on(key, datagrams, members)

    def describe(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.MediaSink`: everything about messages is known already."""

    def settle(self, before: int | None) -> None:
        """See :class:`~tqdecrypt.pipeline.MediaSink`."""

    def finish(self) -> None:
        """See :class:`~tqdecrypt.pipeline.MediaSink`."""

    def _hand_on(
        self, key: StreamKey, datagrams: Datagrams, members: Sequence[tuple[int, int]]
    ) -> None:
        packets: Sequence[bytes | None] = [datagrams.payload(row) for row, _ in members]
        times = [time for _, time in members]
        opens = self._openers.get(key)
        if opens is not None:
            packets = opens([packet for packet in packets if packet is not None], times)
        channel = self._wanted[key]
        for packet, time in zip(packets, times, strict=True):
            if packet is None:
                self.counters["audio_not_authentic"] += 1
                continue
            try:
                payload = pull_payload(packet, time)
            except Malformed:
                self.counters["audio_malformed"] += 1
                continue
            self._on_payload(channel, payload)
