"""Dark legs are inferred where times leave no other explanation, and nowhere else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.script import ADDRESSES, MILLISECOND, SECOND, watch
from tqdecrypt.calls import JointCall
from tqdecrypt.calls.boxes import Boxes
from tqdecrypt.insight.dark_legs import infer_dark_legs
from tqdecrypt.insight.dark_records import DarkRecords

CALL = """
    wait 100 s
    alice -> edge: INVITE 1
    edge -> alice: 100 INVITE 1
    wait 300 ms
    edge -> alice: 180 INVITE 1
    wait 2 s
    edge -> alice: 200 INVITE 1
    alice -> edge: ACK 1 to=b1
    wait 20 s
    alice -> edge: BYE 2 to=b1
    edge -> alice: 200 BYE 2
    wait 60 s
"""
SBC, CARRIER = "192.0.2.5:41234", "203.0.113.7:5061"
SENT_ON = {"INVITE": True, "180 INVITE": False, "200 INVITE": False, "ACK": True, "BYE": True}
"""What passes the SBC, and whether it sends it on to the carrier."""


def call() -> JointCall:
    [joint] = watch(CALL).calls
    return joint


def times() -> dict[str, int]:
    """When each message of the clear leg was seen."""
    seen = {}
    for message in watch(CALL).messages:
        name = message.method or f"{message.status} {message.cseq_method}"
        seen[name] = message.time
    return seen


def records(delay: int = 3 * MILLISECOND, *, without: tuple[str, ...] = ()) -> DarkRecords:
    """What the other leg looks like: each message *delay* after, or before, the clear one."""
    dark = DarkRecords()
    at = times()
    for frame, (label, outward) in enumerate(SENT_ON.items(), 1000):
        if label not in without:
            time = at[label] + (delay if outward else -delay)
            dark.take(8, SBC, CARRIER, outward, [(900, frame, time)])
    return dark


def noise(dark: DarkRecords, rate: float, session: int = 8, seed: int = 1) -> DarkRecords:
    """Records at random times, so many a second in each direction: other calls."""
    drawn = random.Random(seed)
    for outward in (True, False):
        moments = sorted(drawn.randrange(60 * SECOND, 190 * SECOND) for _ in range(int(130 * rate)))
        dark.take(
            session, SBC, CARRIER, outward, [(700, 5000 + n, t) for n, t in enumerate(moments)]
        )
    return dark


def test_a_leg_whose_records_follow_the_messages_is_inferred() -> None:
    [leg] = infer_dark_legs(call(), records())
    assert (leg.call_id, leg.session, leg.box) == ("call-1", 8, "192.0.2.5")
    assert (len(leg.messages), leg.expected) == (5, 5)
    assert [message.label for message in leg.messages] == list(SENT_ON)
    assert [message.source for message in leg.messages] == [SBC, CARRIER, CARRIER, SBC, SBC]
    assert [message.record.frame for message in leg.messages] == [1000, 1001, 1002, 1003, 1004]
    assert leg.chance < 1e-9
    assert "5 of 5 messages have a record of TLS session 8 within 5 ms" in leg.sentence


def test_the_carrier_may_be_the_one_that_is_clear() -> None:
    script = CALL.replace("alice", "X").replace("edge", "alice").replace("X", "edge")
    [joint] = watch(script).calls
    at = {m.method or f"{m.status} {m.cseq_method}": m.time for m in watch(script).messages}
    dark = DarkRecords()
    for frame, (label, outward) in enumerate(SENT_ON.items(), 1000):
        time = at[label] + (-2 if outward else 2) * MILLISECOND
        dark.take(8, CARRIER, "192.0.2.5:5061", outward, [(900, frame, time)])
    [leg] = infer_dark_legs(joint, dark)
    assert leg.box == "192.0.2.5"
    assert leg.messages[0].source == CARRIER


def test_the_dark_side_of_a_box_may_have_another_address() -> None:
    dark = DarkRecords()
    at = times()
    for label, outward in SENT_ON.items():
        time = at[label] + (3 if outward else -3) * MILLISECOND
        dark.take(8, "198.51.100.5:41234", CARRIER, outward, [(900, 1, time)])
    assert not infer_dark_legs(call(), dark)
    [leg] = infer_dark_legs(call(), dark, Boxes([("192.0.2.5", "198.51.100.5")]))
    assert (leg.box, leg.messages[0].source) == ("198.51.100.5", "198.51.100.5:41234")


def test_a_proxy_with_two_addresses_is_one_box() -> None:
    boxes = Boxes()
    script = """
        alice -> proxy: INVITE 1 | Max-Forwards: 70
        edge -> bob: INVITE 1 | Max-Forwards: 69
        alice -> core: INVITE 1 id=2 from=2 | Max-Forwards: 70
        carol -> bob: INVITE 1 id=2 from=2 | Max-Forwards: 70
    """
    for leg in watch(script).legs:
        boxes.learn(leg)
    assert boxes.are_one("192.0.2.2", "192.0.2.5")
    assert boxes.addresses_of("192.0.2.5") == ["192.0.2.5", "192.0.2.2"]
    assert not boxes.are_one("192.0.2.6", "192.0.2.4")


def test_addresses_of_boxes_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.calls.boxes.MOST_ADDRESSES", 4)
    boxes = Boxes()
    for number in range(4):
        boxes.add(f"inner-{number}", f"outer-{number}")
    assert not boxes.are_one("inner-0", "outer-0")
    assert boxes.are_one("inner-3", "outer-3")
    assert boxes.addresses_of("outer-3") == ["outer-3", "inner-3"]


def test_a_message_that_the_box_answers_itself_may_be_missing() -> None:
    [leg] = infer_dark_legs(call(), records(without=("ACK",)))
    assert (len(leg.messages), leg.expected) == (4, 5)
    assert not infer_dark_legs(call(), records(without=("ACK", "BYE")))


def test_it_is_found_among_other_calls_as_long_as_they_leave_room() -> None:
    [leg] = infer_dark_legs(call(), noise(records(), rate=3))
    assert leg.window == 5 * MILLISECOND
    assert not infer_dark_legs(call(), noise(records(), rate=100))


def test_keep_alives_are_no_messages() -> None:
    dark = DarkRecords()
    for time in times().values():
        dark.take(8, SBC, CARRIER, True, [(33, 1, time + MILLISECOND)])
    assert len(dark) == 0


def test_a_session_of_somebody_else_is_no_leg() -> None:
    dark = DarkRecords()
    at = times()
    for label, outward in SENT_ON.items():
        time = at[label] + (3 if outward else -3) * MILLISECOND
        dark.take(8, "192.0.2.99:4000", CARRIER, outward, [(900, 1, time)])
        dark.take(9, ADDRESSES["alice"], "192.0.2.5:5061", outward, [(900, 1, time)])
    assert not infer_dark_legs(call(), dark)


def test_a_leg_that_was_joined_to_another_has_no_dark_one_there() -> None:
    onward = """
        wait 100 s
        alice -> edge: INVITE 1
        edge -> bob: INVITE 1 id=out from=o1
        edge -> alice: 180 INVITE 1
        edge -> alice: 200 INVITE 1
        alice -> edge: ACK 1 to=b1
        wait 60 s
    """
    watched = watch(onward)
    [joint] = watched.calls
    assert len(joint.legs) == 2
    dark = DarkRecords()
    for message in watched.messages:
        dark.take(8, SBC, CARRIER, message.status is None, [(900, 1, message.time + MILLISECOND)])
    assert not infer_dark_legs(joint, dark)


@given(st.integers(0, 10_000), st.floats(0.01, 200))
@settings(max_examples=60)
def test_chance_alone_infers_nothing(seed: int, rate: float) -> None:
    dark = DarkRecords()
    for session in range(4):
        noise(dark, rate, session, seed + session)
    assert not infer_dark_legs(call(), dark)


def test_records_have_a_bound_and_a_counter() -> None:
    dark = DarkRecords(most=100)
    for number in range(30):
        for outward in (True, False):
            made = [(900, n, n * SECOND) for n in range(10)]
            dark.take(number, f"192.0.2.5:{number}", CARRIER, outward, made)
    assert len(dark) <= 100
    assert dark.counters["dark_records_forgotten"] == 600 - len(dark)
    assert 0 < len(dark.sessions_of("192.0.2.5")) < 30
    assert len(dark.sessions_of("203.0.113.7")) == len(dark.sessions_of("192.0.2.5"))


@pytest.mark.parametrize("delay", [1, 15, 40, 90, 200, 900])
def test_slow_boxes_are_found_too_where_nothing_else_happens(delay: int) -> None:
    [leg] = infer_dark_legs(call(), records(delay * MILLISECOND))
    assert leg.window >= delay * MILLISECOND
