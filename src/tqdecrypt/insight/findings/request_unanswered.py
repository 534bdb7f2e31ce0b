"""Requests other than INVITE without a final response: BYE, CANCEL, UPDATE … into the void."""

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

__all__ = ["MEANING", "request_unanswered"]

MEANING = Meaning(
    "request-unanswered",
    Severity.WARNING,
    "A BYE, CANCEL, UPDATE or other request in a call got no final response.",
)


@on_leg_with(Trait.UNUSUAL)
def request_unanswered(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield requests whose timer F ran out (RFC 3261 section 17.1.2)."""
    for at in leg.transactions:
        if at.method in ("INVITE", "ACK") or not at.state.timed_out or not at.request_seen:
            continue
        host = address_of(at.flow.destination)
        why = (
            "the other side may go on charging for the call"
            if at.method == "BYE"
            else ("what it should have changed did not happen")
        )
        yield Finding(
            MEANING.name,
            MEANING.severity,
            at.started,
            f"{host} did not answer {at.method}: {why}.",
            (
                f"In a dialog, requests go to the Contact (RFC 3261 section 12.2): check that "
                f"{address_of(at.flow.source)} reaches {host} there.",
            ),
            frames=frames_of((at.frame,)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(host,),
            key=(at.method, host),
        )
