"""``epb_dropcount``: how many packets were lost in front of an Enhanced Packet Block (section 4.3.1).

Some programs write options behind every packet, so they are walked over as columns: each round looks at the
next option of all packets that have one more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["DROPPED_IN_FRONT", "drops_in_options", "joined_drops"]

DROPPED_IN_FRONT = "packets_dropped_in_front_of_others"
"""Counter of what packets tell: the same losses as in an interface's statistics, but with their place."""
_DROPCOUNT = 4
_END_OF_OPTIONS = 0
MOST_OPTIONS = 32
"""Options of a packet that are looked at; nobody writes half as many."""
MOST_DROPPED = 1 << 40
"""Packets lost in front of one that are believed: no interface brings more in a day."""

Integers = npt.NDArray[np.int64]
Drops = npt.NDArray[np.int64] | None


def drops_in_options(buffer: bytes, order: str, start: Integers, end: Integers) -> Drops:
    """Return the number of packets lost in front of each packet, 0 where no option tells it; ``None`` when
    none does.

    :param order: of bytes, ``<`` or ``>``.
    :param start: where the options of each packet begin in *buffer*.
    :param end: where they end at the latest.
    """
    found = np.zeros(len(start), np.int64)
    halves = np.ndarray((len(buffer) - 3,), "V4", buffer, 0, (1,))
    values = np.ndarray((len(buffer) - 7,), "V8", buffer, 0, (1,))
    rows = np.arange(len(start))
    at = start
    for _ in range(MOST_OPTIONS):
        there = at + 4 <= end[rows]
        rows, at = rows[there], at[there]
        if not len(rows):
            break
        head = halves[at].view(order + "u2").reshape(-1, 2).astype(np.int64)
        code, length = head[:, 0], head[:, 1]
        whole = (code != _END_OF_OPTIONS) & (at + 4 + length <= end[rows])
        told = np.flatnonzero(whole & (code == _DROPCOUNT) & (length == 8))
        if len(told):
            counts = values[at[told] + 4].view(order + "u8")
            found[rows[told]] = np.minimum(counts, np.uint64(MOST_DROPPED)).astype(np.int64)
        rows, at = rows[whole], (at + 4 + (length + 3) // 4 * 4)[whole]
    return found if found.any() else None


def joined_drops(parts: list[tuple[Drops, int]]) -> Drops:
    """Return the columns of several parts as one; ``None`` when none of them has one.

    :param parts: each column, and how many packets it is for.
    """
    if all(column is None for column, _ in parts):
        return None
    return np.concatenate(
        [np.zeros(size, np.int64) if column is None else column for column, size in parts]
    )
