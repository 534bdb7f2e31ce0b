"""Calls that a 4xx, 5xx or 6xx ended, added up by status and by who sent it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.causes import explain
from tqdecrypt.insight.context import Context
from tqdecrypt.insight.evidence import address_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.transaction import Transaction

__all__ = ["MEANING", "call_failed"]

MEANING = Meaning(
    "call-failed",
    Severity.ERROR,
    "A 4xx, 5xx or 6xx ended the INVITE, and nothing better followed.",
)

_ORDINARY = frozenset({480, 486, 487, 600, 603})
"""What people do: not there, busy, gave up, declined (RFC 3261 section 21)."""
_CHALLENGES = frozenset({401, 407})


@on_leg_with(Trait.UNUSUAL)
def call_failed(leg: Leg, context: Context) -> Iterator[Finding]:
    """Name the final response and the host nearest to where it came from."""
    call = leg.call
    status = call.final_status
    if status is None or status < 400 or call.answered is not None:
        return
    answered = _with(leg, status)
    if answered is None or answered.final is None:
        return
    host = address_of(answered.flow.destination)
    outcome = f"{status} {call.reason or ''}".rstrip()
    cause = answered.final.reason_header
    why = f" with {explain(cause)}" if cause else ""
    advice: tuple[str, ...] = ()
    if status in _CHALLENGES:
        severity = Severity.WARNING
        advice = ("The caller sent no credentials after the challenge: look at its account.",)
    elif status in _ORDINARY:
        severity = Severity.NOTICE
    else:
        severity = MEANING.severity
        advice = (f"Ask {host}, which sent it; its log for this Call-ID and time says more.",)
    yield Finding(
        MEANING.name,
        severity,
        answered.final.time,
        f"{host} answered an INVITE {outcome}{why}.",
        advice,
        frames=tuple(frame for frame in (answered.frame, answered.final.frame) if frame),
        call_ids=(leg.call_id,),
        sessions=leg.sessions[:4],
        hosts=(host,),
        key=(status, call.reason, host, cause),
    )


def _with(leg: Leg, status: int) -> Transaction | None:
    """Return the INVITE that got *status*: the last hop on which it was seen, nearest its source."""
    for transaction in reversed(leg.transactions):
        final = transaction.final
        if transaction.method == "INVITE" and final is not None and final.status == status:
            return transaction
    return None
