from __future__ import annotations

from tqdecrypt.tls.verdict import Verdict
from tqdecrypt.views import session_marks
from views.scenes import MILLISECOND, PBX, SBC, START, busy_call, dark, report


def test_a_session_near_its_messages_is_told_from_handshake_to_end() -> None:
    one = report()
    one.started, one.ended = START - 1_000 * MILLISECOND, START + 1_500 * MILLISECOND
    one.resumed, one.ending = "ticket", "no close_notify; reset"
    one.alert = "unknown_ca (fatal) from the server, frame 9"
    marks = session_marks(busy_call().messages, {3: one, 7: dark()})
    assert [(mark.text, mark.time, mark.frame, mark.session) for mark in marks] == [
        ("TLS 1.2 handshake, resumed (ticket)", one.started, 1, 3),
        ("alert unknown_ca (fatal) from the server, frame 9", one.ended, None, 3),
        ("no close_notify; reset", one.ended, 9, 3),
    ]
    assert {(mark.source, mark.destination) for mark in marks} == {(PBX, SBC)}


def test_what_is_far_away_or_not_known_is_left_out() -> None:
    one = report(verdict=Verdict.HANDSHAKE_NOT_CAPTURED)
    one.roles_known, one.alert = False, "close_notify (warning) from the client, frame 9"
    assert session_marks(busy_call().messages, {3: one}) == []
    one.roles_known, one.started, one.ending = True, START - 3_600 * 10**9, "closed"
    one.ended = START + 3_600 * 10**9
    assert session_marks(busy_call().messages, {3: one}) == []
    assert session_marks([], {3: one}) == []
    assert session_marks(busy_call().messages, {}) == []
