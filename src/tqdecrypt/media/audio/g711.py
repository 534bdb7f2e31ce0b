"""G.711: an octet a sample, A-law and µ-law, by tables.

Both laws cut each half of the scale into eight segments, each twice as long as the one before it, of
sixteen steps.  ITU-T G.711 gives values of 13 bits with sign for A-law (table 1, times two to have whole
numbers) and of 14 bits for µ-law (table 2); here they fill 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["A_LAW", "MU_LAW"]


def _mu_law() -> NDArray[np.int16]:
    """Table 2a and 2b: every bit is inverted on the line; a set sign bit is positive there."""
    code = ~np.arange(256) & 0xFF
    segment, step = code >> 4 & 7, code & 15
    # Steps of 2, 4, 8 …; the first value is 0, and 33 is where the segments would meet.
    value = ((2 * step + 33) << segment) - 33
    return np.where(code & 0x80, -4 * value, 4 * value).astype(np.int16)


def _a_law() -> NDArray[np.int16]:
    """Table 1a and 1b: every second bit is inverted on the line; a set sign bit is positive."""
    code = np.arange(256) ^ 0x55
    segment, step = code >> 4 & 7, code & 15
    # The lowest two segments have steps of the same size; a value is the middle of its step.
    value = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, 8 * value, -8 * value).astype(np.int16)


MU_LAW = _mu_law()
"""Octet → sample of 16 bits."""
A_LAW = _a_law()
"""Octet → sample of 16 bits."""
