"""The ordinary course of a call followed in a hurry, and by the machines: the same comes out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.calls import Analyser, Leg
from tqdecrypt.insight import Analysis, Finding
from tqdecrypt.sip import Message, index_message

from .both_ways import differences, followed
from .script import SECOND, messages_of

ORDINARY = """
    alice -> bob: INVITE 1 | offer 4000 | Contact: <sip:alice@192.0.2.1> | Max-Forwards: 70
    bob -> alice: 100 INVITE 1
    bob -> alice: 180 INVITE 1 | Contact: <sip:bob@192.0.2.3:5062>
    bob -> alice: 183 INVITE 1 | offer 5000 | Reason: SIP;cause=500
    bob -> alice: 200 INVITE 1 | offer 5000 | Contact: <sip:bob@192.0.2.3> | Record-Route: <sip:a;lr>
    alice -> bob: ACK 1 to=b1 branch=ack
    alice -> bob: BYE 2 to=b1 | Reason: Q.850;cause=16
    bob -> alice: 200 BYE 2
"""
OTHERWISE = """
    bob -> alice: 180 INVITE 1
    bob -> alice: 180 INVITE 1 to=b2
    bob -> alice: 180 INVITE 1 | RSeq: 1
    bob -> alice: 183 INVITE 1 | offer 5002
    bob -> alice: 183 INVITE 1 | offer 5002 inactive
    bob -> alice: 181 INVITE 1 | body text/plain hello
    bob -> alice: 200 INVITE 1 | offer 5002 | Contact: <sip:bob@10.0.0.1;transport=tls> | Session-Expires: 90
    bob -> alice: 202 INVITE 1 | offer 5000 sendonly | Contact: <sips:bob@example.com>
    bob -> alice: 200 INVITE 1 to=b2 | offer 5000 | Contact: <sip:bob@192.0.2.3>
    bob -> alice: 200 INVITE 1 | offer 5000
    bob -> alice: 200 INVITE 1 | Contact: <sip:bob@192.0.2.3>
    bob -> alice: 486 INVITE 1
    bob -> alice: 407 INVITE 1
    bob -> alice: 1000 INVITE 1
    alice -> bob: INVITE 1 | Contact: <sip:alice@192.0.2.1>
    alice -> bob: INVITE 2 | offer 4000 | Contact: <sip:alice@192.0.2.1>
    alice -> bob: INVITE 2 to=b1 | offer 4000 | Contact: <sip:alice@192.0.2.1>
    bob -> alice: 200 INVITE 2 | offer 5004 | Contact: <sip:bob@192.0.2.3> | Session-Expires: 90
    proxy -> bob: INVITE 1 | offer 4000 | Max-Forwards: 9
    bob -> proxy: 200 INVITE 1 | offer 4000 | Contact: <sip:bob@192.0.2.3>
    alice -> bob: ACK 1 to=b1 branch=INVITE1
    alice -> bob: ACK 1 to=b1 | offer 4002
    alice -> proxy: ACK 1 to=b1
    alice -> bob: ACK 2 to=b1
    alice -> bob: CANCEL 1 branch=INVITE1
    bob -> alice: 487 INVITE 1
    bob -> alice: BYE 7 from=b1 to=a1
    alice -> bob: 200 BYE 7 from=b1 to=a1
    alice -> bob: BYE 2 to=b1 branch=INVITE1
    bob -> alice: 481 BYE 2
    alice -> bob: BYE 3 to=b1
    bob -> alice: 200 BYE 3
    alice -> bob: UPDATE 5 to=b1 | offer 4004 sendonly
    bob -> alice: 200 UPDATE 5 | offer 5004 recvonly
    bob -> alice: REFER 9 from=b1 to=a1 | Refer-To: <sip:dave@192.0.2.8>
    alice -> bob: INFO 6 to=b1
    alice -> bob: OPTIONS 1 branch=INVITE1
"""
SECURE = """
    alice -> bob: INVITE 1 | uri sips:bob@b | body a/sdp v=0\\nc=IN IP4 10.0.0.1\\nm=audio 9 RTP/SAVP 8\\n
    bob -> alice: 200 INVITE 1 | Contact: <sip:bob@192.0.2.3> | body a/sdp v=0\\nm=audio 9 RTP/AVP 9
    alice -> bob: ACK 1 to=b1
    alice -> bob: BYE 2 to=b1 | Reason: Q.850;cause=34
    bob -> alice: 200 BYE 2
"""
PAUSES = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 2, 31, 32, 33, 34, 35, 36, 64, 70, 179, 181, 300])
FRACTIONS = st.integers(0, SECOND - 1)


def lines(script: str) -> list[str]:
    return script.strip().splitlines()


@st.composite
def calls(draw: st.DrawFn) -> list[Message]:
    """Some calls that go their ordinary course, mostly, each at its own pace."""
    pieces: list[tuple[int, str]] = []
    for number in range(draw(st.integers(1, 3))):
        said = lines(draw(st.sampled_from([ORDINARY, SECURE])))
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(said)))
            match draw(st.sampled_from(["lose", "again", "otherwise", "instead", "overtake"])):
                case "lose":
                    del said[at : at + 1]
                case "again":
                    said[at:at] = said[max(at - 1, 0) : at]
                case "otherwise":
                    said.insert(at, draw(st.sampled_from(lines(OTHERWISE))))
                case "instead":
                    said[at : at + 1] = [draw(st.sampled_from(lines(OTHERWISE)))]
                case _:
                    said[at : at + 2] = reversed(said[at : at + 2])
        time = draw(FRACTIONS)
        for line in said:
            time += draw(PAUSES) * SECOND + draw(FRACTIONS) // 100
            head, bar, rest = line.partition(" |")
            pieces.append((time, f"{head} id=call-{number}{bar}{rest}"))
    pieces.sort(key=lambda piece: piece[0])
    messages, _ = messages_of(
        "\n".join(line for _, line in pieces), draw(st.sampled_from(["UDP", "TLS"]))
    )
    return [
        index_message(message.raw, message.flow, frame, time)
        for frame, (message, (time, _)) in enumerate(zip(messages, pieces, strict=True), 1)
    ]


@given(calls(), st.integers(0, 100), st.sampled_from([1, 2, 1000]), st.booleans())
def test_the_machines_say_the_same(
    messages: list[Message], rest: int, most_legs: int, with_transactions: bool
) -> None:
    end = messages[-1].time + rest * SECOND if messages else 0
    quick, whole = (
        followed(
            messages,
            end,
            in_a_hurry=in_a_hurry,
            most_legs=most_legs,
            with_transactions=with_transactions,
        )
        for in_a_hurry in (True, False)
    )
    assert differences(quick, whole) == []


@given(calls())
def test_rules_that_are_not_asked_would_have_nothing_to_say(messages: list[Message]) -> None:
    found: list[object] = []
    for in_a_hurry in (True, False):
        of_legs: list[tuple[int, list[Finding]]] = []

        def take(
            leg: Leg, some: list[Finding], of: list[tuple[int, list[Finding]]] = of_legs
        ) -> None:
            of.append((leg.number, some))

        analysis = Analysis(on_leg=take, follows_courses=in_a_hurry)
        for message in messages:
            analysis.message(message)
        analysis.finish()
        found.append((of_legs, analysis.findings, analysis.counters))
    assert found[0] == found[1]


def test_an_ordinary_call_stays_on_its_course() -> None:
    """Otherwise the property above would say nothing."""
    legs: list[Leg] = []
    analyser = Analyser(legs.append)
    messages, end = messages_of(ORDINARY, "TLS")
    for message in messages:
        analyser.receive(message)
    analyser.finish(end)
    [leg] = legs
    assert leg.course is not None
    assert [one.method for one in leg.transactions] == ["INVITE", "BYE"]
    assert leg.dialogs[0].callee_contact == "sip:bob@192.0.2.3"
