"""Connections whose bytes are messages of a protocol, one after the other, in clear: SIP and HEP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.endings import tcp_connection_end
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
    :param stream: what the flows of its messages call it; ``None``: nobody is told when it is over.
    """

    __slots__ = ("_connection", "_dispatcher", "_framers", "_stream")

    def __init__(
        self,
        dispatcher: Dispatcher,
        connection: Connection,
        framers: tuple[AnyFramer, AnyFramer],
        stream: int | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._connection = connection
        self._framers = framers
        self._stream = stream

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
        dispatcher, connection = self._dispatcher, self._connection
        for framer in self._framers:
            framer.end()
            dispatcher.add_counters(framer)
        if dispatcher.on_end is not None and self._stream is not None:
            client_side = connection.initiator or 0
            dispatcher.on_end(tcp_connection_end(connection, client_side, self._stream, reason))


def sip_connection(
    dispatcher: Dispatcher, connection: Connection, *, websocket: bool = False
) -> FramedConnection:
    """Return what takes SIP over TCP, in a WebSocket or not."""
    stream, opener = dispatcher.next_stream(), connection.initiator
    there, back = (
        Flow(
            connection.ends[side],
            connection.ends[1 - side],
            "TCP",
            "clear",
            stream=stream,
            from_opener=None if opener is None else opener == side,
        )
        for side in (0, 1)
    )
    framers: tuple[AnyFramer, AnyFramer] = StreamFramer(there), StreamFramer(back)
    if websocket:
        framers = WebSocketFramer(there, certain=True), WebSocketFramer(back, certain=True)
    return FramedConnection(dispatcher, connection, framers, stream)


def hep_connection(dispatcher: Dispatcher, connection: Connection) -> FramedConnection:
    """Return what takes HEP over TCP: what a server mirrors."""
    mirror = dispatcher.mirror
    return FramedConnection(dispatcher, connection, (HepFramer(mirror), HepFramer(mirror)))
