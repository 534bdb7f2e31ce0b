"""The table of RTP streams: a block's packets go in as columns, finished streams come out.

Per block there is Python per stream that begins and per rare event (a change of payload type, a pause),
never per packet.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.amr_modes import AmrModes, amr_formats
from tqdecrypt.media.clock import STATIC_RATES
from tqdecrypt.media.columns import RtpColumns
from tqdecrypt.media.concluding import conclude
from tqdecrypt.media.ends import AtEnds
from tqdecrypt.media.event_packets import type_bits
from tqdecrypt.media.grouping import Groups, Keys, group
from tqdecrypt.media.jitter_buffer import JitterBuffer
from tqdecrypt.media.sequences import MAX_DROPOUT, MAX_MISORDER, RING
from tqdecrypt.media.state import NO_TYPE, State
from tqdecrypt.media.stream import Stream
from tqdecrypt.media.update import BlockUpdate, LossLog, Notes
from tqdecrypt.packet import endpoint_text
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["MOST_STREAMS", "FormatsOf", "Running", "StreamTable"]

FormatsOf = Callable[[str, str], Mapping[int, Codec]]
"""Returns what session descriptions say: payload type → what it is, of packets from and to an endpoint."""

ANEW_AFTER = 2_000_000_000
"""Nanoseconds of silence behind which a jump of the numbers begins another stream."""
MOST_ANEW = 64
"""Streams that begin anew in a block; more are a jump of the numbers."""
MOST_STREAMS = 10_000
"""Streams followed at once, some five kilobytes each.  A full table gives up the eighth part of them whose
last packet is the oldest: five thousand calls at a time have their two streams each."""
_FEWEST_PACKETS = 3
"""Packets of a stream that counts when others are asked whether they lack some, too."""
_SECOND = 1_000_000_000

Integers = npt.NDArray[np.int64]


class Running(NamedTuple):
    """A stream in the table, as it is just now.  Times in nanoseconds."""

    slot: int
    number: int
    source: str
    destination: str
    ssrc: int
    started: int
    ended: int
    """When its latest packet came."""


class StreamTable:
    """Follows streams.

    :param on_stream: told each stream when it is given up, or at the end.
    :param on_begin: told each stream when it begins.
    :param formats: says what session descriptions know of a new stream.
    :param on_losses: told where packets are missing.
    :param buffers: makes the jitter buffer that each stream passes; without, there is none.
    """

    def __init__(
        self,
        on_stream: Callable[[Stream], None],
        formats: FormatsOf = lambda source, destination: {},
        on_losses: Callable[[LossLog], None] = lambda log: None,
        *,
        on_begin: Callable[[Running], None] | None = None,
        most: int | None = None,
        buffers: Callable[[], JitterBuffer] | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """``media_streams_evicted``: given up because the table was full."""
        self._on_stream = on_stream
        self._on_begin = on_begin
        self._formats = formats
        self._on_losses = on_losses
        self._buffers = buffers
        self._state = State(MOST_STREAMS if most is None else most)
        self._slots: dict[int, int] = {}
        """Key → slot."""
        self._notes: OrderedDict[int, Notes] = OrderedDict()
        """Slot → what else is known, in the order in which streams began."""
        self._at: AtEnds[int, None] = AtEnds()
        """Slots by the endpoints of their streams."""
        self._free: list[int] = []
        self._used = 0
        self._begun = 0

    def __len__(self) -> int:
        return len(self._slots)

    def receive(self, rtp: RtpColumns, *, most_anew: int = MOST_ANEW) -> None:
        """Take RTP packets, in the order in which they were captured.

        A block with more streams than the table holds is taken in pieces, and one in which a stream begins
        anew in front of that and behind.

        :param most_anew: how many may.
        """
        if not len(rtp):
            return
        groups, keys = group(rtp)
        if len(keys) > self._state.most:
            half = len(rtp) // 2
            self.receive(rtp.pick(np.arange(half)), most_anew=most_anew)
            self.receive(rtp.pick(np.arange(half, len(rtp))), most_anew=most_anew)
            return
        anew = self._begins_anew(rtp, groups, keys) if most_anew else None
        if anew is None:
            self._update(rtp, groups, keys)
            return
        row, key = anew
        if row:
            front = rtp.pick(np.arange(row))
            self._update(front, *group(front))
        over = [self._slots[key]] if key in self._slots else []  # none if it was evicted just now
        for stream in self._conclude(over):
            self._on_stream(stream)
        self.receive(rtp.pick(np.arange(row, len(rtp))), most_anew=most_anew - 1)

    def _begins_anew(self, rtp: RtpColumns, groups: Groups, keys: Keys) -> tuple[int, int] | None:
        """Return the first row that is no packet of the stream with its key any more, and the key.

        Devices that take the same ports and SSRC in each call are silent in between, and their numbers go on
        somewhere else.
        """
        state, order, start = self._state, groups.order, groups.start
        slots = [self._slots.get(key, -1) for key in keys.tolist()]
        time = rtp.time[order]
        before = np.empty_like(time)
        before[1:] = time[:-1]
        before[start] = np.where(np.array(slots) < 0, time[start], state["time"][slots])
        found = None
        for place in np.flatnonzero(time - before > ANEW_AFTER).tolist():
            number = int(groups.number[place])
            last = state["sequence"][slots[number]]
            if place > start[number]:
                last = rtp.sequence[order[place - 1]]
            row = int(order[place])
            step = (int(rtp.sequence[row]) - int(last) + 0x8000) % 0x10000 - 0x8000
            if (found is None or row < found[0]) and not -MAX_MISORDER <= step <= MAX_DROPOUT:
                found = row, int(keys[number])
        return found

    def _update(self, rtp: RtpColumns, groups: Groups, keys: Keys) -> None:
        most = self._state.most
        new = [key for key in keys.tolist() if key not in self._slots]
        if len(self._slots) + len(new) > most:
            self._evict(max(len(self._slots) + len(new) - most, most // 8), set(keys.tolist()))
        slots = np.empty(len(keys), np.int64)
        fresh = np.zeros(len(keys), np.bool_)
        by_key = self._slots
        first = groups.order[groups.start]
        every = keys.tolist()
        unused = iter(self._clear_slots(len(new)))
        for place in np.argsort(first).tolist():  # new ones are numbered as they began
            key = every[place]
            slot = by_key.get(key)
            if slot is None:
                slot = next(unused)
                self._begin(slot, key, rtp, int(first[place]))
                fresh[place] = True
            slots[place] = slot
        BlockUpdate(self._state, self._notes, self._on_losses, rtp, groups, slots, fresh).apply()

    def finish(self) -> None:
        """Everything was read: all streams are over."""
        for stream in self._conclude(list(self._notes)):
            self._on_stream(stream)

    def running(self) -> Iterator[Running]:
        """Yield all streams, in the order in which they began."""
        return map(self._running, self._notes)

    def at(self, end: str) -> Iterator[Running]:
        """Yield the streams from or to an endpoint (``ip:port``)."""
        return map(self._running, self._at.at(end))

    def quiet(self, before: int) -> list[Running]:
        """Return the streams of which nothing came from a time on, ns."""
        times = self._state["time"][: self._used]
        idle = np.flatnonzero(times < before).tolist()
        return [self._running(slot) for slot in idle if slot in self._notes]

    def spans(self) -> tuple[Integers, Integers]:
        """Return when streams of three packets and more began, and when their latest packets came."""
        slots = np.fromiter(self._notes, np.int64, len(self._notes))
        slots = slots[self._state["packets"][slots] >= _FEWEST_PACKETS]
        return self._state["started"][slots], self._state["time"][slots]

    def conclude(self, streams: Iterable[Running]) -> list[Stream]:
        """Return what came of streams, and forget them."""
        return self._conclude([stream.slot for stream in streams])

    def _running(self, slot: int) -> Running:
        source, destination, ssrc, _ = self._notes[slot].row
        state = self._state
        return Running(
            slot,
            int(state["number"][slot]),
            source,
            destination,
            ssrc,
            int(state["started"][slot]),
            int(state["time"][slot]),
        )

    def _clear_slots(self, number: int) -> list[int]:
        """Return slots for so many new streams."""
        again = min(number, len(self._free))
        slots = [self._free.pop() for _ in range(again)]
        slots += range(self._used, self._used + number - again)
        self._used += number - again
        while self._used > self._state.size:
            self._state.grow()
        self._state.clear(np.array(slots, np.int64))
        return slots

    def _begin(self, slot: int, key: int, rtp: RtpColumns, row: int) -> None:
        version = int(rtp.version[row])
        source, destination = (
            endpoint_text(version, int(half[row, 0]), int(half[row, 1]), int(port[row]))
            for half, port in (
                (rtp.source, rtp.source_port),
                (rtp.destination, rtp.destination_port),
            )
        )
        state = self._state
        self._begun += 1
        state["number"][slot] = self._begun
        state["started"][slot] = state["time"][slot] = rtp.time[row]
        state["first_frame"][slot] = rtp.frame[row]
        state["sequence"][slot] = (int(rtp.sequence[row]) - 1) & 0xFFFF
        state["extended"][slot] = state["highest"][slot] = -1
        state["type"][slot] = NO_TYPE
        state["traffic_class"][slot] = state["first_class"][slot] = rtp.traffic_class[row]
        state["spacing_min"][slot] = np.iinfo(np.int64).max
        state["width"][slot] = _SECOND
        state.bursts.since[slot] = RING
        rates = state["rates"]
        rates[slot] = STATIC_RATES
        formats = self._formats(source, destination)
        for payload_type, codec in formats.items():
            if codec.clock_rate:
                rates[slot, payload_type] = codec.clock_rate
        state["announced"][slot], state["announced_events"][slot] = type_bits(formats)
        facts = source, destination, int(rtp.ssrc[row]), bool(rtp.relayed[row])
        notes = self._notes[slot] = Notes(key, facts)
        if self._buffers is not None:
            notes.buffer = self._buffers()
        amr = amr_formats(formats)
        if amr:
            notes.modes = AmrModes(amr)
        self._slots[key] = slot
        self._at.add((source, destination), slot, None)
        if self._on_begin is not None:
            self._on_begin(self._running(slot))

    def _evict(self, number: int, used: set[int]) -> None:
        """Give up the streams that were quiet for longest; never those that have packets now."""
        idle = [slot for slot, notes in self._notes.items() if notes.key not in used]
        times = self._state["time"]
        idle.sort(key=lambda slot: int(times[slot]))
        for stream in self._conclude(idle[:number]):
            self._on_stream(stream)
            self.counters["media_streams_evicted"] += 1

    def _conclude(self, slots: Sequence[int]) -> list[Stream]:
        if not slots:
            return []
        notes = [self._notes.pop(slot) for slot in slots]
        for slot, note in zip(slots, notes, strict=True):
            del self._slots[note.key]
            self._free.append(slot)
            self._at.discard(note.row[:2], slot)
        return conclude(self._state, np.array(slots, np.int64), notes)
