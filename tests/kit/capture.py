"""Packets into capture files: pcap and pcapng in every dialect that readers must know.

>>> write_pcap(tmp_path / "calls.pcap.gz", packets, byte_order=">", nanoseconds=True)

A name that ends in ``.gz`` or ``.zst`` compresses the file.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import zstandard

from kit.link import LinkType
from kit.packets import Packet

__all__ = [
    "ByteOrder",
    "pcap_bytes",
    "pcapng_bytes",
    "read_pcap",
    "write_pcap",
    "write_pcapng",
]

ByteOrder = Literal["<", ">"]
"""As :mod:`struct` has it: little-endian or big-endian."""

SNAP_LENGTH = 262_144


def pcap_bytes(
    packets: Sequence[Packet], *, byte_order: ByteOrder = "<", nanoseconds: bool = False
) -> bytes:
    """Return a pcap file (draft-ietf-opsawg-pcap); its link type is the first packet's."""
    link_type = packets[0].link_type if packets else 1
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    unit = 1 if nanoseconds else 1000
    parts = [struct.pack(f"{byte_order}IHHiIII", magic, 2, 4, 0, 0, SNAP_LENGTH, link_type)]
    for packet in packets:
        if packet.link_type != link_type:
            raise ValueError("a pcap file has one link type: use write_pcapng")
        seconds, rest = divmod(packet.time_ns, 1_000_000_000)
        lengths = (len(packet.data), packet.length)
        parts.append(struct.pack(f"{byte_order}IIII", seconds, rest // unit, *lengths))
        parts.append(packet.data)
    return b"".join(parts)


def pcapng_bytes(
    packets: Sequence[Packet],
    *,
    byte_order: ByteOrder = "<",
    nanoseconds: bool = True,
    secrets: Sequence[str] = (),
) -> bytes:
    """Return a pcapng file (draft-ietf-opsawg-pcapng) with one interface a link type.

    *secrets* are key log lines; they go into a Decryption Secrets Block before the packets.
    """
    section = struct.pack(f"{byte_order}IHHq", 0x1A2B3C4D, 1, 0, -1)
    blocks = [_block(byte_order, 0x0A0D0D0A, section)]
    link_types = list(dict.fromkeys(packet.link_type for packet in packets)) or [LinkType.ETHERNET]
    for number, link_type in enumerate(link_types):
        options = _option(byte_order, 2, f"eth{number}".encode())
        if nanoseconds:
            options += _option(byte_order, 9, b"\x09")
        description = struct.pack(f"{byte_order}HHI", link_type, 0, SNAP_LENGTH)
        end = _option(byte_order, 0, b"")
        blocks.append(_block(byte_order, 1, description + options + end))
    if secrets:
        log = "".join(f"{line}\n" for line in secrets).encode()
        head = struct.pack(f"{byte_order}II", 0x544C534B, len(log))  # "TLSK"
        blocks.append(_block(byte_order, 10, head + log))
    for packet in packets:
        time = packet.time_ns if nanoseconds else packet.time_ns // 1000
        head = struct.pack(
            f"{byte_order}IIIII",
            link_types.index(packet.link_type),
            time >> 32,
            time & 0xFFFFFFFF,
            len(packet.data),
            packet.length,
        )
        blocks.append(_block(byte_order, 6, head + packet.data))
    return b"".join(blocks)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(byte_order: ByteOrder, code: int, value: bytes) -> bytes:
    return struct.pack(f"{byte_order}HH", code, len(value)) + _padded(value)


def _block(byte_order: ByteOrder, kind: int, body: bytes) -> bytes:
    body = _padded(body)
    length = struct.pack(f"{byte_order}I", len(body) + 12)
    return struct.pack(f"{byte_order}I", kind) + length + body + length


def write_pcap(
    path: Path,
    packets: Sequence[Packet],
    *,
    byte_order: ByteOrder = "<",
    nanoseconds: bool = False,
) -> Path:
    """Write a pcap file and return its path."""
    return _write(path, pcap_bytes(packets, byte_order=byte_order, nanoseconds=nanoseconds))


def write_pcapng(
    path: Path,
    packets: Sequence[Packet],
    *,
    byte_order: ByteOrder = "<",
    nanoseconds: bool = True,
    secrets: Sequence[str] = (),
) -> Path:
    """Write a pcapng file and return its path."""
    data = pcapng_bytes(packets, byte_order=byte_order, nanoseconds=nanoseconds, secrets=secrets)
    return _write(path, data)


def read_pcap(path: Path) -> list[Packet]:
    """Return the packets of a pcap file, as other programs on this machine write them."""
    data = path.read_bytes()
    magic, *_, link_type = struct.unpack_from("<IHHiIII", data)
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    packets, place = [], 24
    while place < len(data):
        seconds, fraction, size, length = struct.unpack_from("<IIII", data, place)
        place += 16
        time = seconds * 1_000_000_000 + fraction * unit
        packets.append(Packet(time, data[place : place + size], length, LinkType(link_type)))
        place += size
    return packets


def _write(path: Path, data: bytes) -> Path:
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif path.suffix == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return path
