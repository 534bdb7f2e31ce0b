"""Calls that ended while one side still held the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "hold_left_on"]

MEANING = Meaning(
    "hold-left-on",
    Severity.NOTICE,
    "The call ended while one side had the other on hold: no audio until then.",
)


@on_leg_with(Trait.UNUSUAL)
def hold_left_on(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield dialogs that ended on hold, unless a transfer explains it."""
    for dialog in leg.dialogs:
        if dialog.ended is None or not dialog.holds or dialog.transfers:
            continue
        last = dialog.holds[-1]
        if not (dialog.caller_holds or dialog.callee_holds) or not last.held:
            continue
        end = leg.call.caller if last.by == "caller" else leg.call.callee
        host = address_of(end)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            last.time,
            f"The {last.by} ({host}) put the other on hold, and the call ended "
            f"{seconds_text(dialog.ended - last.time)} later without a resume.",
            (
                "Callers who hear nothing hang up: ask whether the hold was meant, and whether music on "
                "hold was played.",
                f"An a=sendonly or a=inactive that something at {host} sends by mistake looks the same.",
            ),
            frames=frames_of((last.frame, dialog.bye.frame if dialog.bye else None)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(host,),
            key=(last.by, host),
        )
