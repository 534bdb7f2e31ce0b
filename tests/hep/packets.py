"""HEP packets in three versions, made by hand."""

from __future__ import annotations

import ipaddress
import struct

from tqdecrypt.hep import HepPacket

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1\r\n"
    b"From: <sip:ada@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@example.com\r\n"
    b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
PACKET = HepPacket(
    "192.0.2.1:40000",
    "192.0.2.2:5061",
    22,
    1,
    INVITE,
    1_700_000_000_123_456_000,
    2001,
    b"edge",
    b"1@example.com",
    b"secret",
)
EXAMPLE = bytes.fromhex(
    "48455033 0071 00000001000702 00000002000711 00000003000ad4ca0001 00000004000a527400d3"
    "0000000700082eea 00000008000813c4 00000009000a4e4982cb 0000000a000a0001d4c0 0000000b000701"
    "0000000c000a000000e4 0000000f0014494e56495445207369703a626f62"
)
"""The example of the HEP3 specification, revision 37."""


def chunk(kind: int, body: bytes, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", vendor, kind, 6 + len(body)) + body


def hep3(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"HEP3" + (6 + len(body)).to_bytes(2, "big") + body


def ends(protocol: int = 17) -> list[bytes]:
    return [
        chunk(1, b"\x02"),
        chunk(2, bytes([protocol])),
        chunk(3, bytes([192, 0, 2, 1])),
        chunk(4, bytes([192, 0, 2, 2])),
        chunk(7, (5060).to_bytes(2, "big")),
        chunk(8, (5070).to_bytes(2, "big")),
    ]


def legacy(version: int, source: str, destination: str, payload: bytes = INVITE) -> bytes:
    """Return HEP1 or HEP2 in the layout of Kamailio's structures, from and to port 5060."""
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    family = 2 if a.version == 4 else 10
    size = 8 + 2 * len(a.packed)
    header = struct.pack("!BBBBHH", version, size, family, 17, 5060, 5060) + a.packed + b.packed
    time = struct.pack("<IIH2x", 1_700_000_000, 250_000, 9) if version == 2 else b""
    return header + time + payload
