"""What a report keeps while captures are read, within its bounds."""

from __future__ import annotations

from tqdecrypt.export import report as report_module
from tqdecrypt.export.report import LadderMessages, ReportRows
from tqdecrypt.insight.outcomes import FailedCall, Outcome
from views.scenes import Talk, busy_call, report, two_hop_call


def failed(talk: Talk) -> FailedCall:
    return FailedCall((talk.call_id,), (3,), {}, talk.messages[0].time, Outcome.FAILED)


def test_only_calls_that_fail_are_among_the_failed() -> None:
    rows = ReportRows(10)
    for talk in (two_hop_call(), busy_call()):
        rows.call(talk.call())
    assert rows.calls.total == 2
    assert [call.call_id for call in rows.failed.calls] == ["busy@pbx.example.net"]


def test_ladders_have_the_messages_of_their_calls_alone() -> None:
    busy, other = busy_call(), two_hop_call()
    sink = LadderMessages([failed(busy)])
    for message in (*other.messages, *busy.messages):
        sink.message(message)
    sink.call(busy.call())
    sink.call(other.call())
    sink.session(report(3))
    sink.session(report(4))
    [(story, cut)] = sink.ladders().stories
    assert story.messages == busy.messages
    assert [call.call_id for call in story.calls] == [busy.call_id]
    assert list(story.reports) == [3]
    assert cut == 0


def test_a_long_call_is_cut_and_counted() -> None:
    talk = Talk("long")
    for number in range(report_module.MOST_ARROWS + 5):
        talk.say("SIP/2.0 503 No", "192.0.2.1:1", "192.0.2.2:2", f"{number} INVITE")
    sink = LadderMessages([failed(talk)])
    for message in talk.messages:
        sink.message(message)
    [(story, cut)] = sink.ladders().stories
    assert (len(story.messages), cut) == (report_module.MOST_ARROWS, 5)


def test_a_call_whose_messages_never_come_has_no_ladder() -> None:
    assert LadderMessages([failed(busy_call())]).ladders().stories == []
