"""SIP over WebSocket (RFC 7118): handshake, frames, and streams that are none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import Conversation, TlsPair, certificates, tcp_packets, write_pcap
from kit.damage import apply, drop, split_segments, start_at, with_payload
from kit.tls import Flight
from tls.passive import ring
from tqdecrypt.dispatch import Dispatcher, TlsConnection
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, Summary, read_captures
from tqdecrypt.sip import Flow, Message, WebSocketFramer, looks_like_websocket, make_framers
from tqdecrypt.sip.framer import StreamFramer
from tqdecrypt.tcp import Connection, End
from tqdecrypt.tcp.stream import Direction
from tqdecrypt.tls import SecretFinder, SessionReport
from websocket.peer import Peers, Sent

from .messages import INVITE, RINGING

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nHTTP/"


def flow() -> Flow:
    return Flow("192.0.2.1:50000", "192.0.2.2:443", "TLS", "verified", 1)


def heard(*chunks: bytes, certain: bool = False) -> tuple[list[bytes], WebSocketFramer]:
    framer = WebSocketFramer(flow(), certain=certain)
    messages: list[Message] = []
    framer.receive_all([(chunk, 3, 4) for chunk in chunks], messages)
    framer.end()
    assert all(message.flow.transport == framer.flow.transport for message in messages)
    assert all((message.frame, message.time) == (3, 4) for message in messages)
    return [message.raw for message in messages], framer


def talk(**switches: bool) -> Peers:
    peers = Peers(**switches).open()  # type: ignore[arg-type]
    peers.say(True, INVITE)
    peers.say(False, RINGING)
    peers.ping(True)
    peers.say(True, b"\r\n\r\n")
    peers.say(False, RINGING, pieces=3)
    peers.say(True, INVITE, binary=True)
    peers.close()
    return peers


def test_the_first_message_behind_a_gap_is_marked() -> None:
    peers = Peers().open()
    framer = WebSocketFramer(flow())
    messages: list[Message] = []
    framer.receive_all([(peers.bytes_from(True), 1, 1)], messages)
    for frame in range(2, 6):
        said = len(peers.sent)
        peers.say(True, INVITE)
        if frame == 3:
            framer.gap()
        else:
            framer.receive_all([(peers.sent[said].data, frame, frame)], messages)
    assert [m.frame for m in messages] == [2, 4, 5]
    assert [m.behind_gap for m in messages] == [False, True, False]


class TestAPeer:
    @pytest.mark.parametrize("deflate", [False, True])
    @pytest.mark.parametrize("client", [True, False])
    def test_both_directions(self, client: bool, deflate: bool) -> None:
        found, framer = heard(talk(deflate=deflate).bytes_from(client))
        assert found == [INVITE if client else RINGING] * 2
        assert framer.flow.transport == "WSS"
        assert framer.counters == Counter(
            {"websocket_control_frames": 2} | ({"sip_keep_alives": 1} if client else {})
        )

    @given(st.booleans(), st.booleans(), st.integers(1, 40))
    def test_however_it_is_cut(self, client: bool, deflate: bool, step: int) -> None:
        data = talk(deflate=deflate).bytes_from(client)
        whole, framer = heard(data)
        cut, other = heard(*(data[at : at + step] for at in range(0, len(data), step)))
        assert cut == whole
        assert other.counters == framer.counters

    def test_a_capture_that_begins_later(self) -> None:
        frames = [data for client, data in talk().sent[2:] if client]
        found, framer = heard(*frames)
        assert found == [INVITE] * 2
        assert framer.flow.transport == "WSS"

    def test_what_is_no_sip(self) -> None:
        peers = Peers().open()
        peers.say(True, b"{}")
        peers.say(True, b"SIP/2.0 0xx\r\n\r\n")
        found, framer = heard(peers.bytes_from(True))
        assert not found
        assert framer.counters == {"websocket_other_messages": 1, "sip_malformed_messages": 1}

    def test_a_message_without_content_length(self) -> None:
        """The frame tells where it ends (RFC 7118 section 5.1 makes Content-Length optional)."""
        peers = Peers().open()
        message = INVITE.replace(b"Content-Length: 5\r\n", b"")
        peers.say(True, message)
        assert heard(peers.bytes_from(True))[0] == [message]


class TestHandshakes:
    def test_refused_and_tried_again(self) -> None:
        peers = talk()
        request = peers.sent[0].data
        client = request + peers.bytes_from(True)
        assert heard(client)[0] == heard(request, peers.bytes_from(True))[0] == [INVITE] * 2
        assert heard(REFUSAL, peers.bytes_from(False))[0] == [RINGING] * 2
        found, framer = heard(*(bytes((one,)) for one in REFUSAL + peers.bytes_from(False)))
        assert found == [RINGING] * 2
        assert framer.counters["websocket_refusals"] == 1
        assert framer.counters["websocket_http_bytes"] == 5

    def test_another_subprotocol_is_none_of_ours(self) -> None:
        peers = Peers(("mqtt",)).open()
        for client in (True, False):
            found, framer = heard(peers.bytes_from(client))
            assert not found
            assert framer.flow.transport == "TLS"
            assert looks_like_websocket(peers.bytes_from(client)) is False

    def test_cut_by_the_end(self) -> None:
        assert heard(talk().sent[0].data[:60])[1].counters == {"websocket_handshakes_cut": 1}

    def test_cut_by_a_gap(self) -> None:
        peers = talk()
        framer = WebSocketFramer(flow())
        messages: list[Message] = []
        framer.receive_all([(peers.sent[1].data[:60], 1, 1)], messages)
        framer.gap()
        framer.receive_all(
            [(data, 1, 1) for client, data in peers.sent[2:] if not client], messages
        )
        assert [message.raw for message in messages] == [RINGING] * 2
        assert framer.counters["websocket_handshakes_cut"] == 1

    @pytest.mark.parametrize("data", [INVITE, b"GARBAGE\r\n" + INVITE, b"\x00\x01\r\n" + INVITE])
    def test_plain_sip_after_all(self, data: bytes) -> None:
        found, framer = heard(data)
        assert found == [INVITE]
        assert framer.flow.transport == "TLS"
        assert not framer.is_open

    def test_which_framers(self) -> None:
        for beginning, kind in (
            (INVITE, StreamFramer),
            (b"\r\n" + INVITE, StreamFramer),
            (b"", StreamFramer),
            (b"G", WebSocketFramer),
            (b"HTTP/1.1 101 ", WebSocketFramer),
            (b"\x81\xfe", WebSocketFramer),
        ):
            assert [type(one) for one in make_framers((flow(), flow()), beginning)] == [kind] * 2

    def test_sniffing(self) -> None:
        request, response = (sent.data for sent in talk().sent[:2])
        for data in (request, response):
            assert looks_like_websocket(data) is True
            assert all(looks_like_websocket(data[:size]) is None for size in range(len(data)))
        assert looks_like_websocket(INVITE) is False
        assert looks_like_websocket(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") is False

    @given(st.binary(max_size=60), st.binary(max_size=60), st.booleans())
    def test_any_bytes(self, before: bytes, after: bytes, certain: bool) -> None:
        framer = WebSocketFramer(flow(), certain=certain)
        messages: list[Message] = []
        framer.receive_all([(before, 1, 1)], messages)
        framer.gap()
        framer.receive_all([(after, 1, 1)], messages)
        framer.end()
        assert all(message.raw in before + after for message in messages)


class Seen:
    """A sink that remembers messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: object) -> None:
        """Not looked at."""

    def call(self, call: object) -> None:
        """Not looked at."""


def read(path: Path, key: Path | None = None) -> tuple[list[Message], Summary]:
    seen = Seen()
    ring = KeyRing(load_private_keys([key]).keys if key else [])
    summary = read_captures([str(path)], ReadOptions(ring), seen)
    return seen.messages, summary


class TestCaptures:
    def said(self, messages: list[Message]) -> list[tuple[bytes, str]]:
        return [(message.raw, message.flow.transport) for message in messages]

    def write(self, path: Path, sent: list[Sent], *damages: object, port: int = 8080) -> Path:
        flights = [Flight(client, data) for client, data in sent]
        packets = tcp_packets(flights, Conversation(server=("192.0.2.20", port)))
        return write_pcap(path, apply(packets, *damages))  # type: ignore[arg-type]

    expected = (INVITE, RINGING, RINGING, INVITE)

    @pytest.mark.parametrize("deflate", [False, True])
    def test_in_clear(self, tmp_path: Path, deflate: bool) -> None:
        sent = talk(deflate=deflate).sent
        path = self.write(tmp_path / "ws.pcap", sent, split_segments(90))
        messages, summary = read(path)
        assert self.said(messages) == [(raw, "WS") for raw in self.expected]
        assert summary.counters["websocket_control_frames"] == 4

    def test_in_tls(self, tmp_path: Path) -> None:
        pair = TlsPair()
        for client, data in talk(deflate=True).sent:
            pair.say(client, data)
        path = write_pcap(tmp_path / "wss.pcap", tcp_packets(pair.flights))
        key = tmp_path / "server.key"
        key.write_bytes(certificates.server().key_pem())
        key.chmod(0o600)
        messages, _ = read(path, key)
        assert self.said(messages) == [(raw, "WSS") for raw in self.expected]
        assert all(message.flow.integrity == "verified" for message in messages)

    def test_a_lost_segment(self, tmp_path: Path) -> None:
        sent = talk().sent
        flights = [Flight(client, data) for client, data in sent]
        packets = tcp_packets(flights, Conversation(server=("192.0.2.20", 80)))
        lost = with_payload(packets)[2]
        path = write_pcap(tmp_path / "gap.pcap", apply(packets, drop([lost])))
        messages, summary = read(path)
        assert self.said(messages) == [(raw, "WS") for raw in self.expected[1:]]
        assert summary.counters["websocket_lost_bytes"]

    def test_from_the_middle_of_a_frame(self, tmp_path: Path) -> None:
        sent = talk().sent
        flights = [Flight(client, data) for client, data in sent]
        packets = tcp_packets(flights, Conversation(server=("192.0.2.20", 5066)))
        packets = apply(packets, split_segments(200))
        first = next(n for n, one in enumerate(packets, 1) if b"\x81\xfe" in one.data) + 1
        path = write_pcap(tmp_path / "middle.pcap", apply(packets, start_at(first)))
        messages, _ = read(path)
        assert self.said(messages) == [(raw, "WS") for raw in self.expected[1:]]


def test_a_parked_session_stays_a_websocket() -> None:
    """Between two messages a session is put away; what its directions are is not told again."""
    pair = TlsPair()
    reports: list[SessionReport] = []
    messages: list[Message] = []
    dispatcher = Dispatcher(
        SecretFinder(ring(keylog=pair.keylog_lines)), (), messages, reports.append
    )
    handler = TlsConnection(dispatcher, a_connection())
    sent = [one for one in talk(deflate=True).sent if one.data]
    heard_flights = 0
    parked = 0
    for client, data in sent:
        pair.say(client, data)
        for from_client, flight in pair.flights[heard_flights:]:
            handler.receive(int(not from_client), flight, [len(flight)], [1], [1])
        heard_flights = len(pair.flights)
        parked += handler.park(1 << 60)
    handler.end(End.FIN, 1, 1)
    assert parked > 3
    assert [message.raw for message in messages] == [INVITE, RINGING, RINGING, INVITE]
    assert {message.flow.transport for message in messages} == {"WSS"}
    assert dispatcher.counters["websocket_control_frames"] == 4
    assert reports[0].messages == 4


def a_connection() -> Connection:
    """Return a TCP connection of whose segments nothing was seen yet."""
    ends = (0, 0xC000020A, 40_000, 0, 0xC0000214, 443)
    connection = Connection(4, (ends, (*ends[3:], *ends[:3])), 1, 0)
    connection.directions = (Direction(connection, 0), Direction(connection, 1))
    connection.initiator = 0
    return connection
