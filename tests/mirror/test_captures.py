"""HEP in captures: every way it can be carried, merged with what was decrypted beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hep.packets import INVITE, PACKET, legacy
from kit import (
    Conversation,
    Packet,
    Scene,
    TlsPair,
    certificates,
    drop,
    interleave,
    tcp_packets,
    write_pcap,
)
from kit.damage import apply
from kit.packets import START
from tqdecrypt.calls import Call
from tqdecrypt.hep import HepPacket, encode_packet
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport

MILLISECOND = 1_000_000
COLLECTOR = ("198.51.100.9", 9060)


class Seen:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.calls: list[Call] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        """Sessions do not matter here."""

    def call(self, call: Call) -> None:
        self.calls.append(call)


def read(
    tmp_path: Path, packets: Sequence[Packet], ports: frozenset[int] = frozenset()
) -> tuple[Seen, Summary]:
    key = tmp_path / "server.key"
    key.write_bytes(certificates.server().key_pem())
    path = write_pcap(tmp_path / "mirrored.pcap", packets, nanoseconds=True)
    seen = Seen()
    options = ReadOptions(KeyRing(load_private_keys([key]).keys), ports=ports)
    return seen, read_captures([str(path)], options, seen)


def mirrored(time: int, from_client: bool, payload: bytes, protocol: int = 22) -> bytes:
    ends = ["192.0.2.10:40000", "192.0.2.20:5061"]
    source, destination = ends if from_client else reversed(ends)
    return encode_packet(HepPacket(source, destination, protocol, 1, payload, time, 7))


def sent(talk: Conversation, packets: Sequence[bytes], over: str) -> list[Packet]:
    """Return the packets of an agent that sends HEP."""
    if over == "udp":
        for data in packets:
            talk.datagram(True, data)
        return talk.packets
    talk.open()
    if over == "tcp":
        talk.send(True, b"".join(packets))
        return talk.packets
    pair = TlsPair()
    for data in packets:
        pair.say(True, data)
    for flight in pair.flights:
        talk.send(flight.from_client, flight.data)
    return talk.packets


@pytest.mark.parametrize("over", ["udp", "tcp", "tls"])
def test_a_call_that_is_only_mirrored(tmp_path: Path, over: str) -> None:
    call = list(Scene().answered_call())
    hep = [
        mirrored(START + number * MILLISECOND, said.from_client, said.data)
        for number, said in enumerate(call)
    ]
    seen, summary = read(tmp_path, sent(Conversation(server=COLLECTOR), hep, over))
    assert [message.raw for message in seen.messages] == [said.data for said in call]
    assert {message.flow.integrity for message in seen.messages} == {"unverified"}
    assert {message.flow.mirrored_by for message in seen.messages} == {"7"}
    assert [message.time for message in seen.messages] == [
        START + number * MILLISECOND for number in range(len(call))
    ]
    assert [one.messages for one in seen.calls] == [len(call)]
    assert summary.counters["hep_packets"] == len(call)
    assert "hep_malformed_packets" not in summary.counters


def test_a_call_that_is_decrypted_and_mirrored_is_there_once_and_proven(tmp_path: Path) -> None:
    pair = TlsPair()
    call = list(Scene().answered_call())
    for said in call:
        pair.say(said.from_client, said.data)
    decrypted = tcp_packets(pair.flights, close=False)
    # The mirror is early for some, and late for others.
    hep: list[bytes] = []
    talk = Conversation(server=COLLECTOR, time_ns=START + 2 * MILLISECOND)
    for number, said in enumerate(call):
        hep.append(mirrored(START + number * MILLISECOND, said.from_client, said.data))
    seen, summary = read(tmp_path, interleave(decrypted, sent(talk, hep, "udp")))
    assert [message.raw for message in seen.messages] == [said.data for said in call]
    assert {message.flow.integrity for message in seen.messages} == {"verified"}
    assert summary.counters["mirrored_copies"] == len(call)
    assert "decrypted_copies" not in summary.counters


def test_the_leg_behind_the_proxy_joins_the_one_in_front_of_it(tmp_path: Path) -> None:
    """What the proxy sends on has one more Via, and goes somewhere else."""
    pair = TlsPair()
    call = list(Scene().answered_call())
    for said in call:
        pair.say(said.from_client, said.data)
    decrypted = tcp_packets(pair.flights, close=False)
    times = [packet.time_ns for packet in decrypted if len(packet.data) > 300][-len(call) :]
    hep = []
    for time, said in zip(times, call, strict=True):
        payload = said.data.replace(
            b"\r\nVia: ", b"\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKp\r\nVia: ", 1
        )
        ends = ["192.0.2.20:5060", "192.0.2.30:5060"]
        source, destination = ends if said.from_client else reversed(ends)
        hep.append(encode_packet(HepPacket(source, destination, 17, 1, payload, time + 1000, 7)))
    talk = Conversation(server=COLLECTOR, time_ns=times[0] + 500_000)
    seen, summary = read(tmp_path, interleave(decrypted, sent(talk, hep, "udp")))
    assert summary.messages == 2 * len(call)
    assert [message.flow.integrity for message in seen.messages] == [
        "verified",
        "unverified",
    ] * len(call)
    assert len(seen.calls) == 1
    assert "mirrored_copies" not in summary.counters


def test_a_capture_may_begin_in_a_connection_and_lose_segments(tmp_path: Path) -> None:
    data = encode_packet(PACKET)
    talk = Conversation(server=COLLECTOR, mss=len(data), acknowledge=False).open()
    talk.send(True, data[100:])
    for _ in range(6):
        talk.send(True, data)
    talk.close()
    packets = apply(talk.packets[3:], drop([3]))
    seen, summary = read(tmp_path, packets)
    assert len(seen.messages) == 5
    assert summary.counters["hep_garbage_bytes"] > 0


def test_older_versions_are_read_from_datagrams(tmp_path: Path) -> None:
    talk = Conversation(server=COLLECTOR)
    for version in (1, 2):
        payload = INVITE.replace(b"Call-ID: 1", b"Call-ID: %d" % version)
        talk.datagram(True, legacy(version, "192.0.2.1", "192.0.2.2", payload))
    seen, summary = read(tmp_path, talk.packets)
    assert sorted(message.time for message in seen.messages) == [
        1_700_000_000_000_000_000,
        1_700_000_000_250_000_000,
    ]
    assert summary.counters["hep_without_time"] == 1


def test_ports_name_what_carries_the_hep(tmp_path: Path) -> None:
    talk = Conversation(server=COLLECTOR).datagram(True, encode_packet(PACKET))
    assert len(read(tmp_path, talk.packets, frozenset({9060}))[0].messages) == 1
    assert not read(tmp_path, talk.packets, frozenset({5061}))[0].messages


def test_a_file_of_hep_packets_is_a_capture(tmp_path: Path) -> None:
    data = encode_packet(PACKET)
    file = tmp_path / "some.hep"
    file.write_bytes(data * 3)
    seen = Seen()
    summary = read_captures([str(file)], ReadOptions(KeyRing(), ports=frozenset({1})), seen)
    assert [message.time for message in seen.messages] == [PACKET.time] * 3
    assert (summary.packets, summary.problems) == (3, [])
    file.write_bytes(data + data[:40])
    assert (
        "ends in the middle" in read_captures([str(file)], ReadOptions(KeyRing()), seen).problems[0]
    )
    file.write_bytes(data + b"no such thing")
    assert (
        "no HEP3 packet begins there"
        in (read_captures([str(file)], ReadOptions(KeyRing()), seen).problems[0])
    )
