"""Calls whose BYE gives a reason that no person has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.causes import causes_of, explain
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "ended_abnormally"]

MEANING = Meaning(
    "ended-abnormally",
    Severity.WARNING,
    "A BYE gives a Reason that is no normal clearing: the call was cut, not hung up.",
)


@on_leg
def ended_abnormally(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield dialogs that ended so, with the cause in words."""
    for dialog in leg.dialogs:
        bye = dialog.bye
        if bye is None or not bye.reason_header:
            continue
        causes = causes_of(bye.reason_header)
        if not causes or all(cause.is_normal or cause.number in (None, 200) for cause in causes):
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
