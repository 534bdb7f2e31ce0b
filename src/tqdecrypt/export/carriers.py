"""How packets get to a collector: over UDP, TCP or TLS.

HEP has no acknowledgments.  What can be known of a TCP connection is this, and it decides what is sent again
when one breaks:

- The peer's system acknowledges bytes (``SIOCOUTQ`` tells how many it has not).  What is not
  acknowledged has not been read by anybody.
- A peer that closes when it has read everything ends the connection with FIN, and whatever comes later
  is refused without an acknowledgment (and is an ``EPIPE`` here).  Then what was acknowledged was read, and
  nothing else.
- A peer that dies with unread bytes resets the connection (``ECONNRESET`` here); one that loses its power
  says nothing.  What was acknowledged lately is then *in doubt*.

So a packet is settled when it was acknowledged :data:`DOUBT` ago (no living collector leaves bytes unread
for so long), or when the peer closed properly.  With TLS a packet is one record at least, so that the same
holds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from tqdecrypt.network import Place

__all__ = ["DOUBT", "Broken", "Carrier", "DatagramCarrier", "StreamCarrier", "open_carrier"]

DOUBT = 1.0
"""Seconds after which what was acknowledged counts as read."""
CONNECT_TIMEOUT = 10.0
"""Seconds that a connection and its handshake may take."""
STALL_TIMEOUT = 30.0
"""Seconds after which a peer that takes nothing counts as dead."""
CLOSE_TIMEOUT = 5.0
"""Seconds to wait at the end for the peer to close, which says that it has read everything."""
SIOCOUTQ = 0x5411
"""Linux: bytes that were sent and not acknowledged, or not sent."""
TCP_USER_TIMEOUT = 18
"""Linux: milliseconds that bytes may stay unacknowledged."""
_READ_SIZE = 1 << 16
_INT = struct.Struct("i")


class Broken(Exception):  # noqa: N818 - a state of the connection, not an error of ours
    """The connection is over.

    :ivar doubtful: packets behind the settled ones of which nobody knows whether they were read.
    """

    def __init__(self, reason: str, doubtful: int = 0) -> None:
        super().__init__(reason)
        self.doubtful = doubtful


class Carrier(Protocol):
    """A way to a collector that is open.

    :ivar settled: packets that are delivered, or lost for good.
    :ivar unsettled: packets that were sent and are not settled.
    """

    settled: int

    @property
    def unsettled(self) -> int:
        """Packets that were sent and are not settled."""

    def send(self, packets: Sequence[bytes]) -> None:
        """Send packets.

        :raises Broken: when that is impossible; :attr:`settled` says up to which they are delivered.
        """

    def look(self, seconds: float) -> None:
        """See what became of what was sent, for so long at the most.

        :raises Broken: when the other end is gone.
        """

    def finish(self, patience: float) -> None:
        """Nothing more is sent: see to it that everything is settled.

        :param patience: seconds that the other end has to take what was sent.
        :raises Broken: when it cannot be.
        """

    def close(self) -> None:
        """Let go."""


def open_carrier(place: Place, tls: ssl.SSLContext | None) -> Carrier:
    """Open a way to *place*.

    :raises OSError: when there is none; also an ``ssl.SSLError``.
    """
    if place.protocol == "udp":
        return DatagramCarrier(place)
    return StreamCarrier(place, tls)


class DatagramCarrier:
    """UDP: nothing is acknowledged, but a port that nobody listens on mostly is refused (ICMP).

    On this machine the refusal comes at once, so that nothing is in doubt.
    """

    def __init__(self, place: Place) -> None:
        self.settled = 0
        family, kind, _, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_DGRAM
        )[0]
        self._socket = socket.socket(family, kind)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        here = ipaddress.ip_address(str(address[0]).partition("%")[0])
        self._doubt = 0.0 if here.is_loopback else DOUBT
        self._sent: deque[float] = deque()
        """When each packet that is not settled was sent."""

    @property
    def unsettled(self) -> int:
        """See :class:`Carrier`."""
        return len(self._sent)

    def send(self, packets: Sequence[bytes]) -> None:
        """See :class:`Carrier`."""
        for packet in packets:
            try:
                self._socket.send(packet)
                refused = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            except OSError as error:
                refused = error.errno or errno.EIO
            if refused:
                raise self._broken(refused)
            self._sent.append(time.monotonic())
            self._settle()

    def look(self, seconds: float) -> None:
        """See :class:`Carrier`."""
        time.sleep(seconds)
        refused = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refused:
            raise self._broken(refused)
        self._settle()

    def finish(self, patience: float) -> None:
        """See :class:`Carrier`."""
        while self._sent:
            self.look(min(self._doubt, 0.1))

    def close(self) -> None:
        """See :class:`Carrier`."""
        self._socket.close()

    def _settle(self) -> None:
        before = time.monotonic() - self._doubt
        while self._sent and self._sent[0] <= before:
            self._sent.popleft()
            self.settled += 1

    def _broken(self, number: int) -> Broken:
        return Broken(_words(number), len(self._sent))


class StreamCarrier:
    """TCP or TLS."""

    def __init__(self, place: Place, tls: ssl.SSLContext | None) -> None:
        self.settled = 0
        self._socket = socket.create_connection((place.host, place.port), CONNECT_TIMEOUT)
        self._accepted = 0
        """Bytes that this system took."""
        self._ends: deque[int] = deque()
        """Where each packet that is not acknowledged ends in the stream."""
        self._written = 0
        """Where the last of them ends."""
        self._acknowledged: deque[float] = deque()
        """When each packet that is not settled was found to be acknowledged."""
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._socket.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, int(STALL_TIMEOUT * 1000))
            if tls is not None:
                self._tls = tls.wrap_bio(self._incoming, self._outgoing, server_hostname=place.host)
                self._shake_hands()
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise

    @property
    def unsettled(self) -> int:
        """See :class:`Carrier`."""
        return len(self._ends) + len(self._acknowledged)

    def send(self, packets: Sequence[bytes]) -> None:
        """See :class:`Carrier`."""
        pieces = []
        for packet in packets:
            piece = packet if self._tls is None else self._sealed(packet)
            pieces.append(piece)
            self._written += len(piece)
            self._ends.append(self._written)
        self._write(b"".join(pieces))
        self._settle()

    def look(self, seconds: float) -> None:
        """See :class:`Carrier`."""
        if _ready(self._socket, select.POLLIN, seconds):
            self._read()
        self._settle()

    def finish(self, patience: float) -> None:
        """See :class:`Carrier`.  The peer's FIN is what says that it has read everything."""
        began = time.monotonic()
        while self._ends:
            self.look(0.05)
            if time.monotonic() - began > patience:
                raise self._broken("it takes nothing any more", properly=False)
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._write(self._outgoing.read())
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._failed(error) from None
        began = time.monotonic()
        while self._acknowledged and time.monotonic() - began < CLOSE_TIMEOUT:
            try:
                self.look(0.05)
            except Broken as broken:
                if broken.doubtful:
                    raise
        self.settled += len(self._acknowledged)
        self._acknowledged.clear()

    def close(self) -> None:
        """See :class:`Carrier`.  What this system still has to send is dropped: it will be sent again."""
        if self._ends:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        self._socket.close()

    # TLS ---------------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        assert self._tls is not None
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while True:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = self._outgoing.read()
            self._socket.sendall(data)
            self._accepted += len(data)
            if done:
                self._written = self._accepted
                return
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            answer = self._socket.recv(_READ_SIZE)
            if not answer:
                raise ConnectionResetError(errno.ECONNRESET, "it closed during the TLS handshake")
            self._incoming.write(answer)

    def _sealed(self, packet: bytes) -> bytes:
        assert self._tls is not None
        try:
            self._tls.write(packet)
        except ssl.SSLError as error:
            raise self._broken(f"TLS: {error.reason}", properly=False) from None
        return self._outgoing.read()

    # The socket --------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        """Have this system take *data*, and meanwhile notice when the other end goes."""
        view = memoryview(data)
        last = time.monotonic()
        while view:
            events = _ready(self._socket, select.POLLIN | select.POLLOUT, 0.1)
            if events & ~select.POLLOUT:
                self._read()
            if events & select.POLLOUT:
                try:
                    taken = self._socket.send(view)
                except BlockingIOError:
                    taken = 0
                except OSError as error:
                    raise self._failed(error) from None
                self._accepted += taken
                view = view[taken:]
                last = time.monotonic()
            elif time.monotonic() - last > STALL_TIMEOUT:
                raise self._broken("it takes nothing any more", properly=False)

    def _read(self) -> None:
        """Collectors say nothing; but they end."""
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._failed(error) from None
        if not data:
            raise self._broken("it closed the connection", properly=True)
        if self._tls is not None:  # session tickets, key updates, alerts
            self._incoming.write(data)
            try:
                self._tls.read(_READ_SIZE)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return
            except ssl.SSLError as error:
                raise self._broken(f"TLS: {error.reason}", properly=False) from None

    def _settle(self) -> None:
        now = time.monotonic()
        acknowledged = self._accepted - self._unacknowledged()
        while self._ends and self._ends[0] <= acknowledged:
            self._ends.popleft()
            self._acknowledged.append(now)
        while self._acknowledged and self._acknowledged[0] <= now - DOUBT:
            self._acknowledged.popleft()
            self.settled += 1

    def _unacknowledged(self) -> int:
        number: int = _INT.unpack(fcntl.ioctl(self._socket, SIOCOUTQ, bytes(_INT.size)))[0]
        return number

    def _failed(self, error: OSError) -> Broken:
        return self._broken(_words(error.errno or errno.EIO), properly=error.errno == errno.EPIPE)

    def _broken(self, reason: str, *, properly: bool) -> Broken:
        """Return what is raised; *properly* when the other end had read what it acknowledged."""
        self._settle()
        if properly:
            self.settled += len(self._acknowledged)
            self._acknowledged.clear()
        return Broken(reason, len(self._acknowledged))


def _ready(one: socket.socket, events: int, seconds: float) -> int:
    poll = select.poll()
    poll.register(one, events)
    for _, found in poll.poll(seconds * 1000):
        return found
    return 0


def _words(number: int) -> str:
    return os.strerror(number)
