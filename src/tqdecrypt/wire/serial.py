"""Serial-number arithmetic (RFC 1982; TCP sequence numbers, RFC 9293 section 3.4)."""

from __future__ import annotations

__all__ = ["serial_difference"]

_HALF = 1 << 31
_MASK = (1 << 32) - 1


def serial_difference(a: int, b: int) -> int:
    """Return how far 32-bit number *a* lies ahead of *b*: −2³¹ … 2³¹ − 1.

    >>> serial_difference(5, 0xFFFFFFFB)
    10
    """
    return ((a - b + _HALF) & _MASK) - _HALF
