"""SUBSCRIBE, NOTIFY, and REFER, which subscribes by itself (RFC 6665, RFC 3515)."""

from __future__ import annotations

from tqdecrypt.calls import Subscription

from .script import MILLISECOND, SECOND, watch

SUBSCRIBED = """
    alice -> bob: SUBSCRIBE 1 | Event: presence | Expires: 600
    bob -> alice: 200 SUBSCRIBE 1 | Expires: 300
    bob -> alice: NOTIFY 1 from=b1 to=a1 | Event: presence | Subscription-State: active;expires=299
    alice -> bob: 200 NOTIFY 1 from=b1 to=a1
"""


def the_subscription(script: str) -> Subscription:
    [subscription] = watch(script).subscriptions
    return subscription


def test_subscribed() -> None:
    subscription = the_subscription(SUBSCRIBED)
    assert (subscription.event, subscription.implicit) == ("presence", False)
    assert subscription.subscriber == "sip:alice@example.com"
    assert subscription.notifier == "sip:bob@example.com"
    assert (subscription.expires_asked, subscription.expires_granted) == (600, 299)
    assert subscription.expires == 30 * MILLISECOND + 299 * SECOND
    assert subscription.state == "active"
    [told] = subscription.notifications
    assert (told.frame, told.state, told.status) == (3, "active", 200)
    assert subscription.terminated is None


def test_refreshed() -> None:
    subscription = the_subscription(
        f"""{SUBSCRIBED}
        wait 200 s
        alice -> bob: SUBSCRIBE 2 to=b1 | Event: presence | Expires: 600
        bob -> alice: 200 SUBSCRIBE 2 | Expires: 600
        """
    )
    assert (subscription.refreshes, subscription.expires_granted) == (1, 600)


def test_ended_by_the_notifier() -> None:
    subscription = the_subscription(
        f"""{SUBSCRIBED}
        bob -> alice: NOTIFY 2 from=b1 to=a1 | o: presence | Subscription-State: terminated;reason=timeout
        """
    )
    assert (subscription.state, subscription.reason) == ("terminated", "timeout")
    assert subscription.terminated == 50 * MILLISECOND


def test_refused() -> None:
    subscription = the_subscription(
        """
        alice -> bob: SUBSCRIBE 1 | Event: nonsense
        bob -> alice: 489 SUBSCRIBE 1
        """
    )
    assert [failure.status for failure in subscription.failures] == [489]
    assert subscription.terminated is not None


def test_no_response_to_notify() -> None:
    subscription = the_subscription(
        "bob -> alice: NOTIFY 9 from=b1 to=a1 | Event: message-summary \n wait 40 s"
    )
    assert subscription.timeouts == ((10 * MILLISECOND, 1, "NOTIFY"),)
    assert subscription.subscriber == "sip:bob@example.com"


def test_seen_on_two_hops_it_counts_once() -> None:
    subscription = the_subscription(
        """
        alice -> proxy: SUBSCRIBE 1 | Event: dialog;id=4
        proxy -> bob: SUBSCRIBE 1 | Event: dialog;id=4
        bob -> proxy: 200 SUBSCRIBE 1 | Expires: 60
        proxy -> alice: 200 SUBSCRIBE 1 | Expires: 60
        bob -> proxy: NOTIFY 1 from=b1 to=a1 | Event: dialog;id=4 | Subscription-State: active
        proxy -> alice: NOTIFY 1 from=b1 to=a1 | Event: dialog;id=4 | Subscription-State: active
        """
    )
    assert (subscription.event_id, subscription.notifies) == ("4", 1)


def test_refer_subscribes() -> None:
    watched = watch(
        """
        alice -> bob: INVITE 1
        bob -> alice: 200 INVITE 1
        alice -> bob: REFER 2 to=b1 | Refer-To: sip:carol@192.0.2.4
        bob -> alice: 202 REFER 2
        bob -> alice: NOTIFY 1 from=b1 to=a1 | Event: refer | Subscription-State: terminated;reason=noresource
        """
    )
    [subscription] = watched.subscriptions
    assert (subscription.event, subscription.implicit) == ("refer", True)
    assert subscription.reason == "noresource"
    assert len(watched.leg.transactions) == 3


def test_what_is_over_leaves_early() -> None:
    watched = watch(
        f"""{SUBSCRIBED.replace("active;expires=299", "terminated")}
        wait 5 min
        alice -> bob: MESSAGE 1 id=other
        """
    )
    assert len(watched.subscriptions) == 1
