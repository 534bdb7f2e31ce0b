"""Numbers of HEP3: chunks, payload types, and how protocols of IP are spelled."""

from __future__ import annotations

import enum

__all__ = [
    "MAGIC",
    "MOST_PACKET",
    "SIP",
    "TCP",
    "TLS",
    "UDP",
    "Chunk",
    "Family",
    "payload_name",
]

MAGIC = b"HEP3"
MOST_PACKET = 65_507
"""Bytes of a packet that every collector takes: those of the largest UDP datagram.  The length field
could say 65,535; heplify-server closes a TCP connection on which it says more than this."""

TCP, UDP = 6, 17
"""IP protocols."""
TLS = 22
"""XNS IDP, which nobody uses any more: Kamailio, FreeSWITCH and OpenSIPS write it for TLS."""

SIP = 1
"""The payload type of SIP."""


class Family(enum.IntEnum):
    """What chunk 1 says: the address families of Linux."""

    IPV4 = 2
    IPV6 = 10


class Chunk(enum.IntEnum):
    """Types of generic chunks (vendor 0)."""

    FAMILY = 1
    PROTOCOL = 2
    IPV4_SOURCE = 3
    IPV4_DESTINATION = 4
    IPV6_SOURCE = 5
    IPV6_DESTINATION = 6
    SOURCE_PORT = 7
    DESTINATION_PORT = 8
    SECONDS = 9
    MICROSECONDS = 10
    PAYLOAD_TYPE = 11
    CAPTURE_ID = 12
    KEEP_ALIVE = 13
    AUTHENTICATION_KEY = 14
    PAYLOAD = 15
    COMPRESSED_PAYLOAD = 16
    CORRELATION_ID = 17
    VLAN = 18
    NODE_NAME = 19


_PAYLOADS = {
    SIP: "sip",
    2: "xmpp",
    3: "sdp",
    4: "rtp",
    5: "rtcp",
    6: "mgcp",
    7: "megaco",
    32: "report",
    34: "quality_report",
    35: "quality_report",
    50: "sip_json",
    53: "dns",
    54: "isup",
    56: "diameter",
    60: "call_record",
    86: "log",  # OpenSIPS: xlog
    87: "management",  # OpenSIPS: mi
    88: "rest",
    99: "report",
    100: "log",
}


def payload_name(number: int) -> str:
    """Return what a payload type is called in counters: ``rtcp``; ``type_77`` when nobody knows."""
    return _PAYLOADS.get(number, f"type_{number}")
