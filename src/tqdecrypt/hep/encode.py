"""From what is to be mirrored to the bytes of HEP3."""

from __future__ import annotations

from ipaddress import ip_address
from struct import Struct

from tqdecrypt.errors import Malformed
from tqdecrypt.hep.chunks import MAGIC, MOST_PACKET, Chunk, Family
from tqdecrypt.hep.packet import HepPacket

__all__ = ["encode_chunk", "encode_ends", "encode_packet", "encode_time", "pack"]

_CHUNK = Struct("!HHH")
_HEADER = len(MAGIC) + 2


def encode_chunk(kind: Chunk, body: bytes) -> bytes:
    """Return a generic chunk: vendor 0, type, length with these six bytes, body."""
    return _CHUNK.pack(0, kind, _CHUNK.size + len(body)) + body


def pack(*chunks: bytes) -> bytes | None:
    """Return the packet with these chunks; ``None`` when it is longer than collectors take."""
    body = b"".join(chunks)
    size = _HEADER + len(body)
    return None if size > MOST_PACKET else MAGIC + size.to_bytes(2, "big") + body


def encode_ends(source: str, destination: str, protocol: int) -> bytes:
    """Return the chunks 1 to 4, or 1, 2, 5 and 6, and 7 and 8.

    :param source: ``ip:port``, IPv6 in brackets.
    """
    chunks = []
    addresses = []
    ports = []
    for end in (source, destination):
        host, _, port = end.rpartition(":")
        addresses.append(ip_address(host.strip("[]").partition("%")[0]))
        ports.append(int(port))
    family = Family.IPV4 if addresses[0].version == 4 else Family.IPV6
    chunks.append(encode_chunk(Chunk.FAMILY, bytes([family])))
    chunks.append(encode_chunk(Chunk.PROTOCOL, bytes([protocol])))
    kinds = {4: (Chunk.IPV4_SOURCE, Chunk.IPV4_DESTINATION)}
    for at, address in enumerate(addresses):
        kind = kinds.get(address.version, (Chunk.IPV6_SOURCE, Chunk.IPV6_DESTINATION))[at]
        chunks.append(encode_chunk(kind, address.packed))
    for kind, number in zip((Chunk.SOURCE_PORT, Chunk.DESTINATION_PORT), ports, strict=True):
        chunks.append(encode_chunk(kind, number.to_bytes(2, "big")))
    return b"".join(chunks)


def encode_time(time: int) -> bytes:
    """Return the chunks 9 and 10 for a time in nanoseconds; what is less than a microsecond is cut."""
    seconds, rest = divmod(time, 1_000_000_000)
    return encode_chunk(Chunk.SECONDS, (seconds & 0xFFFFFFFF).to_bytes(4, "big")) + encode_chunk(
        Chunk.MICROSECONDS, (rest // 1_000).to_bytes(4, "big")
    )


def encode_packet(packet: HepPacket) -> bytes:
    """Return the bytes of a HEP3 packet; optional chunks are there when they say something.

    :raises Malformed: when it is longer than :data:`~tqdecrypt.hep.chunks.MOST_PACKET`.
    """
    chunks = [
        encode_ends(packet.source, packet.destination, packet.protocol),
        encode_time(packet.time or 0),
        encode_chunk(Chunk.PAYLOAD_TYPE, bytes([packet.payload_type])),
        encode_chunk(Chunk.CAPTURE_ID, packet.capture_id.to_bytes(4, "big")),
    ]
    if packet.key is not None:
        chunks.append(encode_chunk(Chunk.AUTHENTICATION_KEY, packet.key))
    if packet.correlation_id:
        chunks.append(encode_chunk(Chunk.CORRELATION_ID, packet.correlation_id))
    if packet.node_name:
        chunks.append(encode_chunk(Chunk.NODE_NAME, packet.node_name))
    if len(packet.payload) > MOST_PACKET:
        raise Malformed(f"a payload of less than {MOST_PACKET:,} bytes", len(packet.payload))
    packed = pack(*chunks, encode_chunk(Chunk.PAYLOAD, packet.payload))
    if packed is None:
        raise Malformed(f"a packet of at most {MOST_PACKET:,} bytes")
    return packed
