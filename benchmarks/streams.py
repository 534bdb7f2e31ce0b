"""RTP streams as pcap records, made as columns and merged into signalling by time."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.traffic import START, MediaStream, Scenario

__all__ = ["Signalling", "merged"]

Columns = npt.NDArray[np.int64]

WINDOW = 1_000_000
FRAME = 20_000
"""Microseconds of speech in a packet."""
RECORD = np.dtype(
    [
        ("seconds", "<u4"),
        ("microseconds", "<u4"),
        ("captured", "<u4"),
        ("length", "<u4"),
        ("ethernet", "V14"),
        ("version", "u1"),
        ("service", "u1"),
        ("ip_length", ">u2"),
        ("identification", ">u2"),
        ("fragment", ">u2"),
        ("ttl", "u1"),
        ("protocol", "u1"),
        ("ip_checksum", ">u2"),
        ("source", ">u4"),
        ("destination", ">u4"),
        ("source_port", ">u2"),
        ("destination_port", ">u2"),
        ("udp_length", ">u2"),
        ("udp_checksum", ">u2"),
        ("rtp", "u1"),
        ("payload_type", "u1"),
        ("sequence", ">u2"),
        ("timestamp", ">u4"),
        ("ssrc", ">u4"),
        ("speech", "u1", 160),
    ]
)
"""A pcap record with 20 ms of G.711 in RTP; the UDP checksum is left out, as IPv4 allows."""


class Signalling(Protocol):
    """What media goes with."""

    scenario: Scenario
    media: list[MediaStream]
    """Streams of the calls so far."""

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Times in microseconds and pcap records, in time order."""


def merged(traffic: Signalling) -> Iterator[tuple[int, bytes | memoryview]]:
    """Counts of packets and their pcap records: the scenario's signalling and its media."""
    if not traffic.scenario.media_every:
        for _, packet in traffic.packets():
            yield 1, packet
        return
    speech = np.random.default_rng(traffic.scenario.seed).integers(0, 256, 1 << 16, np.uint8)
    end = START + WINDOW
    signalling: list[tuple[int, bytes]] = []
    for time, packet in traffic.packets():
        while time >= end:
            yield from _window(end - WINDOW, signalling, traffic.media, speech)
            traffic.media = [stream for stream in traffic.media if stream.end > end]
            signalling, end = [], end + WINDOW
        signalling.append((time, packet))
    yield from _window(end - WINDOW, signalling, traffic.media, speech)


def _window(
    start: int,
    signalling: list[tuple[int, bytes]],
    streams: list[MediaStream],
    speech: npt.NDArray[np.uint8],
) -> Iterator[tuple[int, bytes | memoryview]]:
    """One window of both, in time order."""
    records, times = _media(start, streams, speech)
    data, size = memoryview(records.tobytes()), RECORD.itemsize
    done = 0
    places = np.searchsorted(times, [time for time, _ in signalling]).tolist()
    for (_, packet), place in zip(signalling, places, strict=True):
        if place > done:
            yield place - done, data[done * size : place * size]
            done = place
        yield 1, packet
    if len(times) > done:
        yield len(times) - done, data[done * size :]


def _media(
    start: int, streams: list[MediaStream], speech: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[Any], Columns]:
    """Packets of all streams in the window that begins at ``start``, and their times."""
    table = np.array(
        [
            (s.start, s.end, int(IPv4Address(s.source)), s.source_port,
             int(IPv4Address(s.destination)), s.destination_port, s.ssrc)
            for s in streams
            if s.start < start + WINDOW
        ],
        np.int64,
    ).reshape(-1, 7)  # fmt: skip
    # Numbers of the packets that may fall into the window, a row a stream.
    first = np.maximum(0, -((table[:, 0] - start) // FRAME))
    number = first[:, None] + np.arange(WINDOW // FRAME + 1)
    time = table[:, :1] + number * FRAME
    stream, column = np.nonzero((time >= start) & (time < start + WINDOW) & (time < table[:, 1:2]))
    number, time = number[stream, column], time[stream, column]
    order = np.argsort(time, kind="stable")
    stream, number, time = stream[order], number[order], time[order]

    records = np.zeros(len(time), RECORD)
    records["seconds"], records["microseconds"] = np.divmod(time, 1_000_000)
    records["captured"] = records["length"] = RECORD.itemsize - 16
    records["ethernet"] = np.void(bytes.fromhex("020000000002 020000000001 0800"))
    records["version"], records["ttl"], records["protocol"] = 0x45, 64, 17
    records["ip_length"], records["udp_length"] = 200, 180
    records["identification"] = number
    for place, name in enumerate(
        ("source", "source_port", "destination", "destination_port", "ssrc"), 2
    ):
        records[name] = table[stream, place]
    words = 0x4500 + 200 + number % 65536 + (64 << 8) + 17
    for place in (2, 4):
        words += (table[stream, place] >> 16) + (table[stream, place] & 0xFFFF)
    records["ip_checksum"] = 0xFFFF - words % 0xFFFF
    records["rtp"], records["payload_type"] = 0x80, 8
    records["sequence"], records["timestamp"] = number, number * 160
    offset = (number * 160 + table[stream, 6]) % (len(speech) - 160)
    records["speech"] = speech[offset[:, None] + np.arange(160)]
    return records, time
