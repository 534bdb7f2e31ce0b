"""Final responses to INVITE that nobody acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.call import TIMER_B
from tqdecrypt.calls.fields import uri_host
from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, attempts_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "no_ack"]

MEANING = Meaning(
    "no-ack",
    Severity.ERROR,
    "A 2xx to INVITE that nobody acknowledged: the callee hangs up after 32 seconds.",
)


@on_leg_with(Trait.UNUSUAL)
def no_ack(leg: Leg, context: Context) -> Iterator[Finding]:
    """Say where the ACK should have gone: to the Contact of the 2xx (RFC 3261 section 13.2.2.4)."""
    call = leg.call
    if call.answered is None:
        return
    answered = [at for at in attempts_of(leg) if at.final is not None and at.final.status < 300]
    if not answered or any(at.acknowledged is not None for at in answered):
        return
    over = leg.last_time if call.ended is None else call.ended
    if call.ended is None and over - call.answered < TIMER_B:
        return  # the capture ended too early to tell
    first, last = answered[0], answered[-1]
    assert last.final is not None
    caller, callee = address_of(first.flow.source), address_of(last.flow.destination)
    contact = leg.answer.contact if leg.answer is not None else ""
    again = max(at.response_retransmissions for at in answered)
    sentence = f"{callee} answered {last.final.status}, and no ACK came from {caller}."
    if again:
        sentence = f"{sentence[:-1]}; the {last.final.status} was sent {again + 1} times."
    advice = [f"Check that the {last.final.status} reached {caller}: look at its log."]
    host = uri_host(contact)
    if host and host != callee:
        advice.insert(
            0, f"The ACK goes to the Contact of the answer, {contact}: {caller} must reach {host}."
        )
    yield Finding(
        MEANING.name,
        MEANING.severity,
        last.final.time,
        sentence,
        tuple(advice),
        frames=frames_of((last.frame, last.final.frame)),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(caller, callee),
        key=(caller, callee),
    )
