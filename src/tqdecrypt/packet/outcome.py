"""What becomes of one packet: a transport unit, or the reason why it is none."""

from __future__ import annotations

import enum
from typing import NamedTuple, TypeAlias

__all__ = ["Address", "Dropped", "Transport"]

Address: TypeAlias = tuple[int, int]
"""High and low half of an IPv6 address as numbers; IPv4: 0 and the address."""


class Dropped(enum.StrEnum):
    """Why a packet became no row.  The value is the name of its counter.

    At any time, rows and these counters together account for every packet, each exactly once.
    """

    UNKNOWN_LINK_TYPE = "unknown_link_type"
    """Captured on a link layer that is not decoded."""
    NOT_IP = "not_ip"
    """ARP, spanning tree, PPP control, …: there is no IP in it."""
    OTHER_IP_PROTOCOL = "other_ip_protocol"
    """Neither TCP nor UDP nor a tunnel: ICMP, ESP, SCTP, …"""
    MALFORMED = "malformed_packets"
    """A header contradicts its specification, or more headers than anybody nests."""
    HEADERS_CUT = "headers_cut"
    """The snap length cut the packet before its headers end."""
    FRAGMENT_WAITING = "fragments_waiting"
    """Fragments whose datagram is not complete so far (at the end of input: never was)."""
    FRAGMENT_REASSEMBLED = "fragments_reassembled"
    """Fragments whose datagram was completed by a later one, which stands for all of them."""
    FRAGMENT_DUPLICATE = "fragments_duplicate"
    """Fragments that held no byte that was not there."""
    FRAGMENT_CUT = "fragments_cut"
    """Fragments that the snap length cut: their datagram cannot be complete."""
    FRAGMENT_DROPPED = "fragments_dropped"
    """Fragments of datagrams that were given up: too old, or the table was full."""
    UNWANTED_PORTS = "unwanted_ports"
    """Neither port is one of those asked for."""
    UNWANTED_UDP = "unwanted_udp"
    """UDP datagrams of a kind that nobody asked for, by their first byte: media, STUN, …"""
    UNWANTED_TCP = "unwanted_tcp"
    """TCP segments with payload, SYN, FIN or RST when signalling was not asked for."""
    PURE_ACKNOWLEDGMENT = "pure_acknowledgments"
    """TCP segments without payload, SYN, FIN and RST."""


class Transport(NamedTuple):
    """A TCP segment or UDP datagram: what becomes one row of the columns."""

    version: int
    """IP version, 4 or 6, of the innermost IP header."""
    source: Address
    destination: Address
    source_port: int
    destination_port: int
    payload_offset: int
    """From the start of the packet; 0 when ``detached``."""
    payload_length: int
    """Bytes of payload that were captured."""
    payload_missing: int
    """Bytes of payload behind those that the capture lacks."""
    sequence: int = 0
    acknowledgment: int = 0
    flags: int | None = None
    """Control bits of TCP; ``None`` makes it a UDP datagram."""
    first_byte: int | None = None
    """Of a UDP datagram's payload; ``None`` when no payload was captured, and for TCP."""
    detached: bytes | None = None
    """The payload when it was put together from fragments."""
    traffic_class: int = 0
    """DSCP and ECN, of the innermost IP header."""
