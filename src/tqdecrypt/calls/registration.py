"""Registrations (RFC 3261 section 10): one binding, as one hop towards the registrar saw it."""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.calls.delays import Delays
from tqdecrypt.calls.transaction import Response

__all__ = ["Lapse", "Refresh", "Registration"]


class Refresh(NamedTuple):
    """A REGISTER that the registrar answered with 200.  Times in nanoseconds."""

    time: int
    """Of the 200."""
    frame: int
    granted: int | None
    """Seconds, as the 200 grants them to this Contact; ``None`` when it does not list it."""
    delay: int
    """From the REGISTER that was answered 200 to the 200: the Registration Request Delay of
    RFC 6076 section 4.1 when it is the attempt's only request."""
    whole_delay: int
    """The same from the first REGISTER of the attempt, challenges included."""
    challenges: int
    """401 and 407 met on the way."""


class Lapse(NamedTuple):
    """The binding ran out before it was refreshed."""

    time: int
    """When it ran out."""
    frame: int
    """Of the 200 that granted the time which ran out."""
    until: int | None
    """When it was bound again; ``None`` as far as the capture goes."""


class Registration:
    """One Contact of one address-of-record at one registrar.  Times in nanoseconds since 1970."""

    __slots__ = (
        "aor",
        "attempts",
        "call_id",
        "challenges",
        "contact",
        "delays",
        "deregistered",
        "deregistered_frame",
        "expires",
        "expires_asked",
        "expires_granted",
        "failures",
        "failures_dropped",
        "first_frame",
        "first_time",
        "intervals",
        "lapses",
        "last_frame",
        "last_time",
        "refreshes",
        "refreshes_dropped",
        "registrar",
        "sessions",
        "source",
        "timeouts",
    )

    def __init__(
        self, aor: str, contact: str, source: str, registrar: str, time: int, frame: int
    ) -> None:
        self.aor = aor
        """Address-of-record: URI of To."""
        self.contact = contact
        """URI of Contact; empty for what was asked without one (a query of the bindings)."""
        self.source = source
        """``ip:port`` that sent the last REGISTER."""
        self.registrar = registrar
        """``ip:port`` that it was sent to."""
        self.call_id = ""
        """Of the last REGISTER."""
        self.first_time = time
        self.first_frame = frame
        self.last_time = time
        self.last_frame = frame
        self.attempts = 0
        """Attempts to bind, refresh or unbind: requests, less those that followed a challenge."""
        self.expires_asked: int | None = None
        """Seconds that the last REGISTER asked for; ``None`` when it left it to the registrar."""
        self.expires_granted: int | None = None
        """Seconds that the last 200 granted."""
        self.expires: int | None = None
        """When the binding runs out; ``None`` when there is none."""
        self.refreshes: tuple[Refresh, ...] = ()
        """The first 200 and the last ones."""
        self.refreshes_dropped = 0
        self.intervals = Delays()
        """From one 200 to the next."""
        self.delays = Delays()
        """:attr:`Refresh.delay` of all."""
        self.failures: tuple[Response, ...] = ()
        """Final responses of 300-699 that nobody met with credentials or a new interval (423)."""
        self.failures_dropped = 0
        self.timeouts: tuple[tuple[int, int], ...] = ()
        """(time, frame) of REGISTERs without a final response."""
        self.challenges = 0
        """401 and 407 in all."""
        self.deregistered: int | None = None
        """When the last 200 took the binding away; ``None`` while it is bound."""
        self.deregistered_frame: int | None = None
        self.lapses: tuple[Lapse, ...] = ()
        """When it ran out without being refreshed."""
        self.sessions: tuple[int, ...] = ()
        """Numbers of the TLS sessions that carried it, the last ones."""

    def __repr__(self) -> str:
        return f"<registration of {self.aor} at {self.contact}, {self.attempts} attempts>"
