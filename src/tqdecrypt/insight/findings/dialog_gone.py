"""Requests in a dialog that one side no longer knows (481), or that crossed (491)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "dialog_gone"]

MEANING = Meaning(
    "dialog-gone",
    Severity.WARNING,
    "A request in a dialog was refused with 481: one side had ended or lost the dialog.",
)


@on_leg_with(Trait.UNUSUAL)
def dialog_gone(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield 481 responses, less those to a BYE or CANCEL that crossed the other side's."""
    for at in leg.transactions:
        final = at.final
        if final is None or final.status != 481 or not at.to_tag:
            continue
        crossed = leg.call.ended is not None and at.started - leg.call.ended < 1_000_000_000
        if at.method in ("BYE", "CANCEL") and crossed and leg.call.ended != at.started:
            continue
        host, asker = address_of(at.flow.destination), address_of(at.flow.source)
        yield Finding(
            MEANING.name,
            MEANING.severity if at.method == "BYE" else Severity.ERROR,
            final.time,
            f"{host} no longer knew the dialog in which {asker} sent {at.method} (481).",
            (
                f"See whether {host} was restarted, failed over or let its session timer run out.",
                "With several servers behind one address, the request may have reached another one: "
                "check that requests in a dialog follow its route set.",
            ),
            frames=frames_of((at.frame, final.frame)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(host, asker),
            key=(at.method, host, asker),
        )
