"""Messages as packets: where they stand, when, and what is said of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.peers import tshark, tshark_fields, tshark_sip
from tqdecrypt.calls import Call
from tqdecrypt.endings import ConnectionEnd
from tqdecrypt.export import signalling as module
from tqdecrypt.export.pcapng_writer import PcapngWriter
from tqdecrypt.export.signalling import HOLD, SignallingPackets
from tqdecrypt.export.wireshark_ports import TAKEN_PORTS
from tqdecrypt.keys import KeyLog, KeyRing
from tqdecrypt.packet import FragmentTable, Transport, decode_packet
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Flow, Message, index_message
from tqdecrypt.tcp import End
from tqdecrypt.tls import SessionReport

SECOND = 1_000_000_000
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
CLIENT, SERVER = "192.0.2.10:40000", "192.0.2.20:5061"
TROUBLE = (
    "_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0 || tcp.checksum.status == 0"
    " || udp.checksum.status == 0"
)
CHECKED = tuple(f"-o{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp"))


@dataclass
class Kept:
    """A writer that keeps what it is given."""

    packets: list[tuple[int, Transport, bytes, str]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        row = decode_packet(data, len(data), 101, FragmentTable(), 0)
        assert isinstance(row, Transport)
        self.packets.append((time, row, data[row.payload_offset :], comment))

    def flush(self) -> None:
        """Nothing waits here."""

    @property
    def flags(self) -> list[int | None]:
        return [row.flags for _, row, _, _ in self.packets]

    @property
    def said(self) -> list[bytes]:
        return [data for _, _, data, _ in self.packets if data]


def flows(
    client: str = CLIENT, server: str = SERVER, stream: int | None = 1, session: int | None = 3
) -> tuple[Flow, Flow]:
    there = Flow(client, server, "TLS", "verified", session, stream=stream, from_opener=True)
    back = Flow(server, client, "TLS", "verified", session, stream=stream, from_opener=False)
    return there, back


def message(
    flow: Flow, frame: int, time: int = 0, body: bytes = b"", length: int | None = 0
) -> Message:
    said = "" if length is None else f"Content-Length: {length or len(body)}\r\n"
    raw = (
        f"MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK{frame}\r\n"
        "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
        f"Call-ID: {frame}@a\r\nCSeq: 1 MESSAGE\r\n{said}\r\n"
    ).encode() + body
    return index_message(raw, flow, frame, time or frame * 1000)


def end(
    frame: int,
    reason: End = End.FIN,
    stream: int | None = 1,
    finished: tuple[bool, bool] = (True, True),
) -> ConnectionEnd:
    return ConnectionEnd(CLIENT, SERVER, stream, 3, 1, frame, frame * 1000, reason, finished)


def write(*items: Message | ConnectionEnd, as_udp: bool = False) -> tuple[Kept, SignallingPackets]:
    kept = Kept()
    sink = SignallingPackets(kept, as_udp=as_udp)  # type: ignore[arg-type]
    for item in items:
        if isinstance(item, ConnectionEnd):
            sink.connection_over(item)
        else:
            sink.message(item)
    sink.flush()
    return kept, sink


def test_a_connection_is_opened_when_it_says_something_and_closed_when_it_was() -> None:
    there, back = flows()
    first, second = message(there, 7), message(back, 9)
    kept, sink = write(first, second, end(12))
    assert kept.flags == [SYN, SYN | ACK, ACK, 0x18, 0x18, FIN | ACK, ACK, FIN | ACK, ACK]
    assert [time for time, *_ in kept.packets] == [7000] * 4 + [9000] + [12_000] * 4
    assert kept.said == [first.raw, second.raw]
    assert [row.source_port for _, row, _, _ in kept.packets[3:5]] == [40000, 5061]
    assert (sink.messages, sink.connections, sink.datagrams) == (2, 1, 0)


def test_who_opened_it_is_told_from_the_flow_not_from_who_spoke_first() -> None:
    kept, _ = write(message(flows()[1], 7))
    assert [row.source_port for _, row, _, _ in kept.packets] == [40000, 5061, 40000, 5061]


def test_where_it_is_not_known_who_opened_it_who_spoke_first_did() -> None:
    one = Flow(SERVER, CLIENT, "TCP", "clear", stream=1)
    other = Flow(CLIENT, SERVER, "TCP", "clear", stream=1)
    kept, _ = write(message(one, 1), message(other, 2))
    assert [row.source_port for _, row, _, _ in kept.packets] == [5061, 40000, 5061, 5061, 40000]


def test_comments_say_session_proof_and_frame() -> None:
    there, _ = flows()
    there.transport = "WSS"
    clear = Flow("192.0.2.1:5060", "192.0.2.2:5060", "UDP", "clear")
    kept, _ = write(message(there, 7), message(clear, 8))
    comments = [comment for *_, comment in kept.packets]
    assert comments[0].startswith("TCP handshake made by tqdecrypt")
    assert comments[3:] == [
        "TLS session 3, every record verified; in a WebSocket; frame 7",
        "sent in clear over UDP; frame 8",
    ]


def test_what_a_server_mirrored_is_called_that_and_stands_in_datagrams() -> None:
    flow = Flow(CLIENT, SERVER, "TLS", "unverified", mirrored_by="proxy-1")
    kept, _ = write(message(flow, 7))
    assert kept.flags == [None]
    assert kept.packets[0][3] == "mirrored by proxy-1 as TLS, not verified; frame 7"


def test_times_that_go_back_change_no_order() -> None:
    there, back = flows()
    said = [message(there, 7, 9 * SECOND), message(back, 8, 2 * SECOND), message(there, 9, SECOND)]
    kept, _ = write(*said, end(10))
    assert kept.said == [one.raw for one in said]
    assert [time for time, *_ in kept.packets][3:6] == [9 * SECOND, 2 * SECOND, SECOND]
    assert kept.flags[-4:] == [FIN | ACK, ACK, FIN | ACK, ACK]


def test_the_numbers_go_on_behind_a_gap_and_the_comment_says_it() -> None:
    there, _ = flows()
    late = message(there, 9)
    late.behind_gap = True
    kept, sink = write(message(there, 7), late)
    assert sink.gaps == 1
    (_, before, data, _), (_, after, _, comment) = kept.packets[-2:]
    assert after.sequence == (before.sequence + len(data)) % 2**32
    assert comment.endswith("GAP: bytes in front of this message are not in the capture")


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        ((True, True), [RST | ACK]),
        ((True, False), [RST | ACK]),
        ((False, True), [RST | ACK]),
    ],
)
def test_a_reset_comes_from_the_end_that_sent_it(
    finished: tuple[bool, bool], expected: list[int]
) -> None:
    kept, _ = write(message(flows()[0], 7), end(9, End.RST, finished=finished))
    assert kept.flags[4:] == expected
    assert kept.packets[4][1].source_port == (40000 if finished == (True, False) else 5061)


@pytest.mark.parametrize("reason", [End.CAPTURE_END, End.EVICTED, End.REUSED])
def test_an_end_that_was_not_captured_is_not_made_up(reason: End) -> None:
    kept, _ = write(message(flows()[0], 7), end(9, reason))
    assert len(kept.packets) == 4


def test_only_the_end_that_said_so_is_finished() -> None:
    kept, _ = write(message(flows()[0], 7), end(9, finished=(False, True)))
    assert [(row.flags, row.source_port) for _, row, _, _ in kept.packets[4:]] == [
        (FIN | ACK, 5061),
        (ACK, 40000),
    ]


def test_an_end_that_is_known_late_stands_in_its_place() -> None:
    there, other = flows()[0], flows(client="192.0.2.11:40000", stream=2, session=4)[0]
    kept, _ = write(message(there, 7), message(other, 20), end(9))
    assert [time for time, *_ in kept.packets] == [7000] * 4 + [9000] * 4 + [20_000] * 4


def test_an_end_that_is_known_too_late_is_left_out_and_counted() -> None:
    there, other = flows()[0], flows(client="192.0.2.11:40000", stream=2, session=4)[0]
    late = message(other, 20, time=2 * HOLD), message(other, 21, time=4 * HOLD)
    kept, sink = write(message(there, 7), *late, end(9))
    assert sink.counters == {"connection_ends_left_out": 1}
    assert [time for time, *_ in kept.packets] == sorted(time for time, *_ in kept.packets)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 10)
    kept = Kept()
    sink = SignallingPackets(kept)  # type: ignore[arg-type]
    for frame in range(1, 50):
        sink.message(message(flows()[0], frame))
        assert frame + 3 - len(kept.packets) <= 10


def test_a_new_connection_on_used_ports_is_another_one() -> None:
    kept, sink = write(message(flows()[0], 7), message(flows(stream=2, session=4)[0], 9))
    syns = [row.sequence for _, row, _, _ in kept.packets if row.flags == SYN]
    assert sink.connections == 2
    assert len(set(syns)) == 2


class TestPorts:
    def test_5060_stands_for_the_called_end_where_wireshark_would_not_see_sip(self) -> None:
        there, back = flows("192.0.2.10:6007", "192.0.2.20:8443")
        kept, sink = write(message(there, 7), message(back, 8))
        assert {row.destination_port for _, row, _, _ in kept.packets[:1]} == {5060}
        assert kept.packets[4][1].source_port == 5060
        assert "port 8443 is written as 5060" in kept.packets[3][3]
        assert sink.shown_ports == {8443: 2}

    def test_a_port_that_is_in_use_between_the_same_ends_is_not_taken(self) -> None:
        first = flows("192.0.2.10:6007", "192.0.2.20:8443")[0]
        second = flows("192.0.2.10:6007", "192.0.2.20:5061", stream=2, session=4)[0]
        kept, sink = write(message(first, 7), message(second, 9))
        assert [row.destination_port for _, row, _, _ in kept.packets if row.flags == SYN] == [
            5060,
            5061,
        ]
        assert (sink.shown_ports, sink.hidden_ports) == ({8443: 1}, {6007: 1})

    def test_it_is_free_again_when_the_connection_is_over(self) -> None:
        first = flows("192.0.2.10:6007", "192.0.2.20:8443")[0]
        second = flows("192.0.2.10:6007", "192.0.2.20:5061", stream=2, session=4)[0]
        _, sink = write(message(first, 7), end(8), message(second, 9))
        assert sink.shown_ports == {8443: 1, 5061: 1}

    @pytest.mark.peer("tshark")
    def test_tshark_shows_sip_whatever_the_ports_are(self, tmp_path: Path) -> None:
        others = range(1, 65_536, 509)
        stream = io.BytesIO()
        sink = SignallingPackets(PcapngWriter(stream))
        ports = sorted({*TAKEN_PORTS, *others, 5060, 443, 8443})
        for number, port in enumerate(ports, 1):
            there, back = flows(f"192.0.2.10:{port}", f"198.51.100.{number % 250}:5061", number)
            sink.message(message(there, 4 * number, body=b"x" * 2000, length=2000))
            sink.message(message(back, 4 * number + 1))
            there, _ = flows(
                f"192.0.2.{1 + number // 250}:50123",
                f"203.0.113.{number % 250}:{port}",
                1000 + number,
            )
            sink.message(message(there, 4 * number + 2))
        sink.flush()
        path = tmp_path / "ports.pcapng"
        path.write_bytes(stream.getvalue())
        assert len(tshark_sip(path)) == sink.messages == 3 * len(ports)
        assert tshark(path, *CHECKED, "-Y", TROUBLE) == ""


class TestDatagrams:
    def test_what_came_in_datagrams_stays_in_them(self) -> None:
        one = message(flows(stream=None)[0], 7)
        kept, sink = write(one)
        assert kept.flags == [None]
        assert kept.said == [one.raw]
        assert (sink.connections, sink.datagrams) == (0, 1)

    def test_everything_is_in_datagrams_when_that_is_wanted(self) -> None:
        there, back = flows()
        kept, _ = write(message(there, 7), message(back, 8), end(9), as_udp=True)
        assert kept.flags == [None, None]

    def test_what_is_too_large_for_one_is_left_out_and_counted(self) -> None:
        there, _ = flows()
        kept, sink = write(message(there, 7, body=b"x" * 66_000), message(there, 8), as_udp=True)
        assert len(kept.said) == sink.messages == 1
        assert sink.counters == {"messages_too_large_for_udp": 1}

    @pytest.mark.parametrize(("body", "length"), [(b"v=0", None), (b"v=0", 99), (b"v=0", 1)])
    def test_a_message_that_would_swallow_the_next_stands_apart(
        self, body: bytes, length: int | None
    ) -> None:
        there, _ = flows()
        odd = message(there, 8, body=body, length=length)
        kept, sink = write(message(there, 7), odd, message(there, 9))
        assert kept.flags[3:] == [0x18, None, 0x18]
        assert sink.counters == {"messages_as_datagrams": 1}
        assert sink.messages == 3

    def test_one_without_body_and_length_does_not(self) -> None:
        kept, _ = write(message(flows()[0], 8, length=None))
        assert kept.flags[3:] == [0x18]


class Sink:
    """Takes what is read back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        raise AssertionError("there is no TLS in it")

    def call(self, call: Call) -> None:
        """Calls do not matter here."""


SCENES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 20_000),
        st.sampled_from([0, 1000, SECOND, 10 * SECOND]),
    ),
    min_size=1,
    max_size=15,
)


@given(SCENES, st.booleans(), st.booleans())
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    scene: list[tuple[int, bool, int, int]],
    ipv6: bool,
    as_udp: bool,
) -> None:
    """Our own reader finds the same messages between the same ends at the same times."""
    hosts = ("[2001:db8::10]", "[2001:db8::20]") if ipv6 else ("192.0.2.10", "192.0.2.20")
    pairs = [flows(f"{hosts[0]}:{40000 + n}", f"{hosts[1]}:5061", n) for n in range(4)]
    stream = io.BytesIO()
    sink = SignallingPackets(PcapngWriter(stream), as_udp=as_udp)
    sent = []
    time = 1_700_000_000 * SECOND
    for frame, (number, from_client, size, later) in enumerate(scene, 1):
        time += later
        flow = pairs[number][0 if from_client else 1]
        sent.append(message(flow, frame, time, b"x" * size, size))
        sink.message(sent[-1])
    sink.flush()
    path = tmp_path_factory.mktemp("written") / "file.pcapng"
    path.write_bytes(stream.getvalue())
    read = Sink()
    summary = read_captures([str(path)], ReadOptions(KeyRing((), KeyLog())), read)
    assert [m.raw for m in read.messages] == [m.raw for m in sent]
    assert [m.time for m in read.messages] == [m.time for m in sent]
    assert [(m.flow.source, m.flow.destination) for m in read.messages] == [
        (m.flow.source, m.flow.destination) for m in sent
    ]
    assert summary.problems == []
    assert "gaps" not in summary.counters


@pytest.mark.peer("tshark")
def test_tshark_puts_large_messages_together_and_has_nothing_to_say(tmp_path: Path) -> None:
    stream = io.BytesIO()
    sink = SignallingPackets(PcapngWriter(stream))
    there, back = flows("[2001:db8::10]:40000", "[2001:db8::20]:5061")
    sizes = [0, 5000, 200_000, 1, 60_000, 0]
    for frame, size in enumerate(sizes, 1):
        sink.message(message(there if frame % 2 else back, frame, 0, b"x" * size, size))
    for frame in range(10, 200):  # nobody answers: the window would fill
        sink.message(message(there, frame, 0, b"y" * 1000, 1000))
    sink.connection_over(end(200))
    sink.flush()
    path = tmp_path / "file.pcapng"
    path.write_bytes(stream.getvalue())
    lengths = tshark_fields(path, "sip", "sip.Content-Length")
    assert [int(size) for (size,) in lengths] == [*sizes, *[1000] * 190]
    assert tshark(path, *CHECKED, "-Y", TROUBLE) == ""
