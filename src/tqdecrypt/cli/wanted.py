"""What of a capture the user asked for: ``--where``, ``--call``, ``--session``, ``--since``, ``--until``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; everything where nothing was."""

    where: str | None = None
    """An expression of the filter language."""
    calls: tuple[str, ...] = ()
    """Call-IDs, or parts of them that no other has."""
    sessions: frozenset[int] = frozenset()
    since: int | None = None
    """Earliest moment, ns."""
    until: int | None = None
    """The moment from which on nothing is wanted any more, ns."""
    only: bool = False
    """Whether the other legs of the calls stay out."""

    def words(self) -> list[str]:
        """Return what it is limited to, one text each, for a person."""
        words = [] if self.where is None else [f"what {self.where} selects"]
        words += [f"the call {one}" for one in self.calls]
        words += [f"TLS session {number}" for number in sorted(self.sessions)]
        if self.since is not None:
            words.append(f"from {_spelled(self.since)} on")
        if self.until is not None:
            words.append(f"before {_spelled(self.until)}")
        return words

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return (
            self.where is None
            and not self.calls
            and not self.sessions
            and self.since is None
            and self.until is None
        )


def _spelled(moment: int) -> str:
    from tqdecrypt.views.words import date_of, time_of_day

    return f"{date_of(moment)} {time_of_day(moment, 0)} UTC"
