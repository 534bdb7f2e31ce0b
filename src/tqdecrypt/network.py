"""Places in the network as users write them, ``udp:HOST:PORT``, and listening there.

Who listens is polled: nothing here waits, starts a thread or sends anything.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import selectors
import socket
import struct
from typing import NamedTuple, Protocol

from tqdecrypt.errors import TqdecryptError

__all__ = ["Listener", "Place", "Receiver", "is_place", "parse_place"]

MAX_CONNECTIONS = 64
"""SBC clusters are smaller than that; more are refused and counted."""
READ_SIZE = 1 << 16
MOST_READS = 4096
"""Reads of one poll: whoever sends without end must not keep everybody else waiting."""
RECEIVE_BUFFER = 1 << 22
"""Bytes of datagrams that the system is asked to keep while nobody polls; it may grant less."""
SO_RXQ_OVFL = 40
"""Linux: each datagram tells how many were dropped in front of it."""
_UINT32 = struct.Struct("=I")
_PLACE = re.compile(
    r"(?P<protocol>\w+):"
    r"(?P<host>\[.+\]|[^\[\]:]+|[^\[\]]*?:[^\[\]]*?:[^\[\]]*?)"  # the last: IPv6 without brackets
    r"(?::(?P<port>[0-9]{1,5}))?"
)


class Place(NamedTuple):
    """Where to listen, or to send."""

    protocol: str
    """``udp``, ``tcp`` or ``tls``."""
    host: str
    """Name or address; IPv6 without its brackets."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}:{host}:{self.port}"


def is_place(text: str) -> bool:
    """Return whether *text* means a place in the network rather than a file."""
    return text.partition(":")[0] in ("udp", "tcp", "tls") and ":" in text


def parse_place(
    text: str, protocols: tuple[str, ...], default_port: int | None = None
) -> Place | None:
    """Return the place that *text* names; ``None`` when it is none.

    :param protocols: those that are possible.
    :param default_port: of a place that names none; without it, every place has to.
    """
    match = _PLACE.fullmatch(text)
    if match is None or match["protocol"] not in protocols:
        return None
    port = default_port if match["port"] is None else int(match["port"])
    if port is None or port > 0xFFFF:
        return None
    return Place(match["protocol"], match["host"].strip("[]"), port)


class Receiver(Protocol):
    """Takes what comes to a listener."""

    def datagram(self, data: bytes, sender: str) -> None:
        """One UDP datagram; *sender* is its address."""

    def received(self, data: bytes, sender: str) -> None:
        """The next bytes of a connection; *sender* is ``address:port``."""

    def closed(self, sender: str) -> None:
        """A connection ended."""


class Listener:
    """Receives at one place, whenever :meth:`poll` is called.

    :ivar address: ``(host, port)`` that it listens on; the port that was given if 0 was asked for.
    :ivar refused: connections refused because there were too many.
    :ivar lost: datagrams that the system dropped because nobody polled in time.
    """

    def __init__(self, place: Place, what: str, error: type[TqdecryptError]) -> None:
        """Listen at *place*.

        :param what: what is received, for the message.
        :raises error: with a sentence for the user when that is impossible.
        """
        self.refused = 0
        self.lost = 0
        self._stream = place.protocol == "tcp"
        self._selector = selectors.DefaultSelector()
        self._names: dict[socket.socket, str] = {}
        try:
            self._socket = _bound(place)
        except OSError as reason:
            self._selector.close()
            raise error(
                f"Cannot listen for {what} at {place} ({reason.strerror}); name a free port of an "
                "address of this machine."
            ) from reason
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        name = self._socket.getsockname()
        self.address: tuple[str, int] = (name[0], name[1])

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can send to it."""
        return ipaddress.ip_address(self.address[0].partition("%")[0]).is_loopback

    def fileno(self) -> int:
        """Return a descriptor that is readable when something has arrived, for waiting."""
        return self._selector.fileno()

    def poll(self, receiver: Receiver) -> None:
        """Give *receiver* what has arrived, without waiting; :data:`MOST_READS` pieces at the most."""
        reads = 0
        while reads < MOST_READS and (events := self._selector.select(0)):
            for key, _ in events:
                reads += 1
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is not self._socket:
                    self._read(key.fileobj, receiver)
                elif self._stream:
                    self._accept()
                else:
                    self._receive(receiver)

    def close(self, receiver: Receiver) -> None:
        """Stop listening; *receiver* is told that the connections ended."""
        for connection in list(self._names):
            self._drop(connection, receiver)
        self._selector.close()
        self._socket.close()

    def _receive(self, receiver: Receiver) -> None:
        with contextlib.suppress(OSError):
            data, ancillary, _, sender = self._socket.recvmsg(READ_SIZE, socket.CMSG_SPACE(4))
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
                    (self.lost,) = _UINT32.unpack(value)
            receiver.datagram(data, sender[0])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, sender = self._socket.accept()
            if len(self._names) >= MAX_CONNECTIONS:
                self.refused += 1
                connection.close()
                return
            connection.setblocking(False)
            self._names[connection] = f"{sender[0]}:{sender[1]}"
            self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket, receiver: Receiver) -> None:
        try:
            data = connection.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            receiver.received(data, self._names[connection])
        else:
            self._drop(connection, receiver)

    def _drop(self, connection: socket.socket, receiver: Receiver) -> None:
        receiver.closed(self._names.pop(connection))
        self._selector.unregister(connection)
        connection.close()


def _bound(place: Place) -> socket.socket:
    kind = socket.SOCK_STREAM if place.protocol == "tcp" else socket.SOCK_DGRAM
    family, _, _, _, address = socket.getaddrinfo(place.host, place.port, type=kind)[0]
    bound = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            with contextlib.suppress(OSError):  # not everywhere
                bound.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        bound.bind(address)
        if kind == socket.SOCK_STREAM:
            bound.listen(MAX_CONNECTIONS)
    except OSError:
        bound.close()
        raise
    return bound
