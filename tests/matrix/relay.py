"""Relays on loopback that stand where a capture point stands, and write down what passes.

A relay ends by itself: after :data:`PATIENCE` seconds without a byte, or when it is closed.  What a
peer sent is written down before it is passed on, so that the order is the one that the ends saw.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

__all__ = ["Flights", "Relay", "TcpRelay", "UdpRelay"]

PATIENCE = 30.0
"""Seconds without a byte after which a connection is cut."""
MAX_BYTES = 1 << 24
"""What one connection may say."""

Flights = list[tuple[bool, bytes]]
"""From the client, and the bytes; of datagrams one entry each."""


class Relay(ABC):
    """What both relays share: a listening socket, a thread, and the connections seen."""

    kind: socket.SocketKind

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._listening = socket.socket(socket.AF_INET, self.kind)
        self._listening.bind(("127.0.0.1", 0))
        if self.kind is socket.SOCK_STREAM:
            self._listening.listen(8)
        self.port: int = self._listening.getsockname()[1]
        self.connections: list[Flights] = []
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._run)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()

    def _start(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    @abstractmethod
    def _run(self) -> None:
        """Carry what comes until the relay is closed."""

    def _readable(self, *sockets: socket.socket) -> Iterator[socket.socket]:
        """Yield sockets as they become readable, until closing or out of patience."""
        waited = 0.0
        while not self._closing.is_set() and waited < PATIENCE:
            ready, _, _ = select.select([s for s in sockets if s.fileno() >= 0], [], [], 0.05)
            waited = 0.0 if ready else waited + 0.05
            yield from ready


class TcpRelay(Relay):
    """Passes TCP connections on; each has its own flights."""

    kind = socket.SOCK_STREAM

    def _run(self) -> None:
        for listening in self._readable(self._listening):
            client, _ = listening.accept()
            flights: Flights = []
            self.connections.append(flights)
            self._start(self._carry, client, flights)

    def _carry(self, client: socket.socket, flights: Flights) -> None:
        try:
            server = socket.create_connection(self._server, PATIENCE)
        except OSError:
            client.close()
            return
        with client, server, contextlib.suppress(OSError):
            client.settimeout(PATIENCE)
            ended, carried = 0, 0
            done: set[socket.socket] = set()
            for source in self._readable(client, server):
                if source in done:
                    continue
                data = source.recv(65536)
                other = server if source is client else client
                if data:
                    flights.append((source is client, data))
                    carried += len(data)
                    other.sendall(data)
                else:
                    done.add(source)
                    ended += 1
                    with contextlib.suppress(OSError):
                        other.shutdown(socket.SHUT_WR)
                if ended == 2 or carried > MAX_BYTES:
                    return


class UdpRelay(Relay):
    """Passes datagrams on; every client address is a connection."""

    kind = socket.SOCK_DGRAM

    def _run(self) -> None:
        towards: dict[tuple[str, int], tuple[socket.socket, Flights]] = {}
        back: dict[socket.socket, tuple[str, int]] = {}
        try:
            while not self._closing.is_set():
                ready, _, _ = select.select([self._listening, *back], [], [], 0.05)
                for source in ready:
                    if source is not self._listening:
                        self._answer(source, back[source], towards[back[source]][1])
                        continue
                    data, client = source.recvfrom(65536)
                    if client not in towards:
                        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        upstream.connect(self._server)
                        towards[client] = (upstream, [])
                        back[upstream] = client
                        self.connections.append(towards[client][1])
                    upstream, flights = towards[client]
                    flights.append((True, data))
                    with contextlib.suppress(OSError):
                        upstream.send(data)
        finally:
            for upstream in back:
                upstream.close()

    def _answer(self, source: socket.socket, client: tuple[str, int], flights: Flights) -> None:
        with contextlib.suppress(OSError):
            data = source.recv(65536)
            flights.append((False, data))
            self._listening.sendto(data, client)
