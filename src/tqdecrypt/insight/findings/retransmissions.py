"""Messages that were sent again: lost on the way, or answered too late."""

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

__all__ = ["MEANING", "retransmissions"]

MEANING = Meaning(
    "retransmissions",
    Severity.WARNING,
    "Requests or responses were sent again, because an answer was lost or came late.",
)


@on_leg_with(Trait.UNUSUAL)
def retransmissions(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield one finding for each hop on which messages were sent again."""
    for at in leg.transactions:
        again = at.request_retransmissions
        if not again and not at.response_retransmissions:
            continue
        if not again and at.method == "INVITE" and at.acknowledged is None:
            continue  # that is no-ack
        source, destination = address_of(at.flow.source), address_of(at.flow.destination)
        sender, what = (
            (source, at.method) if again else (destination, f"its response to {at.method}")
        )
        sentence = f"{sender} sent {what} again on the way between {source} and {destination}"
        advice: tuple[str, ...]
        if at.retransmitted_reliably:
            sentence += f", over {at.flow.transport}, where nothing is to be sent again"
            advice = (
                f"Over {at.flow.transport} only the end of a connection loses messages: {sender} should "
                "not run timers A and E there (RFC 3261 section 17.1.1.1).",
                "A connection that is stuck (full window, dead peer) looks like this, too: look at "
                "the TCP connection.",
            )
        else:
            slow = destination if again else source
            advice = (
                f"Packets get lost between {source} and {destination}, or {slow} needs longer than "
                "half a second to respond: look at its load.",
            )
        yield Finding(
            MEANING.name,
            MEANING.severity if again > 1 or at.retransmitted_reliably else Severity.NOTICE,
            at.started,
            sentence + ".",
            advice,
            frames=frames_of((at.frame, at.final.frame if at.final else None)),
            call_ids=(leg.call_id,),
            sessions=leg.sessions[:4],
            hosts=(sender,),
            key=(source, destination, bool(again), at.retransmitted_reliably),
        )
