"""What is told of a connection when it is over, to who hands connections on.

Nobody pays for it who does not ask: without an :class:`~tqdecrypt.observing.EndObserver` nothing of this
is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.observing import EndObserver
    from tqdecrypt.sip import Message
    from tqdecrypt.tcp import Connection, End
    from tqdecrypt.tls.session_secrets import SessionSecrets

__all__ = ["ConnectionEnd", "EndQueue", "tcp_connection_end"]


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """A TCP connection with SIP or TLS in it, or a DTLS session, of which nothing more comes."""

    client: str
    """``ip:port``, IPv6 in brackets: the end that opened it, as far as that was seen."""
    server: str
    stream: int | None
    """What the flows of its messages call it; ``None`` for DTLS."""
    session: int | None
    """Number of the TLS session in it."""
    first_frame: int
    last_frame: int
    """Of its segments that carry anything, SYN, FIN or RST; its records, for DTLS."""
    time: int
    """Of that last frame, ns."""
    reason: End
    finished: tuple[bool, bool] = (False, False)
    """Whether client and server said FIN or RST."""
    secrets: SessionSecrets | None = None
    """What opened its session, if anything did and an observer wants it."""


class EndQueue:
    """Holds ends back until the messages that came on their connections have gone on."""

    def __init__(self, observers: Sequence[EndObserver]) -> None:
        self._observers = observers
        self._ends: list[ConnectionEnd] = []
        """What was added since everything was told, the latest frame first."""
        self._sorted = True
        self._ripening: deque[tuple[int, ConnectionEnd]] = deque()
        """Since when, and what: messages of these may be held back for the sake of mirrored ones."""

    def add(self, end: ConnectionEnd) -> None:
        """Take an end."""
        self._ends.append(end)
        self._sorted = False

    def tell(self, before: int | None) -> None:
        """Tell of what was over in front of frame *before*, in order; ``None``: of everything."""
        ends = self._ends
        if not self._sorted:
            ends.sort(key=_LAST_FRAME, reverse=True)
            self._sorted = True
        while ends and (before is None or ends[-1].last_frame < before):
            self._tell(ends.pop())

    def among(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Yield messages in order of frames; tell of each connection that was over in front of one."""
        for message in messages:
            if self._ends:
                self.tell(message.frame)
            yield message

    def tell_ripe(self, since: int | None, now: int) -> None:
        """Tell of what has waited since *since*, ns, at least; of everything when it is ``None``.

        What is new waits from *now* on.
        """
        self._ripening.extend((now, end) for end in sorted(self._ends, key=_LAST_FRAME))
        self._ends.clear()
        while self._ripening and (since is None or self._ripening[0][0] <= since):
            self._tell(self._ripening.popleft()[1])

    def _tell(self, end: ConnectionEnd) -> None:
        for one in self._observers:
            one.connection_over(end if one.wants_secrets else replace(end, secrets=None))


_LAST_FRAME = attrgetter("last_frame")


def tcp_connection_end(
    connection: Connection,
    client_side: int,
    stream: int,
    reason: End,
    session: int | None = None,
    secrets: SessionSecrets | None = None,
) -> ConnectionEnd:
    """Return what is to be told of a TCP connection."""
    ends = connection.ends
    directions = connection.directions
    return ConnectionEnd(
        client=ends[client_side],
        server=ends[1 - client_side],
        stream=stream,
        session=session,
        first_frame=connection.first_frame,
        last_frame=connection.last_frame,
        time=connection.last_time,
        reason=reason,
        finished=(directions[client_side].finished, directions[1 - client_side].finished),
        secrets=secrets,
    )
