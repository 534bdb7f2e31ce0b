"""Endpoints as text."""

from __future__ import annotations

from ipaddress import IPv6Address

__all__ = ["endpoint_text"]


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
