"""Files of HEP3 packets, one behind the other, as ``export hep -o FILE`` writes them."""

from __future__ import annotations

import numpy as np

from tqdecrypt.capture.block import Interface
from tqdecrypt.capture.facts import Facts
from tqdecrypt.capture.indexed import Indexed
from tqdecrypt.hep import MAGIC, pull_time

__all__ = ["HEP_LINK_TYPE", "HepIndex"]

HEP_LINK_TYPE = 1 << 16
"""Ours, above all LINKTYPE_ numbers, which have 16 bits: the packet is HEP3, without anything around."""
_HEADER = len(MAGIC) + 2


class HepIndex:
    """Finds the packets of one file; each was captured when it says that it was."""

    def __init__(self, source: str, facts: Facts) -> None:
        self._interface = facts.interface_number(Interface(HEP_LINK_TYPE, 0, "", source))

    def index(self, buffer: bytes, start: int) -> Indexed:
        """Find the packets in ``buffer[start:]``, which begins with one."""
        offsets: list[int] = []
        sizes: list[int] = []
        times: list[int] = []
        position, wanted, damaged = start, _HEADER, ""
        while len(buffer) - position >= _HEADER:
            size = int.from_bytes(buffer[position + 4 : position + 6], "big")
            if buffer[position : position + 4] != MAGIC or size < _HEADER:
                damaged = "no HEP3 packet begins there"
                break
            if len(buffer) - position < size:
                wanted = size
                break
            offsets.append(position)
            sizes.append(size)
            times.append(pull_time(buffer[position : position + size]))
            position += size
        lengths = np.array(sizes, np.int64)
        return Indexed(
            np.array(times, np.int64),
            np.array(offsets, np.int64),
            lengths,
            lengths,
            np.full(len(offsets), self._interface, np.uint16),
            position,
            wanted,
            damaged,
        )
