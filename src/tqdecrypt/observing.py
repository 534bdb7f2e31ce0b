"""Somebody who looks at TLS from outside, beside the decryption: records by their headers, handshakes.

Without an observer there is nothing of this in the way of a byte: the dispatcher then gives connections
their handlers as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tqdecrypt.tcp import End, Gap, StreamHandler
from tqdecrypt.tls import Session
from tqdecrypt.tls.outline import RecordFacts, RecordOutline

__all__ = ["ObservedStream", "Observer"]


class Observer(Protocol):
    """Is told of every TLS session, decrypted or not.  What it is given may hold secrets: it keeps none."""

    def records(self, session: int, sender: str, records: Sequence[RecordFacts]) -> None:
        """Take records, never empty, that *sender* (``ip:port``) sent in the session with this number."""

    def boundaries_lost(self, session: int, sender: str, lost: int, missing: int) -> None:
        """Take, at the end, how often the boundary of a record was lost, and how many are damaged."""

    def session_ended(self, number: int, session: Session) -> None:
        """Take a look at a session before its report is made; it is let go behind that."""


class ObservedStream:
    """Tells an observer of the records of a connection, and hands everything on."""

    __slots__ = ("_ends", "_inner", "_number", "_observer", "_outlines")

    def __init__(
        self, inner: StreamHandler, observer: Observer, number: int, ends: tuple[str, str]
    ) -> None:
        self._inner = inner
        self._observer = observer
        self._number = number
        self._ends = ends
        self._outlines = RecordOutline(), RecordOutline()

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        records = self._outlines[side].receive(data, ends, frames, times)
        if records:
            self._observer.records(self._number, self._ends[side], records)
        self._inner.receive(side, data, ends, frames, times)

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self._outlines[side].gap(gap.size)
        self._inner.gap(side, gap)

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        for end, outline in zip(self._ends, self._outlines, strict=True):
            if outline.lost or outline.missing:
                self._observer.boundaries_lost(self._number, end, outline.lost, outline.missing)
        self._inner.end(reason, frame, time)
