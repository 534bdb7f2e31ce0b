"""Several captures as one: blocks in time order, frames numbered from 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tqdecrypt.capture.block import Interface, PacketBlock
from tqdecrypt.capture.pcap import Indexed
from tqdecrypt.capture.pcapng import CapturedSecrets, PcapngIndex
from tqdecrypt.capture.source import Piece, Source

__all__ = ["CaptureReader", "open_captures"]


def open_captures(
    paths: Sequence[str], *, on_progress: Callable[[int, int], None] | None = None
) -> CaptureReader:
    """Open captures: pcap or pcapng files, compressed or not, FIFOs, ``-`` for standard input.

    Nothing is raised for what cannot be read; it is said in :attr:`CaptureReader.problems`.

    :param on_progress: called after each block with the bytes read and the bytes in all.
    """
    return CaptureReader([Source(path) for path in paths], on_progress)


class CaptureReader:
    """Yields the packets of its sources, once.  A context manager.

    :ivar live: whether packets come as they happen, from a pipe.
    :ivar total_bytes: size of all files.
    """

    def __init__(
        self, sources: list[Source], on_progress: Callable[[int, int], None] | None
    ) -> None:
        self._sources = sources
        self._on_progress = on_progress
        self._interfaces: list[Interface] = []
        self._frame = 1
        self.live = any(source.live for source in sources)
        self.total_bytes = sum(source.size for source in sources)

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(self, *exception: object) -> None:
        for source in self._sources:
            source.close()

    @property
    def problems(self) -> list[str]:
        """One sentence for each source that could not be read to its end."""
        return [source.problem for source in self._sources if source.problem]

    @property
    def may_bring_secrets(self) -> bool:
        """Whether a source is of a format that can hold session secrets, behind packets, too."""
        return any(isinstance(source.index, PcapngIndex) for source in self._sources)

    @property
    def secrets(self) -> list[CapturedSecrets]:
        """The secrets met so far."""
        return [
            secrets
            for source in self._sources
            if isinstance(source.index, PcapngIndex)
            for secrets in source.index.secrets
        ]

    @property
    def names(self) -> dict[str, set[str]]:
        """The names of addresses met so far."""
        names: dict[str, set[str]] = {}
        for source in self._sources:
            if isinstance(source.index, PcapngIndex):
                for address, known in source.index.names.items():
                    names.setdefault(address, set()).update(known)
        return names

    def __iter__(self) -> Iterator[PacketBlock]:
        alone = len(self._sources) == 1
        blocks = self._alone(self._sources[0]) if alone else self._merged()
        for block in blocks:
            yield block
            if self._on_progress is not None:
                done = sum(source.position for source in self._sources)
                self._on_progress(done, self.total_bytes)

    def _alone(self, source: Source) -> Iterator[PacketBlock]:
        for piece in source.pieces():
            yield self._block(piece, source.interfaces, 0)

    def _block(self, piece: Piece, interfaces: Sequence[Interface], base: int) -> PacketBlock:
        found = piece.found or _NOTHING
        count = len(found.offset)
        column = found.interface
        if column is None:
            column = np.zeros(count, np.uint16)
        block = PacketBlock(
            piece.buffer,
            self._frame,
            found.time,
            found.offset,
            found.captured,
            found.length,
            column + np.uint16(base) if base else column,
            interfaces,
        )
        self._frame += count
        return block

    def _merged(self) -> Iterator[PacketBlock]:
        """Merge like mergecap: always the source whose next packet is the earliest.

        A source is never sorted within itself, so the running maximum of its times is what is
        compared.  All packets up to the earliest of the sources' horizons can be given out.
        """
        heads = [_Head(number, source) for number, source in enumerate(self._sources)]
        heads = [head for head in heads if head.advance()]
        while heads:
            if len(heads) == 1:
                yield from self._rest(heads[0])
                return
            horizon = min(head.horizon for head in heads)
            parts = [part for head in heads if (part := head.take_until(horizon)) is not None]
            if len(parts) == 1:
                yield self._whole(parts[0])
            elif parts:
                yield self._gathered(parts)
            heads = [head for head in heads if head.filled or head.advance()]

    def _rest(self, head: _Head) -> Iterator[PacketBlock]:
        while True:
            part = head.take_until(None)
            if part is not None:
                yield self._whole(part)
            if not head.advance():
                return

    def _whole(self, part: _Part) -> PacketBlock:
        """Return packets of one source as they stand in its buffer."""
        block = PacketBlock(
            part.buffer,
            self._frame,
            part.time,
            part.offset,
            part.captured,
            part.length,
            part.interface,
            part.interfaces,
        )
        self._frame += len(part.time)
        return block

    def _gathered(self, parts: list[_Part]) -> PacketBlock:
        """Return packets of several sources as one block over one new buffer."""
        order = np.lexsort(
            (
                np.concatenate([np.full(len(p.time), p.number) for p in parts]),
                np.concatenate([np.maximum.accumulate(p.time) for p in parts]),
            )
        )
        interfaces: list[Interface] = []
        columns = []
        data: list[bytes] = []
        base = 0
        for part in parts:
            view = memoryview(part.buffer)
            starts = part.offset.tolist()
            stops = (part.offset + part.captured).tolist()
            data += [bytes(view[a:b]) for a, b in zip(starts, stops, strict=True)]
            columns.append(part.interface + np.uint16(len(interfaces)))
            interfaces += part.interfaces
            base += len(starts)
        captured = np.concatenate([p.captured for p in parts])[order]
        block = PacketBlock(
            b"".join([data[i] for i in order.tolist()]),
            self._frame,
            np.concatenate([p.time for p in parts])[order],
            np.concatenate(([0], np.cumsum(captured)[:-1])).astype(np.int64),
            captured,
            np.concatenate([p.length for p in parts])[order],
            np.concatenate(columns)[order],
            interfaces,
        )
        self._frame += base
        return block


_EMPTY = np.zeros(0, np.int64)
_NOTHING = Indexed(_EMPTY, _EMPTY, _EMPTY, _EMPTY, 0, "")


class _Part:
    """Packets of one source that go into a block."""

    __slots__ = (
        "buffer",
        "captured",
        "interface",
        "interfaces",
        "length",
        "number",
        "offset",
        "time",
    )

    def __init__(self, head: _Head, piece: Piece, first: int, last: int) -> None:
        found = piece.found
        assert found is not None
        self.number = head.number
        self.buffer = piece.buffer
        self.time = found.time[first:last]
        self.offset = found.offset[first:last]
        self.captured = found.captured[first:last]
        self.length = found.length[first:last]
        column = found.interface
        self.interface = np.zeros(last - first, np.uint16) if column is None else column[first:last]
        self.interfaces = list(head.source.interfaces)


class _Head:
    """Where the merge stands in one source."""

    def __init__(self, number: int, source: Source) -> None:
        self.number = number
        self.source = source
        self._pieces = source.pieces()
        self._piece: Piece | None = None
        self._first = 0

    @property
    def filled(self) -> bool:
        """Whether there are packets left of the piece in hand."""
        piece = self._piece
        return piece is not None and piece.found is not None and self._first < len(piece.found.time)

    @property
    def horizon(self) -> int:
        """Latest time of the piece in hand: what comes later may be earlier than no other."""
        assert self._piece is not None
        assert self._piece.found is not None
        return int(self._piece.found.time.max())

    def advance(self) -> bool:
        """Take the next piece with packets; return False at the end."""
        for piece in self._pieces:
            if piece.found is not None and len(piece.found.time):
                self._piece, self._first = piece, 0
                return True
        self._piece = None
        return False

    def take_until(self, horizon: int | None) -> _Part | None:
        """Take the packets in hand up to *horizon*, ns; ``None`` of it: all."""
        piece = self._piece
        if piece is None or piece.found is None:
            return None
        first, last = self._first, len(piece.found.time)
        if horizon is not None:
            rising = np.maximum.accumulate(piece.found.time)
            last = max(first, int(np.searchsorted(rising, horizon, side="right")))
        self._first = last
        return _Part(self, piece, first, last) if last > first else None
