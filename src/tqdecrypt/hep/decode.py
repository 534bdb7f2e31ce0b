"""From bytes to HEP packets.

HEP3 chunks may come in any order; unknown ones are skipped by their length.  HEP1 and HEP2 have a fixed
header in the layout of a C structure (Kamailio's ``sipcapture/hep.h``): addresses and ports in network
byte order, times as the sender's processor has them, which means little-endian, and two bytes of padding
at the end.
"""

from __future__ import annotations

import zlib
from ipaddress import IPv6Address
from socket import AF_INET, inet_ntop
from struct import Struct

from tqdecrypt.errors import Malformed
from tqdecrypt.hep.chunks import MAGIC, SIP, Chunk, Family
from tqdecrypt.hep.packet import HepPacket

__all__ = ["looks_like_hep", "pull_packet", "pull_time"]

MOST_EXPANDED = 1 << 20
"""Bytes of a payload that was compressed: more than any SIP message; a few bytes may claim gigabytes."""

_HEADER = Struct("!4sH")
_CHUNK = Struct("!HHH")
_LEGACY = Struct("!BBBBHH")
_LEGACY_TIME = Struct("<IIH2x")
_ADDRESS_SIZES = {Family.IPV4: 4, Family.IPV6: 16}

_SIZES = {
    Chunk.FAMILY: 1,
    Chunk.PROTOCOL: 1,
    Chunk.IPV4_SOURCE: 4,
    Chunk.IPV4_DESTINATION: 4,
    Chunk.IPV6_SOURCE: 16,
    Chunk.IPV6_DESTINATION: 16,
    Chunk.SOURCE_PORT: 2,
    Chunk.DESTINATION_PORT: 2,
    Chunk.SECONDS: 4,
    Chunk.MICROSECONDS: 4,
    Chunk.PAYLOAD_TYPE: 1,
    Chunk.CAPTURE_ID: 4,
}
"""Bytes of the chunks that have a fixed size."""


def looks_like_hep(data: bytes) -> bool:
    """Return whether a datagram that begins with *data* is HEP, of any version.

    Versions 1 and 2 have no magic number: the header has to fit, and text to follow.
    """
    if data[:4] == MAGIC:
        return True
    if len(data) < _LEGACY.size or data[0] not in (1, 2):
        return False
    size = _legacy_header(data)
    return size > 0 and data[size : size + 1].isalpha()


def pull_packet(data: bytes) -> HepPacket:
    """Return the HEP packet that *data* holds.

    :raises Malformed: when it is none, or lacks what tells a message apart: addresses, IP protocol,
        payload and its type.
    """
    if data[:4] == MAGIC:
        return _pull_chunks(data)
    return _pull_legacy(data)


def pull_time(data: bytes) -> int:
    """Return when a HEP3 packet was seen, ns; 0 when it does not say, or cannot be read."""
    try:
        chunks = _chunks(data)
    except Malformed:
        return 0
    return _time(chunks) or 0


def _chunks(data: bytes) -> dict[int, bytes]:
    """Return the generic chunks by type; of those that stand there twice, the last."""
    if len(data) < _HEADER.size:
        raise Malformed("a header of 6 bytes", len(data), 0)
    _, end = _HEADER.unpack_from(data)
    if not _HEADER.size <= end <= len(data):
        raise Malformed(f"a packet of {end} bytes", len(data), 4)
    found: dict[int, bytes] = {}
    position = _HEADER.size
    while position < end:
        if end - position < _CHUNK.size:
            raise Malformed("a chunk of at least 6 bytes", end - position, position)
        vendor, kind, length = _CHUNK.unpack_from(data, position)
        if not _CHUNK.size <= length <= end - position:
            raise Malformed(f"a chunk of 6 to {end - position} bytes", length, position)
        if not vendor:
            body = data[position + _CHUNK.size : position + length]
            size = _SIZES.get(kind)
            if size is not None and len(body) != size:
                raise Malformed(f"a chunk {kind} with {size} bytes", len(body), position)
            found[kind] = body
        position += length
    return found


def _pull_chunks(data: bytes) -> HepPacket:
    chunks = _chunks(data)
    source = chunks.get(Chunk.IPV4_SOURCE) or chunks.get(Chunk.IPV6_SOURCE)
    destination = chunks.get(Chunk.IPV4_DESTINATION) or chunks.get(Chunk.IPV6_DESTINATION)
    protocol = chunks.get(Chunk.PROTOCOL)
    kind = chunks.get(Chunk.PAYLOAD_TYPE)
    if source is None or destination is None or protocol is None or kind is None:
        raise Malformed("chunks with both addresses, IP protocol and payload type", sorted(chunks))
    payload = chunks.get(Chunk.PAYLOAD)
    if payload is None:
        compressed = chunks.get(Chunk.COMPRESSED_PAYLOAD)
        if compressed is None:
            raise Malformed("a chunk with the payload", sorted(chunks))
        payload = _expanded(compressed)
    return HepPacket(
        _endpoint(source, chunks.get(Chunk.SOURCE_PORT, b"")),
        _endpoint(destination, chunks.get(Chunk.DESTINATION_PORT, b"")),
        protocol[0],
        kind[0],
        payload,
        _time(chunks),
        int.from_bytes(chunks.get(Chunk.CAPTURE_ID, b""), "big"),
        chunks.get(Chunk.NODE_NAME, b""),
        chunks.get(Chunk.CORRELATION_ID, b""),
        chunks.get(Chunk.AUTHENTICATION_KEY),
    )


def _time(chunks: dict[int, bytes]) -> int | None:
    seconds = int.from_bytes(chunks.get(Chunk.SECONDS, b""), "big")
    microseconds = int.from_bytes(chunks.get(Chunk.MICROSECONDS, b""), "big")
    return seconds * 1_000_000_000 + microseconds * 1_000 or None


def _endpoint(address: bytes, port: bytes) -> str:
    number = int.from_bytes(port, "big")
    if len(address) == 4:
        return f"{inet_ntop(AF_INET, address)}:{number}"
    wide = IPv6Address(address)
    if wide.ipv4_mapped is not None:  # how a socket for both versions names an IPv4 peer
        return f"{wide.ipv4_mapped}:{number}"
    return f"[{wide}]:{number}"


def _expanded(compressed: bytes) -> bytes:
    """Expand a payload in the format of zlib (captagent, OpenSIPS) or gzip."""
    expander = zlib.decompressobj(32 + zlib.MAX_WBITS)
    try:
        payload = expander.decompress(compressed, MOST_EXPANDED)
    except zlib.error as problem:
        raise Malformed("a payload compressed by zlib or gzip", str(problem)) from None
    if not expander.eof:
        raise Malformed(f"a whole compressed payload of at most {MOST_EXPANDED:,} bytes")
    return payload


def _legacy_header(data: bytes) -> int:
    """Return how long the header of a HEP1 or HEP2 packet is; 0 when it cannot be one.

    Its length field counts the time or not, depending on who wrote it; sngrep fills it with something
    else.  So it is not looked at.
    """
    version, _, family, protocol, _, _ = _LEGACY.unpack_from(data)
    size = _ADDRESS_SIZES.get(family)
    if size is None or not protocol:
        return 0
    return _LEGACY.size + 2 * size + (_LEGACY_TIME.size if version == 2 else 0)


def _pull_legacy(data: bytes) -> HepPacket:
    if len(data) < _LEGACY.size or data[0] not in (1, 2):
        raise Malformed("HEP3, or a header of version 1 or 2", data[:4], 0)
    version, _, family, protocol, source_port, destination_port = _LEGACY.unpack_from(data)
    size = _legacy_header(data)
    if not size or len(data) < size:
        raise Malformed("a header with addresses of IPv4 or IPv6", data[:8], 0)
    half = _ADDRESS_SIZES[family]
    begin = _LEGACY.size
    time, capture_id = None, 0
    if version == 2:
        seconds, microseconds, capture_id = _LEGACY_TIME.unpack_from(data, begin + 2 * half)
        time = seconds * 1_000_000_000 + microseconds * 1_000 or None
    return HepPacket(
        _endpoint(data[begin : begin + half], source_port.to_bytes(2, "big")),
        _endpoint(data[begin + half : begin + 2 * half], destination_port.to_bytes(2, "big")),
        protocol,
        SIP,
        data[size:],
        time,
        capture_id,
        version=version,
    )
