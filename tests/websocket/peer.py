"""A WebSocket between the client and the server of the ``websockets`` package, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri


class Sent(NamedTuple):
    """Bytes that one side sent at a time."""

    from_client: bool
    data: bytes


class Peers:
    """Both ends, without sockets: what one writes the other reads, and :attr:`sent` keeps it."""

    def __init__(
        self,
        subprotocols: Sequence[str] = ("sip",),
        *,
        deflate: bool = False,
        no_context_takeover: bool = False,
    ) -> None:
        names = [Subprotocol(name) for name in subprotocols] or None
        keep = no_context_takeover
        self.client = ClientProtocol(
            parse_uri("ws://edge.example.com/ws"),
            subprotocols=names,
            extensions=[ClientPerMessageDeflateFactory(keep, keep)] if deflate else None,
        )
        self.server = ServerProtocol(
            subprotocols=names,
            extensions=[ServerPerMessageDeflateFactory(keep, keep)] if deflate else None,
        )
        self.sent: list[Sent] = []

    def open(self) -> Peers:
        """Shake hands."""
        self.client.send_request(self.client.connect())
        self._exchange(self.client)
        (request,) = self.server.events_received()
        assert isinstance(request, Request)
        self.server.send_response(self.server.accept(request))
        self._exchange(self.server)
        assert self.client.state.name == "OPEN"
        return self

    def say(
        self, from_client: bool, message: bytes, *, binary: bool = False, pieces: int = 1
    ) -> None:
        """Send a message in one frame or several."""
        side = self.client if from_client else self.server
        size = -(-len(message) // pieces)
        parts = [message[at : at + size] for at in range(0, len(message), size)]
        send = side.send_binary if binary else side.send_text
        send(parts[0], fin=len(parts) == 1)
        for number, part in enumerate(parts[1:], 2):
            side.send_continuation(part, fin=number == len(parts))
        self._exchange(side)

    def ping(self, from_client: bool) -> None:
        """Send a ping; the other side answers."""
        side = self.client if from_client else self.server
        side.send_ping(b"still there?")
        self._exchange(side)
        self._exchange(self.server if from_client else self.client)

    def close(self) -> None:
        """Close from the client's side."""
        self.client.send_close(1000, "done")
        self._exchange(self.client)
        self._exchange(self.server)

    def bytes_from(self, client: bool) -> bytes:
        """Everything that one side sent."""
        return b"".join(data for from_client, data in self.sent if from_client is client)

    def _exchange(self, side: ClientProtocol | ServerProtocol) -> None:
        other = self.server if side is self.client else self.client
        for data in side.data_to_send():
            if data:
                self.sent.append(Sent(side is self.client, data))
                other.receive_data(data)
