"""HEP that comes over the network: ``--hep-listen udp:HOST:PORT`` or ``tcp:HOST:PORT``."""

from __future__ import annotations

import time
from collections import Counter

from tqdecrypt.errors import InputError
from tqdecrypt.hep import HepStream
from tqdecrypt.mirror.messages import Mirror
from tqdecrypt.network import Listener, parse_place
from tqdecrypt.sip import Message

__all__ = ["HEP_PORT", "HepListener"]

HEP_PORT = 9060
"""Where collectors listen; nobody registered it."""


class HepListener:
    """Receives HEP, and makes messages of it; :meth:`poll` it now and then.

    The ``frame`` of its messages counts HEP packets, from 1.

    :ivar address: ``(host, port)`` that it listens on; the port that was given if 0 was asked for.
    """

    def __init__(self, where: str, key: bytes | None = None) -> None:
        """Listen at *where*.

        :param key: the authentication key that packets must have; ``None``: any, or none.
        :raises InputError: with a sentence for the user when that is impossible.
        """
        place = parse_place(where, ("udp", "tcp"), HEP_PORT)
        if place is None:
            raise InputError(
                f"{where!r} is no place to listen for HEP; write udp:HOST:PORT or tcp:HOST:PORT, "
                f"for example udp:127.0.0.1:{HEP_PORT}."
            )
        self._mirror = Mirror(key)
        self._checks_key = key is not None
        self._listener = Listener(place, "HEP", InputError)
        self._streams: dict[str, HepStream] = {}
        self._messages: list[Message] = []
        self._counters: Counter[str] = Counter()
        self._frame = 0
        self.address = self._listener.address

    def __repr__(self) -> str:
        return f"<HepListener {self.address[0]}:{self.address[1]}>"

    @property
    def warning(self) -> str | None:
        """A sentence for the user when anybody may put messages among the others."""
        if self._listener.is_loopback or self._checks_key:
            return None
        return (
            f"Whoever reaches {self.address[0]}:{self.address[1]} can send messages that were never "
            "said: let only your servers reach this port, or give --hep-password-file."
        )

    @property
    def counters(self) -> dict[str, int]:
        """What came, and what of it was dropped, by name."""
        total = self._counters + self._mirror.counters
        for stream in self._streams.values():
            total += stream.counters
        total["hep_connections_refused"] += self._listener.refused
        total["hep_datagrams_dropped_by_system"] += self._listener.lost
        return dict(total)

    def fileno(self) -> int:
        """Return a descriptor that is readable when something has arrived."""
        return self._listener.fileno()

    def poll(self) -> list[Message]:
        """Return the messages that have arrived, without waiting."""
        self._listener.poll(self)
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        """Stop listening."""
        self._listener.close(self)

    def datagram(self, data: bytes, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`."""
        self._take(data)

    def received(self, data: bytes, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`."""
        stream = self._streams.get(sender)
        if stream is None:
            stream = self._streams[sender] = HepStream()
        for packet in stream.receive(data):
            self._take(packet)

    def closed(self, sender: str) -> None:
        """See :class:`~tqdecrypt.network.Receiver`."""
        stream = self._streams.pop(sender, None)
        if stream is not None:
            stream.end()
            self._counters.update(stream.counters)

    def _take(self, packet: bytes) -> None:
        self._frame += 1
        message = self._mirror.receive(packet, self._frame, time.time_ns())
        if message is not None:
            self._messages.append(message)
