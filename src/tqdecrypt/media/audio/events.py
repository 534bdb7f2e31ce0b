"""RFC 4733: keys that were pressed, as packets.  That they were is told, never which.

What is dialled during a call is a PIN or a card number more often than a menu's digit.
"""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = ["MOST_EVENTS", "Event", "Events"]

MOST_EVENTS = 1_000
"""Events that are kept of a direction; the rest is counted."""
DIGITS = 16
"""0 to 9, *, #, A to D (section 3.2); beyond them: flash, and tones of modems and fax."""


class Event(NamedTuple):
    """A key that was pressed, or another event of the telephone network."""

    time: int
    """When its first packet arrived, ns."""
    duration: float
    """Milliseconds, as far as packets told."""
    what: str
    """``digit`` for all keys alike; otherwise the event's number."""
    digit: str = "•"
    """Always masked; empty for what is no key."""


class Events:
    """Collects the events of one direction.

    :ivar left_out: events beyond :data:`MOST_EVENTS`.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last: tuple[int, int] | None = None
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def all(self) -> tuple[Event, ...]:
        """In the order of their first packets."""
        return tuple(self._events)

    def receive(
        self, time: int, ssrc: int, timestamp: int, payload: bytes, clock_rate: int
    ) -> None:
        """Take one packet; an event's packets all have the timestamp of its beginning (section 2.4).

        :raises Malformed: when it is too short.
        """
        if len(payload) < 4:
            raise Malformed("four octets of a telephone event", f"{len(payload)} octets")
        duration = int.from_bytes(payload[2:4]) * 1000 / clock_rate
        key = (ssrc, timestamp)
        if key == self._last:
            if self._events and not self.left_out:
                event = self._events[-1]
                self._events[-1] = event._replace(duration=max(event.duration, duration))
            return
        self._last = key
        if len(self._events) >= MOST_EVENTS:
            self.left_out += 1
            return
        number = payload[0]
        is_digit = number < DIGITS
        what = "digit" if is_digit else f"event {number}"
        self._events.append(Event(time, duration, what, "•" if is_digit else ""))
