"""What calls announce until they have settled: where their parties receive, and in which formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tqdecrypt.media.description import MediaDescription, describe
from tqdecrypt.media.ends import AtEnds
from tqdecrypt.sip.message import LARGEST_STATUS

if TYPE_CHECKING:
    from tqdecrypt.sip import Message
    from tqdecrypt.sip.sdp_attributes import Codec

__all__ = ["Announcements"]

MOST_CALLS = 20_000
"""Calls whose announcements are remembered, one to two kilobytes each; the one that was the first to announce
something goes first."""
MOST_ENDS = 128
"""Endpoints of one call."""
LARGEST_DESCRIPTION = 1 << 16
"""Bytes of a description that is looked at."""
_METHODS = frozenset({"INVITE", "ACK", "PRACK", "UPDATE"})
"""Where offers and answers stand (RFC 6337 section 2)."""


class Announcements:
    """Takes messages with session descriptions, and calls that are over.

    :ivar counters: ``media_announcements_evicted``: calls forgotten because there were too many;
        ``media_announcements_dropped``: endpoints beyond the most of one call.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._calls: dict[str, dict[str, None]] = {}
        """Call-ID → its endpoints."""
        self._ends: AtEnds[str, MediaDescription] = AtEnds()
        """By Call-ID, the latest one at the end."""
        self._ports: AtEnds[str, MediaDescription] = AtEnds()
        """The same by port alone: behind a NAT the address is another one."""

    def __contains__(self, end: str) -> bool:
        """Return whether a call has announced an endpoint (``ip:port``)."""
        return end in self._ends

    def calls_at(self, end: str) -> Iterable[str]:
        """Return the Call-IDs of the calls that have announced an endpoint."""
        return self._ends.at(end)

    def receive(self, message: Message) -> None:
        """Take a message with media in its body."""
        call_id, status = message.call_id, message.status
        if message.cseq_method not in _METHODS or not call_id:
            return
        if status is not None and status > LARGEST_STATUS:
            return
        at = message.raw.find(b"v=0", message.body_start)
        if at < 0 or len(message.raw) - at > LARGEST_DESCRIPTION:
            return
        ends = self._calls.get(call_id)
        if ends is None:
            if len(self._calls) >= MOST_CALLS:
                self.over([next(iter(self._calls))])
                self.counters["media_announcements_evicted"] += 1
            ends = self._calls[call_id] = {}
        for one in describe(message.raw[at:]):
            for end in one.ends:
                if len(ends) >= MOST_ENDS and end not in ends:
                    self.counters["media_announcements_dropped"] += 1
                elif end:
                    ends[end] = None
                    self._ends.add((end,), call_id, one)
                    self._ports.add((_port(end),), call_id, one)

    def over(self, call_ids: Iterable[str]) -> None:
        """Forget what calls have announced."""
        for call_id in call_ids:
            ends = self._calls.pop(call_id, None)
            if ends:
                self._ends.discard(ends, call_id)
                self._ports.discard(map(_port, ends), call_id)

    def formats(self, source: str, destination: str) -> Mapping[int, Codec]:
        """Return payload types as whoever receives announced them, else as whoever sends did."""
        for end in (destination, source):
            there = self._ends.at(end) or self._ports.at(_port(end))
            if there:
                return there[next(reversed(there))].payload_types
        return {}


def _port(end: str) -> str:
    return end.rpartition(":")[2]
