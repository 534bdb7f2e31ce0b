"""Reaching the server: a connection, or the reason why there is none."""

from __future__ import annotations

import enum
import errno
import socket
from dataclasses import dataclass

from tqdecrypt.errors import TqdecryptError

__all__ = ["Dial", "DialError", "dial"]


class Dial(enum.StrEnum):
    """Why there is no connection; the value is the code in JSON."""

    NAME_UNKNOWN = "name-unknown"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not-allowed"


_SENTENCES = {
    Dial.NAME_UNKNOWN: "The name {host} is not known to the DNS; check its spelling, or name an address.",
    Dial.REFUSED: "{host} refuses connections on port {port}: nothing listens there; check the port, and "
    "whether the TLS interface is in service.",
    Dial.TIMED_OUT: "{host} did not answer on port {port} within {timeout:g} s: a firewall drops packets, or "
    "the host is away.",
    Dial.UNREACHABLE: "There is no route to {host}: check the network and the address.",
    Dial.NOT_ALLOWED: "This machine does not let us connect to {host} port {port}; look at its firewall.",
}


class DialError(TqdecryptError):
    """There is no TCP connection."""

    def __init__(self, dial: Dial, host: str, port: int, timeout: float) -> None:
        self.dial = dial
        super().__init__(_SENTENCES[dial].format(host=host, port=port, timeout=timeout))


@dataclass(slots=True)
class Connected:
    """A TCP connection to the server."""

    socket: socket.socket
    took: int
    """Nanoseconds from SYN to SYN/ACK, as this machine sees it."""

    @property
    def ends(self) -> tuple[str, str]:
        """``ip:port`` of this end and of the server."""
        return _endpoint(self.socket.getsockname()), _endpoint(self.socket.getpeername())


def dial(host: str, port: int, timeout: float) -> Connected:
    """Return a connection.

    :param timeout: seconds for each address of the host.
    :raises DialError: with the reason.
    """
    import time

    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise DialError(Dial.NAME_UNKNOWN, host, port, timeout) from None
    reason = Dial.UNREACHABLE
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout)
        begun = time.monotonic_ns()
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            reason = _reason(error)
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Connected(sock, time.monotonic_ns() - begun)
    raise DialError(reason, host, port, timeout)


def _reason(error: OSError) -> Dial:
    if isinstance(error, ConnectionRefusedError):
        return Dial.REFUSED
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return Dial.TIMED_OUT
    if error.errno in (errno.EACCES, errno.EPERM):
        return Dial.NOT_ALLOWED
    return Dial.UNREACHABLE


def _endpoint(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = address[0].partition("%")[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
