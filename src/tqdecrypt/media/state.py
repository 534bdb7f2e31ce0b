"""The running state of all streams, as arrays: one entry a stream, so that a block updates all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tqdecrypt.media.sequences import RING, Bursts

__all__ = ["BINS", "NO_TYPE", "SPACINGS", "State"]

SPACINGS = 64
"""Classes of the time from packet to packet: four for each doubling, from an eighth of a millisecond on."""
BINS = 64
"""Pieces of a stream's course: seconds at first; when they are full, two become one."""

NO_TYPE = 255
"""In ``type``, which is the payload type of the last packet of speech: there was none."""

_FIRST = 64
_COLUMNS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "number": (np.int64, ()),
    "started": (np.int64, ()),
    "first_frame": (np.int64, ()),
    "packets": (np.int64, ()),
    "payload_bytes": (np.int64, ()),
    "lowest": (np.int64, ()),
    "highest": (np.int64, ()),
    "extended": (np.int64, ()),
    "sequence": (np.uint16, ()),
    "seen": (np.int32, (RING,)),
    "duplicates": (np.int64, ()),
    "reordered": (np.int64, ()),
    "restarts": (np.int64, ()),
    "loss_runs": (np.int64, ()),
    "time": (np.int64, ()),
    "frame": (np.int64, ()),
    "type": (np.uint8, ()),
    "last_type": (np.uint8, ()),
    "last_is_media": (np.bool_, ()),
    "traffic_class": (np.uint8, ()),
    "first_class": (np.uint8, ()),
    "media_time": (np.int64, ()),
    "media_timestamp": (np.uint32, ()),
    "media_rate": (np.float64, ()),
    "rates": (np.float32, (128,)),
    "types": (np.int32, (128,)),
    "jitter": (np.float64, ()),
    "jitter_sum": (np.float64, ()),
    "jitter_count": (np.int64, ()),
    "jitter_max": (np.float64, ()),
    "spacing_min": (np.int64, ()),
    "spacing_max": (np.int64, ()),
    "spacing_sum": (np.int64, ()),
    "spacing_count": (np.int64, ()),
    "spacings": (np.int32, (SPACINGS,)),
    "tick": (np.int64, ()),
    "tick_time": (np.int64, ()),
    "tick_frame": (np.int64, ()),
    "step": (np.int64, ()),
    "untimed_type": (np.uint8, ()),
    "untimed_units": (np.int64, ()),
    "untimed_spacing": (np.int64, ()),
    "untimed_packets": (np.int64, ()),
    "suppressed": (np.float64, ()),
    "markers": (np.int64, ()),
    "padded": (np.int64, ()),
    "with_extension": (np.int64, ()),
    "cut": (np.int64, ()),
    "announced": (np.uint32, ()),
    "announced_events": (np.uint32, ()),
    "event_types": (np.uint32, ()),
    "events": (np.int64, ()),
    "event_timestamp": (np.int64, ()),
    "digits": (np.int64, ()),
    "jumps": (np.int64, ()),
    "width": (np.int64, ()),
    "course_packets": (np.int32, (BINS,)),
    "course_lost": (np.int32, (BINS,)),
    "course_jitter": (np.float32, (BINS,)),
}


class State:
    """Arrays by name, with room for *most* streams, and :class:`~tqdecrypt.media.sequences.Bursts`.

    They grow by doubling.  Slots are cleared when streams take them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = min(_FIRST, most)
        self._arrays = {
            name: np.zeros((self.size, *shape), kind) for name, (kind, shape) in _COLUMNS.items()
        }
        self.bursts = Bursts(self.size)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def clear(self, slots: npt.NDArray[np.int64]) -> None:
        """Make ready for new streams."""
        for array in self._arrays.values():
            array[slots] = 0
        for name in Bursts.NAMES:
            getattr(self.bursts, name)[slots] = 0
        self._arrays["seen"][slots] = np.iinfo(np.int32).min

    def grow(self) -> None:
        """Make room for twice as many."""
        size = min(self.size * 2, self.most)
        for name, array in self._arrays.items():
            more = np.zeros((size, *array.shape[1:]), array.dtype)
            more[: self.size] = array
            self._arrays[name] = more
        bursts = Bursts(size)
        for name in Bursts.NAMES:
            getattr(bursts, name)[: self.size] = getattr(self.bursts, name)
        self.bursts, self.size = bursts, size
