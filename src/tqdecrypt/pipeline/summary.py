"""What reading a capture came to, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.capture import Interface

__all__ = ["Summary"]


@dataclass(slots=True)
class Summary:
    """What was read in all."""

    packets: int = 0
    bytes: int = 0
    """Captured bytes of packets."""
    sessions: int = 0
    decrypted_sessions: int = 0
    dark_sessions: int = 0
    """Sessions with something in them that stayed unreadable."""
    messages: int = 0
    calls: int = 0
    started: int | None = None
    """Earliest time of a packet, ns since 1970-01-01 UTC; ``None`` without any."""
    ended: int | None = None
    """Latest time of one."""
    interfaces: list[Interface] = field(default_factory=list)
    """Where packets were captured, as far as the captures say."""
    others: dict[str, int] = field(default_factory=dict)
    """Call-IDs that are no calls, by what they are for: registrations, options, …."""
    mask: str = "none"
    """Profile by which messages and reports were masked; then they are not what was sent."""
    problems: list[str] = field(default_factory=list)
    """One sentence each: what could not be read, with file and offset."""
    counters: dict[str, int] = field(default_factory=dict)
    """Everything that was dropped, evicted or cut, by name; zeros left out."""

    def note_times(self, first: int, last: int) -> None:
        """Let *started* and *ended* hold two more times, ns."""
        self.started = first if self.started is None else min(first, self.started)
        self.ended = last if self.ended is None else max(last, self.ended)

    def count(self, counters: Mapping[str, int]) -> None:
        """Add counters; zeros are left out."""
        total = self.counters
        for name, count in counters.items():
            if count:
                total[name] = total.get(name, 0) + count
