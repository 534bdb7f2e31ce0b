"""How calls came out, and which failed ones are worth a look."""

from __future__ import annotations

import pytest

from calls.script import watch
from tqdecrypt.insight import outcomes as outcomes_module
from tqdecrypt.insight.outcomes import Outcome, Outcomes


def failing(number: int, status: int, callee: str = "edge") -> str:
    return f"""
        alice -> {callee}: INVITE 1 id=c{number} from={number}
        {callee} -> alice: {status} INVITE 1 id=c{number} from={number}
        alice -> {callee}: ACK 1 id=c{number} from={number} to=b1
    """


ANSWERED = """
    alice -> edge: INVITE 1 id=good from=9
    edge -> alice: 200 INVITE 1 id=good from=9
    alice -> edge: ACK 1 id=good from=9 to=b1
    alice -> edge: BYE 2 id=good from=9 to=b1
    edge -> alice: 200 BYE 2 id=good from=9
"""
UNANSWERED = """
    alice -> edge: INVITE 1 id=silent from=8
    wait 60 s
"""


def added(*scripts: str) -> Outcomes:
    found = Outcomes()
    for call in watch("".join(scripts)).calls:
        found.add(call)
    return found


def test_each_outcome() -> None:
    found = added(ANSWERED, failing(1, 503), failing(2, 486), failing(3, 302), UNANSWERED)
    assert found.total == 5
    assert found.counts == {
        Outcome.ANSWERED: 1,
        Outcome.FAILED: 2,
        Outcome.DECLINED: 1,
        Outcome.REDIRECTED: 1,
    }
    assert sum(found.failures.values()) == 3
    assert found.failures["no final response"] == 1


def test_of_each_way_to_fail_one_before_another_of_the_same() -> None:
    scripts = [failing(n, 503) for n in range(5)] + [failing(7, 404), failing(8, 486)]
    chosen = added(*scripts).worth_a_look(3)
    assert [call.call_ids for call in chosen] == [("c0",), ("c1",), ("c7",)]
    everything = added(*scripts).worth_a_look(100)
    assert len(everything) == 7
    assert everything[-1].call_ids == ("c8",), "what people chose comes last"


def test_memory_is_bounded() -> None:
    scripts = [failing(n, 503) for n in range(outcomes_module.MOST_OF_A_GROUP + 3)]
    found = added(*scripts)
    assert len(found.worth_a_look(100)) == outcomes_module.MOST_OF_A_GROUP
    assert found.counts[Outcome.FAILED] == outcomes_module.MOST_OF_A_GROUP + 3


def test_ways_to_fail_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes_module, "MOST_GROUPS", 1)
    found = added(failing(1, 503), failing(2, 404))
    assert sorted(found.failures.values()) == [1, 1]
    assert found.failures["other answers"] == 1
    assert found.ungrouped == 1
    assert len(found.worth_a_look(9)) == 1
