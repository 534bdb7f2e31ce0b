"""A collector of HEP that dies and comes back as a test wants it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable

from tqdecrypt.hep import HepStream

__all__ = ["Collector"]


class Collector:
    """Listens at one port of the loopback interface for TCP, one connection after the other.

    :ivar lives: the packets that each connection brought.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.lives: list[list[bytes]] = []
        self._tls = tls
        self._listening: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._thread: threading.Thread | None = None

    @property
    def packets(self) -> list[bytes]:
        """All packets, in the order in which they came."""
        return [packet for life in self.lives for packet in life]

    def live(
        self, most: int | None = None, end: Callable[[socket.socket], None] | None = None
    ) -> None:
        """Take one connection, and *most* packets from it; then end it as *end* does.  Returns at once."""
        self._thread = threading.Thread(
            target=self._live, args=(self._listen(), most, end), daemon=True
        )
        self._thread.start()

    def wait(self) -> list[bytes]:
        """Wait for the end of the connection; return what it brought."""
        assert self._thread is not None
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.lives[-1]

    def _listen(self) -> socket.socket:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen()
        return listening

    def _live(
        self,
        listening: socket.socket,
        most: int | None,
        end: Callable[[socket.socket], None] | None,
    ) -> None:
        connection, _ = listening.accept()
        listening.close()
        life: list[bytes] = []
        self.lives.append(life)
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        stream = HepStream()
        while most is None or len(life) < most:
            exactly = most is not None and self._tls is None
            data = _one_packet(connection) if exactly else connection.recv(65536)
            if not data:
                break
            life += stream.receive(data)
        if end is not None:
            end(connection)
        connection.close()


def _one_packet(connection: socket.socket) -> bytes:
    """Return the next packet; nothing behind it is read."""
    header = connection.recv(6, socket.MSG_WAITALL)
    return header + connection.recv(int.from_bytes(header[4:], "big") - 6, socket.MSG_WAITALL)


def reset(connection: socket.socket) -> None:
    """End the connection as a host does that knows nothing of it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
