"""Credentials that are refused over and over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.calls.traits import Trait
from tqdecrypt.insight.evidence import address_of, attempts_of, frames_of
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_leg_with, on_registration

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "in_calls", "in_registrations"]

MEANING = Meaning(
    "authentication-loop",
    Severity.ERROR,
    "The same request was challenged again and again: the credentials are not accepted.",
)
_ADVICE = (
    "Compare user name, realm and password on both sides; the realm is in the challenge.",
    "A stale nonce (stale=true) is no wrong password: then look at clocks, or at a server that forgets "
    "its nonces, such as one of several behind a load balancer.",
)
_CHALLENGES = frozenset({401, 407})


@on_leg_with(Trait.UNUSUAL)
def in_calls(leg: Leg, context: Context) -> Iterator[Finding]:
    """Yield INVITEs that were challenged on one hop more often than digest needs."""
    hops: dict[tuple[str, str], list[int]] = {}
    for at in attempts_of(leg):
        if at.final is not None and at.final.status in _CHALLENGES:
            hop = address_of(at.flow.source), address_of(at.flow.destination)
            hops.setdefault(hop, []).extend((at.frame, at.final.frame))
    for (client, server), frames in hops.items():
        rounds = len(frames) // 2
        if rounds >= context.thresholds.authentication_rounds:
            yield Finding(
                MEANING.name,
                MEANING.severity,
                leg.first_time,
                f"{server} challenged {client} {rounds} times for one call.",
                _ADVICE,
                frames=frames_of(frames),
                call_ids=(leg.call_id,),
                sessions=leg.sessions[:4],
                hosts=(client, server),
                key=("INVITE", client, server),
            )


@on_registration
def in_registrations(registration: Registration, context: Context) -> Iterator[Finding]:
    """Yield REGISTERs that were challenged more often than digest needs."""
    most = context.thresholds.authentication_rounds
    failed = registration.challenges >= most and not registration.refreshes
    slow = [refresh for refresh in registration.refreshes if refresh.challenges >= most]
    if not failed and not slow:
        return
    client, server = address_of(registration.source), address_of(registration.registrar)
    rounds = registration.challenges if failed else max(refresh.challenges for refresh in slow)
    how = "and never accepted it" if failed else "before it accepted it"
    yield Finding(
        MEANING.name,
        MEANING.severity if failed else Severity.WARNING,
        registration.first_time,
        f"{server} challenged REGISTER of {registration.aor} {rounds} times {how}.",
        _ADVICE,
        frames=frames_of((registration.first_frame, registration.last_frame)),
        call_ids=(registration.call_id,),
        sessions=registration.sessions[:4],
        hosts=(client, server),
        key=("REGISTER", registration.aor, server),
    )
