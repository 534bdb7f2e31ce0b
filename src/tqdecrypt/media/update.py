"""What a block's packets change in the state of their streams.

Packets are sorted by stream, and every figure is a reduction over the sorted rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.amr_modes import AmrModes
from tqdecrypt.media.columns import RtpColumns
from tqdecrypt.media.event_packets import event_packets, note_digits
from tqdecrypt.media.grouping import Groups
from tqdecrypt.media.jitter import running_jitter
from tqdecrypt.media.jitter_buffer import JitterBuffer
from tqdecrypt.media.sequences import RING, Steps, follow_numbers
from tqdecrypt.media.state import BINS, NO_TYPE, SPACINGS, State
from tqdecrypt.media.stream import Change, Event, LossAt, Pause
from tqdecrypt.media.suppression import COMFORT_NOISE, suppressed_ticks
from tqdecrypt.media.timestamps import Timed, follow_steps, infer_rates

__all__ = ["BlockUpdate", "LossLog", "Notes"]

MOST_CHANGES = 32
"""Changes and pauses of each kind kept of a stream."""
MOST_LOSSES = 64
"""Moments of loss kept of a stream."""
PAUSE = 1_000_000_000
"""Nanoseconds without a packet that are a pause: no ptime comes near it."""
MOST_DEVIATION = 2_000_000_000
"""Nanoseconds that a timestamp may be off before it counts as begun anew instead of as jitter."""

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class LossLog(NamedTuple):
    """Packets found missing in a block; one entry a place."""

    time: Integers
    number: Integers
    """Of the stream."""
    lost: Integers
    since: Integers
    """Time of the packet in front of the place."""


class Notes:
    """What is kept of a stream beside the arrays."""

    __slots__ = ("buffer", "changes_dropped", "digits", "dscps", "key", "losses", "modes", "pauses",
                 "rate_inferred", "row", "steps", "types")  # fmt: skip

    def __init__(self, key: int, row: tuple[str, str, int, bool]) -> None:
        self.key = key
        self.row = row
        self.types: list[Change] = []
        self.steps: list[Change] = []
        self.dscps: list[Change] = []
        self.pauses: list[Pause] = []
        self.losses: list[LossAt] = []
        self.digits: list[Event] = []
        self.changes_dropped = 0
        self.rate_inferred = False
        self.buffer: JitterBuffer | None = None
        self.modes: AmrModes | None = None
        """Of streams that have a format that is AMR."""


class BlockUpdate:
    """One block's packets on their way into the state."""

    def __init__(
        self,
        state: State,
        notes: Mapping[int, Notes],
        on_losses: Callable[[LossLog], None],
        rtp: RtpColumns,
        groups: Groups,
        slots: Integers,
        fresh: Booleans,
    ) -> None:
        self.state, self.notes, self.on_losses = state, notes, on_losses
        self.groups, self.slots, self.fresh = groups, slots, fresh
        order = groups.order
        self.time = rtp.time[order]
        self.frame = rtp.frame[order]
        self.sequence = rtp.sequence[order]
        self.timestamp = rtp.timestamp[order]
        self.type = rtp.payload_type[order]
        self.traffic_class = rtp.traffic_class[order]
        self.marker = rtp.marker[order]
        self.length = rtp.payload_length[order]
        self.lead = rtp.lead[order] if rtp.lead.any() else None
        self.flags = [
            (name, column[order])
            for name, column in (
                ("markers", rtp.marker),
                ("padded", rtp.padded),
                ("with_extension", rtp.extended),
                ("cut", rtp.cut),
            )
            if column.any()
        ]
        self.slot_of = np.repeat(slots, groups.size)
        self.event = event_packets(state, groups, slots, self.type, self.length)

    def _sum(self, name: str, values: npt.NDArray[np.generic]) -> None:
        self.state[name][self.slots] += np.add.reduceat(values, self.groups.start, dtype=np.int64)

    def apply(self) -> None:
        """Bring the state up to date."""
        state, slots, groups = self.state, self.slots, self.groups
        steps = follow_numbers(
            self.sequence,
            groups,
            state["sequence"][slots],
            state["extended"][slots],
            state["highest"][slots],
            state["seen"][slots],
        )
        state["packets"][slots] += groups.size
        self._sum("payload_bytes", self.length)
        for name, column in self.flags:
            self._sum(name, column)
        if self.lead is not None:
            self._count_modes(self.lead)
        if self.event.any():
            self._sum("events", self.event)
            at = np.flatnonzero(self.event)
            owner = self.slot_of[at]
            note_digits(state, self.notes, at, owner, self.timestamp, self.time, self.frame)
        spacing, known = self._note_spacing()
        self._note_numbers(steps, spacing)
        jitter_at, jitter = self._note_jitter(steps)
        if self.notes[int(slots[0])].buffer is not None:  # all streams have one, or none has
            self._pass_buffers(steps)
        self._note_types(known)
        self._note_classes(known)
        self._note_pauses(spacing, known, steps)
        self._note_course(steps, jitter_at, jitter)
        last = groups.last
        state["sequence"][slots] = self.sequence[last]
        state["extended"][slots] = steps.extended[last]
        state["time"][slots] = self.time[last]
        state["frame"][slots] = self.frame[last]
        state["last_type"][slots] = self.type[last]
        state["traffic_class"][slots] = self.traffic_class[last]

    def _note_numbers(self, steps: Steps, spacing: Integers) -> None:
        state, slots, start = self.state, self.slots, self.groups.start
        state["seen"][self.slot_of, steps.extended % RING] = steps.extended
        highest = np.maximum.reduceat(steps.extended, start)
        state["highest"][slots] = np.maximum(state["highest"][slots], highest)
        lowest = np.minimum.reduceat(steps.extended, start)
        state["lowest"][slots] = np.minimum(state["lowest"][slots], lowest)
        for name, column in (
            ("duplicates", steps.duplicate),
            ("reordered", steps.reordered),
            ("restarts", steps.restart),
        ):
            if column.any():
                self._sum(name, column)
        state.bursts.receive(slots, self.groups, steps.lost)
        at = np.flatnonzero(steps.lost)
        if len(at):
            owner = self.slot_of[at]
            np.add.at(state["loss_runs"], owner, 1)
            time = self.time[at]
            log = LossLog(time, state["number"][owner], steps.lost[at], time - spacing[at])
            self.on_losses(log)
            for slot, time, lost in zip(
                owner.tolist(), log.time.tolist(), log.lost.tolist(), strict=True
            ):
                losses = self.notes[slot].losses
                if len(losses) < MOST_LOSSES:
                    losses.append(LossAt(time, lost))

    def _count_modes(self, lead: npt.NDArray[np.uint16]) -> None:
        """Count the modes of streams with AMR; once a stream and block."""
        start, size = self.groups.start.tolist(), self.groups.size.tolist()
        for place, slot in enumerate(self.slots.tolist()):
            modes = self.notes[slot].modes
            if modes is not None:
                rows = slice(start[place], start[place] + size[place])
                modes.receive(self.type[rows], lead[rows], self.length[rows])

    def _before(self, column: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
        """Return the value of the packet before each one."""
        previous = np.empty_like(column)
        previous[1:] = column[:-1]
        previous[self.groups.start] = self.state[name][self.slots]
        return previous

    def _note_spacing(self) -> tuple[Integers, Booleans]:
        """Return the time since the packet before each one, and whether there is one."""
        state, slots, start = self.state, self.slots, self.groups.start
        spacing = self.time - self._before(self.time, "time").astype(np.int64)
        known = np.ones(len(spacing), np.bool_)
        known[start[self.fresh]] = False
        counted = known
        before = self._before(self.type, "last_type")
        quiet = (self.type == COMFORT_NOISE) | (before == COMFORT_NOISE)
        if self.marker.any() or quiet.any():
            # Where a talkspurt begins, and around comfort noise, nobody sent meanwhile.
            counted = known & ~self.marker & ~quiet
        even = np.where(counted, spacing, 0)
        self._sum("spacing_count", counted)
        self._sum("spacing_sum", even)
        state["spacing_max"][slots] = np.maximum(
            state["spacing_max"][slots], np.maximum.reduceat(even, start)
        )
        least = np.where(counted, spacing, np.iinfo(np.int64).max)
        state["spacing_min"][slots] = np.minimum(
            state["spacing_min"][slots], np.minimum.reduceat(least, start)
        )
        classes = _spacing_class(spacing)
        place = self.groups.number[counted] * SPACINGS + classes[counted]
        numbers = np.bincount(place, minlength=len(slots) * SPACINGS)
        state["spacings"][slots] += numbers.reshape(-1, SPACINGS).astype(np.int32)
        return spacing, known

    def _note_jitter(self, steps: Steps) -> tuple[Integers, npt.NDArray[np.float64]]:
        """Return which packets have an estimate, and the estimates in milliseconds."""
        state = self.state
        media = ~self.event & ~steps.duplicate
        at, behind = np.flatnonzero(media), self._behind(media)
        if not len(at):
            return at, np.zeros(0)
        number = self.groups.number[at]
        first = np.ones(len(at), np.bool_)
        first[1:] = number[1:] != number[:-1]
        start = np.flatnonzero(first)
        owner = self.slots[number]
        time, timestamp = self.time[at], self.timestamp[at]
        before_time, before_stamp = np.empty_like(time), np.empty_like(timestamp)
        before_time[1:], before_stamp[1:] = time[:-1], timestamp[:-1]
        before_time[start] = state["media_time"][owner[start]]
        before_stamp[start] = state["media_timestamp"][owner[start]]
        ticks = (timestamp - before_stamp).view(np.int32).astype(np.int64)
        known = before_time > 0
        plain = steps.following[at] & known & (ticks > 0) & ~self.marker[at]
        here = Timed(owner, start, ticks, time, self.frame[at])
        step, changes = follow_steps(state, here, plain)
        for slot, change in changes:
            self._keep(slot, "steps", change)
        for slot in infer_rates(state, here, time - before_time, self.type[at], known):
            self.notes[slot].rate_inferred = True
        rate = state["rates"][owner, self.type[at]].astype(np.float64)
        before_rate = np.empty_like(rate)
        before_rate[1:] = rate[:-1]
        before_rate[start] = state["media_rate"][owner[start]]
        known &= (rate > 0) & (rate == before_rate)
        deviation = np.abs((time - before_time) - ticks * (1e9 / np.where(rate > 0, rate, 1.0)))
        jumped = known & (deviation > MOST_DEVIATION)
        if jumped.any():
            np.add.at(state["jumps"], owner[jumped], 1)
            known &= ~jumped
        silent = known & (behind & steps.following)[at]
        self._note_suppression(at, owner, ticks, step, rate, silent)
        last = np.append(start[1:], len(at)) - 1
        state["media_time"][owner[last]] = time[last]
        state["media_timestamp"][owner[last]] = timestamp[last]
        state["media_rate"][owner[last]] = rate[last]
        return at[known], self._estimate(owner[known], deviation[known] / 1e6)

    def _pass_buffers(self, steps: Steps) -> None:
        """Let each stream's packets pass its jitter buffer; once a stream and block."""
        plain = ~self.event & ~steps.duplicate
        rates = self.state["rates"][self.slot_of, self.type]
        plain &= rates > 0
        for slot, start, size in zip(
            self.slots.tolist(), self.groups.start.tolist(), self.groups.size.tolist(), strict=True
        ):
            buffer = self.notes[slot].buffer
            which = start + np.flatnonzero(plain[start : start + size])
            if buffer is not None and len(which):
                buffer.receive(
                    self.time[which],
                    self.timestamp[which],
                    steps.extended[which],
                    int(rates[which[0]]),
                )

    def _estimate(
        self, owner: Integers, deviation: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        state = self.state
        if not len(owner):
            return deviation
        start = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
        size = np.diff(np.append(start, len(owner)))
        slots = owner[start]
        jitter = running_jitter(deviation, start, size, state["jitter"][slots])
        state["jitter"][slots] = jitter[start + size - 1]
        state["jitter_sum"][slots] += np.add.reduceat(jitter, start)
        state["jitter_count"][slots] += size
        state["jitter_max"][slots] = np.maximum(
            state["jitter_max"][slots], np.maximum.reduceat(jitter, start)
        )
        return jitter

    def _behind(self, media: Booleans) -> Booleans:
        """Return which packets come right behind one of *media*, not of an event."""
        behind = np.empty_like(media)
        behind[1:] = media[:-1]
        last = self.state["last_is_media"]
        behind[self.groups.start] = last[self.slots]
        last[self.slots] = media[self.groups.last]
        return behind

    def _note_suppression(
        self,
        at: Integers,
        owner: Integers,
        ticks: Integers,
        step: Integers,
        rate: npt.NDArray[np.float64],
        known: Booleans,
    ) -> None:
        """Add up how long nothing was sent."""
        before = self._before(self.type, "last_type")[at]
        gap = suppressed_ticks(ticks, step, before, known)
        some = np.flatnonzero(gap)
        if len(some):
            np.add.at(self.state["suppressed"], owner[some], gap[some] * 1e9 / rate[some])

    def _change(self, row: int, before: np.integer[Any], after: np.integer[Any]) -> Change:
        return Change(int(self.time[row]), int(self.frame[row]), int(before), int(after))

    def _keep(self, slot: int, kind: str, change: Change) -> None:
        notes = self.notes[slot]
        kept: list[Change] = getattr(notes, kind)
        if len(kept) >= MOST_CHANGES:
            notes.changes_dropped += 1
            return
        kept.append(change)

    def _note_types(self, known: Booleans) -> None:
        state, slots = self.state, self.slots
        number = self.groups.number
        counted = np.bincount(number * 128 + self.type, minlength=len(slots) * 128)
        state["types"][slots] += counted.reshape(-1, 128).astype(np.int32)
        media = np.flatnonzero(~self.event)
        if not len(media):
            return
        owner, kinds = self.slot_of[media], self.type[media]
        begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
        before = np.empty_like(kinds)
        before[1:] = kinds[:-1]
        before[begins] = state["type"][owner[begins]]
        first = begins[before[begins] == NO_TYPE]
        before[first] = kinds[first]
        for place in np.flatnonzero(before != kinds).tolist():
            row = int(media[place])
            change = self._change(row, before[place], kinds[place])
            self._keep(int(owner[place]), "types", change)
        last = np.append(begins[1:], len(media)) - 1
        state["type"][owner[last]] = kinds[last]

    def _note_classes(self, known: Booleans) -> None:
        classes = self.traffic_class >> 2
        before = self._before(self.traffic_class, "traffic_class").astype(np.uint8) >> 2
        for row in np.flatnonzero((classes != before) & known).tolist():
            slot = int(self.slot_of[row])
            self._keep(slot, "dscps", self._change(row, before[row], classes[row]))

    def _note_pauses(self, spacing: Integers, known: Booleans, steps: Steps) -> None:
        for row in np.flatnonzero((spacing > PAUSE) & known).tolist():
            notes = self.notes[int(self.slot_of[row])]
            if len(notes.pauses) >= MOST_CHANGES:
                notes.changes_dropped += 1
                continue
            since = int(self.time[row]) - int(spacing[row])
            notes.pauses.append(Pause(since, int(spacing[row]), int(steps.lost[row])))

    def _note_course(
        self, steps: Steps, jitter_at: Integers, jitter: npt.NDArray[np.float64]
    ) -> None:
        state, slots, groups = self.state, self.slots, self.groups
        latest = np.maximum.reduceat(self.time, groups.start) - state["started"][slots]
        for slot, age in zip(slots.tolist(), latest.tolist(), strict=True):
            while age >= BINS * int(state["width"][slot]):
                self._halve(slot)
        since = np.maximum(self.time - state["started"][self.slot_of], 0)
        piece = since // state["width"][self.slot_of]
        place = groups.number * BINS + piece
        size = len(slots) * BINS
        packets = np.bincount(place, minlength=size).reshape(-1, BINS)
        state["course_packets"][slots] += packets.astype(np.int32)
        if steps.lost.any() or steps.reordered.any():
            # What was missing and comes late was not lost.
            missing = steps.lost - steps.reordered
            lost = np.bincount(place, missing, size).reshape(-1, BINS)
            state["course_lost"][slots] += lost.astype(np.int32)
        if len(jitter):
            where = place[jitter_at]
            begins = np.flatnonzero(np.append(True, where[1:] != where[:-1]))
            most = np.maximum.reduceat(jitter, begins)
            index = slots[where[begins] // BINS], where[begins] % BINS
            np.maximum.at(state["course_jitter"], index, most.astype(np.float32))

    def _halve(self, slot: int) -> None:
        """Make each two pieces of a stream's course one."""
        state = self.state
        state["width"][slot] *= 2
        for name in ("course_packets", "course_lost", "course_jitter"):
            course = state[name][slot]
            pairs = course.reshape(-1, 2)
            joined = pairs.max(axis=1) if name == "course_jitter" else pairs.sum(axis=1)
            course[: BINS // 2], course[BINS // 2 :] = joined, 0


def _spacing_class(spacing: Integers) -> Integers:
    """Return the class of each time from packet to packet: four for each doubling."""
    classes = np.log2(np.maximum(spacing, 125_000) / 125_000) * 4
    return np.minimum(classes.astype(np.int64), SPACINGS - 1)
