"""Handshake times by server, against handshakes written down."""

from __future__ import annotations

from insight.found import report
from tls.test_timing import FULL, MS, times
from tqdecrypt.insight.handshakes import HandshakeTable
from tqdecrypt.tls import Phase, TcpFacts

PEER = "198.51.100.7:40001"
RESUMED = times(
    ("client ClientHello", 10),
    ("server ServerHello", 11),
    ("server Finished", 12),
    ("client Finished", 15),
    resumed=True,
)


def test_full_and_resumed_ones_are_told_apart() -> None:
    table = HandshakeTable()
    tcp = TcpFacts(90 * MS, 98 * MS, 2, 1, 0, 0)
    table.add(report(1, PEER, "a:1", handshake_times=(FULL,), tcp=tcp))
    table.add(report(2, PEER, "a:1", handshake_times=(RESUMED,)))
    table.add(report(3, PEER, "a:1", handshake_times=(times(("client ClientHello", 0)),)))
    table.add(report(4, PEER, "a:1"))
    [(server, found)] = table.servers.items()
    assert server == "a:1"
    assert (found.full, found.resumed, found.incomplete) == (1, 1, 1)
    assert found.retransmissions == 3
    assert found.delays[Phase.CONNECT].maximum == 8 * MS
    assert found.delays[Phase.TOTAL].count == 1
    assert found.delays[Phase.TOTAL].maximum == 31 * MS
    assert found.delays[Phase.SERVER_FINISHED].maximum == 21 * MS
    assert found.resumed_delays.maximum == 5 * MS
    assert table.total.full == 1


def test_the_connection_was_set_up_once_however_often_it_was_renegotiated() -> None:
    table = HandshakeTable()
    tcp = TcpFacts(90 * MS, 98 * MS, 0, 0, 0, 0)
    table.add(report(1, PEER, "a:1", handshake_times=(FULL, FULL), tcp=tcp))
    assert table.total.full == 2
    assert table.total.delays[Phase.CONNECT].count == 1


def test_servers_beyond_the_most_only_count_in_the_total() -> None:
    table = HandshakeTable(most_servers=1)
    for server in ("a:1", "b:1", "b:1"):
        table.add(report(1, PEER, server, handshake_times=(FULL,)))
    assert list(table.servers) == ["a:1"]
    assert table.total.full == 3
    assert table.counters == {"handshakes_only_in_the_total": 2}
