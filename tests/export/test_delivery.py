"""Packets get to a collector, whatever happens to it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from export.collector import Collector, reset
from kit import certificates
from tqdecrypt.errors import OutputError
from tqdecrypt.export import carriers, delivery
from tqdecrypt.export.backlog import Backlog, MemoryBacklog
from tqdecrypt.export.delivery import Delivery
from tqdecrypt.export.spool import Spool
from tqdecrypt.hep import Chunk, HepStream, encode_chunk, pack
from tqdecrypt.network import Place

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(delivery, "LONGEST_WAIT", 0.05)


def made(number: int, size: int = 100) -> bytes:
    packet = pack(encode_chunk(Chunk.PAYLOAD, number.to_bytes(4, "big") + bytes(size)))
    assert packet is not None
    return packet


def to(collector: Collector, backlog: Backlog | None = None, **settings: object) -> Delivery:
    protocol = "tls" if settings.get("tls") else "tcp"
    place = Place(protocol, "127.0.0.1", collector.port)
    return Delivery(place, backlog or MemoryBacklog(1 << 20), **settings)  # type: ignore[arg-type]


def until(done: Callable[[], bool]) -> None:
    for _ in range(2000):
        if done():
            return
        time.sleep(0.005)
    pytest.fail("it did not happen")


def test_everything_arrives_in_order() -> None:
    collector = Collector()
    collector.live()
    sending = to(collector)
    packets = [made(number) for number in range(5000)]
    for packet in packets:
        sending.send(packet, PATIENCE)
    assert sending.finish(PATIENCE)
    sending.close()
    assert collector.wait() == packets
    assert sending.delivered == 5000
    assert not sum(sending.counters.values())


def test_a_collector_that_closes_properly_and_returns_gets_everything_once() -> None:
    """Whatever came behind the end is not acknowledged, and is sent again; nothing else is."""
    collector = Collector()
    collector.live(7)
    sending = to(collector)
    packets = [made(number) for number in range(12)]
    for packet in packets[:7]:
        sending.send(packet, PATIENCE)
    assert len(collector.wait()) == 7
    said: list[str] = []
    sending._say = said.append
    for packet in packets[7:]:
        sending.send(packet, PATIENCE)
    until(lambda: bool(said))
    collector.live()
    assert sending.finish(PATIENCE)
    sending.close()
    collector.wait()
    assert collector.packets == packets
    assert sending.counters["hep_packets_in_doubt"] == 0
    assert "is not to be reached" in said[0]
    assert said[-1].endswith("answers again.")


@pytest.mark.parametrize("resend", [True, False])
def test_a_collector_that_dies_with_unread_packets_loses_nothing_or_gets_nothing_twice(
    resend: bool,
) -> None:
    collector = Collector()
    collector.live(100, end=reset)
    sending = to(collector, MemoryBacklog(1 << 25), resend=resend)
    packets = [made(number, 50_000) for number in range(300)]  # more than systems hold
    for packet in packets:
        sending.send(packet, PATIENCE)
    collector.wait()
    until(lambda: sending.counters["hep_connections_broken"] > 0)
    collector.live()
    assert sending.finish(PATIENCE)
    sending.close()
    collector.wait()
    assert collector.lives[0] == packets[:100]
    doubtful = sending.counters["hep_packets_in_doubt"]
    assert doubtful
    if resend:
        assert collector.lives[1] == packets  # from the first of the last second on
    else:
        assert collector.lives[1] == packets[doubtful:]  # from the first that nobody had
        assert doubtful >= 100  # those that were read, and what was under way


def test_a_collector_that_is_away_at_first_is_waited_for() -> None:
    collector = Collector()
    said: list[str] = []
    sending = to(collector, say=said.append)
    for number in range(10):
        sending.send(made(number), PATIENCE)
    until(lambda: bool(said))
    assert "Connection refused" in said[0]
    collector.live()
    assert sending.finish(PATIENCE)
    sending.close()
    assert len(collector.wait()) == 10


def test_without_room_a_file_waits_and_gives_up_in_the_end() -> None:
    sending = to(Collector(), MemoryBacklog(1000))
    while sending._backlog.has_room(200):
        sending.send(made(1), 0.1)
    with pytest.raises(TimeoutError):
        sending.send(made(2, 1000), 0.1)
    assert not sending.finish(0.1)
    sending.close()
    assert sending.delivered == 0
    assert sending.pending > 1


def test_without_room_a_live_source_loses_the_oldest_and_counts_it() -> None:
    collector = Collector()
    sending = to(collector, MemoryBacklog(1000), patient=False)
    for number in range(20):
        sending.send(made(number), 0)
    collector.live()
    assert sending.finish(PATIENCE)
    sending.close()
    got = collector.wait()
    assert got[-1] == made(19)
    assert len(got) + sending.counters["hep_packets_dropped"] == 20


def test_a_collector_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "STALL_TIMEOUT", 0.3)
    monkeypatch.setattr(delivery, "STALL_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as stuck:
        place = Place("tcp", "127.0.0.1", stuck.getsockname()[1])
        sending = Delivery(place, MemoryBacklog(1 << 26))
        for number in range(400):
            sending.send(made(number, 60_000), PATIENCE)
        until(lambda: "takes nothing" in sending.trouble)
        sending.close()


def test_the_rate_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here: what would be waited is added up."""
    slept: list[float] = []
    monkeypatch.setattr(delivery, "sleep", slept.append)
    collector = Collector()
    collector.live()
    sending = to(collector, most_a_second=100)
    for number in range(20):
        sending.send(made(number), PATIENCE)
    assert sending.finish(PATIENCE)
    sending.close()
    assert len(collector.wait()) == 20
    assert max(slept) == pytest.approx(
        0.2, abs=0.05
    )  # the last of twenty is 0.2 s behind the first


# TLS -----------------------------------------------------------------------------------------------


def server_context(folder: Path) -> ssl.SSLContext:
    files = certificates.server().write(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(files.certificate, files.key)
    return context


def client_context(*, trusting: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.check_hostname = False
    if trusting:
        context.load_verify_locations(cadata=certificates.authority().certificate_pem().decode())
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_over_tls_everything_arrives_and_what_was_unread_is_sent_again(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    server = server_context(tmp_path)
    client = client_context(trusting=True)
    client.minimum_version = client.maximum_version = version
    collector = Collector(server)
    collector.live(50, end=reset)
    sending = to(collector, tls=client)
    packets = [made(number, 2000) for number in range(300)]
    for packet in packets:
        sending.send(packet, PATIENCE)
    collector.wait()
    until(lambda: sending.counters["hep_connections_broken"] > 0)
    collector.live()
    assert sending.finish(PATIENCE)
    sending.close()
    collector.wait()
    assert collector.lives[1] == packets
    assert set(collector.packets) == set(packets)


def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path) -> None:
    collector = Collector(server_context(tmp_path))
    collector.live()
    said: list[str] = []
    sending = to(collector, tls=client_context(trusting=False), say=said.append)
    sending.send(made(1), PATIENCE)
    until(lambda: bool(said))
    assert "its certificate is not to be trusted" in said[0]
    sending.close()
    assert collector.wait() == []


# UDP -----------------------------------------------------------------------------------------------


def test_over_udp_what_is_refused_is_sent_again() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    sending = Delivery(Place("udp", *address), MemoryBacklog(1 << 20), most_a_second=10_000)
    packets = [made(number) for number in range(100)]
    for packet in packets:
        sending.send(packet, PATIENCE)
    until(lambda: "refused" in sending.trouble)
    got: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(address)
        collector.settimeout(10)
        while len(got) < 100:
            got.append(collector.recv(65536))
        assert sending.finish(PATIENCE)
    sending.close()
    assert got == packets


# The spool -----------------------------------------------------------------------------------------


def test_what_a_spool_keeps_is_sent_by_the_next_run_first(tmp_path: Path) -> None:
    packets = [made(number) for number in range(50)]
    collector = Collector()
    first = to(collector, Spool(str(tmp_path), 1 << 26))
    for packet in packets[:40]:
        first.send(packet, PATIENCE)
    assert not first.finish(0)
    first.close()
    spool = Spool(str(tmp_path), 1 << 26)
    assert spool.found == 40
    second = to(collector, spool)
    for packet in packets[40:]:
        second.send(packet, PATIENCE)
    collector.live()
    assert second.finish(PATIENCE)
    second.close()
    assert collector.wait() == packets
    assert Spool(str(tmp_path), 1 << 26).found == 0


def test_what_was_delivered_before_the_end_is_not_in_the_spool(tmp_path: Path) -> None:
    collector = Collector()
    collector.live(30)
    sending = to(collector, Spool(str(tmp_path), 1 << 26))
    for number in range(30):
        sending.send(made(number), PATIENCE)
    collector.wait()
    until(lambda: sending.delivered == 30)
    for number in range(30, 60):
        sending.send(made(number), PATIENCE)
    sending.close()
    again = Spool(str(tmp_path), 1 << 26)
    assert again.read(1 << 20) == [made(number) for number in range(30, 60)]


def test_a_spool_that_fails_ends_the_delivery_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(str(tmp_path), 1 << 26)
    sending = to(Collector(), spool)

    def fail(most_bytes: int) -> list[bytes]:
        raise OutputError("The spool cannot be used.")

    monkeypatch.setattr(spool, "read", fail)
    collector_gone = threading.Event()
    monkeypatch.setattr(delivery, "open_carrier", lambda place, tls: _Nowhere(collector_gone))
    sending.send(made(1), PATIENCE)
    with pytest.raises(OutputError, match="cannot be used"):
        sending.finish(PATIENCE)
    sending.close()
    assert collector_gone.is_set()


class _Nowhere:
    """A carrier that needs no network."""

    settled = 0
    unsettled = 0

    def __init__(self, gone: threading.Event) -> None:
        self._gone = gone

    def send(self, packets: object) -> None: ...

    def look(self, seconds: float) -> None: ...

    def finish(self, patience: float) -> None: ...

    def close(self) -> None:
        self._gone.set()


def test_packets_are_what_streams_take() -> None:
    assert HepStream().receive(made(1) + made(2)) == [made(1), made(2)]
