"""Who looks at TLS from outside is told of every record, decrypted or not, and changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit import TlsPair, apply, certificates, drop, tcp_packets, write_pcap
from kit.packets import CLIENT, SERVER, START, Packet, Segment
from tls.datagrams import recording
from tls.passive import records_of, talk
from tqdecrypt.calls import Call
from tqdecrypt.keys import KeyRing, PrivateKey
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import Session, SessionReport
from tqdecrypt.tls.outline import RecordFacts

ENDS = tuple(f"{host}:{port}" for host, port in (CLIENT, SERVER))


@dataclass
class Heard:
    """A sink and an observer."""

    seen: dict[tuple[int, str], list[RecordFacts]] = field(default_factory=dict)
    lost: list[tuple[int, str, int, int]] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    reports: list[SessionReport] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def records(self, session: int, sender: str, records: Sequence[RecordFacts]) -> None:
        assert records
        self.seen.setdefault((session, sender), []).extend(records)

    def boundaries_lost(self, session: int, sender: str, lost: int, missing: int) -> None:
        self.lost.append((session, sender, lost, missing))

    def session_ended(self, number: int, session: Session) -> None:
        assert not self.reports or self.reports[-1].session != number, "it comes in front"
        self.ended.append((number, len(session.exchanges)))

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        self.reports.append(report)

    def call(self, call: Call) -> None:
        """Nothing of interest."""


def read(path: Path, *, observed: bool = True, key: bool = True) -> Heard:
    heard = Heard()
    keys = [PrivateKey(certificates.server().key, "server.key")] if key else []
    options = ReadOptions(KeyRing(keys), observers=[heard] if observed else ())
    read_captures([str(path)], options, heard)
    return heard


@pytest.fixture
def pair() -> TlsPair:
    pair = TlsPair(ciphers="AES256-GCM-SHA384")
    talk(pair)
    return pair


@pytest.mark.parametrize("key", [True, False])
def test_every_record_of_a_session(pair: TlsPair, tmp_path: Path, key: bool) -> None:
    path = tmp_path / "tls.pcap"
    write_pcap(path, tcp_packets(pair.flights))
    heard = read(path, key=key)
    for from_client, end in zip((True, False), ENDS, strict=True):
        data = b"".join(f.data for f in pair.flights if f.from_client is from_client)
        expected = [(record[0], len(record) - 5) for record in records_of(data)]
        assert [(one.content_type, one.length) for one in heard.seen[1, end]] == expected
    assert heard.ended == [(1, 1)]
    assert heard.lost == []


def test_nothing_is_read_otherwise_for_it(pair: TlsPair, tmp_path: Path) -> None:
    path = tmp_path / "tls.pcap"
    write_pcap(path, tcp_packets(pair.flights))
    with_it, without = read(path), read(path, observed=False)
    assert with_it.reports == without.reports
    assert [m.raw for m in with_it.messages] == [m.raw for m in without.messages]
    assert without.seen == {}


def test_a_lost_packet_is_told(pair: TlsPair, tmp_path: Path) -> None:
    path = tmp_path / "tls.pcap"
    packets = tcp_packets(pair.flights)
    last_data = [n for n, packet in enumerate(packets) if len(packet.data) > 100][-3]
    write_pcap(path, apply(packets, drop([last_data])))
    heard = read(path)
    assert sum(lost + missing for _, _, lost, missing in heard.lost) >= 1
    [report] = heard.reports
    assert report.tcp is not None
    assert report.tcp.client_gaps + report.tcp.server_gaps == 1


def test_records_of_datagrams(tmp_path: Path) -> None:
    recorded = recording("rsa-cbc")
    packets: list[Packet] = []
    for number, (side, data) in zip(itertools.count(), recorded.datagrams, strict=False):
        source, target = (SERVER, CLIENT) if side else (CLIENT, SERVER)
        packets.append(Segment(START + number, source, target, data).packet())
    path = tmp_path / "dtls.pcap"
    write_pcap(path, packets)
    heard = read(path)
    told = sum(13 + one.length for records in heard.seen.values() for one in records)
    assert told == sum(len(data) for _, data in recorded.datagrams)
    assert heard.reports[0].tcp is None
    assert [number for number, _ in heard.ended] == [1]
