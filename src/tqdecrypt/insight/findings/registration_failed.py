"""Registrations that were refused, unanswered, or ran out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_registration

if TYPE_CHECKING:
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "registration_failed"]

MEANING = Meaning(
    "registration-failed",
    Severity.ERROR,
    "A REGISTER was refused or not answered, or a binding ran out: calls to it are lost.",
)


@on_registration
def registration_failed(registration: Registration, context: Context) -> Iterator[Finding]:
    """Yield what kept a client from being registered; challenges are authentication-loop's."""
    client, registrar = address_of(registration.source), address_of(registration.registrar)
    for response in registration.failures[-1:]:
        yield _finding(
            registration,
            response.time,
            f"{registrar} refused REGISTER of {registration.aor} with {response.status} "
            f"{response.reason}".rstrip()
            + ".",
            f"Look up {registration.aor} on {registrar}: 403 and 404 are accounts, 5xx the server.",
            (response.frame,),
            (registrar, client),
            (response.status, registrar),
        )
    for time, frame in registration.timeouts[-1:]:
        yield _finding(
            registration,
            time,
            f"{registrar} did not answer REGISTER of {registration.aor}.",
            f"Check that {client} reaches {registrar}, and its load.",
            (frame,),
            (registrar, client),
            ("timeout", registrar),
        )
    for lapse in registration.lapses[-1:]:
        until = (
            "to the end of the capture"
            if lapse.until is None
            else (f"for {seconds_text(lapse.until - lapse.time)}")
        )
        yield _finding(
            registration,
            lapse.time,
            f"{registration.aor} was not registered {until}: its binding ran out unrefreshed.",
            f"See why {client} did not send REGISTER in time: it was off, or its connection was dead.",
            (lapse.frame,),
            (client, registrar),
            ("lapse", registration.aor),
        )


def _finding(
    registration: Registration,
    time: int,
    sentence: str,
    advice: str,
    frames: tuple[int, ...],
    hosts: tuple[str, ...],
    key: tuple[object, ...],
) -> Finding:
    return Finding(
        MEANING.name,
        MEANING.severity,
        time,
        sentence,
        (advice,),
        frames=frames_of(frames),
        call_ids=(registration.call_id,),
        sessions=registration.sessions[:4],
        hosts=hosts,
        key=key,
    )
