"""Subscriptions (RFC 6665): SUBSCRIBE or REFER, and the NOTIFYs that follow."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from tqdecrypt.calls.call import SECOND, TIMER_B
from tqdecrypt.calls.facts import seconds_of, short_uri
from tqdecrypt.calls.fields import fields_of, maybe_field
from tqdecrypt.calls.transaction import Response, Transaction
from tqdecrypt.sip.address import parameter
from tqdecrypt.sip.grammar import text
from tqdecrypt.sip.message import Message

__all__ = ["Notification", "Subscription", "SubscriptionTable"]

MOST_SUBSCRIPTIONS = 200_000
"""Subscriptions in the table, some two kilobytes each: one or two for each telephone."""
MOST_KEPT = 16
"""Notifications, failures and timeouts kept of one subscription."""
MOST_SESSIONS = 16
MOST_NAME = 128
"""Characters kept of names that a peer chooses."""
MOST_MARKS = 16
"""Requests that a subscription remembers, to tell those of other hops by."""
LINGER = 2 * TIMER_B
"""How long a subscription stays when it is over."""


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
        "_marks",
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
        self._marks: tuple[tuple[str, int], ...] = ()

    def is_new(self, kind: str, cseq: int) -> bool:
        """Return whether no other hop has shown this before."""
        mark = kind, cseq
        if mark in self._marks:
            return False
        self._marks = (*self._marks[-MOST_MARKS + 1 :], mark)
        return True

    def __repr__(self) -> str:
        return f"<subscription of {self.subscriber} to {self.event} at {self.notifier}>"


class SubscriptionTable:
    """Finds the subscription of each SUBSCRIBE, NOTIFY and REFER.

    A subscription leaves the table a while after it was terminated or ran out.  When the table is
    full, the one that was silent for the longest is handed over.

    :ivar counters: ``subscriptions_evicted``.
    """

    def __init__(
        self,
        on_subscription: Callable[[Subscription], None] | None,
        counters: Counter[str],
        most_subscriptions: int = MOST_SUBSCRIPTIONS,
    ) -> None:
        self.counters = counters
        self._on_subscription = on_subscription
        self._most = most_subscriptions
        self._table: OrderedDict[tuple[str, str, str], Subscription] = OrderedDict()
        """By Call-ID, event package and its id."""

    def __len__(self) -> int:
        return len(self._table)

    def receive(
        self, message: Message, transaction: Transaction, response: Response | None
    ) -> None:
        """Take a message of SUBSCRIBE, NOTIFY or REFER that is no retransmission on its hop."""
        if response is None:
            self._receive_request(message, transaction)
        elif response.status >= 200 and isinstance(transaction.context, Subscription):
            subscription = transaction.context
            if transaction.method == "NOTIFY":
                _take_notify_response(subscription, transaction, response)
            elif subscription.is_new(f"{transaction.method} final", transaction.cseq):
                _take_response(subscription, message, transaction, response)

    def over(self, transaction: Transaction) -> None:
        """The transaction of one of these methods is over."""
        subscription = transaction.context
        transaction.context = None
        if isinstance(subscription, Subscription) and transaction.state.timed_out:
            told = (transaction.started, transaction.frame, transaction.method)
            subscription.timeouts = (*subscription.timeouts[-MOST_KEPT + 1 :], told)

    def sweep(self, now: int) -> None:
        """Hand over what is over for a while at capture time *now*."""
        over = [
            (key, subscription)
            for key, subscription in self._table.items()
            if now - subscription.last_time > LINGER
            and (
                subscription.terminated is not None
                or (subscription.expires is not None and now - subscription.expires > LINGER)
            )
        ]
        for key, subscription in over:
            del self._table[key]
            self._hand_over(subscription)

    def finish(self) -> None:
        """End of input: hand over all."""
        left = list(self._table.values())
        self._table.clear()
        for subscription in left:
            self._hand_over(subscription)

    def _receive_request(self, message: Message, transaction: Transaction) -> None:
        fields = fields_of(message)
        method = transaction.method
        value = fields.get(b"event", b"")
        event = text(value.partition(b";")[0].strip()).lower()[:MOST_NAME]
        event_id = text(parameter(value, b"id"))[:MOST_NAME]
        if method == "REFER" or event == "refer":
            event, event_id = "refer", ""  # several REFERs of a dialog count as one
        subscription = self._find(message, event, event_id)
        transaction.context = subscription
        subscription.last_time, subscription.last_frame = message.time, message.frame
        session = message.flow.session
        if session is not None and session not in subscription.sessions:
            subscription.sessions = (*subscription.sessions[-MOST_SESSIONS + 1 :], session)
        if method == "NOTIFY":
            _take_notify(subscription, message, fields, transaction)
        else:
            _take_subscribe(subscription, message, fields, transaction)

    def _find(self, message: Message, event: str, event_id: str) -> Subscription:
        key = message.call_id, event, event_id
        subscription = self._table.get(key)
        if subscription is not None:
            self._table.move_to_end(key)
            return subscription
        if len(self._table) >= self._most:
            _, oldest = self._table.popitem(last=False)
            self.counters["subscriptions_evicted"] += 1
            self._hand_over(oldest)
        subscription = self._table[key] = Subscription(*key, message.time, message.frame)
        return subscription

    def _hand_over(self, subscription: Subscription) -> None:
        if self._on_subscription is not None:
            self._on_subscription(subscription)


def _take_subscribe(
    subscription: Subscription,
    message: Message,
    fields: dict[bytes, bytes],
    transaction: Transaction,
) -> None:
    """SUBSCRIBE (RFC 6665 section 4.1.2) or REFER."""
    if not subscription.subscriber_tag:
        subscription.subscriber_tag = transaction.from_tag
        subscription.subscriber, subscription.notifier = (
            short_uri(message.from_),
            short_uri(message.to),
        )
        subscription.source = message.flow.source
        subscription.destination = message.flow.destination
    if transaction.method == "REFER":
        subscription.implicit = True
    else:
        subscription.expires_asked = seconds_of(fields.get(b"expires"))


def _take_notify(
    subscription: Subscription,
    message: Message,
    fields: dict[bytes, bytes],
    transaction: Transaction,
) -> None:
    if not subscription.subscriber_tag:
        subscription.subscriber_tag = transaction.to_tag
        subscription.subscriber, subscription.notifier = (
            short_uri(message.to),
            short_uri(message.from_),
        )
        subscription.source = message.flow.destination
        subscription.destination = message.flow.source
    if not subscription.is_new("NOTIFY", transaction.cseq):
        return
    value = fields.get(b"subscription-state", b"")
    state = text(value.partition(b";")[0].strip()).lower()[:MOST_NAME]
    reason = text(parameter(value, b"reason"))[:MOST_NAME]
    subscription.notifies += 1
    subscription.state = state
    if state == "terminated":
        subscription.reason = reason
        subscription.terminated = message.time
        subscription.expires = None
    else:
        subscription.terminated = None
        granted = seconds_of(parameter(value, b"expires"))
        if granted is not None:
            subscription.expires_granted = granted
            subscription.expires = message.time + granted * SECOND
    told = Notification(message.time, message.frame, state, reason, None)
    kept = subscription.notifications
    if len(kept) >= MOST_KEPT:
        subscription.notifications_dropped += 1
        kept = (*kept[: MOST_KEPT // 2], *kept[MOST_KEPT // 2 + 1 :])
    subscription.notifications = (*kept, told)


def _take_notify_response(
    subscription: Subscription, transaction: Transaction, response: Response
) -> None:
    subscription.notifications = tuple(
        told._replace(status=response.status)
        if told.frame == transaction.frame and told.status is None
        else told
        for told in subscription.notifications
    )


def _take_response(
    subscription: Subscription, message: Message, transaction: Transaction, response: Response
) -> None:
    subscription.last_time, subscription.last_frame = response.time, response.frame
    status = response.status
    if status < 300:
        if transaction.method != "SUBSCRIBE":
            return
        if transaction.to_tag:
            subscription.refreshes += 1
        granted = seconds_of(maybe_field(message, b"expires"))
        if granted is None:
            granted = subscription.expires_asked
        subscription.expires_granted = granted
        subscription.expires = response.time + granted * SECOND if granted else None
        if granted == 0 and subscription.terminated is None and subscription.notifies:
            subscription.terminated = response.time
    elif status not in (401, 407):
        if len(subscription.failures) >= MOST_KEPT:
            subscription.failures_dropped += 1
        subscription.failures = (*subscription.failures[-MOST_KEPT + 1 :], response)
        if not subscription.notifies and not transaction.to_tag:
            subscription.terminated = response.time  # it never came about
