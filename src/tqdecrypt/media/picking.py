"""Picks the packets of some streams out of captures that are read once more.

Columns say which packets are wanted, so that Python runs only for those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from tqdecrypt.calls.fields import host_of
from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.media.association import Assigned
from tqdecrypt.media.by_frame import ByFrame
from tqdecrypt.media.columns import Datagrams, Kind, pull_rtp
from tqdecrypt.packet import Endpoint, endpoint_text

__all__ = [
    "FIRST_RTCP",
    "LAST_RTCP",
    "Picked",
    "StreamKey",
    "StreamPicker",
    "ends_of",
    "key_of",
    "rows_of_frames",
]

FIRST_RTCP, LAST_RTCP = 192, 223
"""Second octets of RTCP (RFC 5761 section 4)."""


class StreamKey(NamedTuple):
    """What tells streams apart."""

    source: str
    """``ip:port``."""
    destination: str
    ssrc: int
    first_frame: int
    last_frame: int


def key_of(one: Assigned) -> StreamKey:
    """Return what tells a stream apart."""
    stream = one.stream
    return StreamKey(
        stream.source, stream.destination, stream.ssrc, stream.first_frame, stream.last_frame
    )


class Picked(NamedTuple):
    """A packet of a stream that is wanted."""

    key: StreamKey
    """Of the stream; for RTCP, of that which its sender sends."""
    row: int
    """Of the datagrams."""
    frame: int
    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    cut: bool
    """Whether the snap length took some of it."""


class StreamPicker:
    """Picks packets out.

    :param wanted: the streams.
    """

    def __init__(self, wanted: Collection[StreamKey]) -> None:
        self._ssrcs = np.array(sorted({key.ssrc for key in wanted}), np.uint32)
        self._by_ends: ByFrame[tuple[str, str, int], StreamKey] = ByFrame()
        self._by_hosts: ByFrame[tuple[str, str, int], StreamKey] = ByFrame()
        """For RTCP, which has ports of its own: the hosts and the SSRC are the same."""
        for key in dict.fromkeys(wanted):
            hosts = host_of(key.source), host_of(key.destination)
            for table, ends in (
                (self._by_ends, (key.source, key.destination)),
                (self._by_hosts, hosts),
            ):
                table.add((*ends, key.ssrc), key.first_frame, key.last_frame, key)

    def rtp(self, datagrams: Datagrams, block: PacketBlock) -> Iterator[Picked]:
        """Yield the RTP or SRTP of the streams, in the order of capture."""
        if not len(self._ssrcs):
            return
        rtp, _ = pull_rtp(datagrams, block)
        which = np.flatnonzero(np.isin(rtp.ssrc, self._ssrcs))
        if not len(which):
            return
        row_of = rows_of_frames(datagrams, block)
        for at in which.tolist():
            version = int(rtp.version[at])
            source, destination = (
                endpoint_text(version, int(half[at, 0]), int(half[at, 1]), int(port[at]))
                for half, port in (
                    (rtp.source, rtp.source_port),
                    (rtp.destination, rtp.destination_port),
                )
            )
            frame = int(rtp.frame[at])
            key = self._by_ends.at((source, destination, int(rtp.ssrc[at])), frame)
            if key is not None:
                yield Picked(key, row_of[frame], frame, int(rtp.time[at]), bool(rtp.cut[at]))

    def rtcp(self, datagrams: Datagrams, block: PacketBlock) -> Iterator[Picked]:
        """Yield the RTCP or SRTCP of those who send the streams, in the order of capture."""
        for row in np.flatnonzero(datagrams.kinds == Kind.RTCP).tolist():
            source, destination = ends_of(datagrams, row)
            hosts = (
                host_of(endpoint_text(source.version, source.high, source.low, 0)),
                host_of(endpoint_text(destination.version, destination.high, destination.low, 0)),
            )
            ssrc = int.from_bytes(datagrams.payload(row)[4:8], "big")
            packet = int(datagrams.rows.packet[row])
            frame = block.first_frame + packet
            key = self._by_hosts.near((*hosts, ssrc), frame)
            if key is not None:
                cut = bool(datagrams.length[row] < datagrams.wire_length[row])
                yield Picked(key, row, frame, int(block.time[packet]), cut)


def rows_of_frames(datagrams: Datagrams, block: PacketBlock) -> dict[int, int]:
    """Return the row of each frame of a block that is a datagram."""
    frames = (datagrams.rows.packet + block.first_frame).tolist()
    return {frame: row for row, frame in enumerate(frames)}


def ends_of(datagrams: Datagrams, row: int) -> tuple[Endpoint, Endpoint]:
    """Return where a datagram comes from and goes to."""
    rows = datagrams.rows
    version = int(rows.version[row])
    source, destination = (
        Endpoint(version, int(half[row, 0]), int(half[row, 1]), int(port[row]))
        for half, port in (
            (rows.source, rows.source_port),
            (rows.destination, rows.destination_port),
        )
    )
    return source, destination
