"""What a HEP packet says."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["HepPacket"]


@dataclass(frozen=True, slots=True)
class HepPacket:
    """One packet that somebody mirrored."""

    source: str
    """``ip:port``, IPv6 in brackets; what IPv6 maps of IPv4 is IPv4."""
    destination: str
    protocol: int
    """IP protocol; 22 means TLS."""
    payload_type: int
    """1: SIP."""
    payload: bytes
    """Expanded, if it was compressed."""
    time: int | None = None
    """When it was seen, in nanoseconds since 1970-01-01 UTC (HEP has microseconds); ``None`` when the
    sender does not say."""
    capture_id: int = 0
    """Number of who mirrored it."""
    node_name: bytes = b""
    """Name of who mirrored it; mostly empty."""
    correlation_id: bytes = b""
    """What packets of one call have in common; with SIP mostly the Call-ID."""
    key: bytes | None = field(default=None, repr=False)
    """The authentication key, in clear."""
    version: int = 3
