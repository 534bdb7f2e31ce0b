"""When the steps of a handshake were captured, and what took how long."""

from __future__ import annotations

from array import array
from ssl import TLSVersion
from typing import Any

import pytest

from kit import TlsPair
from tls.passive import listen, ring, server_key, talk
from tqdecrypt.tls import HandshakeTimes, Phase, TcpFacts, Verdict
from tqdecrypt.tls.timing import phases

RSA = "AES256-GCM-SHA384"
MS = 1_000_000


def times(*steps: tuple[str, int], resumed: bool = False) -> HandshakeTimes:
    """Messages with their milliseconds."""
    return HandshakeTimes(
        resumed,
        tuple(name for name, _ in steps),
        array("q", range(1, len(steps) + 1)),
        array("q", [time * MS for _, time in steps]),
    )


FULL = times(
    ("client ClientHello", 100),
    ("server ServerHello", 103),
    ("server Certificate", 103),
    ("server ServerHelloDone", 104),
    ("client Certificate", 110),
    ("client ClientKeyExchange", 110),
    ("client ChangeCipherSpec", 111),
    ("client Finished", 111),
    ("server ChangeCipherSpec", 131),
    ("server Finished", 131),
)


def test_each_phase_of_a_full_handshake() -> None:
    tcp = TcpFacts(90 * MS, 98 * MS, 0, 0, 0, 0)
    assert phases(FULL, tcp) == {
        Phase.CONNECT: 8 * MS,
        Phase.SERVER_HELLO: 3 * MS,
        Phase.SERVER_FLIGHT: 1 * MS,
        Phase.CLIENT_FLIGHT: 6 * MS,
        Phase.SERVER_FINISHED: 21 * MS,
        Phase.TOTAL: 31 * MS,
    }
    assert Phase.CONNECT not in phases(FULL)


def test_what_was_not_seen_has_no_time() -> None:
    cut = times(("client ClientHello", 100), ("server ServerHello", 103))
    assert phases(cut, TcpFacts(None, None, 0, 0, 0, 0)) == {Phase.SERVER_HELLO: 3 * MS}
    assert phases(times(("server ServerHello", 103))) == {}


def test_mirror_ports_that_are_apart_give_no_negative_time() -> None:
    assert phases(times(("server ServerHello", 99), ("client ClientHello", 100))) == {
        Phase.SERVER_HELLO: 0
    }


def test_times_are_those_of_the_packets() -> None:
    pair = TlsPair(ciphers=RSA)
    talk(pair)
    heard = listen(pair.flights, ring([server_key()]))
    [found] = heard.report.handshake_times
    assert not found.resumed
    names = [step.name for step in found.steps]
    assert names[:2] == ["client ClientHello", "server ServerHello"]
    assert names[-1] == "server Finished"
    assert all(step.time == step.frame * 1000 for step in found.steps)
    assert set(phases(found)) == set(Phase) - {Phase.CONNECT}


@pytest.mark.parametrize(
    ("options", "verdict", "known"),
    [
        # The Finished is encrypted, the ChangeCipherSpec in front of it is not.
        ({"ciphers": "ECDHE-RSA-AES256-GCM-SHA384"}, Verdict.FORWARD_SECRECY, True),
        ({"version": TLSVersion.TLSv1_3}, Verdict.TLS13, False),
    ],
)
def test_of_dark_sessions_as_much_as_can_be_seen(
    options: dict[str, Any], verdict: Verdict, known: bool
) -> None:
    pair = TlsPair(**options)
    talk(pair)
    report = listen(pair.flights, ring([server_key()])).report
    assert report.verdict is verdict
    [found] = report.handshake_times
    assert Phase.SERVER_HELLO in phases(found)
    assert (Phase.TOTAL in phases(found)) is known


def test_lists_of_names_are_shared() -> None:
    reports = []
    for _ in range(2):
        pair = TlsPair(ciphers=RSA)
        talk(pair)
        reports.append(listen(pair.flights, ring([server_key()])).report)
    one, other = (report.handshake_times[0] for report in reports)
    assert one.names is other.names
