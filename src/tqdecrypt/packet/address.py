"""Endpoints as text, and back."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

__all__ = ["Endpoint", "endpoint_text", "parse_endpoint"]


class Endpoint(NamedTuple):
    """An address and a port, as numbers."""

    version: int
    """IP version, 4 or 6."""
    high: int
    """The upper 64 bits of the address; 0 for IPv4."""
    low: int
    """The lower 64 bits of the address."""
    port: int

    @property
    def address(self) -> bytes:
        """The address as it stands in a packet."""
        if self.version == 4:
            return self.low.to_bytes(4, "big")
        return (self.high << 64 | self.low).to_bytes(16, "big")


def endpoint_text(version: int, high: int, low: int, port: int) -> str:
    """Return ``address:port``; IPv6 in brackets (RFC 3986) and in its canonical form (RFC 5952).

    :param version: IP version, 4 or 6.
    :param high: the upper 64 bits of the address; 0 for IPv4.
    :param low: the lower 64 bits of the address.

    >>> endpoint_text(4, 0, 0xC0000201, 5061)
    '192.0.2.1:5061'
    >>> endpoint_text(6, 0x20010DB8_00000000, 1, 5061)
    '[2001:db8::1]:5061'
    """
    if version == 4:
        return f"{low >> 24}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}:{port}"
    return f"[{IPv6Address(high << 64 | low)}]:{port}"


def parse_endpoint(text: str) -> Endpoint:
    """Return what :func:`endpoint_text` made *text* of.

    >>> parse_endpoint("192.0.2.1:5061")
    Endpoint(version=4, high=0, low=3221225985, port=5061)
    """
    address, _, port = text.rpartition(":")
    if address.startswith("["):
        number = int(IPv6Address(address[1:-1]))
        return Endpoint(6, number >> 64, number & (1 << 64) - 1, int(port))
    return Endpoint(4, 0, int(IPv4Address(address)), int(port))
