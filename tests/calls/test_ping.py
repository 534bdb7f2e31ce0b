"""OPTIONS as a heartbeat."""

from __future__ import annotations

from tqdecrypt.calls import PingSeries

from .script import MILLISECOND, SECOND, watch


def ping(cseq: int, status: int = 200) -> str:
    sent = f"alice -> bob: OPTIONS {cseq} id=o{cseq} branch=o{cseq}\n"
    heard = f"bob -> alice: {status} OPTIONS {cseq} id=o{cseq} branch=o{cseq}\n" if status else ""
    return f"{sent}{heard}wait 30 s\n"


def the_series(script: str) -> PingSeries:
    [series] = watch(script).pings
    return series


def test_answered() -> None:
    series = the_series("".join(ping(n) for n in range(1, 6)))
    assert (series.source, series.destination) == ("192.0.2.1:5060", "192.0.2.3:5060")
    assert series.request_host == "192.0.2.3"
    assert (series.sent, series.answered, series.missed) == (5, 5, 0)
    assert series.statuses == {200: 5}
    assert series.round_trips.maximum == 10 * MILLISECOND
    assert series.intervals.minimum == 30 * SECOND + 20 * MILLISECOND
    assert series.missed_runs == ()


def test_any_final_response_is_a_sign_of_life() -> None:
    series = the_series(ping(1, 404) + ping(2, 503))
    assert (series.answered, series.missed) == (2, 0)
    assert series.statuses == {404: 1, 503: 1}


def test_runs_of_missed_ones() -> None:
    statuses = [200, 0, 0, 0, 200, 0, 200, 200]
    series = the_series("".join(ping(n, status) for n, status in enumerate(statuses, 1)))
    assert (series.sent, series.answered, series.missed) == (8, 4, 4)
    assert [run.missed for run in series.missed_runs] == [3, 1]
    first = series.missed_runs[0]
    assert (first.first_frame, first.last_frame) == (3, 5)
    assert first.last_time - first.first_time == 2 * (30 * SECOND + 10 * MILLISECOND)


def test_the_last_one_may_still_be_answered() -> None:
    series = the_series(ping(1) + "alice -> bob: OPTIONS 2 id=o2 branch=o2")
    assert (series.sent, series.answered, series.missed) == (2, 1, 0)


def test_late_is_not_missed() -> None:
    series = the_series(
        """
        alice -> bob: OPTIONS 1
        wait 33 s
        alice -> bob: OPTIONS 1 id=other branch=other
        bob -> alice: 200 OPTIONS 1
        wait 2 min
        """
    )
    assert (series.answered, series.missed) == (1, 1)


def test_a_silence_of_the_sender() -> None:
    series = the_series("".join(map(ping, range(1, 8))) + "wait 10 min\n" + ping(8))
    [silence] = series.silences
    assert (silence.begun_frame, silence.ended_frame) == (13, 15)


def test_retransmissions_do_not_count_twice() -> None:
    series = the_series(2 * "alice -> bob: OPTIONS 1\n" + 2 * "bob -> alice: 200 OPTIONS 1\n")
    assert (series.sent, series.answered, series.retransmissions) == (1, 1, 1)


def test_in_a_dialog_it_is_no_heartbeat() -> None:
    watched = watch(
        """
        alice -> bob: INVITE 1
        bob -> alice: 200 INVITE 1
        alice -> bob: OPTIONS 2 to=b1
        bob -> alice: 200 OPTIONS 2
        """
    )
    assert watched.pings == []
    assert len(watched.leg.transactions) == 2


def test_series_are_told_apart_by_hosts_alone() -> None:
    """Over TLS each connection has another port."""
    watched = watch(
        """
        192.0.2.1:4001 -> 192.0.2.3:5061: OPTIONS 1 id=1 | uri sip:Trunk.example.com:5061;lr
        192.0.2.1:4002 -> 192.0.2.3:5061: OPTIONS 1 id=2 | uri sip:user@trunk.example.com
        192.0.2.3:5061 -> 192.0.2.1:4002: OPTIONS 1 id=3
        """
    )
    assert [(one.request_host, one.sent) for one in watched.pings] == [
        ("trunk.example.com", 2),
        ("192.0.2.3", 1),
    ]
