"""Which hosts there were, and what they did."""

from __future__ import annotations

from insight.found import report
from tqdecrypt.insight.hosts import Hosts
from views.scenes import CARRIER, PBX, SBC, SBC_OUT, two_hop_call


def test_messages_and_sessions_by_address() -> None:
    hosts = Hosts()
    for message in two_hop_call().messages:
        hosts.add_message(message)
    hosts.add_session(report(3, PBX, SBC))
    found = dict(hosts.busiest())
    pbx, sbc = found["192.0.2.10"], found["192.0.2.20"]
    assert (pbx.as_client, pbx.as_server) == (1, 0)
    assert (sbc.as_client, sbc.as_server) == (0, 1)
    assert pbx.sent == sbc.received
    assert pbx.transports == {"TLS"}
    assert found[CARRIER.partition(":")[0]].transports == {"UDP"}
    assert next(iter(found)) in ("192.0.2.10", "192.0.2.20")
    assert SBC_OUT.partition(":")[0] in found


def test_beyond_the_most_they_are_counted() -> None:
    hosts = Hosts(most=1)
    hosts.add_session(report(1, PBX, SBC))
    assert [address for address, _ in hosts.busiest()] == ["192.0.2.10"]
    assert hosts.counters == {"hosts_left_out": 1}
