"""Cutting connections out of captures: their packets as they are, and nothing else.

The captures are read twice more.  The first time (:func:`find_frames`) says which frames belong to the
connections that are wanted: all packets between their ends from the first to the last segment, bare
acknowledgments behind it, every IP fragment of any.  The second time (:func:`copy_frames`) copies them.

Rows of a block are compared as columns; Python runs once for each wanted connection that has any.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture import PacketBlock, open_captures
from tqdecrypt.packet import ControlBits, Endpoint, PacketDecoder, TransportColumns, Wanted

if TYPE_CHECKING:
    from tqdecrypt.export.pcapng_writer import PcapngFile

__all__ = ["Extent", "Frames", "copy_frames", "find_frames"]

_STATE = int(ControlBits.SYN | ControlBits.FIN | ControlBits.RST)
_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


class Extent(NamedTuple):
    """Where a connection lies in the captures."""

    ends: tuple[Endpoint, Endpoint]
    first_frame: int
    last_frame: int
    """Of the segments that say anything, or of the datagrams; bare acknowledgments may follow."""
    datagrams: bool = False
    """Whether it is DTLS over UDP."""


class Frames:
    """A set of frame numbers: a bit each, so that a hundred million packets take 12 MB."""

    def __init__(self) -> None:
        self._bits: npt.NDArray[np.uint8] = np.zeros(1 << 13, np.uint8)

    def add(self, frames: npt.NDArray[np.int64]) -> None:
        """Add frame numbers."""
        if not len(frames):
            return
        size = (int(frames.max()) >> 3) + 1
        if size > len(self._bits):
            grown = np.zeros(max(size, 2 * len(self._bits)), np.uint8)
            grown[: len(self._bits)] = self._bits
            self._bits = grown
        np.bitwise_or.at(self._bits, frames >> 3, (1 << (frames & 7)).astype(np.uint8))

    def __contains__(self, frame: int) -> bool:
        return frame >> 3 < len(self._bits) and bool(self._bits[frame >> 3] >> (frame & 7) & 1)

    def among(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Return which of *count* frames from *first* on are in, counted from there."""
        piece = self._bits[first >> 3 : ((first + count) >> 3) + 1]
        bits = np.unpackbits(piece, bitorder="little")[first & 7 :][:count]
        return np.flatnonzero(bits).astype(np.int64)


class _Wanted:
    """A connection that is looked for."""

    __slots__ = ("extent", "over")

    def __init__(self, extent: Extent) -> None:
        self.extent = extent
        self.over = False
        """Whether something else began between the same ends, behind the last segment."""

    def rows(
        self, columns: TransportColumns, rows: npt.NDArray[np.int64], first: int
    ) -> npt.NDArray[np.int64]:
        """Return the frames of those of *rows* that belong to it."""
        extent = self.extent
        frames: npt.NDArray[np.int64] = columns.packet[rows] + first
        mine = _between(columns, rows, extent.ends) & (frames >= extent.first_frame)
        frames, rows = frames[mine], rows[mine]
        within: npt.NDArray[np.bool_] = frames <= extent.last_frame
        if extent.datagrams or within.all():
            return frames[within]
        bare = (columns.flags[rows] & _STATE == 0) & (
            columns.payload_length[rows] + columns.payload_missing[rows] == 0
        )
        if self.over:
            return frames[within]
        others = frames[~within & ~bare]
        if len(others):
            self.over = True
            within |= frames < others.min()
            return frames[within]
        return frames


Progress = Callable[[int, int], None]
"""Takes the bytes read and the bytes in all."""


def find_frames(
    paths: Sequence[str],
    extents: Iterable[Extent],
    frames: Frames,
    on_progress: Progress | None = None,
) -> None:
    """Add the frames of connections to *frames*, and the other fragments of datagrams that are there."""
    wanted = [_Wanted(extent) for extent in extents]
    tcp = _Table([one for one in wanted if not one.extent.datagrams])
    dtls = _Table([one for one in wanted if one.extent.datagrams])
    decoder = PacketDecoder(Wanted.SIGNALLING | Wanted.ACKNOWLEDGMENTS | Wanted.DTLS)
    with open_captures(paths, on_progress=on_progress) as reader:
        for block in reader:
            decoded = decoder.decode(block)
            for found in tcp.find(decoded.tcp, block.first_frame):
                frames.add(found)
            for found in dtls.find(
                decoded.udp, block.first_frame, _may_be_dtls(decoded.udp, block)
            ):
                frames.add(found)
            for packet, unit in decoder.fragments.items():
                if block.first_frame + packet in frames:
                    frames.add(np.array(unit, np.int64))


def _may_be_dtls(columns: TransportColumns, block: PacketBlock) -> npt.NDArray[np.bool_]:
    """Return which datagrams begin like DTLS (RFC 7983): other packets between the ends stay out."""
    octets = np.frombuffer(block.buffer, np.uint8)
    if not len(columns) or not len(octets):
        return np.zeros(len(columns), np.bool_)
    first = octets[np.minimum(columns.payload_offset, len(octets) - 1)]
    for row, payload in columns.detached.items():
        first[row] = payload[0] if payload else 0
    return (first >= 20) & (first < 64) & (columns.payload_length > 0)


class _Table:
    """Finds the rows of wanted connections by a hash of their ends, either way round."""

    def __init__(self, wanted: Sequence[_Wanted]) -> None:
        self._by_hash: dict[int, list[_Wanted]] = {}
        ends = np.array([one.extent.ends for one in wanted], np.uint64).reshape(len(wanted), 2, 4)
        sums = _mixed(ends[:, 0, 1:3], ends[:, 0, 3]) + _mixed(ends[:, 1, 1:3], ends[:, 1, 3])
        for one, mixed in zip(wanted, sums.tolist(), strict=True):
            self._by_hash.setdefault(mixed, []).append(one)
        self._hashes = np.unique(sums)

    def find(
        self, columns: TransportColumns, first: int, only: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Yield frames of a block's rows, or *only* of some, that belong to wanted connections.

        :param first: frame of the block's first packet.
        """
        if not len(self._hashes) or not len(columns):
            return
        sums = _mixed(columns.source, columns.source_port) + _mixed(
            columns.destination, columns.destination_port
        )
        found = np.isin(sums, self._hashes)
        rows = np.flatnonzero(found if only is None else found & only)
        if not len(rows):
            return
        rows = rows[np.argsort(sums[rows], kind="stable")]
        groups, starts = np.unique(sums[rows], return_index=True)
        for mixed, group in zip(groups.tolist(), np.split(rows, starts[1:]), strict=True):
            for one in self._by_hash[mixed]:
                yield one.rows(columns, group, first)


def _mixed(
    address: npt.NDArray[np.uint64], port: npt.NDArray[np.generic]
) -> npt.NDArray[np.uint64]:
    """Return a hash of ends.  Rows that it lets through are compared whole."""
    mixed: npt.NDArray[np.uint64] = (address[:, 1] + port.astype(np.uint64)) * _MIX[0]
    mixed ^= (mixed >> np.uint64(29)) ^ (address[:, 0] * _MIX[2])
    return mixed * _MIX[1]


def _between(
    columns: TransportColumns, rows: npt.NDArray[np.int64], ends: tuple[Endpoint, Endpoint]
) -> npt.NDArray[np.bool_]:
    """Return which of *rows* go from one of two ends to the other."""
    a, b = ends
    there = _goes(columns, rows, a, b)
    return there | _goes(columns, rows, b, a)


def _goes(
    columns: TransportColumns, rows: npt.NDArray[np.int64], source: Endpoint, destination: Endpoint
) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = columns.version[rows] == source.version
    for addresses, ports, end in (
        (columns.source, columns.source_port, source),
        (columns.destination, columns.destination_port, destination),
    ):
        found &= ports[rows] == end.port
        found &= addresses[rows, 0] == np.uint64(end.high)
        found &= addresses[rows, 1] == np.uint64(end.low)
    return found


def copy_frames(
    paths: Sequence[str], frames: Frames, file: PcapngFile, on_progress: Progress | None = None
) -> int:
    """Copy the packets of *frames* with their interfaces; return how many there were."""
    numbers: dict[int, int] = {}
    copied = 0
    with open_captures(paths, on_progress=on_progress) as reader:
        for block in reader:
            rows = frames.among(block.first_frame, len(block))
            copied += len(rows)
            if len(rows):
                _copy_rows(block, rows, numbers, file)
    return copied


def _copy_rows(
    block: PacketBlock,
    rows: npt.NDArray[np.int64],
    numbers: dict[int, int],
    file: PcapngFile,
) -> None:
    columns = zip(
        block.interface[rows].tolist(),
        block.time[rows].tolist(),
        block.offset[rows].tolist(),
        block.captured[rows].tolist(),
        block.length[rows].tolist(),
        strict=True,
    )
    with memoryview(block.buffer) as buffer:
        for interface, time, offset, captured, length in columns:
            number = numbers.get(interface)
            if number is None:
                known = block.interfaces[interface]
                source = "standard input" if known.source == "-" else os.path.basename(known.source)
                number = numbers[interface] = file.interface(
                    known.link_type, known.snap_length, known.name, f"cut out of {source}"
                )
            file.packet(number, time, bytes(buffer[offset : offset + captured]), length)
