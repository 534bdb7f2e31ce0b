"""Sequence numbers of many streams at once: loss, duplicates, reordering, bursts and gaps.

RFC 3550 appendix A.1 and A.3 say what is lost, RFC 3611 section 4.7.2 what a burst is.  Numbers are made
longer than 16 bits by the step from packet to packet, in the order of arrival; a step that no loss explains
begins anew, and costs no packets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.grouping import Groups

__all__ = ["GMIN", "MAX_DROPOUT", "MAX_MISORDER", "RING", "Bursts", "Steps", "follow_numbers"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

MAX_DROPOUT = 3000
"""The largest step forward that is loss, and no new beginning (RFC 3550 appendix A.1)."""
MAX_MISORDER = 100
"""The largest step backward that is reordering (likewise)."""
RING = 256
"""Numbers that are remembered of each stream: more than packets are late."""
GMIN = 16
"""Received packets in a row that end a burst of loss (RFC 3611 section 4.7.2)."""
_APART = 1 << 40
"""Further apart than any two numbers of one stream: keeps streams apart in one running maximum."""


@dataclass(slots=True)
class Steps:
    """What the numbers of sorted packets say; one entry a packet."""

    extended: Integers
    """The number, without wrapping around."""
    lost: Integers
    """Packets that are missing right in front of it, as far as known when it came."""
    duplicate: Booleans
    reordered: Booleans
    """Came behind one with a higher number, and had not come before."""
    restart: Booleans
    """Its number has nothing to do with the one before."""
    following: Booleans
    """Whether it is the very next one after the packet before it."""


def follow_numbers(
    sequence: npt.NDArray[np.uint16],
    groups: Groups,
    before: npt.NDArray[np.uint16],
    extended: Integers,
    highest: Integers,
    seen: npt.NDArray[np.int32],
) -> Steps:
    """Follow the numbers of packets that are sorted by stream, in the order of arrival.

    The other arrays have an entry a group, and say where its stream stood: *before*, the number of the last
    packet; *extended*, the same without wrapping around; *highest* of those; *seen*, shape (groups,
    :data:`RING`), the numbers that came.
    """
    start, number = groups.start, groups.number
    previous = np.empty_like(sequence)
    previous[1:] = sequence[:-1]
    previous[start] = before
    step = (sequence - previous).view(np.int16).astype(np.int64)
    restart = (step > MAX_DROPOUT) | (step < -MAX_MISORDER)
    step[restart] = 1
    total = np.cumsum(step)
    total += np.repeat(extended - (total[start] - step[start]), groups.size)
    none = np.zeros(len(sequence), np.bool_)
    if (step > 0).all() and (extended == highest).all():
        return Steps(total, step - 1, none, none, restart, step == 1)
    advance = total - _highest_before(total, groups, highest)
    late = advance <= 0
    duplicate = late & (seen[number, total % RING] == total)
    together = number * _APART + total
    order = np.argsort(together, kind="stable")
    again = order[1:][together[order[1:]] == together[order[:-1]]]
    duplicate[again] = True
    lost = np.where(late, 0, advance - 1)
    return Steps(total, lost, duplicate, late & ~duplicate, restart, step == 1)


def _highest_before(total: Integers, groups: Groups, highest: Integers) -> Integers:
    """Return the highest number in front of each packet."""
    raised = total.copy()
    raised[groups.start] = np.maximum(raised[groups.start], highest)
    apart = groups.number * _APART
    running = np.maximum.accumulate(raised + apart) - apart
    found = np.empty_like(running)
    found[1:] = running[:-1]
    found[groups.start] = highest
    return found


class Bursts:
    """Bursts and gaps of many streams (RFC 3611 section 4.7.2); one entry a stream.

    Losses with fewer than :data:`GMIN` received packets between them are one burst; a single loss by itself
    belongs to the gap around it.  What comes late counts as lost: a receiver had to play without it.

    :ivar bursts: bursts that ended.
    :ivar lost: packets lost in them.
    :ivar length: packets, lost or not, from the first to the last lost one of each.
    :ivar isolated: packets lost by themselves.
    """

    NAMES = ("bursts", "lost", "length", "isolated", "open_lost", "open_length", "since")

    def __init__(self, size: int) -> None:
        self.bursts = np.zeros(size, np.int64)
        self.lost = np.zeros(size, np.int64)
        self.length = np.zeros(size, np.int64)
        self.isolated = np.zeros(size, np.int64)
        self.open_lost = np.zeros(size, np.int64)
        self.open_length = np.zeros(size, np.int64)
        self.since = np.zeros(size, np.int64)
        """Packets received since the last loss."""

    def receive(self, slots: Integers, groups: Groups, lost: Integers) -> None:
        """Take a block's sorted packets; *slots* has the entry of each group."""
        at = np.flatnonzero(lost)
        received = self.since[slots] + groups.size
        if len(at):
            number = groups.number[at]
            received[number] = groups.start[number] + groups.size[number] - at
            self._losses(slots, groups, at, number, lost[at])
        self.since[slots] = received

    def _losses(
        self, slots: Integers, groups: Groups, at: Integers, number: Integers, lost: Integers
    ) -> None:
        first = np.ones(len(at), np.bool_)
        first[1:] = number[1:] != number[:-1]
        between = np.empty(len(at), np.int64)
        between[1:] = at[1:] - at[:-1]
        between[first] = self.since[slots[number[first]]] + at[first] - groups.start[number[first]]
        near = between < GMIN
        near[first] &= self.open_lost[slots[number[first]]] > 0
        begins = np.flatnonzero(first | ~near)
        owner = slots[number[begins]]
        amount = np.add.reduceat(lost, begins)
        inner = lost + np.where(near, between, 0)
        length = np.add.reduceat(inner, begins)
        joined = near[begins]  # only the first of a stream's can be: it goes on with the open one
        closing = owner[first[begins] & ~joined]
        self._close(closing, self.open_lost[closing], self.open_length[closing])
        amount[joined] += self.open_lost[owner[joined]]
        length[joined] += self.open_length[owner[joined]]
        last = np.ones(len(begins), np.bool_)
        last[:-1] = owner[1:] != owner[:-1]
        self._close(owner[~last], amount[~last], length[~last])
        self.open_lost[owner[last]] = amount[last]
        self.open_length[owner[last]] = length[last]

    def _close(self, slots: Integers, lost: Integers, length: Integers) -> None:
        long = lost > 1
        np.add.at(self.bursts, slots[long], 1)
        np.add.at(self.lost, slots[long], lost[long])
        np.add.at(self.length, slots[long], length[long])
        np.add.at(self.isolated, slots[~long], lost[~long])

    def finish(self, slots: Integers) -> None:
        """No more comes of these streams: what is open ends."""
        self._close(slots, self.open_lost[slots], self.open_length[slots])
        self.open_lost[slots] = self.open_length[slots] = 0
