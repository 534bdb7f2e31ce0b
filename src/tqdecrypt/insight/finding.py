"""A finding: something worth an engineer's time, with what proves it and what to try."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["MOST_FRAMES", "Finding", "Meaning", "Severity"]

MOST_FRAMES = 16
"""Frames that a finding names as evidence; a person looks at the first few."""


class Severity(enum.StrEnum):
    """How much it matters; in the order in which findings are listed."""

    CRITICAL = "critical"
    """Many calls fail, or soon will."""
    ERROR = "error"
    """A call failed, or one side could not hear the other."""
    WARNING = "warning"
    """It worked this time, or works worse than it should."""
    NOTICE = "notice"
    """Worth knowing when something else is wrong."""

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What findings of one name have in common; each has a page in ``docs/findings/``."""

    name: str
    """``no-ack``: lower case, for filters and JSON."""
    severity: Severity
    """Unless the single finding says otherwise."""
    title: str
    """One sentence for the list of all findings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.  Times in nanoseconds since 1970-01-01 UTC."""

    name: str
    severity: Severity
    time: int
    """When it was first seen."""
    sentence: str
    """What happened, to whom, with the figures that prove it."""
    advice: tuple[str, ...] = ()
    """What to try, in the order in which it should be tried."""
    frames: tuple[int, ...] = ()
    """Evidence: numbers of packets, at most :data:`MOST_FRAMES`."""
    call_ids: tuple[str, ...] = ()
    sessions: tuple[int, ...] = ()
    """TLS sessions that it is about."""
    hosts: tuple[str, ...] = ()
    """Addresses without ports that it is about: who has to change something comes first."""
    key: tuple[object, ...] = ()
    """Findings with the same name and key are one finding, seen several times."""
    count: int = 1
    """How many there were of it."""
