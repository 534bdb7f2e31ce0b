"""Legs on both sides of a B2BUA become one call, each join with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.script import Watched, analyse, messages_of, watch
from tqdecrypt.calls import Confidence, JointCall, Reason

SBC = ("192.0.2.5", "198.51.100.5")
"""The two sides of an SBC; edge is the one, OUTSIDE the other."""
OUTSIDE = "198.51.100.5:5060"
CARRIER = "198.51.100.9:5060"


def two_legs(inner: str = "", outer: str = "", *, outside: str = "edge", gap: str = "10 ms") -> str:
    """Alice calls through the SBC; the header fields of the INVITE on each side."""
    return f"""
        alice -> edge: INVITE 1 id=in from=i1 | {inner or "Subject: a"}
        wait {gap}
        {outside} -> bob: INVITE 1 id=out from=o1 | {outer or "Subject: b"}
        bob -> {outside}: 200 INVITE 1 id=out from=o1 to=o2
        {outside} -> bob: ACK 1 id=out from=o1 to=o2
        edge -> alice: 200 INVITE 1 id=in from=i1 to=i2
        alice -> edge: ACK 1 id=in from=i1 to=i2
        wait 5 s
        alice -> edge: BYE 2 id=in from=i1 to=i2
        edge -> alice: 200 BYE 2 id=in from=i1 to=i2
        {outside} -> bob: BYE 2 id=out from=o1 to=o2
        bob -> {outside}: 200 BYE 2 id=out from=o1 to=o2
        wait 60 s
    """


def the_call(watched: Watched) -> JointCall:
    [call] = watched.calls
    return call


@pytest.mark.parametrize(
    ("inner", "outer", "reason", "evidence"),
    [
        (
            "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
            "Session-ID: AB30317F1A784DC48FF824D0D3715D86;remote=00000000000000000000000000000000",
            Reason.SESSION_ID,
            "ab30317f1a784dc48ff824d0d3715d86",
        ),
        (
            'P-Charging-Vector: icid-value="a1b2c3";icid-generated-at=192.0.2.5',
            "P-Charging-Vector: icid-value=a1b2c3",
            Reason.ICID,
            "a1b2c3",
        ),
        ("X-Corr: 77", "X-Corr: 77", Reason.HEADER, "X-Corr 77"),
        ("Subject: no", "X-Corr: in", Reason.HEADER, "X-Corr in"),
    ],
)
def test_an_identifier_joins_for_certain(
    inner: str, outer: str, reason: Reason, evidence: str
) -> None:
    script = two_legs(inner, outer, outside=OUTSIDE)
    call = the_call(watch(script, correlation_headers=("X-Corr",)))
    assert call.call_ids == ("in", "out")
    [join] = call.joins
    assert (join.leg, join.other) == (1, 2)
    assert (join.reason, join.confidence) == (reason, Confidence.CERTAIN)
    assert join.evidence == evidence


def test_a_session_id_of_nobody_joins_nobody() -> None:
    nobody = "Session-ID: 00000000000000000000000000000000"
    script = two_legs(nobody, nobody, outside=OUTSIDE)
    assert len(watch(script).calls) == 2


def test_the_trusted_reason_comes_first() -> None:
    both = "Session-ID: ab30317f1a784dc48ff824d0d3715d86 | offer 4000"
    [join] = the_call(watch(two_legs(both, both))).joins
    assert join.reason is Reason.SESSION_ID


def test_the_same_session_description_joins_what_came_through_the_box() -> None:
    [join] = the_call(watch(two_legs("offer 4000", "offer 4000"))).joins
    assert (join.reason, join.confidence) == (Reason.DESCRIPTION, Confidence.STRONG)
    assert join.evidence == "o=- 1 1 IN IP4 192.0.2.1"


def test_the_same_media_endpoint_joins_where_the_origin_was_rewritten() -> None:
    lines = "v=0", "o=sbc 7 7 IN IP4 203.0.113.1", "c=IN IP4 192.0.2.1", "m=audio 4000 RTP/AVP 8"
    body = "body application/sdp " + r"\n".join(lines)
    [join] = the_call(watch(two_legs("offer 4000", body))).joins
    assert (join.reason, join.evidence) == (Reason.MEDIA, "192.0.2.1:4000")


def test_a_load_generator_that_repeats_itself_makes_calls_of_one_leg() -> None:
    one = """
        alice -> bob: INVITE 1 id={0} from={0} | offer 4000
        bob -> alice: 200 INVITE 1 id={0} from={0} | offer 6000
        alice -> bob: ACK 1 id={0} from={0} to=b1
    """
    watched = watch("".join(one.format(f"call-{number}") for number in range(20)))
    assert [len(call.legs) for call in watched.calls] == [1] * 20


def test_a_description_that_many_calls_have_joins_those_whose_numbers_agree() -> None:
    """Load generators and cheap phones send the same origin and port in every call."""
    inner = """
        alice -> edge: INVITE 1 id=in{0} from=i{0} caller=100{0} | uri sip:+44207946000{0}@x | offer 4000
    """
    outer = """
        edge -> bob: INVITE 1 id=out{0} from=o{0} caller={1}{0} | uri sip:+44207946000{0}@y | offer 4000
    """
    script = inner.format(1) + inner.format(2) + inner.format(3)
    watched = watch(script + outer.format(2, "100") + outer.format(3, "200"))
    assert sorted(call.call_ids for call in watched.calls) == [
        ("in1",),
        ("in2", "out2"),
        ("in3",),
        ("out3",),
    ]


def test_numbers_join_what_the_box_sent_on_shortly_after() -> None:
    script = """
        alice -> edge: INVITE 1 id=in from=i1 caller=+442079460001 | uri sip:02079460999@sbc
        edge -> bob: INVITE 1 id=out from=o1 caller=02079460001 | uri sip:+442079460999@carrier;user=phone
        wait 200 s
    """
    [join] = the_call(watch(script)).joins
    assert (join.reason, join.confidence) == (Reason.NUMBERS, Confidence.LIKELY)
    assert join.evidence == "079460001 to 079460999"


@pytest.mark.parametrize(
    "second",
    [
        "dave -> bob: INVITE 1 id=out from=o1 caller=+442079460001 | uri sip:+442079460999@x",
        "edge -> bob: INVITE 1 id=out from=o1 caller=+442079460002 | uri sip:+442079460999@x",
        "edge -> bob: INVITE 1 id=out from=o1 caller=+442079460001 | uri sip:+442079460998@x",
    ],
    ids=["another box", "another caller", "another number"],
)
def test_numbers_alone_join_nothing(second: str) -> None:
    script = f"""
        alice -> edge: INVITE 1 id=in from=i1 caller=+442079460001 | uri sip:+442079460999@sbc
        {second}
    """
    assert len(watch(script).calls) == 2


def test_numbers_join_nothing_that_comes_late() -> None:
    assert len(watch(two_legs(gap="11 s")).calls) == 2
    assert len(watch(two_legs(gap="9 s")).calls) == 1


def test_an_anonymous_caller_is_joined_by_the_number_called() -> None:
    script = """
        alice -> edge: INVITE 1 id=in from=i1 caller=+442079460001 | uri sip:+442079460999@sbc
        edge -> bob: INVITE 1 id=out from=o1 caller=anonymous | uri sip:+442079460999@x
    """
    assert the_call(watch(script)).joins[0].reason is Reason.NUMBERS


def test_two_calls_at_once_to_one_number_take_turns_and_say_so() -> None:
    script = """
        alice -> edge: INVITE 1 id=in-1 from=i1 caller=alice | uri sip:+442079460999@sbc
        alice -> edge: INVITE 1 id=in-2 from=i2 caller=alice | uri sip:+442079460999@sbc
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=alice | uri sip:+442079460999@x
        edge -> bob: INVITE 1 id=out-2 from=o2 caller=alice | uri sip:+442079460999@x
    """
    calls = watch(script).calls
    assert sorted(call.call_ids for call in calls) == [("in-1", "out-1"), ("in-2", "out-2")]
    by_first = {call.call_ids[0]: call.joins[0].confidence for call in calls}
    assert by_first == {"in-1": Confidence.POSSIBLE, "in-2": Confidence.LIKELY}


def test_a_second_route_belongs_to_the_call_whose_first_one_failed() -> None:
    script = """
        alice -> edge: INVITE 1 id=in from=i1 caller=1001 | uri sip:+442079460999@sbc
        edge -> bob: INVITE 1 id=out-1 from=o1 caller=1001 | uri sip:+442079460999@x
        bob -> edge: 503 INVITE 1 id=out-1 from=o1
        edge -> bob: ACK 1 id=out-1 from=o1 to=b1
        edge -> carol: INVITE 1 id=out-2 from=o2 caller=1001 | uri sip:+442079460999@y
        carol -> edge: 200 INVITE 1 id=out-2 from=o2
        edge -> alice: 200 INVITE 1 id=in from=i1
        wait 1 h
        alice -> edge: BYE 2 id=in from=i1 to=b1
        wait 60 s
    """
    call = the_call(watch(script))
    assert call.call_ids == ("in", "out-1", "out-2")
    assert [(join.leg, join.other) for join in call.joins] == [(1, 2), (1, 3)]


def test_three_legs_in_a_row() -> None:
    same = "Session-ID: ab30317f1a784dc48ff824d0d3715d86"
    script = f"""
        alice -> edge: INVITE 1 id=one from=1 | {same}
        edge -> core: INVITE 1 id=two from=2 | {same}
        core -> bob: INVITE 1 id=three from=3 | {same}
    """
    call = the_call(watch(script))
    assert [(join.leg, join.other) for join in call.joins] == [(1, 2), (2, 3)]


def test_a_replaced_dialog_and_its_heir_are_one_call() -> None:
    script = """
        alice -> bob: INVITE 1 id=old from=a1
        bob -> alice: 200 INVITE 1 id=old from=a1
        wait 5 min
        carol -> alice: INVITE 1 id=new from=c1 | Replaces: old;to-tag=a1;from-tag=b1
    """
    [join] = the_call(watch(script)).joins
    assert (join.reason, join.evidence) == (Reason.REPLACES, "old")


def test_addresses_of_one_box_can_be_told() -> None:
    script = two_legs(outside=OUTSIDE)
    assert len(watch(script).calls) == 2
    assert the_call(watch(script, boxes=(SBC,))).joins[0].reason is Reason.NUMBERS


def test_addresses_of_one_box_are_learned_from_identifiers() -> None:
    same = "Session-ID: ab30317f1a784dc48ff824d0d3715d86"
    later = two_legs(outside=OUTSIDE).replace("id=in", "id=in-2").replace("id=out", "id=out-2")
    watched = watch(two_legs(same, same, outside=OUTSIDE) + later)
    assert [call.joins[0].reason for call in watched.calls] == [Reason.SESSION_ID, Reason.NUMBERS]


def test_a_call_has_a_bound_on_its_legs() -> None:
    same = "Session-ID: ab30317f1a784dc48ff824d0d3715d86"
    watched = watch("".join(f"alice -> bob: INVITE 1 id={n} | {same}\n" for n in range(70)))
    assert sum(len(call.legs) for call in watched.calls) == 70
    assert max(len(call.legs) for call in watched.calls) == 64
    assert watched.counters["legs_not_joined"] == 6


ACTORS = st.sampled_from(["alice", "edge", "core", "bob"])
LINES = st.builds(
    lambda a, b, what, call, header: f"{a} -> {b}: {what} id={call} from=t{call} | {header}",
    ACTORS,
    ACTORS,
    st.sampled_from(["INVITE 1", "200 INVITE 1", "486 INVITE 1", "BYE 2 to=b1", "CANCEL 1"]),
    st.integers(1, 6),
    st.sampled_from(
        ["Subject: x", "offer 4000", "Session-ID: aa", "Session-ID: bb", "X-Corr: 3", "Replaces: 2"]
    ),
)
WAITS = st.sampled_from(["wait 1 s", "wait 40 s", "wait 200 s"])


@given(st.lists(LINES | WAITS, max_size=30), st.integers(1, 4))
def test_every_leg_is_in_exactly_one_call(lines: list[str], most_legs: int) -> None:
    messages, end = messages_of("\n".join(lines))
    watched = analyse(messages, end, ("X-Corr",), most_legs)
    joined = sorted(leg.number for call in watched.calls for leg in call.legs)
    assert joined == [leg.number for leg in watched.legs]
    for call in watched.calls:
        assert len(call.joins) == len(call.legs) - 1
        assert {leg.number for leg in call.legs} >= {join.other for join in call.joins}
        assert call.running == 0
