"""IP, TCP and UDP around bytes, with true lengths and checksums (RFC 791, 8200, 9293, 768).

A :class:`TcpStream` turns what two ends say into segments of one connection as a reader wants them:
opened by a handshake, numbered without a hole, acknowledged before any window is full, closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from tqdecrypt.packet import ControlBits, Endpoint

__all__ = ["MOST_UDP_PAYLOAD", "TcpStream", "internet_checksum", "tcp_packet", "udp_packet"]

_FIN, _SYN, _RST, _PSH, _ACK = (
    int(ControlBits.FIN),
    int(ControlBits.SYN),
    int(ControlBits.RST),
    int(ControlBits.PSH),
    int(ControlBits.ACK),
)
_TCP, _UDP = 6, 17
_IP4 = Struct("!BBHHHBBH")
_IP6 = Struct("!IHBB")
_TCP_HEADER = Struct("!HHIIBBHHH")
_UDP_HEADER = Struct("!HHHH")
_DONT_FRAGMENT = 0x4000
_HOP_LIMIT = 64
_WINDOW = 65_535
"""The largest without scaling (RFC 9293 section 3.1)."""

MOST_UDP_PAYLOAD = {4: 65_535 - 20 - 8, 6: 65_535 - 8}
"""By IP version: what the lengths in the headers can say."""
_SEGMENT_SIZE = {4: 1460, 6: 1440}
"""By IP version: what fits into the 1,500 bytes of an Ethernet frame."""
_UNACKNOWLEDGED = _WINDOW // 2
"""Bytes after which the other end acknowledges; until then its own data does."""
_NUMBERS_APART = 0x9E3779B1
"""Odd, so that each connection between the same ends gets an initial sequence number of its own: equal
ones would read as a retransmission."""


def internet_checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071).

    2**16 is 1 modulo 65,535, so the ones' complement sum of all 16-bit words is a remainder.
    """
    total = int.from_bytes(data + b"\0" * (len(data) & 1), "big")
    # The sum is 0 for zeros alone; otherwise 65,535 stands for it (RFC 1624 section 3).
    return 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))


def udp_packet(source: Endpoint, destination: Endpoint, payload: bytes) -> bytes:
    """Return an IP packet with one UDP datagram; it is never fragmented.

    :param payload: at most :data:`MOST_UDP_PAYLOAD` bytes.
    """
    length = _UDP_HEADER.size + len(payload)
    header = _UDP_HEADER.pack(source.port, destination.port, length, 0)
    return _ip_packet(source, destination, _UDP, header + payload, 6)


def tcp_packet(
    source: Endpoint,
    destination: Endpoint,
    sequence: int,
    acknowledgment: int,
    flags: int,
    payload: bytes = b"",
    options: bytes = b"",
) -> bytes:
    """Return an IP packet with one TCP segment.

    :param options: padded to a multiple of 4 bytes.
    """
    words = (_TCP_HEADER.size + len(options)) // 4
    header = _TCP_HEADER.pack(
        source.port,
        destination.port,
        sequence & 0xFFFFFFFF,
        acknowledgment & 0xFFFFFFFF,
        words << 4,
        flags,
        _WINDOW,
        0,
        0,
    )
    return _ip_packet(source, destination, _TCP, header + options + payload, 16)


def _ip_packet(
    source: Endpoint, destination: Endpoint, protocol: int, transport: bytes, checksum_at: int
) -> bytes:
    """Put a transport header with its payload behind an IP header; fill in the checksums."""
    addresses = source.address + destination.address
    pseudo = addresses + len(transport).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    checksum = internet_checksum(pseudo + transport)
    if protocol == _UDP:
        checksum = checksum or 0xFFFF  # 0 means that there is none (RFC 768)
    transport = b"".join(
        (transport[:checksum_at], checksum.to_bytes(2, "big"), transport[checksum_at + 2 :])
    )
    if source.version == 6:
        return _IP6.pack(6 << 28, len(transport), protocol, _HOP_LIMIT) + addresses + transport
    # An atomic datagram's identification means nothing (RFC 6864 section 4.1).
    header = _IP4.pack(0x45, 0, 20 + len(transport), 0, _DONT_FRAGMENT, _HOP_LIMIT, protocol, 0)
    header = header[:10] + internet_checksum(header + addresses).to_bytes(2, "big")
    return header + addresses + transport


class TcpStream:
    """One connection; its methods return IP packets.

    :param number: tells connections between the same ends apart.
    """

    __slots__ = ("_ends", "_next", "_unacknowledged", "client", "server")

    def __init__(self, client: Endpoint, server: Endpoint, number: int) -> None:
        self.client = client
        self.server = server
        self._ends = (client, server)
        first = number * _NUMBERS_APART & 0xFFFFFFFF
        self._next = [first, first ^ 0x80000000]
        """Sequence number that comes next, by end."""
        self._unacknowledged = [0, 0]
        """Bytes of each end that the other one has not acknowledged."""

    def open(self) -> Iterator[bytes]:
        """Yield the three segments of the handshake."""
        options = b"\x02\x04" + _SEGMENT_SIZE[self._ends[0].version].to_bytes(2, "big")
        yield self._segment(0, _SYN, options=options)
        yield self._segment(1, _SYN | _ACK, options=options)
        yield self._segment(0, _ACK)

    def send(self, from_client: bool, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield the segments of *data*, and with each whether it completes it.

        Where they would fill the window, the other end's acknowledgment stands in front.
        """
        side = 0 if from_client else 1
        size = _SEGMENT_SIZE[self._ends[0].version]
        for start in range(0, len(data), size):
            if self._unacknowledged[side] > _UNACKNOWLEDGED:
                yield self._segment(1 - side, _ACK), False
            last = start + size >= len(data)
            flags = _ACK | _PSH if last else _ACK
            yield self._segment(side, flags, data[start : start + size]), last

    def finish(self, from_client: bool) -> Iterator[bytes]:
        """Yield one end's FIN, and the other end's acknowledgment."""
        side = 0 if from_client else 1
        yield self._segment(side, _FIN | _ACK)
        yield self._segment(1 - side, _ACK)

    def reset(self, from_client: bool) -> bytes:
        """Return one end's RST."""
        return self._segment(0 if from_client else 1, _RST | _ACK)

    def _segment(self, side: int, flags: int, data: bytes = b"", options: bytes = b"") -> bytes:
        other = 1 - side
        acknowledgment = self._next[other] if flags & _ACK else 0
        packet = tcp_packet(
            self._ends[side],
            self._ends[other],
            self._next[side],
            acknowledgment,
            flags,
            data,
            options,
        )
        self._next[side] += len(data) + bool(flags & (_SYN | _FIN))
        self._unacknowledged[side] += len(data)
        self._unacknowledged[other] = 0
        return packet
