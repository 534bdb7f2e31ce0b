"""From packets to messages in one run, where the stages have to wait for one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Conversation, TlsPair, certificates, interleave, tcp_packets, write_pcap
from tqdecrypt import workers
from tqdecrypt.calls import Call
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport
from tqdecrypt.tls.record import MAX_WAITING


class Seen:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.reports: list[SessionReport] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        self.reports.append(report)

    def call(self, call: Call) -> None:
        """Calls do not matter here."""


def read(path: Path, tmp_path: Path) -> tuple[Seen, Summary]:
    key = tmp_path / "server.key"
    key.write_bytes(certificates.server().key_pem())
    seen = Seen()
    ring = KeyRing(load_private_keys([key]).keys)
    return seen, read_captures([str(path)], ReadOptions(ring), seen)


def request(number: int, size: int) -> bytes:
    body = b"x" * size
    return (
        f"MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK{number}\r\n"
        f"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: {number}@a\r\n"
        f"CSeq: 1 MESSAGE\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + body


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("connections", [1, 40])
def test_more_comes_than_may_wait_while_private_keys_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, connections: int
) -> None:
    """The handshakes and all that follows them fit into one block of packets."""
    monkeypatch.setattr(workers, "_cores", lambda: cores)
    size = 12_000
    number = 2 * MAX_WAITING // size // (1 if connections == 1 else 20)
    conversations = []
    for port in range(connections):
        pair = TlsPair()
        for one in range(number):
            pair.say(True, request(port * number + one, size))
        conversations.append(tcp_packets(pair.flights, Conversation(("192.0.2.10", 20_000 + port))))
    path = write_pcap(tmp_path / "busy.pcap", interleave(*conversations))
    seen, summary = read(path, tmp_path)
    assert [report.verdict.value for report in seen.reports] == ["decrypted"] * connections
    assert summary.messages == len(seen.messages) == connections * number
