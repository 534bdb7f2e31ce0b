"""Ethernet, IPv4 and TCP around bytes, with true lengths and checksums, as pcap records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

__all__ = ["BARE_SEGMENT", "PCAP_HEADER", "TcpConnection", "datagram"]

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
"""Of a classic capture: little-endian, microseconds, Ethernet."""

FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
MSS = 1448
"""Payload of a full segment: 1,500 bytes less IP and TCP headers with timestamps."""
SEGMENTS_PER_ACK = 4
"""Data segments of a direction to every empty acknowledgement by the receiver; mostly its own
data carries the acknowledgement."""

_ETHERNET = bytes.fromhex("020000000002 020000000001 0800")
_IP_START = struct.Struct("!BBHHHBBH")
_TCP = struct.Struct("!HHIIBBHHHBBBBII")
_UDP = struct.Struct("!HHHH")
_RECORD = struct.Struct("<IIII")
BARE_SEGMENT = _RECORD.size + len(_ETHERNET) + 20 + 32
"""Length of the pcap record of a segment without data."""


def _folded(total: int) -> int:
    """The Internet checksum of a big-endian integer (RFC 1071).

    2**16 is 1 modulo 65,535, so the ones' complement sum of all 16-bit words is a remainder.
    """
    return 0xFFFF - total % 0xFFFF


def datagram(
    time: int, source: tuple[str, int], destination: tuple[str, int], data: bytes
) -> bytes:
    """A pcap record at ``time`` (microseconds) holding one UDP datagram without a checksum."""
    addresses = IPv4Address(source[0]).packed + IPv4Address(destination[0]).packed
    ip = _IP_START.pack(0x45, 0, 28 + len(data), 0, 0x4000, 64, 17, 0)
    check = _folded(int.from_bytes(ip + addresses)).to_bytes(2)
    udp = _UDP.pack(source[1], destination[1], 8 + len(data), 0)
    size = len(_ETHERNET) + 28 + len(data)
    record = _RECORD.pack(*divmod(time, 1_000_000), size, size)
    return b"".join((record, _ETHERNET, ip[:10], check, addresses, udp, data))


@dataclass(slots=True)
class Flow:
    """One direction of a TCP connection: its addresses, ports and next numbers."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    sequence: int
    addresses: bytes = b""
    identification: int = 0
    unacknowledged: int = 0

    def __post_init__(self) -> None:
        self.addresses = IPv4Address(self.source).packed + IPv4Address(self.destination).packed

    def packet(self, time: int, flags: int, acknowledgement: int, data: bytes = b"") -> bytes:
        """A pcap record at ``time`` (microseconds) holding one segment; numbers it on."""
        self.identification = (self.identification + 1) & 0xFFFF
        length = 32 + len(data)
        ip = _IP_START.pack(0x45, 0, 20 + length, self.identification, 0x4000, 64, 6, 0)
        check = _folded(int.from_bytes(ip + self.addresses))
        stamp = time // 1000 & 0xFFFFFFFF
        numbers = (self.source_port, self.destination_port, self.sequence, acknowledgement)
        # Eight words of header; after two paddings option 8, timestamps (RFC 7323).
        options = (1, 1, 8, 10, stamp, stamp)
        payload = _TCP.pack(*numbers, 0x80, flags, 502, 0, 0, *options) + data
        words = int.from_bytes(payload + b"\0" * (len(data) & 1))
        tcp_check = _folded(words + int.from_bytes(self.addresses) + 6 + length)
        self.sequence = (self.sequence + len(data) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        size = len(_ETHERNET) + 20 + length
        return b"".join(
            (
                _RECORD.pack(*divmod(time, 1_000_000), size, size),
                _ETHERNET,
                ip[:10],
                check.to_bytes(2),
                self.addresses,
                payload[:16],
                tcp_check.to_bytes(2),
                payload[18:],
            )
        )


class TcpConnection:
    """A connection that turns what its ends say into packets."""

    def __init__(
        self, client: tuple[str, int], server: tuple[str, int], client_isn: int, server_isn: int
    ) -> None:
        self._flows = (Flow(*server, *client, server_isn), Flow(*client, *server, client_isn))

    def open(self, time: int) -> list[bytes]:
        """The three-way handshake."""
        server, client = self._flows
        return [
            client.packet(time, SYN, 0),
            server.packet(time + 40, SYN | ACK, client.sequence),
            client.packet(time + 80, ACK, server.sequence),
        ]

    def send(self, from_client: bool, data: bytes, time: int) -> list[bytes]:
        """Segments of ``data``, and now and then the other end's empty acknowledgement."""
        sender, receiver = self._flows[from_client], self._flows[not from_client]
        packets = []
        for start in range(0, len(data), MSS):
            part = data[start : start + MSS]
            flags = ACK | PSH if start + MSS >= len(data) else ACK
            packets.append(sender.packet(time, flags, receiver.sequence, part))
            sender.unacknowledged += 1
            time += 1
        if sender.unacknowledged >= SEGMENTS_PER_ACK:
            sender.unacknowledged = 0
            packets.append(receiver.packet(time, ACK, sender.sequence))
        return packets

    def close(self, time: int) -> list[bytes]:
        """Both ends finish, the client first."""
        server, client = self._flows
        return [
            client.packet(time, FIN | ACK, server.sequence),
            server.packet(time + 40, FIN | ACK, client.sequence),
            client.packet(time + 80, ACK, server.sequence),
        ]
