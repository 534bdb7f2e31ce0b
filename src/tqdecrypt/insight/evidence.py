"""What several rules ask of a leg: who refused, which address is private, what a URI's host is."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import host_of

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.transaction import Transaction

__all__ = [
    "address_of",
    "attempts_of",
    "frames_of",
    "is_address",
    "is_private",
    "reaches_public",
    "seconds_text",
]

SECOND = 1_000_000_000
_NATS = ipaddress.ip_network("100.64.0.0/10")
"""Shared address space of providers' NATs (RFC 6598); ipaddress does not call it private."""


def attempts_of(leg: Leg) -> Iterator[Transaction]:
    """Yield the INVITEs outside of a dialog, on every hop."""
    for transaction in leg.transactions:
        if transaction.method == "INVITE" and not transaction.to_tag:
            yield transaction


def frames_of(frames: Iterable[int | None]) -> tuple[int, ...]:
    """Return frame numbers in order, without those that are not known."""
    return tuple(sorted({frame for frame in frames if frame}))


def seconds_text(nanoseconds: int) -> str:
    """Return ``32 s`` or ``0.5 s``."""
    return (
        f"{nanoseconds / SECOND:.3g} s"
        if nanoseconds < 100 * SECOND
        else (f"{nanoseconds // SECOND:,} s")
    )


def address_of(endpoint: str) -> str:
    """Return the address of ``ip:port``, without brackets."""
    return host_of(endpoint).strip("[]")


@functools.lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Return whether *host* is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Return whether *host* is an address that nobody reaches from elsewhere.

    RFC 1918, RFC 4193, RFC 6598, loopback and link-local ones.  Those set aside for documentation
    (RFC 5737, RFC 3849) count as public: they stand for such.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_loopback or address.is_link_local:
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return address in _NATS or any(address in network for network in _PRIVATE4)
    return address in _PRIVATE6


_PRIVATE4 = [
    ipaddress.IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]
_PRIVATE6 = ipaddress.IPv6Network("fc00::/7")


def reaches_public(claimed: str, seen: str) -> bool:
    """Return whether *claimed* is a private address although packets came from public *seen*."""
    return claimed != seen and is_private(claimed) and not is_private(seen)
