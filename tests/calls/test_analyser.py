"""The analysis as a whole: what holds whatever passes, in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import (
    Analyser,
    CallState,
    Leg,
    PingSeries,
    Registration,
    Subscription,
    Transaction,
    TransactionTable,
)
from tqdecrypt.calls.ping import PingTable
from tqdecrypt.calls.registration import RegistrationTable
from tqdecrypt.calls.statistics import TransactionStatistics
from tqdecrypt.calls.subscription import SubscriptionTable
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message, index_message

from .script import SECOND, Kept, Watched, analyse, messages_of, watch

CALL = """
    alice -> bob: INVITE 1
    bob -> alice: 200 INVITE 1
    alice -> bob: ACK 1 to=b1
    alice -> bob: BYE 2 to=b1
    bob -> alice: 200 BYE 2
"""

STORY = """
    alice -> proxy: INVITE 1 | offer 4000
    proxy -> alice: 407 INVITE 1 to=p1
    alice -> proxy: ACK 1 to=p1 branch=INVITE1
    alice -> proxy: INVITE 2 | offer 4000 | Supported: 100rel
    proxy -> bob: INVITE 2 | offer 4000
    proxy -> carol: INVITE 2 branch=fork | offer 4000
    bob -> proxy: 183 INVITE 2 | RSeq: 1 | offer 5000
    proxy -> alice: 183 INVITE 2 | RSeq: 1 | offer 5000
    alice -> proxy: PRACK 3 to=b1 | RAck: 1 2 INVITE | offer 4002
    proxy -> bob: PRACK 3 to=b1 | RAck: 1 2 INVITE | offer 4002
    bob -> proxy: 200 PRACK 3 | offer 5002
    proxy -> alice: 200 PRACK 3 | offer 5002
    carol -> proxy: 180 INVITE 2 to=c1 branch=fork
    proxy -> carol: CANCEL 2 branch=fork
    carol -> proxy: 200 CANCEL 2 branch=fork
    carol -> proxy: 487 INVITE 2 to=c1 branch=fork
    proxy -> carol: ACK 2 to=c1 branch=fork
    bob -> proxy: 200 INVITE 2 | Session-Expires: 90;refresher=uas
    proxy -> alice: 200 INVITE 2 | Session-Expires: 90;refresher=uas
    alice -> bob: ACK 2 to=b1
    bob -> alice: UPDATE 1 from=b1 to=a1 | offer 5004 sendonly
    alice -> bob: 200 UPDATE 1 from=b1 to=a1 | offer 4004 recvonly
    alice -> bob: INVITE 4 to=b1 | offer 4006
    bob -> alice: INVITE 2 from=b1 to=a1 | offer 5006
    bob -> alice: 491 INVITE 4
    alice -> bob: 491 INVITE 2 from=b1 to=a1
    bob -> alice: REFER 3 from=b1 to=a1 | Refer-To: <sip:dave@192.0.2.8>
    alice -> bob: 202 REFER 3 from=b1 to=a1
    alice -> bob: NOTIFY 5 to=b1 | Event: refer | body message/sipfrag SIP/2.0 200 OK
    bob -> alice: 200 NOTIFY 5
    alice -> registrar: REGISTER 1 id=r | Contact: <sip:alice@192.0.2.1> | Expires: 60
    registrar -> alice: 401 REGISTER 1 id=r
    alice -> registrar: REGISTER 2 id=r | Contact: <sip:alice@192.0.2.1> | Expires: 60
    registrar -> alice: 200 REGISTER 2 id=r | Contact: <sip:alice@192.0.2.1>;expires=60
    alice -> registrar: REGISTER 3 id=r | Contact: * | Expires: 0
    registrar -> alice: 200 REGISTER 3 id=r
    edge -> core: OPTIONS 1 id=o
    core -> edge: 200 OPTIONS 1 id=o
    wait 31 s
    edge -> core: OPTIONS 2 id=o
    alice -> bob: SUBSCRIBE 1 id=s | Event: presence | Expires: 60
    bob -> alice: 200 SUBSCRIBE 1 id=s | Expires: 60
    bob -> alice: NOTIFY 1 id=s from=b1 to=a1 | Event: presence | Subscription-State: terminated
    alice -> bob: MESSAGE 1 id=m branch=!old
    bob -> alice: 200 MESSAGE 1 id=m branch=!old
    alice -> bob: MESSAGE 9 id=
    wait 40 s
    alice -> bob: BYE 6 to=b1
    bob -> alice: 200 BYE 6
"""
MESSAGES, _ = messages_of(STORY)
NOT_IN_TRANSACTIONS = (
    "messages_without_call_id",
    "messages_without_cseq",
    "messages_with_crowded_branch",
    "acks_without_invite",
)


def check(watched: Watched) -> None:
    """What holds of everything."""
    everything = len(watched.messages)
    counted = sum(watched.counters[name] for name in NOT_IN_TRANSACTIONS)
    assert sum(one.messages for one in watched.transactions) + counted == everything
    for one in watched.transactions:
        repeated = (
            one.request_retransmissions + one.response_retransmissions + one.ack_retransmissions
        )
        kept = len(one.responses) + one.provisionals_dropped + one.finals_dropped
        assert repeated + kept + one.request_seen <= one.messages
        assert one.state.timed_out <= (one.final is None or one.method == "INVITE")
        assert all(other.status >= 200 for other in one.other_finals)
    assert len({leg.number for leg in watched.legs}) == len(watched.legs)
    for leg in watched.legs:
        known = {one.id for one in leg.dialogs}
        assert len(known) == len(leg.dialogs)
        assert leg.messages <= everything
        for dialog in leg.dialogs:
            assert all(offer in leg.offers for offer in dialog.offers)
            assert (dialog.end is None) == (dialog.state.value != "terminated")
        for offer in leg.offers:
            assert offer.answer is None or offer.rejected is None
    for series in watched.pings:
        assert series.answered + series.missed <= series.sent
        assert sum(series.statuses.values()) == series.answered
        assert sum(run.missed for run in series.missed_runs) == series.missed


def test_the_story_in_its_order() -> None:
    watched = analyse(MESSAGES)
    check(watched)
    assert watched.leg.call.state is CallState.ENDED
    assert [dialog.callee_tag for dialog in watched.leg.dialogs] == ["b1", "c1"]
    assert watched.counters == {"messages_without_call_id": 1}
    [registration] = watched.registrations
    assert registration.deregistered is not None
    [series] = watched.pings
    assert (series.sent, series.missed) == (2, 1)


def retimed(messages: list[Message], times: list[int]) -> list[Message]:
    """The same messages, each at another time, with frames in that order."""
    return [
        index_message(message.raw, message.flow, frame, time)
        for frame, (message, time) in enumerate(zip(messages, times, strict=True), 1)
    ]


@given(
    st.lists(st.sampled_from(MESSAGES), max_size=80),
    st.lists(st.integers(0, 40), min_size=80, max_size=80),
)
def test_any_messages_in_any_order(chosen: list[Message], pauses: list[int]) -> None:
    """Shuffled, lost and repeated, with pauses over which timers run out."""
    time, times = 0, []
    for pause in pauses[: len(chosen)]:
        time += 0 if pause < 30 else pause * SECOND
        times.append(time)
    check(analyse(retimed(chosen, times)))


@given(st.randoms(use_true_random=False))
def test_hops_that_overtake_each_other(chance: random.Random) -> None:
    """A few messages change places with their neighbours: nothing else changes."""
    order = sorted(range(len(MESSAGES)), key=lambda at: at + chance.choice((0, 0, 0, 1.5)))
    watched = analyse([MESSAGES[at] for at in order])
    check(watched)
    assert {dialog.callee_tag for dialog in watched.legs[0].dialogs} == {"b1", "c1"}


class TestLegs:
    def test_numbers_and_facts(self) -> None:
        watched = watch(
            """
            alice -> bob: INVITE 1 id=one | X-Call-ID: outer
            bob -> alice: 200 INVITE 1 id=one | X-Call-ID: inner
            alice -> bob: INVITE 1 id=two branch=two
            """,
            "TLS",
            correlation_headers=("X-Call-ID",),
        )
        first, second = watched.legs
        assert (first.number, second.number) == (1, 2)
        assert first.invite is not None
        assert first.answer is not None
        assert first.invite.correlation == {"X-Call-ID": "outer"}
        assert first.answer.correlation == {"X-Call-ID": "inner"}
        assert (first.invite.from_tag, first.answer.to_tag) == ("a1", "b1")
        assert first.sessions == (1,)
        assert (first.first_frame, first.last_frame) == (1, 2)
        assert second.invite is not None
        assert second.invite.correlation == {}

    def test_handed_over_when_it_has_been_over_for_a_while(self) -> None:
        legs: list[Leg] = []
        analyser = Analyser(legs.append)
        messages, _ = messages_of(
            CALL
            + "wait 30 s \n alice -> bob: MESSAGE 1 id=2 \n wait 5 s \n alice -> bob: MESSAGE 2 id=2"
        )
        for message in messages[:-1]:
            analyser.receive(message)
        assert legs == []
        analyser.receive(messages[-1])
        assert [leg.call_id for leg in legs] == ["call-1"]
        assert len(analyser) == 0
        assert [one.state.value for one in legs[0].transactions] == ["terminated", "terminated"]

    def test_nobody_answers(self) -> None:
        watched = watch("alice -> bob: INVITE 1 \n wait 5 min \n alice -> bob: MESSAGE 1 id=2")
        assert watched.leg.call.state is CallState.UNANSWERED

    def test_bound(self) -> None:
        script = "\n".join(f"alice -> bob: INVITE 1 id={n} branch=b{n}" for n in range(5))
        watched = watch(script, most_legs=3)
        assert watched.counters["legs_evicted"] == 2
        assert [bool(leg.given_up) for leg in watched.legs] == [True, True, False, False, False]

    def test_many_transactions(self) -> None:
        updates = "".join(
            f"alice -> bob: UPDATE {n} to=b1 | offer {n}\nbob -> alice: 200 UPDATE {n} | offer {n}\n"
            for n in range(2, 102)
        )
        leg = watch(f"{CALL.partition('alice -> bob: BYE')[0]}\n{updates}").leg
        assert len(leg.transactions) + leg.transactions_dropped == 101
        assert leg.transactions[0].method == "INVITE"
        assert leg.transactions[-1].cseq == 101
        assert len(leg.offers) + leg.offers_dropped == 100


def test_statistics_of_methods() -> None:
    analyser = Analyser(lambda _: None)
    messages, end = messages_of(
        """
        alice -> bob: MESSAGE 1 id=1
        bob -> alice: 200 MESSAGE 1 id=1
        alice -> bob: MESSAGE 2 id=1
        alice -> bob: MESSAGE 2 id=1
        wait 1 min
        """
    )
    for message in messages:
        analyser.receive(message)
    analyser.finish(end)
    row = analyser.statistics.rows["MESSAGE", "192.0.2.1", "192.0.2.3"]
    assert (row.transactions, row.timed_out, row.request_retransmissions) == (2, 1, 1)
    assert row.statuses == {200: 1}
    assert row.delays.count == 1


def test_the_example_capture() -> None:
    """Its calls as the README of the example tells them; session 7 stays dark without its key log."""
    example = resources.files("tqdecrypt.example")
    with resources.as_file(example) as folder:
        ring = KeyRing(load_private_keys([str(folder / "server.key")]).keys)
        sink = Kept()
        read_captures([str(folder / "calls.pcap")], ReadOptions(ring), sink)
    watched = analyse(sink.messages)
    check(watched)
    assert [(leg.call.state.value, len(leg.hops), leg.sessions) for leg in watched.legs] == [
        ("ended", 4, (3,)),
        ("ended", 4, (3,)),
        ("failed", 4, (4,)),
        ("cancelled", 4, (5,)),
        ("failed", 2, (6,)),
        ("ended", 2, ()),
    ]
    assert [len(leg.dialogs) for leg in watched.legs] == [1, 1, 0, 1, 0, 1]
    assert [[one.repeats for one in leg.offers] for leg in watched.legs[:2]] == [[False, True]] * 2
    invites = [one for one in watched.transactions if one.method == "INVITE"]
    assert len(invites) == 10
    assert all(one.acknowledged is not None for one in invites)
    [registration] = watched.registrations
    [series] = watched.pings
    assert (len(registration.refreshes), series.answered) == (1, 1)


class TestBounds:
    """Whatever a peer sends, tables stay as large as they may be, and say so."""

    def test_registrations(self) -> None:
        handed: list[Registration] = []
        counters: Counter[str] = Counter()
        table = RegistrationTable(handed.append, counters, most_registrations=2)
        for message, transaction in followed(
            "".join(
                f"alice -> registrar: REGISTER 1 id={n} branch=r{n} | Contact: <sip:a@192.0.2.{n}>\n"
                for n in range(5)
            )
        ):
            table.receive(message, transaction, None)
        assert [one.contact for one in handed] == [f"sip:a@192.0.2.{n}" for n in range(3)]
        assert (len(table), counters["registrations_evicted"]) == (2, 3)

    def test_pings(self) -> None:
        handed: list[PingSeries] = []
        counters: Counter[str] = Counter()
        table = PingTable(handed.append, counters, most_series=2)
        for message, transaction in followed(
            "".join(
                f"alice -> bob: OPTIONS 1 id={n} branch=o{n} | uri sip:host{n}.example.com\n"
                for n in range(5)
            )
        ):
            table.receive(message, transaction, None, True)
        assert [one.request_host for one in handed] == [f"host{n}.example.com" for n in range(3)]
        assert (len(table), counters["ping_series_evicted"]) == (2, 3)

    def test_subscriptions(self) -> None:
        handed: list[Subscription] = []
        counters: Counter[str] = Counter()
        table = SubscriptionTable(handed.append, counters, most_subscriptions=2)
        for message, transaction in followed(
            "".join(
                f"alice -> bob: SUBSCRIBE 1 id={n} branch=s{n} | Event: presence\n"
                for n in range(5)
            )
        ):
            table.receive(message, transaction, None)
        assert [one.call_id for one in handed] == ["0", "1", "2"]
        assert (len(table), counters["subscriptions_evicted"]) == (2, 3)

    def test_rows_of_statistics(self) -> None:
        statistics = TransactionStatistics(most_rows=2)
        for _, transaction in followed(
            "".join(f"alice -> bob: METHOD{n} 1 id={n} branch=m{n}\n" for n in range(5))
        ):
            statistics.add(transaction)
        assert [row.transactions for row in statistics.rows.values()] == [1, 1, 3]

    def test_dialogs_and_responses_of_a_fork(self) -> None:
        ringing = "".join(f"bob -> alice: 180 INVITE 1 to=b{n}\n" for n in range(100))
        answers = "".join(f"bob -> alice: 200 INVITE 1 to=c{n}\n" for n in range(100))
        watched = watch(f"alice -> bob: INVITE 1\n{ringing}{answers}")
        check(watched)
        assert len(watched.leg.dialogs) + watched.leg.dialogs_dropped == 200
        invite = watched.transaction("INVITE")
        assert len(invite.provisionals) + invite.provisionals_dropped == 100
        assert 1 + len(invite.other_finals) + invite.finals_dropped == 100

    def test_hops(self) -> None:
        script = "".join(f"10.0.0.{n}:5060 -> bob: INVITE 1 branch=i{n}\n" for n in range(100))
        leg = watch(script).leg
        assert len(leg.hops) + leg.hops_dropped == 100

    def test_session_descriptions(self) -> None:
        leg = watch(f"alice -> bob: INVITE 1 | body application/sdp v=0{'x' * 100_000}").leg
        assert (leg.offers, leg.descriptions_dropped) == ([], 1)


def followed(script: str) -> Iterator[tuple[Message, Transaction]]:
    """The messages of a script with their transactions."""
    table = TransactionTable()
    for message in messages_of(script)[0]:
        transaction = table.receive(message)
        assert transaction is not None
        yield message, transaction
