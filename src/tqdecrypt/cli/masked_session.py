"""The messages of one TLS session for ``tqdecrypt follow --mask``."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from tqdecrypt.cli.collect import OneSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tqdecrypt.sip import Message
    from tqdecrypt.tls import Plaintext

__all__ = ["MaskedSession"]

MOST_FRAMES = 1 << 16
"""Frames whose sender is remembered until there is a message; further ones are forgotten."""


class MaskedSession(OneSession):
    """Writes the messages of one session, of one direction or both.

    Which end is the client is learned from the first message: the plaintext says who sent its frame.

    :param client_only: whether what the client sent is wanted alone, or what it did not; ``None``: both.
    :ivar bytes_read: plaintext of what is asked for.
    :ivar left_out: those of it that were not written.
    """

    def __init__(self, wanted: int, client_only: bool | None, stream: BinaryIO) -> None:
        super().__init__(wanted)
        self._client_only = client_only
        self._stream = stream
        self._senders: dict[int, bool] = {}
        self._client: str | None = None
        self.bytes_read = 0
        self.left_out = 0

    def plaintext(self, session: int, from_client: bool, records: Sequence[Plaintext]) -> None:
        """Count it; see :class:`~tqdecrypt.observing.PlaintextObserver`."""
        if session != self.wanted:
            return
        for data, frame, _ in records:
            if self._client is None and len(self._senders) < MOST_FRAMES:
                self._senders[frame] = from_client
            if self._client_only in (None, from_client):
                self.bytes_read += len(data)
                self.left_out += len(data)

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        flow = message.flow
        if flow.session != self.wanted:
            return
        if self._client is None and message.frame in self._senders:
            from_client = self._senders[message.frame]
            self._client = flow.source if from_client else flow.destination
            self._senders.clear()
        if self._client_only in (None, flow.source == self._client):
            self._stream.write(message.raw)
            self.left_out -= len(message.raw)
