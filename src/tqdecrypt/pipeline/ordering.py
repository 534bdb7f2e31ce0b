"""Puts messages in order: of frames, and of time as soon as something was mirrored."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from tqdecrypt.mirror import Merger
from tqdecrypt.mirror.merger import HOLD

if TYPE_CHECKING:
    from tqdecrypt.mirror import Mirror
    from tqdecrypt.pipeline.contracts import MessageSource
    from tqdecrypt.sip import Message

__all__ = ["MediaBound", "Ordering"]

MOST_BEFORE_MIRROR = 1024
"""Messages in front of the first mirrored one that it may be a copy of: mirrors are quick."""

_FRAME = attrgetter("frame")


class Ordering:
    """Holds messages until what comes in front of them is known.

    :param sources: where messages come from besides packets.
    :param live: whether the clock of this machine is the one of what is read.
    :ivar messages: those that came and were not taken; append to it.
    """

    def __init__(self, mirror: Mirror, sources: Sequence[MessageSource], *, live: bool) -> None:
        self.messages: list[Message] = []
        self._mirror = mirror
        self._sources = sources
        self._live = live
        self._merger = Merger() if sources else None
        self._latest: deque[Message] = deque(maxlen=MOST_BEFORE_MIRROR)

    @property
    def by_time(self) -> bool:
        """Whether the order is the one of time, no longer the one of frames."""
        return self._merger is not None

    @property
    def counters(self) -> Mapping[str, int]:
        """What was left out as a copy, by name, and what sources dropped."""
        total = dict(self._mirror.counters)
        if self._merger is not None:
            _add(total, self._merger.counters)
        for source in self._sources:
            _add(total, source.counters)
        return total

    def now(self, packet: int) -> int:
        """Return the time of now, ns; *packet*: time of the last packet."""
        return time.time_ns() if self._live else packet

    def ripe(self, now: int, *, last: bool) -> int | None:
        """Return the time in front of which everything is in order; ``None``: it all is."""
        return None if last else now - HOLD

    def take(self, before: int | None, now: int, *, last: bool = False) -> Sequence[Message]:
        """Return the messages in front of frame *before* in order.

        :param before: ``None``: all that there are.
        :param now: see :meth:`now`.
        :param last: whether no more will come.
        """
        messages = self.messages
        messages.sort(key=_FRAME)
        ready: Sequence[Message] = messages[:]
        if before is not None:
            ready = [message for message in messages if message.frame < before]
        del messages[: len(ready)]
        if self._merger is None and self._mirror.used:
            self._merger = Merger()
            self._merger.remember(self._latest)
        if self._merger is None:
            self._latest.extend(ready)
            return ready
        self._merger.add(ready, now)
        for source in self._sources:
            self._merger.add(source.poll(), now)
        return self._merger.take(None if last else now)


class MediaBound:
    """How far media has been told all messages that stand in front of it.

    Where time orders messages, one waits :data:`~tqdecrypt.mirror.merger.HOLD` from when it arrived, and it
    arrives at most as long after it was said.  Media waits for both.
    """

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, int, int]] = deque()
        """First frame, first and last time (ns) of the blocks of which messages may be still to come."""

    def add(self, first_frame: int, first_time: int, last_time: int) -> None:
        """Take note of a block of packets."""
        self._blocks.append((first_frame, first_time, last_time))

    def reach(self, before: int | None, ripe: int | None, now: int) -> tuple[int | None, int]:
        """Return the frame (``None``: all that there are) and the capture time, ns, up to which it has.

        :param before: the frame from which on messages may still come.
        :param ripe: the time in front of which messages are in order; ``None`` where frames order them.
        :param now: capture time of now.
        """
        blocks = self._blocks
        if ripe is not None:
            now = min(now, ripe - HOLD)
            waiting = next((first for first, _, last in blocks if last >= now), None)
            before = min((one for one in (before, waiting) if one is not None), default=None)
        if before is None:
            blocks.clear()
            return None, now
        while len(blocks) > 1 and blocks[1][0] <= before:
            blocks.popleft()
        return before, min(blocks[0][1], now) if blocks else now


def _add(total: dict[str, int], counters: Mapping[str, int]) -> None:
    for name, count in counters.items():
        total[name] = total.get(name, 0) + count
