"""Whose time a handshake takes, with delays that are known by construction."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight.audit import town
from insight.audit.test_audit import audit
from kit.capture import write_pcap
from kit.packets import Packet, interleave
from kit.tls import TlsPair
from tqdecrypt.insight.audit.slices import MOST_SLICES, SHORTEST, Slices
from tqdecrypt.insight.audit.timing import Bottleneck, HandshakeTiming
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.timing import Phase

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND


def timing(folder: Path, *connections: list[Packet]) -> HandshakeTiming:
    path = write_pcap(folder / "timing.pcap", interleave(*connections))
    return audit(path, KeyRing()).audited.timing


def handshakes(count: int, thinking: int = 0, every: int = SECOND) -> list[list[Packet]]:
    return [
        town.connection(
            ("198.51.100.1", 40_000 + number),
            town.SBC,
            TlsPair(keylog=False),
            [],
            begin=number * every,
            thinking=thinking,
        )
        for number in range(count)
    ]


def test_phases_add_up_to_what_the_packets_say(tmp_path: Path) -> None:
    # The kit sends a packet a millisecond, and thinking is added in front of each server flight.
    measured = timing(tmp_path, *handshakes(6, thinking=40 * MILLISECOND))
    assert measured.full == 6
    phases = {phase: delays.maximum for phase, delays in measured.full_phases.items()}
    assert phases[Phase.CONNECT] == MILLISECOND
    hello = phases[Phase.SERVER_HELLO]
    assert hello is not None
    assert 40 * MILLISECOND <= hello <= 43 * MILLISECOND
    assert measured.server_think.minimum == hello - MILLISECOND
    assert measured.bottleneck is Bottleneck.NOTHING


def test_a_busy_server_is_told_apart(tmp_path: Path) -> None:
    measured = timing(tmp_path, *handshakes(6, thinking=300 * MILLISECOND))
    assert measured.bottleneck is Bottleneck.SERVER


def test_a_slow_network_is_told_apart(tmp_path: Path) -> None:
    slowed = [
        [slower(packet, connection[0].time_ns) for packet in connection]
        for connection in handshakes(6)
    ]
    assert timing(tmp_path, *slowed).bottleneck is Bottleneck.NETWORK


def slower(packet: Packet, begin: int) -> Packet:
    """Let all of a connection take two hundred times as long."""
    import dataclasses

    return dataclasses.replace(packet, time_ns=begin + 200 * (packet.time_ns - begin))


def test_few_handshakes_tell_nothing(tmp_path: Path) -> None:
    assert timing(tmp_path, *handshakes(2, thinking=SECOND)).bottleneck is Bottleneck.UNKNOWN


def test_resumed_handshakes_are_timed_by_themselves(tmp_path: Path) -> None:
    first = TlsPair(keylog=False)
    again = TlsPair(resume_from=first)
    measured = timing(
        tmp_path,
        town.connection(("198.51.100.1", 40_000), town.SBC, first, []),
        town.connection(("198.51.100.1", 40_001), town.SBC, again, [], begin=SECOND),
    )
    assert (measured.full, measured.resumed) == (1, 1)
    assert Phase.CLIENT_FLIGHT not in measured.resumed_phases


def test_retransmissions_are_counted(tmp_path: Path) -> None:
    connection = handshakes(1)[0]
    twice = [*connection, *(packet for packet in connection[3:5])]
    assert timing(tmp_path, sorted(twice, key=lambda p: p.time_ns)).retransmissions >= 1


def test_a_storm_stands_out(tmp_path: Path) -> None:
    slices = Slices()
    for second in range(0, 600, 10):
        slices.add(second * SECOND, full=2)
    slices.add(300 * SECOND, full=200)
    assert [begin // SECOND for begin, _ in slices.storms()] == [300]
    busiest = slices.busiest
    assert busiest is not None
    assert busiest[0] == 300 * SECOND


def test_a_steady_load_is_no_storm() -> None:
    slices = Slices()
    for second in range(0, 600, 10):
        slices.add(second * SECOND, full=500)
    assert slices.storms() == []


@given(
    st.lists(st.integers(0, 1 << 62), max_size=60), st.lists(st.integers(0, 1 << 62), max_size=60)
)
def test_slices_lose_nothing_and_stay_few(some: list[int], others: list[int]) -> None:
    slices, more = Slices(), Slices()
    for moments, into in ((some, slices), (others, more)):
        for moment in moments:
            into.add(moment, full=1)
    slices.merge(more)
    series = slices.series()
    assert sum(one.full for _, one in series) == len(some) + len(others)
    assert len(series) <= MOST_SLICES
    assert slices.length % SHORTEST == 0
    for (begin, _), (after, _) in itertools.pairwise(series):
        assert after - begin == slices.length


@pytest.mark.shared
def test_two_thousand_handshakes_of_real_programs(shared: Path) -> None:
    captures = shared / "captures"
    measured = audit(captures / "many-conn.pcap", KeyRing()).audited.timing
    assert (measured.full, measured.resumed, measured.failed) == (2000, 0, 0)
    assert measured.server_private.count == 2000
    resumed = audit(captures / "resume-ticket.pcap", KeyRing()).audited.timing
    assert (resumed.full, resumed.resumed) == (1, 5)
