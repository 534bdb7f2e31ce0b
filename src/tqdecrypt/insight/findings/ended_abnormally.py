"""Calls whose BYE gives a reason that no person has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.causes import causes_of, explain
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "ended_abnormally"]

MEANING = Meaning(
    "ended-abnormally",
    Severity.WARNING,
    "A BYE gives a Reason that is no normal clearing: the call was cut, not hung up.",
)

MOST_REMEMBERED = 1024
"""Values of Reason: the same few, all the time."""


@on_leg_with(Trait.REASON)
def ended_abnormally(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield dialogs that ended so, with the cause in words."""
    if not any(map(_is_abnormal, leg.bye_reasons)):
        return
    for dialog in leg.dialogs:
        bye = dialog.bye
        if bye is None or not _is_abnormal(bye.reason_header):
            continue
        host = address_of(bye.flow.source)
        said = explain(bye.reason_header)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            bye.time,
            f"{host} ended an answered call with {said}.",
            (
                f"The reason comes from {host} or from behind it: a gateway tells what its telephone "
                "network said, an SBC what its media or timers did.",
            ),
            frames=frames_of((dialog.frame, bye.frame)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(host,),
            key=(host, said),
        )


@lru_cache(maxsize=MOST_REMEMBERED)
def _is_abnormal(reason: str) -> bool:
    """Return whether a Reason says anything else than that somebody hung up."""
    causes = causes_of(reason)
    return any(not (cause.is_normal or cause.number in (None, 200)) for cause in causes)
