"""One RTP stream, a packet at a time, as RFC 3550 and RFC 3611 are written."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Reference"]


@dataclass
class Reference:
    """One stream, a packet at a time, as the appendices of the RFCs are written."""

    rate: int = 8000
    packets: int = 0
    duplicates: int = 0
    reordered: int = 0
    extended: int = 0
    lowest: int = 0
    highest: int = 0
    seen: set[int] = field(default_factory=set)
    jitter: float = 0.0
    time: int = 0
    timestamp: int = 0
    sequence: int = 0
    runs: list[list[int]] = field(default_factory=list)
    """Of each burst or single loss: packets lost."""
    since: int = 1000
    jitters: list[float] = field(default_factory=list)
    """The estimate after each packet but the first, milliseconds."""

    def receive(self, time: int, sequence: int, timestamp: int) -> None:
        self.packets += 1
        if self.packets == 1:
            self.extended = self.lowest = self.highest = sequence
        else:
            step = (sequence - self.sequence + 0x8000) % 0x10000 - 0x8000
            self.extended += step
        self.sequence = sequence
        duplicate = self.extended in self.seen
        self.seen.add(self.extended)
        self.duplicates += duplicate
        self.reordered += not duplicate and self.extended < self.highest
        lost = max(self.extended - self.highest - 1, 0)
        if lost:
            if self.since < 16 and self.runs:
                self.runs[-1].append(lost)
            else:
                self.runs.append([lost])
            self.since = 0
        self.since += 1
        self.highest = max(self.highest, self.extended)
        self.lowest = min(self.lowest, self.extended)
        if not duplicate:
            if self.packets > 1:
                ticks = (timestamp - self.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
                deviation = abs((time - self.time) / 1e6 - ticks * 1000 / self.rate)
                self.jitter += (deviation - self.jitter) / 16
                self.jitters.append(self.jitter)
            self.time, self.timestamp = time, timestamp

    @property
    def jitter_max(self) -> float:
        return max(self.jitters, default=0.0)

    @property
    def expected(self) -> int:
        return self.highest - self.lowest + 1

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self.expected - len(self.seen)

    @property
    def bursts(self) -> int:
        return sum(sum(run) > 1 for run in self.runs)

    @property
    def burst_lost(self) -> int:
        return sum(sum(run) for run in self.runs if sum(run) > 1)

    @property
    def gap_lost(self) -> int:
        """Packets lost one by one."""
        return sum(sum(run) == 1 for run in self.runs)
