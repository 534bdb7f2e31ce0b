"""rtpengine, and the little of its control protocol that it takes to use it.

NG, as its authors call it: a cookie, a space, and a dictionary in bencoding, in a datagram.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from media.peers.network import Host, Network, Running

__all__ = ["CONTROL", "Controller", "start"]

Value: TypeAlias = "int | str | Sequence[Value] | Mapping[str, Value]"

CONTROL = ("127.0.0.1", 2223)
"""Where it takes commands, on each host that runs one."""


def start(network: Network, at: Host, ports: tuple[int, int]) -> Running:
    """Start rtpengine without its kernel module; media flows through *ports* of the host.

    A call that is deleted is still remembered for a while, so that it can be asked what passed.
    """
    least, most = ports
    return network.start(
        f"rtpengine-{at.name.lower()}",
        [
            *("rtpengine", "--foreground", "--log-stderr", "--log-level=5", "--table=-1"),
            *(f"--interface={at.value}", f"--listen-ng={CONTROL[0]}:{CONTROL[1]}"),
            *(f"--port-min={least}", f"--port-max={most}", "--num-threads=2", "--delete-delay=30"),
        ],
        at,
    )


class Controller:
    """Speaks with the rtpengine of a host."""

    def __init__(self, network: Network, host: Host) -> None:
        with network.at(host):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.5)
        self._socket.connect(CONTROL)
        self._cookies = itertools.count(1)

    def answers(self) -> bool:
        """Return whether it is up."""
        try:
            return bool(self.ask("ping")["result"] == "pong")
        except OSError:
            return False

    def ask(self, command: str, **arguments: Value) -> dict[str, Any]:
        """Return the answer to a command; underscores in names stand for hyphens."""
        cookie = b"%d" % next(self._cookies)
        question = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._socket.send(cookie + b" " + _bencode({"command": command, **question}))
        while True:
            found, _, answer = self._socket.recv(65536).partition(b" ")
            if found == cookie:
                decoded, _ = _decode(answer, 0)
                if decoded["result"] == "error":
                    raise ValueError(decoded["error-reason"])
                return dict(decoded)


def _bencode(value: Value) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        data = value.encode()
        return b"%d:%s" % (len(data), data)
    if isinstance(value, Mapping):
        items = sorted(value.items())
        return b"d" + b"".join(_bencode(name) + _bencode(one) for name, one in items) + b"e"
    return b"l" + b"".join(map(_bencode, value)) + b"e"


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    """Return the value at an offset, and where the next one begins."""
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        found = []
        at += 1
        while data[at : at + 1] != b"e":
            one, at = _decode(data, at)
            found.append(one)
        return (found if kind == b"l" else dict(zip(found[::2], found[1::2], strict=True))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end].decode(), end
