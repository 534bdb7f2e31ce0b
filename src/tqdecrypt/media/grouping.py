"""Rows of one block put together by the stream that they are of."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.columns import RtpColumns

__all__ = ["Groups", "Keys", "group", "group_of_keys", "keys_of"]

Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

_MULTIPLIERS = np.array([secrets.randbits(64) | 1 for _ in range(8)], np.uint64)
"""Drawn anew in each process, so that nobody makes packets whose keys collide."""


@dataclass(slots=True)
class Groups:
    """Rows sorted by group; rows of one group keep their order."""

    order: Integers
    """Indexes of the rows, group by group."""
    start: Integers
    """Where each group begins in ``order``."""
    size: Integers
    """Rows of each group."""
    number: Integers
    """Number of the group of each sorted row."""

    @property
    def last(self) -> Integers:
        """Where the last row of each group stands in ``order``."""
        last: Integers = self.start + self.size - 1
        return last


def keys_of(rtp: RtpColumns) -> Keys:
    """Return a number for each packet: the same for packets with the same addresses, ports and SSRC.

    A hash of 64 bits with secret multipliers: that two streams of one capture share it does not happen.
    """
    ports = rtp.source_port.astype(np.uint64) << np.uint64(16) | rtp.destination_port
    words = [rtp.ssrc.astype(np.uint64) << np.uint64(32) | ports]
    words += [rtp.source[:, 1], rtp.destination[:, 1]]
    if (rtp.version == 6).any():
        words += [rtp.source[:, 0], rtp.destination[:, 0], rtp.version.astype(np.uint64)]
    key = np.zeros(len(rtp), np.uint64)
    for word, multiplier in zip(words, _MULTIPLIERS, strict=False):
        # Multiplication carries bits upwards only: the fold brings them down again.
        mixed = word * multiplier
        mixed ^= mixed >> np.uint64(31)
        key = (key ^ mixed) * _MULTIPLIERS[7]
        key ^= key >> np.uint64(29)
    return key


def group(rtp: RtpColumns) -> tuple[Groups, Keys]:
    """Group packets by stream; return the key of each group, too."""
    keys = keys_of(rtp)
    groups = group_of_keys(keys)
    return groups, keys[groups.order[groups.start]]


def group_of_keys(keys: npt.NDArray[Any]) -> Groups:
    """Group rows by their keys."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    start = np.flatnonzero(first)
    size = np.diff(np.append(start, len(keys)))
    return Groups(order, start, size, np.cumsum(first) - 1)
