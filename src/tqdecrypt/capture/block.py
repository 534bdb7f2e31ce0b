"""What capture files and interfaces hand to the decoder: columns over one buffer."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Buffer", "Interface", "PacketBlock"]

Buffer: TypeAlias = "bytes | bytearray | memoryview | mmap.mmap"


class Interface(NamedTuple):
    """Where packets were captured."""

    link_type: int
    """LINKTYPE_ number of the tcpdump.org registry (1 Ethernet, 113 Linux cooked, …)."""
    snap_length: int
    """Most bytes kept of a packet; 0 when unlimited or unknown."""
    name: str
    """``eth0``; empty when the file does not say."""
    source: str
    """File name, or ``-`` for standard input."""


@dataclass(slots=True)
class PacketBlock:
    """Up to some thousands of packets: one buffer and a column for each property.

    All columns have one entry a packet.  Packets are numbered on from ``first_frame``: entry *i*
    is frame ``first_frame + i`` of everything that is read (several files count as one capture in
    time order).  Times are as captured, and may go backwards.  A block may be empty.
    """

    buffer: Buffer
    first_frame: int
    time: npt.NDArray[np.int64]
    """Nanoseconds since 1970-01-01 UTC."""
    offset: npt.NDArray[np.int64]
    """Where the packet's first byte stands in ``buffer``."""
    captured: npt.NDArray[np.int64]
    """Bytes that were kept: the packet is ``buffer[offset : offset + captured]``."""
    length: npt.NDArray[np.int64]
    """Bytes that were on the wire; more than ``captured`` when the snap length cut the packet."""
    interface: npt.NDArray[np.uint16]
    """Index into ``interfaces``."""
    interfaces: Sequence[Interface]
    dropped: npt.NDArray[np.int64] | None = None
    """Packets that the capture lost between each packet and the one before on the same interface, by what it
    says itself (pcapng's ``epb_dropcount``); ``None`` when it says of none."""

    @classmethod
    def empty(cls) -> PacketBlock:
        """Return a block without packets."""
        none = np.zeros(0, np.int64)
        return cls(b"", 1, none, none, none, none, none.astype(np.uint16), ())

    def __len__(self) -> int:
        return len(self.offset)
