"""From packets to messages in one run, where the stages have to wait for one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Conversation, TlsPair, certificates, interleave, tcp_packets, write_pcap
from tqdecrypt import workers
from tqdecrypt.calls import Call
from tqdecrypt.endings import ConnectionEnd
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tcp import End
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


class Followed(Seen):
    """One that is told of ends, too, and keeps what came in order."""

    def __init__(self, *, wants_secrets: bool = False) -> None:
        super().__init__()
        self.wants_secrets = wants_secrets
        self.came: list[Message | ConnectionEnd] = []

    def message(self, message: Message) -> None:
        super().message(message)
        self.came.append(message)

    def connection_over(self, end: ConnectionEnd) -> None:
        self.came.append(end)

    @property
    def ends(self) -> list[ConnectionEnd]:
        return [one for one in self.came if isinstance(one, ConnectionEnd)]


def read(path: Path, tmp_path: Path, seen: Seen | None = None) -> tuple[Seen, Summary]:
    key = tmp_path / "server.key"
    key.write_bytes(certificates.server().key_pem())
    seen = seen or Seen()
    options = ReadOptions(KeyRing(load_private_keys([key]).keys))
    if isinstance(seen, Followed):
        options.observers = [seen]
    return seen, read_captures([str(path)], options, seen)


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


def call(number: int, *, clear: bool = False, begin: float = 0.0) -> Conversation:
    """One message on a connection of its own, closed a second later."""
    talk = Conversation(("192.0.2.10", 20_000 + number)).wait(begin).open()
    if clear:
        talk.send(True, request(number, 10))
    else:
        pair = TlsPair()
        pair.say(True, request(number, 10))
        for flight in pair.flights:
            talk.send(flight.from_client, flight.data)
    return talk.wait(1).close()


def test_ends_come_in_order_behind_the_messages_of_their_connections(tmp_path: Path) -> None:
    talks = [call(n, clear=n % 2 == 0, begin=3.0 * n) for n in range(5)]
    packets = interleave(*talks)
    seen = Followed()
    read(write_pcap(tmp_path / "ends.pcap", packets), tmp_path, seen)
    frames = [one.frame if isinstance(one, Message) else one.last_frame for one in seen.came]
    assert frames == sorted(frames)
    for n, (talk, end) in enumerate(zip(talks, seen.ends, strict=True)):
        assert (end.client, end.server) == (f"192.0.2.10:{20_000 + n}", "192.0.2.20:5061")
        assert (end.reason, end.finished) == (End.FIN, (True, True))
        assert (end.session is None) == (n % 2 == 0)
        assert end.secrets is None
        first, last = packets[end.first_frame - 1], packets[end.last_frame - 1]
        assert first is talk.packets[0]
        assert last is talk.packets[-2], "the last acknowledgment says nothing"
        (message,) = (m for m in seen.messages if m.flow.stream == end.stream)
        assert message.frame < end.last_frame
        assert message.flow.from_opener is True


def test_used_ports_are_another_stream(tmp_path: Path) -> None:
    first = call(1, clear=True)
    again = Conversation(
        ("192.0.2.10", 20_001), client_sequence=9, server_sequence=8, time_ns=first.time_ns
    )
    again.open().send(True, request(2, 5))
    seen = Followed()
    packets = [*first.packets[:-3], *again.packets]
    read(write_pcap(tmp_path / "again.pcap", packets), tmp_path, seen)
    assert len({message.flow.stream for message in seen.messages}) == 2
    assert [end.reason for end in seen.ends] == [End.REUSED, End.CAPTURE_END]


def test_secrets_are_told_to_who_wants_them(tmp_path: Path) -> None:
    seen = Followed(wants_secrets=True)
    read(write_pcap(tmp_path / "one.pcap", call(1).packets), tmp_path, seen)
    (end,) = seen.ends
    assert end.secrets is not None
    assert [line.label for line in end.secrets.lines] == ["CLIENT_RANDOM"]
