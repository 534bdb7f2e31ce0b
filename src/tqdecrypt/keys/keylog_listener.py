"""Key logs that come over the network: ``--keylog-listen udp:HOST:PORT`` or ``tcp:HOST:PORT``.

Kamailio's ``keylog_peer`` sends each line as a UDP datagram; loggers that are preloaded into other
servers write lines to a TCP connection.  Nothing is sent back.  Session secrets in clear on a network
belong on the loopback interface or a management network; who listens elsewhere is told so.
"""

from __future__ import annotations

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys.keylog import KeyLog
from tqdecrypt.network import Listener, parse_place

__all__ = ["KeyLogListener"]


class KeyLogListener:
    """Receives key-log lines; :meth:`poll` it now and then.

    :ivar keylog: where the lines go.
    :ivar address: ``(host, port)`` that it listens on; the port that was given if 0 was asked for.
    """

    def __init__(self, where: str, keylog: KeyLog) -> None:
        """Listen at *where*.  Raises :class:`SecretsError` with a sentence for the user."""
        place = parse_place(where, ("udp", "tcp"))
        if place is None:
            raise SecretsError(
                f"{where!r} is no place to listen for key logs; write udp:HOST:PORT or "
                "tcp:HOST:PORT, for example udp:127.0.0.1:5514."
            )
        self.keylog = keylog
        self._listener = Listener(place, "key logs", SecretsError)
        self.address = self._listener.address

    def __repr__(self) -> str:
        return f"<KeyLogListener {self.address[0]}:{self.address[1]}>"

    @property
    def refused(self) -> int:
        """Connections refused because there were too many."""
        return self._listener.refused

    @property
    def warning(self) -> str | None:
        """A sentence for the user when secrets may cross a network in clear."""
        if self._listener.is_loopback:
            return None
        return (
            f"Session secrets arrive in clear at {self.address[0]}:{self.address[1]}: let only the "
            "key loggers reach this port."
        )

    def poll(self) -> int:
        """Take what has arrived, without waiting; return how many secrets are new."""
        before = self.keylog.version
        self._listener.poll(self)
        return self.keylog.version - before

    def close(self) -> None:
        """Stop listening."""
        self._listener.close(self)

    def datagram(self, data: bytes, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`; a datagram holds whole lines."""
        self.keylog.feed(data if data.endswith(b"\n") else data + b"\n", f"from {sender}")

    def received(self, data: bytes, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`."""
        self.keylog.feed(data, f"from {sender}")

    def closed(self, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`."""
        self.keylog.finish(f"from {sender}")
