"""Key logs that come over the network: ``--keylog-listen udp:HOST:PORT`` or ``tcp:HOST:PORT``.

Kamailio's ``keylog_peer`` sends each line as a UDP datagram; loggers that are preloaded into other
servers write lines to a TCP connection.  Nothing is sent back.  Session secrets in clear on a network
belong on the loopback interface or a management network; who listens elsewhere is told so.
"""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
import socket

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys.keylog import KeyLog

__all__ = ["KeyLogListener"]

MAX_CONNECTIONS = 64
"""SBC clusters are smaller than that; more are refused and counted."""
READ_SIZE = 1 << 16


class KeyLogListener:
    """Receives key-log lines; :meth:`poll` it now and then.

    :ivar keylog: where the lines go.
    :ivar address: ``(host, port)`` that it listens on; the port that was given if 0 was asked for.
    :ivar refused: connections refused because there were too many.
    """

    def __init__(self, where: str, keylog: KeyLog) -> None:
        """Listen at *where*.  Raises :class:`SecretsError` with a sentence for the user."""
        kind, host, port = _parse(where)
        self.keylog = keylog
        self.refused = 0
        self._stream = kind == socket.SOCK_STREAM
        self._selector = selectors.DefaultSelector()
        self._names: dict[socket.socket, str] = {}
        try:
            self._socket = _bound(kind, host, port)
        except OSError as error:
            raise SecretsError(
                f"Cannot listen for key logs at {where} ({error.strerror}); name a free port of an "
                "address of this machine."
            ) from error
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        name = self._socket.getsockname()
        self.address: tuple[str, int] = (name[0], name[1])

    def __repr__(self) -> str:
        return f"<KeyLogListener {self.address[0]}:{self.address[1]}>"

    @property
    def warning(self) -> str | None:
        """A sentence for the user when secrets may cross a network in clear."""
        if ipaddress.ip_address(self.address[0].partition("%")[0]).is_loopback:
            return None
        return (
            f"Session secrets arrive in clear at {self.address[0]}:{self.address[1]}: let only the "
            "key loggers reach this port."
        )

    def poll(self) -> int:
        """Take what has arrived, without waiting; return how many secrets are new."""
        before = self.keylog.version
        while events := self._selector.select(0):
            for key, _ in events:
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is not self._socket:
                    self._read(key.fileobj)
                elif self._stream:
                    self._accept()
                else:
                    self._receive()
        return self.keylog.version - before

    def close(self) -> None:
        """Stop listening."""
        for connection in list(self._names):
            self._drop(connection)
        self._selector.close()
        self._socket.close()

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            data, peer = self._socket.recvfrom(READ_SIZE)
            name = f"from {peer[0]}"
            self.keylog.feed(data if data.endswith(b"\n") else data + b"\n", name)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, peer = self._socket.accept()
            if len(self._names) >= MAX_CONNECTIONS:
                self.refused += 1
                connection.close()
                return
            connection.setblocking(False)
            self._names[connection] = f"from {peer[0]}:{peer[1]}"
            self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.keylog.feed(data, self._names[connection])
        else:
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self.keylog.finish(self._names.pop(connection))
        self._selector.unregister(connection)
        connection.close()


_KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    bound = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        if kind == socket.SOCK_STREAM:
            bound.listen(MAX_CONNECTIONS)
    except OSError:
        bound.close()
        raise
    return bound


def _parse(where: str) -> tuple[socket.SocketKind, str, int]:
    protocol, _, rest = where.partition(":")
    host, _, port = rest.rpartition(":")
    kind = _KINDS.get(protocol)
    if kind is None or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise SecretsError(
            f"{where!r} is no place to listen for key logs; write udp:HOST:PORT or tcp:HOST:PORT, "
            "for example udp:127.0.0.1:5514."
        )
    return kind, host.strip("[]"), int(port)
