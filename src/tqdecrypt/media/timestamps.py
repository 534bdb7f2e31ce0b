"""What timestamps tell of streams: how many units are in a packet, and how fast they run.

Both are learned packet by packet, so that it makes no difference into which blocks a stream is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.clock import likely_rate
from tqdecrypt.media.state import State
from tqdecrypt.media.stream import Change

__all__ = ["Timed", "follow_steps", "infer_rates"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class Timed(NamedTuple):
    """Packets of a block with media in them, stream by stream in order of arrival; an entry a packet."""

    owner: Integers
    """Slot of the stream."""
    start: Integers
    """Where each stream's packets begin; an entry a stream."""
    ticks: Integers
    """Timestamp units since the packet before it."""
    time: Integers
    """Nanoseconds."""
    frame: Integers


def follow_steps(
    state: State, packets: Timed, plain: Booleans
) -> tuple[Integers, list[tuple[int, Change]]]:
    """Find how many timestamp units are in a packet, and when that changes.

    A step that comes twice in a row is the packet time; one by itself is a lost packet or a talkspurt, or the
    encoder's beginning.

    :param plain: which packets come right behind the one before them, in a talkspurt.
    :return: the step as far as it was known by each packet (0 before that), and changes, with the slots of
        their streams.
    """
    owner, start = packets.owner, packets.start
    known, told = np.zeros(len(owner), np.int64), np.zeros(len(owner), np.int64)
    known[start], told[start] = state["step"][owner[start]], start
    which = np.flatnonzero(plain)
    slot, tick = owner[which], packets.ticks[which]
    first = np.diff(slot, prepend=-1) != 0
    twice = np.flatnonzero(tick == _shifted(tick, first, state["tick"][slot[first]]))
    theirs, step = slot[twice], tick[twice]
    known[which[twice]], told[which[twice]] = step, which[twice]
    begins = np.diff(theirs, prepend=-1) != 0
    before = _shifted(step, begins, state["step"][theirs[begins]])
    changes = []
    for place in np.flatnonzero((step != before) & (before > 0)).tolist():
        at, stream = int(twice[place]), int(theirs[place])
        if first[at]:
            begun = int(state["tick_time"][stream]), int(state["tick_frame"][stream])
        else:
            begun = int(packets.time[which[at - 1]]), int(packets.frame[which[at - 1]])
        changes.append((stream, Change(*begun, int(before[place]), int(step[place]))))
    ends = np.diff(theirs, append=-1) != 0
    state["step"][theirs[ends]] = step[ends]
    last = np.diff(slot, append=-1) != 0
    state["tick"][slot[last]] = tick[last]
    state["tick_time"][slot[last]] = packets.time[which[last]]
    state["tick_frame"][slot[last]] = packets.frame[which[last]]
    return known[np.maximum.accumulate(told)], changes


def infer_rates(
    state: State,
    packets: Timed,
    spacing: Integers,
    types: npt.NDArray[np.uint8],
    known: Booleans,
) -> Iterator[int]:
    """Find the clock rate where nothing says it: once a stream and payload type; yield the slots.

    :param spacing: nanoseconds since the packet before it.
    :param types: payload types.
    :param known: whether there is a packet before it.
    """
    rates = state["rates"]
    unknown = np.flatnonzero(known & (rates[packets.owner, types] == 0))
    if not len(unknown):
        return
    pairs = packets.owner[unknown] * 128 + types[unknown]
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    advance = np.add.reduceat(packets.ticks[unknown][order], begins).tolist()
    passed = np.add.reduceat(spacing[unknown][order], begins).tolist()
    counts = np.diff(np.append(begins, len(ordered))).tolist()
    columns = [state[name] for name in ("untimed_units", "untimed_spacing", "untimed_packets")]
    for pair, *figures in zip(ordered[begins].tolist(), advance, passed, counts, strict=True):
        slot, payload_type = divmod(pair, 128)
        if state["untimed_type"][slot] != payload_type:
            state["untimed_type"][slot] = payload_type
            for column in columns:
                column[slot] = 0
        for column, figure in zip(columns, figures, strict=True):
            column[slot] += figure
        rate = likely_rate(*(int(column[slot]) for column in columns))
        if rate:
            rates[slot, payload_type] = rate
            yield slot


def _shifted(column: Integers, first: Booleans, before: Integers) -> Integers:
    """Return the value before each one of its stream.

    :param first: which is the first of its stream here.
    :param before: the value before each of those.
    """
    found = np.empty_like(column)
    found[1:] = column[:-1]
    found[first] = before
    return found
