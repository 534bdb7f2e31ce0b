"""A TCP connection, and what its bytes are handed to."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from tqdecrypt.packet import endpoint_text

if TYPE_CHECKING:
    from tqdecrypt.tcp.stream import Direction

__all__ = ["Connection", "End", "Gap", "GapCause", "Key", "StreamHandler"]

Key: TypeAlias = tuple[int, int, int, int, int, int]
"""Source address (high, low), source port, destination address (high, low), destination port."""


class GapCause(enum.Enum):
    """Why bytes of a direction are missing."""

    LOSS = "loss"
    """Segments are not in the capture."""
    SNAP_LENGTH = "snap length"
    """The capture kept only the first bytes of a segment."""


class End(enum.Enum):
    """Why nothing more comes on a connection."""

    FIN = "closed"
    """Both ends said FIN, or one did and the other fell silent."""
    RST = "reset"
    REUSED = "ports reused"
    """A new connection began between the same ends."""
    EVICTED = "evicted"
    """The table of connections was full and this one had been idle the longest."""
    CAPTURE_END = "capture ended"


class Gap(NamedTuple):
    """Bytes that are missing in one direction."""

    size: int
    """How many."""
    before: int
    """Frame that ended in front of the gap; 0 when the gap is at the start."""
    after: int
    """Frame that stands behind the gap; 0 when nothing does."""
    time: int
    """Of that frame, or when the gap was given up, in nanoseconds."""
    cause: GapCause


class StreamHandler(Protocol):
    """Takes what comes out of one connection; *side* 0 is what the connection's end 0 sent.

    The directions of a connection are independent: within a block, one side's bytes may be handed
    over before earlier bytes of the other side.  Frames tell the order.
    """

    def receive(
        self, side: int, data: bytes, ends: list[int], frames: list[int], times: list[int]
    ) -> None:
        """In-order bytes: packet *i* (frame, time) completed ``data[: ends[i]]``.

        A byte is complete when all in front of it are there, so frames never fall.
        """

    def gap(self, side: int, gap: Gap) -> None:
        """Bytes are missing; what follows stands behind them."""

    def end(self, reason: End, frame: int, time: int) -> None:
        """Nothing more comes; called exactly once.  *frame* and *time*: the last segment's."""


class Connection:
    """A TCP connection as far as it was captured."""

    __slots__ = (
        "closed_at",
        "directions",
        "end_reason",
        "first_frame",
        "handler",
        "initiator",
        "keys",
        "last_frame",
        "last_time",
        "started",
        "version",
    )

    def __init__(self, version: int, keys: tuple[Key, Key], frame: int, time: int) -> None:
        self.version = version
        """Of IP: 4 or 6."""
        self.keys = keys
        """What the table finds the two directions by: that of end 0's segments, and of end 1's."""
        self.directions: tuple[Direction, Direction]
        self.initiator: int | None = None
        """The end that sent SYN without ACK; ``None`` when the start was not captured."""
        self.handler: StreamHandler | None = None
        """``None``: nobody wants this connection."""
        self.first_frame = frame
        self.started = time
        self.last_frame = frame
        self.last_time = time
        self.end_reason: End | None = None
        """Why it ended, or will when no late segment comes any more."""
        self.closed_at: int | None = None
        """Once FIN of both sides or RST was seen: capture time of the last segment, ns."""

    @property
    def ends(self) -> tuple[str, str]:
        """``ip:port`` of both; end 0 sent the first packet that was seen.

        Made when somebody asks: a table of idle connections need not hold the texts.
        """
        return (
            endpoint_text(self.version, *self.keys[0][:3]),
            endpoint_text(self.version, *self.keys[0][3:]),
        )
