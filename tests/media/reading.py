"""Streams and media of captures, for tests."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from kit.packets import CLIENT, SERVER, START, Endpoint, Segment
from tqdecrypt.capture import Interface, PacketBlock
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.table import MediaTable
from tqdecrypt.packet import PacketDecoder, Wanted

__all__ = ["MILLISECOND", "datagram", "follow", "rtp", "streams_of_file", "talk"]

MILLISECOND = 1_000_000


def rtp(
    sequence: int,
    timestamp: int,
    *,
    ssrc: int = 0x1234,
    payload_type: int = 8,
    payload: bytes = b"\xd5" * 160,
    marker: bool = False,
) -> bytes:
    """Return an RTP packet (RFC 3550 section 5.1)."""
    second = marker << 7 | payload_type
    head = struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def datagram(
    milliseconds: float,
    payload: bytes,
    source: Endpoint = CLIENT,
    destination: Endpoint = SERVER,
) -> Segment:
    """Return a datagram that was captured so long after the start."""
    return Segment(START + round(milliseconds * MILLISECOND), source, destination, payload)


def talk(
    numbers: Iterable[int],
    *,
    step: float = 20.0,
    delays: Sequence[float] = (),
    source: Endpoint = CLIENT,
    destination: Endpoint = SERVER,
    ssrc: int = 0x1234,
    payload_type: int = 8,
    begin: float = 0.0,
) -> list[Segment]:
    """Return 20 ms of G.711 in each packet: those with *numbers*, in the order in which they are sent.

    :param delays: milliseconds that each comes late, one a packet.
    """
    found = []
    for place, number in enumerate(numbers):
        late = delays[place] if place < len(delays) else 0.0
        data = rtp(number, number * 160, ssrc=ssrc, payload_type=payload_type)
        found.append(datagram(begin + place * step + late, data, source, destination))
    return found


def block_of(segments: Sequence[Segment], first_frame: int = 1) -> PacketBlock:
    """Return the block that has these packets."""
    packets = [segment.packet() for segment in segments]
    sizes = np.array([len(packet.data) for packet in packets], np.int64)
    return PacketBlock(
        b"".join(packet.data for packet in packets),
        first_frame,
        np.array([packet.time_ns for packet in packets], np.int64),
        np.cumsum(sizes) - sizes,
        sizes,
        sizes,
        np.zeros(len(packets), np.uint16),
        [Interface(1, 0, "eth0", "test")],
    )


def follow(
    segments: Sequence[Segment], *, cuts: Sequence[int] = (), table: MediaTable | None = None
) -> list[Stream]:
    """Return the streams of packets, which are read in blocks that begin at *cuts*."""
    found: list[Stream] = []
    table = table or MediaTable(found.append)
    decoder = PacketDecoder(Wanted.ALL_UDP)
    edges = sorted({0, *cuts, len(segments)})
    for start, end in pairwise(edges):
        block = block_of(segments[start:end], start + 1)
        table.receive(decoder.decode(block).udp, block)
    table.finish()
    return sorted(found, key=lambda stream: stream.number)


def streams_of_file(path: Path) -> list[Stream]:
    """Return the streams of a capture, whatever else is in it."""
    from tqdecrypt.capture import open_captures

    found: list[Stream] = []
    table = MediaTable(found.append)
    decoder = PacketDecoder(Wanted.ALL_UDP)
    with open_captures([str(path)]) as reader:
        for block in reader:
            if len(block):
                table.receive(decoder.decode(block).udp, block)
    table.finish()
    return sorted(found, key=lambda stream: stream.number)
