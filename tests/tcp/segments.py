"""Segments without packets: a list of them becomes blocks, and what comes out is recorded.

A test tells what was on the wire with a :class:`Talk`, does to the list what a network or a capture
does to packets, and looks at what :func:`reassemble` gives.  Frame numbers are places in the list,
from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tqdecrypt.capture.block import Interface, PacketBlock
from tqdecrypt.packet.transport import ControlBits, TransportColumns
from tqdecrypt.tcp import Connection, ConnectionTable, End, Gap, StreamHandler

FIN, SYN, RST, ACK = (
    int(bit) for bit in (ControlBits.FIN, ControlBits.SYN, ControlBits.RST, ControlBits.ACK)
)
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class Segment(NamedTuple):
    """One TCP segment."""

    talk: int
    """Number of the pair of endpoints."""
    side: int
    """Which of the two sent it: 0 the client, 1 the server."""
    sequence: int
    payload: bytes = b""
    flags: int = ACK
    time: int = 0
    acknowledgment: int = 0
    missing: int = 0
    """Bytes that the snap length cut off behind ``payload``."""
    detached: bool = False
    """Whether the payload was put together from fragments."""

    def at(self, time: int) -> Segment:
        return self._replace(time=time)

    def cut(self, kept: int) -> Segment:
        """Return the segment as a capture with a snap length has it."""
        payload = self.payload[:kept]
        return self._replace(payload=payload, missing=len(self.payload) - len(payload))

    @property
    def frame_bytes(self) -> bytes:
        """What stands in the buffer: headers, the payload, a trailer."""
        return b"<header>" + (b"" if self.detached else self.payload) + b"<trailer>"


class Talk:
    """A connection as its ends see it: one segment after the other, a millisecond apart."""

    def __init__(
        self, talk: int = 1, sequences: tuple[int, int] = (1000, 500_000), time: int = 0
    ) -> None:
        self.talk = talk
        self.next = list(sequences)
        self.time = time

    def segment(self, side: int, payload: bytes = b"", flags: int = ACK) -> Segment:
        made = Segment(
            self.talk, side, self.next[side], payload, flags, self.time, self.next[1 - side]
        )
        taken = len(payload) + bool(flags & SYN) + bool(flags & FIN)
        self.next[side] = (self.next[side] + taken) & 0xFFFFFFFF
        self.time += MILLISECOND
        return made

    def open(self) -> list[Segment]:
        return [self.segment(0, flags=SYN), self.segment(1, flags=SYN | ACK)]

    def send(self, side: int, *payloads: bytes) -> list[Segment]:
        return [self.segment(side, payload) for payload in payloads]

    def fin(self, side: int, payload: bytes = b"") -> Segment:
        return self.segment(side, payload, FIN | ACK)

    def rst(self, side: int) -> Segment:
        return self.segment(side, flags=RST)


class Recorder:
    """Takes what comes out of one connection, and holds it to the handler's contract."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.log: tuple[list[bytes | Gap], list[bytes | Gap]] = ([], [])
        """A side's bytes, joined, and its gaps, in the order of the stream."""
        self.frames: tuple[list[int], list[int]] = ([], [])
        """Frame of each byte."""
        self.times: tuple[list[int], list[int]] = ([], [])
        self.calls = 0
        self.ended: tuple[End, int, int] | None = None

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        assert self.ended is None
        assert data
        assert len(ends) == len(frames) == len(times)
        assert ends[-1] == len(data)
        assert frames == sorted(frames)
        self.calls += 1
        start = 0
        for end, frame, time in zip(ends, frames, times, strict=True):
            assert end > start
            self.frames[side].extend([frame] * (end - start))
            self.times[side].extend([time] * (end - start))
            start = end
        assert self.frames[side] == sorted(self.frames[side])
        log = self.log[side]
        if log and isinstance(log[-1], bytes):
            log[-1] += data
        else:
            log.append(data)

    def gap(self, side: int, gap: Gap) -> None:
        assert self.ended is None
        assert gap.size > 0
        self.log[side].append(gap)

    def end(self, reason: End, frame: int, time: int) -> None:
        assert self.ended is None, "a connection ends once"
        self.ended = (reason, frame, time)

    def data(self, side: int) -> bytes:
        return b"".join(item for item in self.log[side] if isinstance(item, bytes))

    def gaps(self, side: int) -> list[Gap]:
        return [item for item in self.log[side] if isinstance(item, Gap)]

    def with_holes(self, side: int) -> bytes:
        """Return the stream with a full stop for each missing byte."""
        return b"".join(
            item if isinstance(item, bytes) else b"." * item.size for item in self.log[side]
        )

    @property
    def reason(self) -> End | None:
        return self.ended[0] if self.ended else None


class Result(NamedTuple):
    """What became of a list of segments."""

    recorders: list[Recorder]
    table: ConnectionTable

    @property
    def counters(self) -> dict[str, int]:
        return {name: count for name, count in self.table.counters.items() if count}

    @property
    def only(self) -> Recorder:
        (recorder,) = self.recorders
        return recorder

    def by_endpoints(self) -> dict[tuple[str, str], list[Recorder]]:
        found: dict[tuple[str, str], list[Recorder]] = {}
        for recorder in self.recorders:
            found.setdefault(recorder.connection.ends, []).append(recorder)
        return found


class Bench:
    """A table of connections that records; segments go in block by block."""

    def __init__(
        self,
        max_connections: int = 250_000,
        accept: Callable[[Connection], StreamHandler | None] | None = None,
    ) -> None:
        self.recorders: list[Recorder] = []
        self.table = ConnectionTable(accept or self._accept, max_connections)
        self._next_frame = 1

    def _accept(self, connection: Connection) -> Recorder:
        self.recorders.append(Recorder(connection))
        return self.recorders[-1]

    def receive(self, segments: Sequence[Segment]) -> None:
        columns, block = block_of(segments, self._next_frame)
        self._next_frame += len(segments)
        self.table.receive(columns, block)

    def pass_time(self, now: int) -> None:
        """Receive a block with a packet that is no TCP segment."""
        columns, _ = block_of([], self._next_frame)
        _, block = block_of([Segment(0, 0, 0, time=now)], self._next_frame)
        self._next_frame += 1
        self.table.receive(columns, block)

    def finish(self) -> Result:
        self.table.finish()
        return Result(self.recorders, self.table)


def reassemble(
    segments: Sequence[Segment], cuts: Iterable[int] = (), max_connections: int = 250_000
) -> Result:
    """Return what comes out of *segments*, cut into blocks in front of the places in *cuts*."""
    bench = Bench(max_connections)
    places = sorted({0, len(segments), *cuts})
    for start, stop in pairwise(places):
        bench.receive(segments[start:stop])
    return bench.finish()


def block_of(
    segments: Sequence[Segment], first_frame: int = 1
) -> tuple[TransportColumns, PacketBlock]:
    """Return what the packet decoder makes of *segments*."""
    packets = [segment.frame_bytes for segment in segments]
    lengths = np.array([len(packet) for packet in packets], dtype=np.int64)
    offsets = np.cumsum(lengths) - lengths
    block = PacketBlock(
        buffer=b"".join(packets),
        first_frame=first_frame,
        time=np.array([segment.time for segment in segments], dtype=np.int64),
        offset=offsets,
        captured=lengths,
        length=lengths + np.array([segment.missing for segment in segments], dtype=np.int64),
        interface=np.zeros(len(segments), dtype=np.uint16),
        interfaces=[Interface(1, 0, "", "made here")],
    )
    ends = [_ends(segment) for segment in segments]
    columns = TransportColumns(
        packet=np.arange(len(segments), dtype=np.int64),
        version=np.full(len(segments), 4, dtype=np.uint8),
        source=np.array([(0, source) for source, _, _, _ in ends], dtype=np.uint64).reshape(-1, 2),
        destination=np.array([(0, to) for _, _, to, _ in ends], dtype=np.uint64).reshape(-1, 2),
        source_port=np.array([port for _, port, _, _ in ends], dtype=np.uint16),
        destination_port=np.array([port for _, _, _, port in ends], dtype=np.uint16),
        payload_offset=offsets + len(b"<header>"),
        payload_length=np.array([len(segment.payload) for segment in segments], dtype=np.int64),
        payload_missing=np.array([segment.missing for segment in segments], dtype=np.int64),
        sequence=np.array([segment.sequence for segment in segments], dtype=np.uint32),
        acknowledgment=np.array([segment.acknowledgment for segment in segments], dtype=np.uint32),
        flags=np.array([segment.flags for segment in segments], dtype=np.uint8),
        traffic_class=np.zeros(len(segments), dtype=np.uint8),
        detached={i: s.payload for i, s in enumerate(segments) if s.detached},
    )
    return columns, block


def _ends(segment: Segment) -> tuple[int, int, int, int]:
    client = (0x0A000001, 20_000 + segment.talk)  # 10.0.0.1
    server = (0x0A000002, 5061)  # 10.0.0.2
    return (*client, *server) if segment.side == 0 else (*server, *client)
