"""How a WebSocket opens: an HTTP request, and the response 101 (RFC 6455 section 4)."""

from __future__ import annotations

import re
from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = ["MOST_HEAD", "Upgrade", "may_be_http", "pull_upgrade"]

MOST_HEAD = 1 << 15
"""Most bytes of a request or response with its header fields; servers take 8 kB, cookies and all."""

_REQUEST = re.compile(rb"GET [!-~]+ HTTP/1\.1\r\n")
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[ \r]")
_STARTS = (b"GET ", b"HTTP/1.1 ")
_LINE = re.compile(rb"([!#-'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")


class Upgrade(NamedTuple):
    """One side's part of the handshake."""

    size: int
    """Bytes up to the end of the empty line: there, frames begin when :attr:`opens`."""
    status: int | None
    """Of a response; ``None`` for a request."""
    is_websocket: bool
    """Whether it asks for a WebSocket, or agrees to one."""
    protocols: tuple[str, ...]
    """Subprotocols that a request offers, or the one that a response chose; in lower case."""

    def opens(self, protocol: str) -> bool:
        """Whether frames of *protocol* may follow.

        Who names no subprotocol at all may speak any: peers forget it, though RFC 7118 section 4.1
        wants it.
        """
        agreed = self.is_websocket and self.status in (None, 101)
        return agreed and (not self.protocols or protocol in self.protocols)


def may_be_http(data: bytes) -> bool | None:
    """Return whether *data* begins like the request or response of a handshake.

    ``None``: it takes more bytes to tell.
    """
    if data.startswith(_STARTS):
        return True
    return None if True in [start.startswith(data) for start in _STARTS] else False


def pull_upgrade(data: bytes) -> Upgrade | None:
    """Return what the head of the HTTP message at the beginning of *data* says; ``None`` while its
    end is not there.

    :raises Malformed: when it is no HTTP/1.1 message of the kinds above, or too long.
    """
    end = data.find(b"\r\n\r\n", 0, MOST_HEAD)
    if end < 0:
        if len(data) >= MOST_HEAD or may_be_http(data) is False:
            raise Malformed("an HTTP message", data[:80], 0)
        return None
    status = _STATUS.match(data)
    start = data.find(b"\r\n") + 2
    if status is None and _REQUEST.fullmatch(data, 0, start) is None:
        raise Malformed("a request or status line of HTTP", data[:80], 0)
    values: dict[bytes, list[bytes]] = {}
    for match in _LINE.finditer(data, start, end + 2):
        values.setdefault(match[1].lower(), []).extend(
            one.strip().lower() for one in match[2].split(b",")
        )
    protocols = [one for one in values.get(b"sec-websocket-protocol", []) if one]
    return Upgrade(
        end + 4,
        None if status is None else int(status[1]),
        b"websocket" in values.get(b"upgrade", []) and b"upgrade" in values.get(b"connection", []),
        tuple(one.decode("utf-8", "backslashreplace") for one in protocols),
    )
