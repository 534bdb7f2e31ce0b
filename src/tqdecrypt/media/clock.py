"""How fast timestamps run: by payload type (RFC 3551), or by what they show."""

from __future__ import annotations

import numpy as np

from tqdecrypt.sip.sdp_attributes import STATIC_TYPES

__all__ = ["LIKELY_RATES", "STATIC_RATES", "likely_rate"]

STATIC_RATES = np.zeros(128, np.float32)
"""Hertz by payload type (RFC 3551 section 6); 0 where that says nothing.  G.722 runs at 8000, by an old
mistake that cannot be mended (section 4.5.2)."""
for _number, _encoding in STATIC_TYPES.items():
    STATIC_RATES[int(_number)] = int(_encoding.split("/")[1])

LIKELY_RATES = (8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000)
"""Clock rates that codecs have."""
FEWEST = 10
"""Packets from which on the rate can be told."""
TOLERANCE = 0.1
"""How far off it may be: the nearest two rates are a twelfth apart, and ten packets tell no more."""


def likely_rate(units: int, elapsed: int, packets: int) -> int:
    """Return the clock rate of packets whose timestamps went on by *units* in *elapsed* nanoseconds.

    0 when it cannot be told.
    """
    if packets < FEWEST or units <= 0 or elapsed <= 0:
        return 0
    measured = units * 1e9 / elapsed
    nearest = min(LIKELY_RATES, key=lambda rate: abs(rate - measured))
    return nearest if abs(nearest - measured) <= TOLERANCE * nearest else 0
