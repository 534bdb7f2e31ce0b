"""HEP on a TCP connection or in a TLS session that was captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tqdecrypt.hep import HepStream
from tqdecrypt.mirror.messages import Mirror
from tqdecrypt.sip import Message

__all__ = ["HepFramer"]


class HepFramer:
    """Makes messages of one direction; like :class:`~tqdecrypt.sip.StreamFramer`.

    :ivar counters: see :class:`~tqdecrypt.hep.HepStream`.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._stream = HepStream()
        self.counters: Counter[str] = self._stream.counters

    @property
    def idle(self) -> bool:
        """Whether it stands between two packets, and a new one could take its place."""
        return self._stream.idle

    def receive_all(
        self, chunks: Iterable[tuple[bytes, int, int]], messages: list[Message]
    ) -> None:
        """Take the next chunks, each with its frame and time; append what they complete."""
        for data, frame, time in chunks:
            for packet in self._stream.receive(data):
                message = self._mirror.receive(packet, frame, time)
                if message is not None:
                    messages.append(message)

    def gap(self) -> None:
        """Bytes are missing behind what was received."""
        self._stream.gap()

    def end(self) -> None:
        """Nothing more comes."""
        self._stream.end()
