"""Connections whose bytes are messages of a protocol, one after the other, in clear: SIP and HEP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.mirror import HepFramer
from tqdecrypt.sip import Flow, Framer, StreamFramer, WebSocketFramer
from tqdecrypt.tcp import Connection, End, Gap

if TYPE_CHECKING:
    from tqdecrypt.dispatch.dispatcher import Dispatcher

__all__ = ["AnyFramer", "FramedConnection", "hep_connection", "sip_connection"]

AnyFramer = Framer | HepFramer


class FramedConnection:
    """Gives each direction to its framer.

    :param framers: of side 0 and 1.
    """

    __slots__ = ("_dispatcher", "_framers")

    def __init__(self, dispatcher: Dispatcher, framers: tuple[AnyFramer, AnyFramer]) -> None:
        self._dispatcher = dispatcher
        self._framers = framers

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        pieces = [data[start:end] for start, end in zip((0, *ends), ends, strict=False)]
        chunks = zip(pieces, frames, times, strict=True)
        self._framers[side].receive_all(chunks, self._dispatcher.messages)

    def gap(self, side: int, gap: Gap) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        self._framers[side].gap()

    def end(self, reason: End, frame: int, time: int) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        for framer in self._framers:
            framer.end()
            self._dispatcher.add_counters(framer)


def sip_connection(
    dispatcher: Dispatcher, connection: Connection, *, websocket: bool = False
) -> FramedConnection:
    """Return what takes SIP over TCP, in a WebSocket or not."""
    there = Flow(connection.ends[0], connection.ends[1], "TCP", "clear")
    back = Flow(connection.ends[1], connection.ends[0], "TCP", "clear")
    if websocket:
        return FramedConnection(
            dispatcher,
            (WebSocketFramer(there, certain=True), WebSocketFramer(back, certain=True)),
        )
    return FramedConnection(dispatcher, (StreamFramer(there), StreamFramer(back)))


def hep_connection(dispatcher: Dispatcher) -> FramedConnection:
    """Return what takes HEP over TCP: what a server mirrors."""
    mirror = dispatcher.mirror
    return FramedConnection(dispatcher, (HepFramer(mirror), HepFramer(mirror)))
