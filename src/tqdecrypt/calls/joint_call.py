"""A call over all its legs: what a person calls one call, and a B2BUA makes several dialogs of.

A back-to-back user agent (RFC 7092; most session border controllers are one) ends the dialog of the
caller and begins another one with a Call-ID of its own.  Nothing in RFC 3261 ties the two together; which
evidence did is said by each :class:`Join`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.calls.call import CallState

if TYPE_CHECKING:
    from tqdecrypt.calls.leg import Leg

__all__ = ["Confidence", "Join", "JointCall", "Reason"]


class Reason(enum.StrEnum):
    """What ties two legs together; in the order of trust.  The value is the word in JSON."""

    REPLACES = "Replaces"
    """The INVITE takes the place of a dialog of the other (RFC 3891)."""
    SESSION_ID = "Session-ID"
    """The same UUID of the caller (RFC 7989)."""
    ICID = "icid"
    """The same icid-value of P-Charging-Vector (RFC 7315 section 4.6)."""
    HEADER = "header field"
    """A configured header field has the same value, or names the other's Call-ID."""
    DESCRIPTION = "session description"
    """The same origin of a session description, its version included (RFC 8866 section 5.2), and no
    third call has it."""
    MEDIA = "media endpoint"
    """Media is to be sent to the same address and port, and not for a third call."""
    NUMBERS = "numbers"
    """The same called and calling number, shortly after, from the box that the other leg reached."""


class Confidence(enum.StrEnum):
    """How much a join can be trusted.  The value is the word in JSON."""

    CERTAIN = "certain"
    """An identifier that is made to say so."""
    STRONG = "strong"
    """What two calls have in common only if one was made from the other."""
    LIKELY = "likely"
    """It fits, and nothing else does."""
    POSSIBLE = "possible"
    """It fits, and so would another leg."""


class Join(NamedTuple):
    """Why two legs are one call."""

    leg: int
    """Number of the leg that was seen first."""
    other: int
    """Number of the one that was joined to it."""
    reason: Reason
    confidence: Confidence
    evidence: str
    """The value that both have, or what fits: for a person."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.evidence} ({self.confidence})"


class JointCall:
    """Legs that are one call; most have one.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = ("joins", "legs", "legs_dropped", "running")

    def __init__(self, leg: Leg) -> None:
        self.legs: list[Leg] = [leg]
        """In the order in which they began."""
        self.joins: tuple[Join, ...] = ()
        """One fewer than legs."""
        self.legs_dropped = 0
        """Legs that would have belonged to it, beyond the most that are kept."""
        self.running = 1
        """Legs that are not over yet."""

    @property
    def first(self) -> Leg:
        """The leg of the caller, as far as it was captured."""
        return self.legs[0]

    @property
    def call_ids(self) -> tuple[str, ...]:
        """Call-IDs in the order of the legs."""
        return tuple(leg.call_id for leg in self.legs)

    @property
    def sessions(self) -> tuple[int, ...]:
        """Numbers of the TLS sessions that carried any leg."""
        return tuple(dict.fromkeys(number for leg in self.legs for number in leg.sessions))

    @property
    def started(self) -> int:
        """When the first leg began."""
        return self.first.call.started

    @property
    def state(self) -> CallState:
        """How far it came on the caller's leg."""
        return self.first.call.state

    @property
    def confidence(self) -> Confidence:
        """That of its weakest join."""
        order = list(Confidence)
        return max((join.confidence for join in self.joins), key=order.index, default=order[0])

    def __repr__(self) -> str:
        return f"<call of {len(self.legs)} legs: {', '.join(self.call_ids)}>"
