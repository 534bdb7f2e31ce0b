"""What reading captures needs from outside: options, where results go, where more comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.capture import PacketBlock
    from tqdecrypt.insight import Analysis
    from tqdecrypt.keys import KeyRing, SecretsStore
    from tqdecrypt.observing import Observer
    from tqdecrypt.packet.transport import TransportColumns
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import SessionReport
    from tqdecrypt.tls.watching import Watch

__all__ = ["KeyLogSource", "Mask", "MediaSink", "MessageSource", "Progress", "ReadOptions", "Sink"]

Progress = Callable[[int, int], None]
"""Is called with the bytes read and the bytes in all."""


@dataclass(slots=True)
class ReadOptions:
    """What a reader is given."""

    ring: KeyRing
    """Keys and secrets."""
    ports: frozenset[int] = frozenset()
    """Only TCP connections and UDP datagrams with one of these ports; empty: any."""
    observers: Sequence[Observer] = ()
    """Those who look on: at plaintext, records, handshakes, ends of connections."""
    store: SecretsStore | None = None
    """Session secrets of earlier runs; those of this one are added."""
    analysis: Analysis | None = None
    """Takes every message and session report, too, when somebody wants answers."""
    watch: Watch | None = None
    """Records the handshakes of sessions that are to be explained."""
    keylog_sources: Sequence[KeyLogSource] = ()
    """What the ring's key log grows from while the capture is read."""
    message_sources: Sequence[MessageSource] = ()
    """Where messages come from besides packets.  Without captures, they are waited for without end."""
    mask: Mask | None = None
    """Rewrites messages and reports before the calls, the analysis and the sink see them."""
    media: MediaSink | None = None
    """Takes every UDP datagram as columns, and the messages, when somebody wants media."""


class KeyLogSource(Protocol):
    """A key log that may grow: a file, a socket."""

    def poll(self) -> int:
        """Take what is new, without waiting; return how many secrets that were."""


class MessageSource(Protocol):
    """Messages that come by themselves, while they happen: from a socket."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What was dropped so far, by name."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when messages may have come."""

    def poll(self) -> Sequence[Message]:
        """Return what has come, without waiting."""


class MediaSink(Protocol):
    """Takes datagrams as columns.  Without one, media is dropped where packets are decoded."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What there was, and what was given up, by name."""

    def receive(self, rows: TransportColumns, block: PacketBlock) -> None:
        """All UDP datagrams of a block, in order; the block's buffer is gone afterwards."""

    def describe(self, message: Message) -> None:
        """One SIP message, as the sink takes it; it may announce media."""

    def settle(self, before: int | None, now: int) -> None:
        """All messages in front of frame *before* were given; ``None``: all that there are.

        :param now: capture time up to which that is so, ns; with a live source it goes on when nothing comes.
        """

    def finish(self) -> None:
        """Everything was read."""


class Mask(Protocol):
    """Puts pseudonyms in the place of what is not to be seen."""

    @property
    def profile(self) -> str:
        """How much it masks, in a word."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How many messages were changed, and how many withheld."""

    def message(self, message: Message) -> Message | None:
        """Return the message as it may be seen; ``None``: not at all."""

    def session(self, report: SessionReport) -> SessionReport:
        """Return the report as it may be seen."""


class Sink(Protocol):
    """Takes the results while captures are read.  Messages come in frame order."""

    def message(self, message: Message) -> None:
        """One SIP message."""

    def session(self, report: SessionReport) -> None:
        """A TLS session ended, or the capture did."""

    def call(self, call: Call) -> None:
        """A call ended, or the capture did."""
