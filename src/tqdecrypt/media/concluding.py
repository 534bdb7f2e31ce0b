"""What came of streams: from their running state to a :class:`~tqdecrypt.media.stream.Stream` each.

Columns are gathered for many streams at once; there is Python for what differs in length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.event_packets import choose_main_type
from tqdecrypt.media.state import BINS, SPACINGS, State
from tqdecrypt.media.stream import SecondOf, Stream
from tqdecrypt.media.update import Notes

__all__ = ["conclude"]

_NUMBERS = (
    *("number", "started", "time", "first_frame", "frame", "packets", "payload_bytes"),
    *("lowest", "highest", "duplicates", "reordered", "restarts", "loss_runs"),
    *("jitter", "jitter_sum", "jitter_max", "jitter_count"),
    *("spacing_min", "spacing_sum", "spacing_max", "spacing_count"),
    *(
        "step",
        "tick",
        "suppressed",
        "markers",
        "padded",
        "with_extension",
        "cut",
        "events",
        "jumps",
    ),
    *("first_class", "digits", "width"),
)
"""Columns with a number a stream."""
_ENDS = [float(0.125 * 2 ** ((number + 1) / 4)) for number in range(SPACINGS + 1)]
"""Upper end in milliseconds of each class of the time from packet to packet."""
_SECOND = 1_000_000_000

Integers = npt.NDArray[np.int64]
_Columns = dict[str, list[Any]]
"""Name → values, a stream each."""


def conclude(state: State, slots: Integers, notes: Sequence[Notes]) -> list[Stream]:
    """Return the streams that have these slots.

    :param notes: what else is known of each.
    """
    bursts = state.bursts
    bursts.finish(slots)
    columns: _Columns = {name: state[name][slots].tolist() for name in _NUMBERS}
    columns["payload_type"] = [choose_main_type(state, slot) for slot in slots.tolist()]
    columns["rate"] = state["rates"][slots, columns["payload_type"]].tolist()
    columns["payload_types"] = _payload_types(state["types"][slots])
    columns["course"] = _courses(state, slots)
    spacings = state["spacings"][slots]
    columns["spacing_95"] = _classes(spacings, 0.95)
    columns["spacing_99"] = _classes(spacings, 0.99)
    for name in ("bursts", "lost", "length", "isolated"):
        columns[f"burst_{name}"] = getattr(bursts, name)[slots].tolist()
    return [_stream(columns, place, note) for place, note in enumerate(notes)]


def _stream(columns: _Columns, place: int, notes: Notes) -> Stream:
    value = {name: column[place] for name, column in columns.items()}
    source, destination, ssrc, relayed = notes.row
    rate, step = value["rate"], value["step"] or value["tick"]
    jitters, spacings = value["jitter_count"], value["spacing_count"]
    longest = value["spacing_max"] / 1e6
    return Stream(
        number=value["number"],
        source=source,
        destination=destination,
        ssrc=ssrc,
        started=value["started"],
        ended=value["time"],
        first_frame=value["first_frame"],
        last_frame=value["frame"],
        packets=value["packets"],
        payload_bytes=value["payload_bytes"],
        expected=value["highest"] - value["lowest"] + 1,
        duplicates=value["duplicates"],
        reordered=value["reordered"],
        restarts=value["restarts"],
        jitter=value["jitter"] if jitters else None,
        jitter_mean=value["jitter_sum"] / jitters if jitters else None,
        jitter_max=value["jitter_max"] if jitters else None,
        spacing_min=value["spacing_min"] / 1e6 if spacings else None,
        spacing_mean=value["spacing_sum"] / spacings / 1e6 if spacings else None,
        spacing_max=longest if spacings else None,
        spacing_95=_percentile(value["spacing_95"], longest),
        spacing_99=_percentile(value["spacing_99"], longest),
        bursts=value["burst_bursts"],
        burst_lost=value["burst_lost"],
        burst_length=value["burst_length"],
        gap_lost=value["burst_isolated"],
        payload_types=value["payload_types"],
        payload_type=value["payload_type"],
        clock_rate=int(rate) or None,
        clock_rate_inferred=notes.rate_inferred,
        ptime=1000 * step / rate if rate and step else None,
        suppressed=value["suppressed"] / 1e6,
        markers=value["markers"],
        padded=value["padded"],
        extended=value["with_extension"],
        cut=value["cut"],
        events=value["events"],
        timestamp_jumps=value["jumps"],
        dscp=value["first_class"] >> 2,
        relayed=relayed,
        type_changes=tuple(notes.types),
        ptime_changes=tuple(notes.steps),
        dscp_changes=tuple(notes.dscps),
        pauses=tuple(notes.pauses),
        digits=tuple(notes.digits),
        digit_count=value["digits"],
        changes_dropped=notes.changes_dropped,
        course_step=value["width"] / _SECOND,
        course=value["course"],
        loss_runs=value["loss_runs"],
        played=None if notes.buffer is None else notes.buffer.finish(),
        losses=tuple(notes.losses),
        amr_modes={} if notes.modes is None else notes.modes.packets,
    )


def _payload_types(counts: npt.NDArray[np.int32]) -> list[dict[int, int]]:
    """Return payload type → packets of each stream, most first."""
    found: list[dict[int, int]] = [{} for _ in range(len(counts))]
    rows, kinds = np.nonzero(counts)
    numbers = counts[rows, kinds]
    order = np.lexsort((kinds, -numbers, rows))
    for row, kind, number in zip(
        rows[order].tolist(), kinds[order].tolist(), numbers[order].tolist(), strict=True
    ):
        found[row][kind] = number
    return found


def _courses(state: State, slots: Integers) -> list[tuple[SecondOf, ...]]:
    packets, lost = state["course_packets"][slots], state["course_lost"][slots]
    if (lost < 0).any():
        for piece in range(BINS - 1, 0, -1):
            # What came late was counted in the piece behind that in which it was missing.
            late = np.minimum(lost[:, piece], 0)
            lost[:, piece - 1] += late
            lost[:, piece] -= late
        lost[:, 0] = np.maximum(lost[:, 0], 0)
    there = packets + lost != 0
    lengths = np.where(there.any(axis=1), BINS - np.argmax(there[:, ::-1], axis=1), 0)
    most = int(lengths.max(initial=0))
    rows = zip(
        lengths.tolist(),
        packets[:, :most].tolist(),
        lost[:, :most].tolist(),
        state["course_jitter"][slots][:, :most].tolist(),
        strict=True,
    )
    return [
        tuple(
            [
                SecondOf(number, missing, round(jitter, 3))
                for number, missing, jitter in zip(
                    there[:length], missed[:length], jitters[:length], strict=True
                )
            ]
        )
        for length, there, missed, jitters in rows
    ]


def _classes(counts: npt.NDArray[np.int32], share: float) -> list[int | None]:
    """Return the class of the time from packet to packet below which *share* of all is."""
    totals = counts.sum(axis=1)
    below = np.cumsum(counts, axis=1) < (share * totals)[:, None]
    numbers = below.sum(axis=1).tolist()
    return [
        number if total else None for number, total in zip(numbers, totals.tolist(), strict=True)
    ]


def _percentile(number: int | None, most: float) -> float | None:
    """Return the upper end of a class in milliseconds; no more than the longest time that there was."""
    return None if number is None else min(_ENDS[number], most)
