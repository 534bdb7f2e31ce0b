"""What the formats have in common: packets are found in a buffer, as columns."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_RECORD", "Index", "Indexed"]

MAX_RECORD = 1 << 26
"""Bytes of the longest record that is believed.  Anything longer is damage: network packets have
some kilobytes, and a block of session secrets may have some megabytes."""


class Indexed(NamedTuple):
    """The packets that were found in a buffer, and how to go on behind them."""

    time: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    interface: npt.NDArray[np.uint16]
    consumed: int
    """Where the next record begins."""
    wanted: int
    """Bytes from there that must be at hand before looking again can help."""
    damaged: str
    """What is wrong there; empty when nothing is."""
    dropped: npt.NDArray[np.int64] | None = None
    """Packets that the capture lost in front of each one; ``None`` when it says of none."""


class Index(Protocol):
    """Finds the packets of one source, a buffer at a time."""

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with a record."""
