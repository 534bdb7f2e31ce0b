"""Which packets are telephone events (RFC 4733), and where each event begins and ends.

What the session description says of a payload type decides.  Where it says nothing, shape does: in clear an
event has four bytes; SRTP's tag makes eight, fourteen or twenty of them, which a frame of speech can have,
too, so then the type must be another one than that of the speech around it.  A packet is judged by what came
before it in its stream, never by what comes later or by how packets fall into blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.grouping import Groups
from tqdecrypt.media.state import NO_TYPE, State
from tqdecrypt.media.stream import Event
from tqdecrypt.media.suppression import COMFORT_NOISE
from tqdecrypt.sip.sdp_attributes import Codec

if TYPE_CHECKING:
    from tqdecrypt.media.update import Notes

__all__ = ["choose_main_type", "event_packets", "note_digits", "type_bits"]

MOST_DIGITS = 64
"""Telephone events kept of a stream."""
_FIRST_DYNAMIC = 96
_IN_CLEAR = 4
_LENGTHS = np.zeros(1 << 16, np.bool_)
_LENGTHS[[_IN_CLEAR, 8, 14, 20]] = True
"""Bytes of a telephone event: in clear, and with SRTP's tags of 4, 10 and 16 bytes."""
_LONGEST = 64
"""Bytes of the longest one that is believed where the type is announced: a few events in a packet (RFC 4733
section 2.5.1.5), SRTP's tag and key identifier.  More is somebody who means something else by the type."""

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Types = npt.NDArray[np.uint8]


def type_bits(formats: Mapping[int, Codec]) -> tuple[int, int]:
    """Return a bit for each dynamic payload type that is announced, and for those that are events."""
    told = events = 0
    for number, codec in formats.items():
        if number >= _FIRST_DYNAMIC:
            told |= 1 << number - _FIRST_DYNAMIC
            if codec.name.lower() == "telephone-event":
                events |= 1 << number - _FIRST_DYNAMIC
    return told, events


def event_packets(
    state: State, groups: Groups, slots: Integers, types: Types, length: Integers
) -> Booleans:
    """Return which packets of a block are telephone events, and note their types.

    :param types: payload types of the packets, sorted by stream.
    :param length: bytes of payload.
    """
    event = np.zeros(len(types), np.bool_)
    dynamic = np.flatnonzero(types >= _FIRST_DYNAMIC)
    if not len(dynamic):
        return event
    owner = slots[groups.number[dynamic]]
    shift = (types[dynamic] - _FIRST_DYNAMIC).astype(np.uint32)
    announced = state["announced"][owner] >> shift & np.uint32(1)
    told = (state["announced_events"][owner] >> shift & np.uint32(1)).astype(np.bool_)
    event[dynamic[told & (length[dynamic] <= _LONGEST)]] = True
    short = dynamic[_LENGTHS[np.minimum(length[dynamic], 0xFFFF)] & (announced == 0)]
    if len(short):
        _judge_by_shape(state, groups, slots, types, length, event, short)
    if event.any():
        at = np.flatnonzero(event)
        bits = np.uint32(1) << (types[at] - _FIRST_DYNAMIC).astype(np.uint32)
        np.bitwise_or.at(state["event_types"], slots[groups.number[at]], bits)
    return event


def _judge_by_shape(
    state: State,
    groups: Groups,
    slots: Integers,
    types: Types,
    length: Integers,
    event: Booleans,
    short: Integers,
) -> None:
    """Mark those among the *short* packets, whose types nobody announced, that are events."""
    event[short[length[short] == _IN_CLEAR]] = True
    doubtful = short[length[short] != _IN_CLEAR]
    if not len(doubtful):
        return
    # The type of speech in front of each packet: that of the last one that is surely none.
    speech = ~event
    speech[doubtful] = False
    last = np.maximum.accumulate(np.where(speech, np.arange(len(types)), -1))[doubtful]
    group = groups.number[doubtful]
    begin = groups.start[group]
    before = state["type"][slots[group]].copy()
    here = last >= begin
    before[here] = types[last[here]]
    unknown = np.flatnonzero(before == NO_TYPE)
    if len(unknown):
        # Nothing but events in clear came before the first one: its type is the stream's own.
        first = np.append(True, group[unknown][1:] != group[unknown][:-1])
        leader = doubtful[
            unknown[np.maximum.accumulate(np.where(first, np.arange(len(unknown)), 0))]
        ]
        before[unknown] = types[leader]
    event[doubtful[types[doubtful] != before]] = True


def note_digits(
    state: State,
    notes: Mapping[int, Notes],
    at: Integers,
    owner: Integers,
    timestamp: npt.NDArray[np.uint32],
    time: Integers,
    frame: Integers,
) -> None:
    """Note events: all packets of one have the same timestamp (RFC 4733 section 2.2.2).

    :param at: places of the packets that are events; *owner* has the slot of each.
    """
    stamp = timestamp[at].astype(np.int64) + 1
    first = np.append(True, owner[1:] != owner[:-1])
    before = np.empty_like(stamp)
    before[1:] = stamp[:-1]
    before[first] = state["event_timestamp"][owner[first]]
    begins = np.flatnonzero(first | (stamp != before))
    untils = np.maximum.reduceat(time[at], begins).tolist()
    fresh = stamp[begins] != before[begins]
    last = np.append(np.flatnonzero(first)[1:], len(at)) - 1
    state["event_timestamp"][owner[last]] = stamp[last]
    for begin, until, new in zip(begins.tolist(), untils, fresh.tolist(), strict=True):
        slot = int(owner[begin])
        digits = notes[slot].digits
        if new:
            state["digits"][slot] += 1
            if len(digits) < MOST_DIGITS:
                since = int(time[at[begin]])
                digits.append(Event(since, int(frame[at[begin]]), until - since))
        elif digits and int(state["digits"][slot]) == len(digits):  # goes on from an earlier block
            known = digits[-1]
            digits[-1] = known._replace(duration=max(known.duration, until - known.time))


def choose_main_type(state: State, slot: int) -> int:
    """Return the payload type with most packets; comfort noise and events count only alone."""
    counts = state["types"][slot].copy()
    fallback = int(np.argmax(counts))
    counts[COMFORT_NOISE] = 0
    marked = np.flatnonzero(int(state["event_types"][slot]) >> np.arange(32) & 1) + _FIRST_DYNAMIC
    # A type that was speech before it looked like events stays.
    if counts[marked].sum() == state["events"][slot]:
        counts[marked] = 0
    return int(np.argmax(counts)) if counts.any() else fallback
