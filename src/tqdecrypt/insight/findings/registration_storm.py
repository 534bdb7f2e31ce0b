"""Registrations that come all at once, or far too often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of, frames_of, seconds_text
from tqdecrypt.insight.finding import Finding, Meaning, Severity
from tqdecrypt.insight.rules import on_end, on_registration

if TYPE_CHECKING:
    from tqdecrypt.calls.registration import Registration
    from tqdecrypt.insight.context import Context

__all__ = ["MEANING", "at_the_end", "in_registrations"]

MEANING = Meaning(
    "registration-storm",
    Severity.WARNING,
    "Many clients registered at once, or one registers far more often than its binding needs.",
)
SECOND = 1_000_000_000
SLICE = 10 * SECOND
"""Time within which registrations count as at once."""
MOST_SLICES = 20_000
"""Of registrar and time, that are counted."""
TIMES_USUAL = 5
"""A storm is so many times the usual number of a registrar's busy slices."""
OFTEN = 20 * SECOND
"""Nobody needs to register more often: RFC 5626 keeps NAT bindings with less."""


class _Slices:
    """What is remembered until the end: registrations a slice, and a frame for evidence."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.frames: dict[tuple[str, int], int] = {}


@on_registration
def in_registrations(registration: Registration, context: Context) -> Iterator[Finding]:
    """Count by registrar and time; yield single clients that do not stop."""
    slices = context.notes.setdefault(MEANING.name, _Slices())
    assert isinstance(slices, _Slices)
    registrar = address_of(registration.registrar)
    times = [(registration.first_time, registration.first_frame)]
    times += [(refresh.time, refresh.frame) for refresh in registration.refreshes]
    for moment, frame in {time // SLICE: (time // SLICE, frame) for time, frame in times}.values():
        key = registrar, moment
        if key in slices.frames or len(slices.frames) < MOST_SLICES:
            slices.counts[key] += 1
            slices.frames.setdefault(key, frame)
    usual = registration.intervals.quantile(0.5)
    if usual is not None and usual < OFTEN and registration.intervals.count >= 10:
        client = address_of(registration.source)
        yield Finding(
            MEANING.name,
            MEANING.severity,
            registration.first_time,
            f"{client} registers {registration.aor} every {seconds_text(int(usual))}.",
            (
                f"Let {registrar} grant longer bindings, and {client} keep NAT bindings open with CRLF "
                "(RFC 5626 section 4.4.1) instead.",
            ),
            frames=frames_of((registration.first_frame, registration.last_frame)),
            call_ids=(registration.call_id,),
            sessions=registration.sessions[:4],
            hosts=(client, registrar),
            key=("often", client, registrar),
        )


@on_end
def at_the_end(context: Context) -> Iterator[Finding]:
    """Yield slices with far more registrations than the registrar's usual ones."""
    slices = context.notes.get(MEANING.name)
    if not isinstance(slices, _Slices):
        return
    least = context.thresholds.storm_registrations
    by_registrar: dict[str, list[int]] = {}
    for (registrar, _), number in slices.counts.items():
        by_registrar.setdefault(registrar, []).append(number)
    for (registrar, moment), number in slices.counts.items():
        usual = sorted(by_registrar[registrar])[len(by_registrar[registrar]) // 2]
        alone = len(by_registrar[registrar]) < 3
        if number < least or not (alone or number >= TIMES_USUAL * usual):
            continue
        yield Finding(
            MEANING.name,
            Severity.CRITICAL,
            moment * SLICE,
            f"{number:,} clients registered with {registrar} within {SLICE // SECOND} s"
            + ("." if alone else f"; {usual:,} is usual."),
            (
                "Everybody lost the connection at once: look for a restart, a failover or a network that "
                "came back just before.",
                "Let clients wait a random time before they register again (RFC 5626 section 4.5).",
            ),
            frames=frames_of((slices.frames[registrar, moment],)),
            hosts=(registrar,),
            key=("at once", registrar),
        )
