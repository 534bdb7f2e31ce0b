"""Who looks at what goes on beside the decryption, and what they are told.

An observer is anything with the methods of one of these protocols, or of several.  :class:`Observers` sorts
them by what they want to know; what nobody wants is not made, and nothing stands in the way of a byte.
What observers are given may hold secrets: they keep none, unless that is what they are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from tqdecrypt.tcp import End, Gap, StreamHandler
from tqdecrypt.tls.outline import RecordFacts, RecordOutline

if TYPE_CHECKING:
    from tqdecrypt.endings import ConnectionEnd
    from tqdecrypt.tls import DarkData, Plaintext, Session
    from tqdecrypt.tls.exchange import Exchange

__all__ = [
    "DarkDataObserver",
    "EndObserver",
    "KeyingObserver",
    "ObservedStream",
    "Observer",
    "Observers",
    "PlaintextObserver",
    "RecordObserver",
]


@runtime_checkable
class PlaintextObserver(Protocol):
    """Is told what TLS sessions carry."""

    def plaintext(self, session: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        """Take verified plaintext of the session with this number, as it comes."""


@runtime_checkable
class DarkDataObserver(Protocol):
    """Is told of application data that stays dark."""

    def dark_data(
        self,
        session: int,
        client: str,
        server: str,
        from_client: bool,
        records: Sequence[DarkData],
    ) -> None:
        """Take what is known of such records; *client* and *server* are ``ip:port``."""


@runtime_checkable
class RecordObserver(Protocol):
    """Is told of every TLS session from outside, decrypted or not."""

    def records(self, session: int, sender: str, records: Sequence[RecordFacts]) -> None:
        """Take records, never empty, that *sender* (``ip:port``) sent in the session with this number."""

    def boundaries_lost(self, session: int, sender: str, lost: int, missing: int) -> None:
        """Take, at the end, how often the boundary of a record was lost, and how many are damaged."""

    def session_ended(self, number: int, session: Session) -> None:
        """Take a look at a session before its report is made; it is let go behind that."""


@runtime_checkable
class KeyingObserver(Protocol):
    """Is told of DTLS handshakes in which both ends agreed on SRTP."""

    def srtp_agreed(self, session: int, client: str, server: str, exchange: Exchange) -> None:
        """Take one between two ends (``ip:port``); its master secret is ``None`` when it stayed dark."""


@runtime_checkable
class EndObserver(Protocol):
    """Is told of the ends of connections, each behind the messages that came on it."""

    wants_secrets: bool
    """Whether session secrets are asked for."""

    def connection_over(self, end: ConnectionEnd) -> None:
        """Nothing more comes on a connection."""


Observer: TypeAlias = (
    PlaintextObserver | DarkDataObserver | RecordObserver | KeyingObserver | EndObserver
)


class Observers:
    """All observers of a run, by what they are told of.

    :param observers: anything; what is no observer is told nothing.
    """

    def __init__(self, observers: Iterable[object] = ()) -> None:
        given = list(observers)
        self.plaintext = [one for one in given if isinstance(one, PlaintextObserver)]
        self.dark_data = [one for one in given if isinstance(one, DarkDataObserver)]
        self.records = [one for one in given if isinstance(one, RecordObserver)]
        self.keying = [one for one in given if isinstance(one, KeyingObserver)]
        self.ends = [one for one in given if isinstance(one, EndObserver)]

    def stream(self, number: int, ends: tuple[str, str], handler: StreamHandler) -> StreamHandler:
        """Return what takes the bytes of a session's connection in front of *handler*."""
        return ObservedStream(handler, self.records, number, ends) if self.records else handler

    def session_ended(self, number: int, session: Session) -> None:
        """Let who wants it look at a session that ended."""
        for one in self.records:
            one.session_ended(number, session)


class ObservedStream:
    """Tells observers of the records of a connection, and hands everything on."""

    __slots__ = ("_ends", "_inner", "_number", "_observers", "_outlines")

    def __init__(
        self,
        inner: StreamHandler,
        observers: Sequence[RecordObserver],
        number: int,
        ends: tuple[str, str],
    ) -> None:
        self._inner = inner
        self._observers = observers
        self._number = number
        self._ends = ends
        self._outlines = RecordOutline(), RecordOutline()

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        records = self._outlines[side].receive(data, ends, frames, times)
        if records:
            for one in self._observers:
                one.records(self._number, self._ends[side], records)
        self._inner.receive(side, data, ends, frames, times)

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self._outlines[side].gap(gap.size)
        self._inner.gap(side, gap)

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        for end, outline in zip(self._ends, self._outlines, strict=True):
            if outline.lost or outline.missing:
                for one in self._observers:
                    one.boundaries_lost(self._number, end, outline.lost, outline.missing)
        self._inner.end(reason, frame, time)
