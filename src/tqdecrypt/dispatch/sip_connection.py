"""SIP on a TCP connection in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdecrypt.sip import Flow, Framer, StreamFramer, WebSocketFramer
from tqdecrypt.tcp import Connection, End, Gap

if TYPE_CHECKING:
    from tqdecrypt.dispatch.dispatcher import Dispatcher

__all__ = ["SipConnection"]


class SipConnection:
    """SIP over TCP, in clear, in a WebSocket or not."""

    __slots__ = ("_dispatcher", "_framers")

    def __init__(
        self, dispatcher: Dispatcher, connection: Connection, *, websocket: bool = False
    ) -> None:
        self._dispatcher = dispatcher
        flows = (
            Flow(connection.ends[0], connection.ends[1], "TCP", "clear"),
            Flow(connection.ends[1], connection.ends[0], "TCP", "clear"),
        )
        self._framers: tuple[Framer, ...] = tuple(
            WebSocketFramer(flow, certain=True) if websocket else StreamFramer(flow)
            for flow in flows
        )

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """See :class:`~tqdecrypt.tcp.StreamHandler`."""
        starts = (0, *ends)
        pieces = [data[start:end] for start, end in zip(starts, ends, strict=False)]
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
