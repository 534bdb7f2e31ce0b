"""The table of RTP streams: a block's packets go in as columns, finished streams come out.

Per block there is Python per stream that begins and per rare event (a change of payload type, a pause),
never per packet.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.amr_modes import AmrModes, amr_formats
from tqdecrypt.media.clock import STATIC_RATES
from tqdecrypt.media.columns import RtpColumns
from tqdecrypt.media.event_packets import choose_main_type, type_bits
from tqdecrypt.media.grouping import group
from tqdecrypt.media.jitter_buffer import JitterBuffer
from tqdecrypt.media.sequences import RING
from tqdecrypt.media.state import BINS, NO_TYPE, State
from tqdecrypt.media.stream import SecondOf, Stream
from tqdecrypt.media.update import BlockUpdate, LossLog, Notes
from tqdecrypt.packet import endpoint_text
from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["MOST_STREAMS", "FormatsOf", "StreamTable"]

FormatsOf = Callable[[str, str], Mapping[int, Codec]]
"""Returns what session descriptions say: payload type → what it is, of packets from and to an endpoint."""

MOST_STREAMS = 10_000
"""Streams followed at once, some five kilobytes each.  A full table gives up the eighth part of them whose
last packet is the oldest: five thousand calls at a time have their two streams each."""
_SECOND = 1_000_000_000

Integers = npt.NDArray[np.int64]


class StreamTable:
    """Follows streams.

    :param on_stream: told each stream when it is given up, or at the end.
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
        most: int = MOST_STREAMS,
        buffers: Callable[[], JitterBuffer] | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """``media_streams_evicted``: given up because the table was full."""
        self._on_stream = on_stream
        self._formats = formats
        self._on_losses = on_losses
        self._buffers = buffers
        self._state = State(most)
        self._slots: dict[int, int] = {}
        """Key → slot."""
        self._notes: OrderedDict[int, Notes] = OrderedDict()
        """Slot → what else is known, in the order in which streams began."""
        self._free: list[int] = []
        self._used = 0
        self._begun = 0

    def __len__(self) -> int:
        return len(self._slots)

    def receive(self, rtp: RtpColumns) -> None:
        """Take RTP packets, in the order in which they were captured.

        A block with more streams than the table holds is taken in pieces.
        """
        most = self._state.most
        if not len(rtp):
            return
        groups, keys = group(rtp)
        if len(keys) > most:
            half = len(rtp) // 2
            self.receive(rtp.pick(np.arange(half)))
            self.receive(rtp.pick(np.arange(half, len(rtp))))
            return
        new = [key for key in keys.tolist() if key not in self._slots]
        if len(self._slots) + len(new) > most:
            self._evict(max(len(self._slots) + len(new) - most, most // 8), set(keys.tolist()))
        slots = np.empty(len(keys), np.int64)
        fresh = np.zeros(len(keys), np.bool_)
        by_key = self._slots
        first = groups.order[groups.start]
        every = keys.tolist()
        for place in np.argsort(first).tolist():  # new ones are numbered as they began
            key = every[place]
            slot = by_key.get(key)
            if slot is None:
                slot = self._begin(key, rtp, int(first[place]))
                fresh[place] = True
            slots[place] = slot
        BlockUpdate(self._state, self._notes, self._on_losses, rtp, groups, slots, fresh).apply()

    def finish(self) -> None:
        """Everything was read: all streams are over."""
        for slot in list(self._notes):
            self._end(slot)

    def _begin(self, key: int, rtp: RtpColumns, row: int) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._used
            self._used += 1
            if slot >= self._state.size:
                self._state.grow()
        version = int(rtp.version[row])
        source, destination = (
            endpoint_text(version, int(half[row, 0]), int(half[row, 1]), int(port[row]))
            for half, port in (
                (rtp.source, rtp.source_port),
                (rtp.destination, rtp.destination_port),
            )
        )
        state = self._state
        state.clear(slot)
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
        return slot

    def _evict(self, number: int, used: set[int]) -> None:
        """Give up the streams that were quiet for longest; never those that have packets now."""
        idle = [slot for slot, notes in self._notes.items() if notes.key not in used]
        times = self._state["time"]
        idle.sort(key=lambda slot: int(times[slot]))
        for slot in idle[:number]:
            self._end(slot)
            self.counters["media_streams_evicted"] += 1

    def _end(self, slot: int) -> None:
        notes = self._notes.pop(slot)
        del self._slots[notes.key]
        self._free.append(slot)
        self._state.bursts.finish(np.array([slot]))
        self._on_stream(self._stream(slot, notes))

    def _stream(self, slot: int, notes: Notes) -> Stream:
        state = self._state

        def value(name: str) -> int:
            return int(state[name][slot])

        source, destination, ssrc, relayed = notes.row
        types = state["types"][slot]
        ranked = sorted(np.flatnonzero(types).tolist(), key=lambda one: -int(types[one]))
        main = choose_main_type(state, slot)
        rate = float(state["rates"][slot, main])
        jitters, spacings = value("jitter_count"), value("spacing_count")
        bursts = state.bursts
        step = value("step") or value("tick")
        return Stream(
            number=value("number"),
            source=source,
            destination=destination,
            ssrc=ssrc,
            started=value("started"),
            ended=value("time"),
            first_frame=value("first_frame"),
            last_frame=value("frame"),
            packets=value("packets"),
            payload_bytes=value("payload_bytes"),
            expected=value("highest") - value("lowest") + 1,
            duplicates=value("duplicates"),
            reordered=value("reordered"),
            restarts=value("restarts"),
            jitter=float(state["jitter"][slot]) if jitters else None,
            jitter_mean=float(state["jitter_sum"][slot]) / jitters if jitters else None,
            jitter_max=float(state["jitter_max"][slot]) if jitters else None,
            spacing_min=value("spacing_min") / 1e6 if spacings else None,
            spacing_mean=value("spacing_sum") / spacings / 1e6 if spacings else None,
            spacing_max=value("spacing_max") / 1e6 if spacings else None,
            spacing_95=_percentile(state["spacings"][slot], 0.95, value("spacing_max") / 1e6),
            spacing_99=_percentile(state["spacings"][slot], 0.99, value("spacing_max") / 1e6),
            bursts=int(bursts.bursts[slot]),
            burst_lost=int(bursts.lost[slot]),
            burst_length=int(bursts.length[slot]),
            gap_lost=int(bursts.isolated[slot]),
            payload_types={one: int(types[one]) for one in ranked},
            payload_type=main,
            clock_rate=int(rate) or None,
            clock_rate_inferred=notes.rate_inferred,
            ptime=1000 * step / rate if rate and step else None,
            suppressed=float(state["suppressed"][slot]) / 1e6,
            markers=value("markers"),
            padded=value("padded"),
            extended=value("with_extension"),
            cut=value("cut"),
            events=value("events"),
            timestamp_jumps=value("jumps"),
            dscp=value("first_class") >> 2,
            relayed=relayed,
            type_changes=tuple(notes.types),
            ptime_changes=tuple(notes.steps),
            dscp_changes=tuple(notes.dscps),
            pauses=tuple(notes.pauses),
            digits=tuple(notes.digits),
            digit_count=value("digits"),
            changes_dropped=notes.changes_dropped,
            course_step=value("width") / _SECOND,
            course=self._course(slot),
            loss_runs=value("loss_runs"),
            played=None if notes.buffer is None else notes.buffer.finish(),
            losses=tuple(notes.losses),
            amr_modes={} if notes.modes is None else notes.modes.packets,
        )

    def _course(self, slot: int) -> tuple[SecondOf, ...]:
        state = self._state
        packets, lost = state["course_packets"][slot], state["course_lost"][slot].copy()
        for piece in range(BINS - 1, 0, -1):
            if lost[piece] < 0:  # came late, in the piece behind that in which it was missing
                lost[piece - 1] += lost[piece]
                lost[piece] = 0
        lost[0] = max(lost[0], 0)
        jitter = state["course_jitter"][slot]
        length = int(np.flatnonzero(packets + lost).max(initial=-1)) + 1
        return tuple(
            SecondOf(int(packets[i]), int(lost[i]), round(float(jitter[i]), 3))
            for i in range(length)
        )


def _percentile(counts: npt.NDArray[np.int32], share: float, most: float) -> float | None:
    """Return the upper end in milliseconds of the class below which *share* of all is."""
    total = int(counts.sum())
    if not total:
        return None
    number = int(np.searchsorted(np.cumsum(counts), share * total))
    return min(float(0.125 * 2 ** ((number + 1) / 4)), most)
