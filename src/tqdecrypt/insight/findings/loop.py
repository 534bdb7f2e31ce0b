"""Requests that go round in circles, or nearly ran out of hops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, attempts_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "loop"]

MEANING = Meaning(
    "loop",
    Severity.ERROR,
    "A request came back to where it had been, or ran out of Max-Forwards.",
)


@on_leg_with(Trait.FEW_HOPS)
def loop(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield INVITEs that were refused with 482 or 483, passed a hop twice, or had few hops left."""
    seen: dict[tuple[str, str, int, str], tuple[str, int]] = {}
    advice = (
        "Follow the request through the routes: two elements send it to each other.",
        "An alias, a domain or a number that both think belongs to the other is the usual cause.",
    )
    for at in attempts_of(leg):
        source, destination = address_of(at.flow.source), address_of(at.flow.destination)
        hop = source, destination, at.cseq, at.from_tag
        before = seen.setdefault(hop, (at.branch, at.frame))
        final = at.final
        left = at.max_forwards
        if final is not None and final.status in (482, 483):
            said = f"{destination} refused a request with {final.status} {final.reason}".rstrip()
            severity = MEANING.severity
        elif before[0] != at.branch and _decreased(leg, before[0], left):
            said = f"the same request went from {source} to {destination} more than once"
            severity = MEANING.severity
        elif left is not None and left <= context.thresholds.low_max_forwards:
            said = f"a request from {source} to {destination} had {left} hops left (Max-Forwards)"
            severity = Severity.WARNING
        else:
            continue
        yield Finding(
            MEANING.name,
            severity,
            at.started,
            said[0].upper() + said[1:] + ".",
            advice,
            frames=frames_of((before[1], at.frame, final.frame if final else None)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(destination, source),
            key=(severity, source, destination),
        )


def _decreased(leg: Leg, branch: str, left: int | None) -> bool:
    """Return whether the later one has fewer hops left: it came round, and was not forked."""
    first = next((at.max_forwards for at in attempts_of(leg) if at.branch == branch), None)
    return first is not None and left is not None and left < first
