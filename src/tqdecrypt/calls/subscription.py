"""Subscriptions (RFC 6665): SUBSCRIBE or REFER, and the NOTIFYs that follow."""

from __future__ import annotations

from typing import NamedTuple

from tqdecrypt.calls.transaction import Response

__all__ = ["Notification", "Subscription"]


class Notification(NamedTuple):
    """One NOTIFY.  Time in nanoseconds since 1970-01-01 UTC."""

    time: int
    frame: int
    state: str
    """First word of Subscription-State: ``active``, ``pending``, ``terminated``; or else."""
    reason: str
    """Its reason parameter; empty when there is none."""
    status: int | None
    """Final response to it; ``None`` while there is none."""


class Subscription:
    """One subscription as far as it was captured.  Times in nanoseconds since 1970-01-01 UTC."""

    __slots__ = (
        "call_id",
        "destination",
        "event",
        "event_id",
        "expires",
        "expires_asked",
        "expires_granted",
        "failures",
        "failures_dropped",
        "first_frame",
        "first_time",
        "implicit",
        "last_frame",
        "last_time",
        "notifications",
        "notifications_dropped",
        "notifier",
        "notifies",
        "reason",
        "refreshes",
        "sessions",
        "source",
        "state",
        "subscriber",
        "subscriber_tag",
        "terminated",
        "timeouts",
    )

    def __init__(self, call_id: str, event: str, event_id: str, time: int, frame: int) -> None:
        self.call_id = call_id
        self.event = event
        """Event package: ``presence``, ``message-summary``, ``refer`` …"""
        self.event_id = event_id
        """Its id parameter; empty when there is none."""
        self.implicit = False
        """Whether a REFER made it (RFC 3515 section 2.4.4)."""
        self.subscriber = ""
        """URI of who wants to know."""
        self.notifier = ""
        """URI of what is subscribed to."""
        self.subscriber_tag = ""
        self.source = ""
        """``ip:port`` that sent the first SUBSCRIBE or received the first NOTIFY."""
        self.destination = ""
        """The other end of that hop."""
        self.first_time = time
        self.first_frame = frame
        self.last_time = time
        self.last_frame = frame
        self.expires_asked: int | None = None
        """Seconds in the last SUBSCRIBE."""
        self.expires_granted: int | None = None
        """Seconds that the last 2xx or NOTIFY granted."""
        self.expires: int | None = None
        """When it runs out; ``None`` when that is not known, or when it is over."""
        self.refreshes = 0
        """SUBSCRIBEs behind the first that were answered 2xx."""
        self.state = ""
        """Subscription-State of the last NOTIFY; empty before the first."""
        self.reason = ""
        """Why it was terminated, as the notifier says."""
        self.terminated: int | None = None
        """When it ended: NOTIFY with ``terminated``."""
        self.notifies = 0
        self.notifications: tuple[Notification, ...] = ()
        """The first ones and the last ones."""
        self.notifications_dropped = 0
        self.failures: tuple[Response, ...] = ()
        """Final responses of 300-699 to SUBSCRIBE, challenges left out."""
        self.failures_dropped = 0
        self.timeouts: tuple[tuple[int, int, str], ...] = ()
        """(time, frame, method) of requests without a final response."""
        self.sessions: tuple[int, ...] = ()
        """Numbers of the TLS sessions that carried it, the last ones."""

    def __repr__(self) -> str:
        return f"<subscription of {self.subscriber} to {self.event} at {self.notifier}>"
