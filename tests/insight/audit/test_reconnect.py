"""What opening a connection again brings and costs, where the truth is written down."""

from __future__ import annotations

from typing import Any

from calls.script import watch
from insight.found import report
from tqdecrypt.export import format_time
from tqdecrypt.insight.audit import Auditor, AuditResult
from tqdecrypt.insight.audit.reconnect import Reconnect
from tqdecrypt.insight.dark_legs import DarkLeg, DarkMessage
from tqdecrypt.insight.dark_records import DarkRecord
from tqdecrypt.tls import Verdict

SECOND = 1_000_000_000
CLIENT, SERVER = "192.0.2.1", "192.0.2.7:5061"
REGISTERED = """
    alice -> registrar: REGISTER 1 id={id} callee={id} | Contact: <sip:{id}@192.0.2.1>
    registrar -> alice: 200 REGISTER 1 id={id} callee={id} | Contact: <sip:{id}@192.0.2.1> | Expires: 60
"""


def old(number: int, begin: int = 0, end: int = 100, **more: Any) -> Any:
    """A connection that was open before the capture, and still is."""
    values: dict[str, Any] = {
        "verdict": Verdict.HANDSHAKE_NOT_CAPTURED,
        "client_encrypted_bytes": 700,
        "server_encrypted_bytes": 50,
    } | more
    return report(number, f"{CLIENT}:4{number:04}", SERVER, begin * SECOND, end * SECOND, **values)


def whole(number: int, lasted: int, **more: Any) -> Any:
    """A connection that was seen from begin to end."""
    values: dict[str, Any] = {"opened": True, "closed": True, "client_bytes": 1} | more
    return report(number, f"{CLIENT}:4{number:04}", SERVER, SECOND, (1 + lasted) * SECOND, **values)


def dark_leg(session: int, *labels: str) -> DarkLeg:
    record = DarkRecord(0, 100, 1, session)
    messages = tuple(DarkMessage(label, CLIENT, SERVER, record) for label in labels)
    return DarkLeg("1", session, CLIENT, f"{CLIENT}:1", SERVER, messages, 3, SECOND, 1e-9)


def planned(auditor: Auditor) -> list[Reconnect]:
    return result(auditor).reconnects


def result(auditor: Auditor) -> AuditResult:
    return auditor.finish(format_time, findings=[])


def fed(*reports: Any) -> Auditor:
    auditor = Auditor()
    for one in reports:
        auditor.session(one)
    return auditor


def test_how_old_it_is_how_long_such_last_and_what_the_next_would_be() -> None:
    auditor = fed(
        old(1, begin=7, end=97),
        *(whole(number, lasted) for number, lasted in ((2, 40), (3, 60), (4, 80))),
        whole(5, 60, verdict=Verdict.FORWARD_SECRECY),
    )
    [plan] = planned(auditor)
    assert plan.connection.age == 90 * SECOND
    assert plan.connection.bytes == 750
    assert plan.lifetimes_of == "the same two"
    assert plan.usual_lifetime is not None
    assert abs(plan.usual_lifetime - 60 * SECOND) <= 4 * SECOND
    assert (plan.clear, plan.seen, plan.helps) == (3, 4, True)
    assert plan.causes == ("forward-secrecy",)


def test_it_does_not_help_where_the_next_would_be_dark_too() -> None:
    dark = [whole(n, 10, verdict=Verdict.TLS13) for n in (2, 3)]
    [plan] = planned(fed(old(1), *dark, whole(4, 10)))
    assert plan.helps is False
    [alone] = planned(fed(old(1)))
    assert alone.helps is None
    assert alone.usual_lifetime is None


def test_calls_on_it_and_those_that_go_on_are_what_it_costs() -> None:
    auditor = fed(old(1))
    auditor.dark_leg(dark_leg(1, "INVITE", "200 INVITE", "BYE"))
    auditor.dark_leg(dark_leg(1, "INVITE", "486 INVITE", "ACK"))
    auditor.dark_leg(dark_leg(1, "INVITE", "200 INVITE", "ACK"))
    auditor.dark_leg(dark_leg(9, "INVITE", "200"))
    [plan] = planned(auditor)
    assert (plan.connection.calls, plan.connection.calls_open) == (3, 1)


def test_registrations_between_the_two_would_have_to_be_made_again() -> None:
    auditor = fed(old(1))
    watched = watch("".join(REGISTERED.format(id=name) for name in ("anna", "bert")))
    assert len(watched.registrations) == 2
    for registration in watched.registrations:
        auditor.registration(registration)
    [plan] = planned(auditor)
    assert plan.connection.registrations == 2
    assert result(auditor).document["reconnects"][0]["registrations"] == 2


def test_what_has_ended_or_shook_hands_is_not_planned() -> None:
    assert (
        planned(fed(old(1, closed=True), whole(2, 5), old(3, verdict=Verdict.NO_MATCHING_KEY)))
        == []
    )


def test_the_oldest_comes_first() -> None:
    plans = planned(fed(old(1, 50), old(2, 0), old(3, 20, verdict=Verdict.RESUMED_UNSEEN)))
    assert [plan.connection.session for plan in plans] == [2, 3, 1]
