"""Times and sizes of records that stayed dark: all that is left of signalling nobody could open."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LEAST_SIZE", "DarkRecord", "DarkRecords", "DarkSession", "Direction"]

LEAST_SIZE = 200
"""Bytes of a record that may hold a SIP message: shorter ones are keep-alives (RFC 5626) and alerts."""
MOST_RECORDS = 3_000_000
"""Records remembered in all, 20 bytes each."""
MOST_A_DIRECTION = 200_000
"""Records remembered of one direction of a session, the latest ones."""


class DarkRecord(NamedTuple):
    """One record."""

    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    size: int
    """Bytes of its fragment: the message, and what protects it."""
    frame: int
    session: int


class Direction:
    """The records of one direction that may hold SIP, in order of time."""

    __slots__ = ("frames", "sizes", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.sizes = array("i")
        self.frames = array("q")

    def __len__(self) -> int:
        return len(self.times)

    def first_after(self, begin: int, end: int) -> int | None:
        """Return the index of the first record in ``(begin, end]``."""
        at = bisect_right(self.times, begin)
        return at if at < len(self.times) and self.times[at] <= end else None

    def last_before(self, begin: int, end: int) -> int | None:
        """Return the index of the last record in ``[begin, end)``."""
        at = bisect_left(self.times, end) - 1
        return at if at >= 0 and self.times[at] >= begin else None

    def between(self, begin: int, end: int) -> int:
        """Return how many records there are in ``[begin, end]``."""
        return bisect_right(self.times, end) - bisect_left(self.times, begin)

    def forget_half(self) -> int:
        """Forget the older half; return how many records that were."""
        half = (len(self.times) + 1) // 2
        del self.times[:half], self.sizes[:half], self.frames[:half]
        return half


class DarkSession:
    """A session with records that stayed dark."""

    __slots__ = ("client", "number", "server", "to_client", "to_server")

    def __init__(self, number: int, client: str, server: str) -> None:
        self.number = number
        self.client = client
        """``ip:port``."""
        self.server = server
        self.to_server = Direction()
        self.to_client = Direction()

    def __len__(self) -> int:
        return len(self.to_server) + len(self.to_client)


class DarkRecords:
    """Collects records by session; finds sessions by host.

    When there are too many, the session that was silent for the longest loses its older half first.

    :ivar counters: ``dark_records_forgotten``.
    """

    def __init__(self, most: int = MOST_RECORDS) -> None:
        self.counters: Counter[str] = Counter()
        self._most = most
        self._sessions: OrderedDict[int, DarkSession] = OrderedDict()
        self._hosts: dict[str, list[DarkSession]] = {}
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def take(
        self,
        number: int,
        client: str,
        server: str,
        from_client: bool,
        records: Sequence[tuple[int, int, int]],
    ) -> None:
        """Take (size, frame, time) of records in their order.

        :param number: of the session.
        :param client: ``ip:port`` of the TLS client.
        :param server: ``ip:port`` of the TLS server.
        """
        fitting = [record for record in records if record[0] >= LEAST_SIZE]
        if not fitting:
            return
        session = self._sessions.get(number)
        if session is None:
            session = self._sessions[number] = DarkSession(number, client, server)
            for endpoint in (client, server):
                self._hosts.setdefault(endpoint.rpartition(":")[0], []).append(session)
        else:
            self._sessions.move_to_end(number)
        direction = session.to_server if from_client else session.to_client
        for size, frame, time in fitting:
            # Captures of several interfaces may go back a little; what is looked up must not.
            direction.times.append(max(time, direction.times[-1]) if direction.times else time)
            direction.sizes.append(size)
            direction.frames.append(frame)
        self._total += len(fitting)
        if len(direction) > MOST_A_DIRECTION:
            self._forget(direction)
        while self._total > self._most:
            oldest = next(iter(self._sessions.values()))
            self._forget(max(oldest.to_server, oldest.to_client, key=len))
            if not len(oldest):
                self._remove(oldest)

    def sessions_of(self, host: str) -> Sequence[DarkSession]:
        """Return the sessions with an end at *host* (an address without port)."""
        return self._hosts.get(host, ())

    def _forget(self, direction: Direction) -> None:
        forgotten = direction.forget_half()
        self._total -= forgotten
        self.counters["dark_records_forgotten"] += forgotten

    def _remove(self, session: DarkSession) -> None:
        del self._sessions[session.number]
        for endpoint in (session.client, session.server):
            host = endpoint.rpartition(":")[0]
            left = [other for other in self._hosts.get(host, ()) if other is not session]
            if left:
                self._hosts[host] = left
            else:
                self._hosts.pop(host, None)
