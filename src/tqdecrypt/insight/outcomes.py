"""How calls came out, each counted once over all its legs, and which of the failed ones to look at."""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.calls import CallState
from tqdecrypt.insight.evidence import address_of
from tqdecrypt.insight.indicators import EFFECTIVE

if TYPE_CHECKING:
    from tqdecrypt.calls import Call, JointCall

__all__ = ["FailedCall", "Outcome", "Outcomes", "outcome_of"]

MOST_GROUPS = 500
"""Ways to fail (status or state, and who was called) that are told apart; further calls are counted."""
MOST_OF_A_GROUP = 8
"""Calls of one way to fail that are remembered; a person looks at the first few."""


class Outcome(enum.StrEnum):
    """How a call came out, for a person; in the order in which a report says it."""

    ANSWERED = "answered"
    FAILED = "failed"
    """A 4xx, 5xx or 6xx that nobody chose, or no final response in time."""
    DECLINED = "busy or declined"
    """480, 486, 600, 603: what the called person, or their telephone for them, decided (RFC 6076 4.7)."""
    CANCELLED = "cancelled"
    REDIRECTED = "redirected"
    OPEN = "without an end in the capture"


_OUTCOMES = {
    CallState.ESTABLISHED: Outcome.ANSWERED,
    CallState.ENDED: Outcome.ANSWERED,
    CallState.UNANSWERED: Outcome.FAILED,
    CallState.CANCELLED: Outcome.CANCELLED,
    CallState.REDIRECTED: Outcome.REDIRECTED,
    CallState.TRYING: Outcome.OPEN,
    CallState.RINGING: Outcome.OPEN,
}


def outcome_of(call: Call) -> Outcome:
    """Return how a call came out."""
    if call.state is CallState.FAILED:
        return Outcome.DECLINED if call.final_status in EFFECTIVE else Outcome.FAILED
    return _OUTCOMES[call.state]


class FailedCall(NamedTuple):
    """A call that failed, and where to find it again."""

    call_ids: tuple[str, ...]
    """Of all its legs, the caller's first."""
    sessions: tuple[int, ...]
    """TLS sessions that carried it."""
    joins: dict[str, str]
    """Why a Call-ID was joined to another, in words."""
    started: int
    outcome: Outcome


@dataclass(slots=True)
class _Group:
    """Calls that failed in the same way."""

    outcome: Outcome
    total: int = 0
    calls: deque[FailedCall] = field(default_factory=deque)


@dataclass(slots=True)
class Outcomes:
    """Adds up calls."""

    total: int = 0
    counts: Counter[Outcome] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Calls that failed or were declined, by what was said: ``503 Service Unavailable``."""
    ungrouped: int = 0
    """Calls that failed in ways beyond :data:`MOST_GROUPS`."""
    _groups: dict[tuple[object, ...], _Group] = field(default_factory=dict)

    def add(self, call: JointCall) -> None:
        """Take a call that is over."""
        first = call.first.call
        outcome = outcome_of(first)
        self.total += 1
        self.counts[outcome] += 1
        if outcome not in (Outcome.FAILED, Outcome.DECLINED):
            return
        said = f"{first.final_status} {first.reason or ''}".rstrip()
        said = said if first.final_status is not None else "no final response"
        known = said in self.failures or len(self.failures) < MOST_GROUPS
        self.failures[said if known else "other answers"] += 1
        self._keep(call, outcome, said)

    def _keep(self, call: JointCall, outcome: Outcome, said: str) -> None:
        key = (outcome, said, address_of(call.first.call.callee))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST_GROUPS:
                self.ungrouped += 1
                return
            group = self._groups[key] = _Group(outcome)
        group.total += 1
        if len(group.calls) < MOST_OF_A_GROUP:
            names = {leg.number: leg.call_id for leg in call.legs}
            joins = {names[join.other]: f"to {names[join.leg]} by {join}" for join in call.joins}
            started = call.first.call.started
            failed = FailedCall(call.call_ids, call.sessions, joins, started, outcome)
            group.calls.append(failed)

    def worth_a_look(self, most: int) -> list[FailedCall]:
        """Return some failed calls: of each way to fail one, then another, …; declined ones come last."""
        groups = sorted(
            self._groups.values(),
            key=lambda group: (group.outcome is Outcome.DECLINED, -group.total),
        )
        chosen = list(_in_turn(groups))[:most]
        return sorted(chosen, key=lambda call: (call.outcome is Outcome.DECLINED, call.started))


def _in_turn(groups: list[_Group]) -> Iterator[FailedCall]:
    for outcome in (Outcome.FAILED, Outcome.DECLINED):
        theirs = [list(group.calls) for group in groups if group.outcome is outcome]
        for turn in range(MOST_OF_A_GROUP):
            for calls in theirs:
                if turn < len(calls):
                    yield calls[turn]
