"""Messages as packets that Wireshark and sngrep read without any key.

What came over TLS, TCP or a WebSocket becomes a TCP connection with its true ends and times; what came
in datagrams becomes datagrams.  One thing is bent: where Wireshark would take a port for another
protocol's, the called end's port is written as 5060 (:mod:`tqdecrypt.export.wireshark_ports`), which is
counted and said.  The SIP messages are those that were captured, byte for byte; around
them stands what a reader needs to follow a connection: handshake, numbers, acknowledgments, end.
Only where media is written in clear beside them, session descriptions say so
(:mod:`tqdecrypt.export.clear_descriptions`).

Bytes that the capture lacks are not made up.  The numbers go on behind a gap as if nothing were missing,
so that every message can be read, and the packet's comment says that something is.

Packets come out in the order in which the messages come.  The end of a connection is known some time after
it was captured, so packets wait :data:`HOLD` for it.
"""

from __future__ import annotations

import functools
import heapq
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tqdecrypt.export.clear_descriptions import DESCRIPTION_CHANGED, clear_description
from tqdecrypt.export.packets import MOST_UDP_PAYLOAD, TcpStream, udp_packet
from tqdecrypt.export.wireshark_ports import SIP_PORT, TAKEN_PORTS
from tqdecrypt.packet import parse_endpoint
from tqdecrypt.sip.grammar import find_body
from tqdecrypt.sip.index import content_length
from tqdecrypt.tcp import End

if TYPE_CHECKING:
    from tqdecrypt.calls import Call
    from tqdecrypt.endings import ConnectionEnd
    from tqdecrypt.packet import Endpoint
    from tqdecrypt.sip import Message
    from tqdecrypt.tls.report import SessionReport

__all__ = ["HOLD", "PacketWriter", "SignallingPackets"]

HOLD = 5_000_000_000
"""How long packets wait, ns of capture time: a connection's end is known 2 s after it
(:data:`tqdecrypt.tcp.table.LINGER`), one second more where mirrored messages are merged in
(:data:`tqdecrypt.mirror.merger.HOLD`), and some blocks later."""
MOST_HELD = 100_000
"""Packets that wait at most, some 100 MB."""

_endpoint = functools.lru_cache(maxsize=1 << 12)(parse_endpoint)


class PacketWriter(Protocol):
    """Takes packets that begin with their IP header."""

    @property
    def counters(self) -> Counter[str]:
        """What could not be said in the format."""

    def write(self, time: int, data: bytes, comment: str = "") -> None:
        """Write one packet; *time* in nanoseconds since 1970."""

    def flush(self) -> None:
        """Hand over what was written."""


@dataclass(slots=True)
class _Stream:
    """A connection that is going on."""

    stream: TcpStream
    port: int | None
    """The true port of the called end, when another one is written."""
    hidden: int | None
    """A port that Wireshark takes for another protocol's, when it stays."""
    place: int = 0
    """Of its last packet."""


class _Packet(NamedTuple):
    """What waits to be written, in order of places."""

    place: int
    """The latest time of any message so far, ns: like the time, but it never falls."""
    number: int
    """Of packets that were made, which tells the order at a place."""
    time: int
    data: bytes
    comment: str


class SignallingPackets:
    """Writes packets: a :class:`~tqdecrypt.pipeline.Sink` and :class:`~tqdecrypt.observing.EndObserver`.

    :param as_udp: whether all messages become datagrams.
    :param media_in_clear: whether session descriptions are to announce it, as it is written beside.
    :ivar messages: how many were written.
    :ivar connections: how many TCP connections they stand on.
    :ivar datagrams: how many messages became datagrams.
    :ivar gaps: how many messages stand behind a gap.
    :ivar shown_ports: messages on connections whose called end's port is written as 5060, by port.
    :ivar hidden_ports: those that keep a port that Wireshark takes for another protocol's, since 5060 is
        taken between the same ends.
    :ivar counters: ``messages_too_large_for_udp``, left out; ``messages_as_datagrams``, whose
        Content-Length does not say where they end, so that they could not stand in a stream;
        ``connection_ends_left_out``, known only when later packets were written;
        ``descriptions_changed``, to announce media in clear.
    """

    wants_secrets = False

    def __init__(
        self, writer: PacketWriter, *, as_udp: bool = False, media_in_clear: bool = False
    ) -> None:
        self._writer = writer
        self._as_udp = as_udp
        self._media_in_clear = media_in_clear
        # One for each connection that is going on; the pipeline bounds them and tells when one is over.
        self._streams: dict[int, _Stream] = {}
        self._between: dict[tuple[Endpoint, Endpoint], int] = {}
        self._waiting: list[_Packet] = []
        self._made = 0
        self._written = _BEFORE_ALL
        """Place of the last packet that was written."""
        self._place = _BEFORE_ALL
        self.messages = 0
        self.connections = 0
        self.datagrams = 0
        self.gaps = 0
        self.shown_ports: Counter[int] = Counter()
        self.hidden_ports: Counter[int] = Counter()
        self.counters: Counter[str] = Counter()

    # What comes in.

    def message(self, message: Message) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""
        stream = message.flow.stream
        self._place = max(self._place, message.time)
        raw = clear_description(message) if self._media_in_clear else message.raw
        if self._as_udp or stream is None:
            self._send_datagram(message, raw)
        elif _says_its_length(raw):
            self._send_in_stream(message, raw, stream)
        elif self._send_datagram(message, raw):
            self.counters["messages_as_datagrams"] += 1
        self._write_ripe()

    def session(self, report: SessionReport) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def call(self, call: Call) -> None:
        """See :class:`~tqdecrypt.pipeline.Sink`."""

    def connection_over(self, end: ConnectionEnd) -> None:
        """See :class:`~tqdecrypt.observing.EndObserver`."""
        known = self._streams.pop(end.stream, None) if end.stream is not None else None
        if known is None:
            return
        stream = known.stream
        if self._between.get((stream.client, stream.server)) == end.stream:
            del self._between[stream.client, stream.server]
        if end.reason not in _COMMENTS:
            return
        place = max(end.time, known.place)
        if place < self._written:
            self.counters["connection_ends_left_out"] += 1
            return
        comment = f"{_COMMENTS[end.reason]}, frame {end.last_frame}"
        client, server = end.finished
        if end.reason is End.RST:
            packets = [stream.reset(client and not server)]
        else:
            packets = [
                packet
                for from_client, finished in ((True, client), (False, server))
                if finished
                for packet in stream.finish(from_client)
            ]
        for packet in packets:
            self._add(place, end.time, packet, comment)

    def flush(self) -> None:
        """Write what waits, as far as it came."""
        while self._waiting:
            self._write(heapq.heappop(self._waiting))
        self._writer.flush()

    # What goes out.

    def _send_in_stream(self, message: Message, raw: bytes, number: int) -> None:
        flow, place, time = message.flow, self._place, message.time
        from_client = flow.from_opener is not False
        known = self._streams.get(number)
        if known is None:
            ends = _endpoint(flow.source), _endpoint(flow.destination)
            client, server = ends if from_client else ends[::-1]
            known = self._streams[number] = self._begin(client, server, number)
            for packet in known.stream.open():
                self._add(place, time, packet, _OPENING)
        elif flow.from_opener is None:
            from_client = known.stream.client == _endpoint(flow.source)
        comment = self._comment(message, raw)
        if known.port is not None:
            comment += f"; port {known.port} is written as {SIP_PORT}, where Wireshark expects SIP"
            self.shown_ports[known.port] += 1
        elif known.hidden is not None:
            self.hidden_ports[known.hidden] += 1
        for packet, completes in known.stream.send(from_client, raw):
            self._add(place, time, packet, comment if completes else "")
        known.place = place
        self.messages += 1
        self.gaps += message.behind_gap

    def _begin(self, client: Endpoint, server: Endpoint, number: int) -> _Stream:
        """Begin a connection, with another port where Wireshark would not see SIP."""
        self.connections += 1
        taken = next((end.port for end in (server, client) if end.port in TAKEN_PORTS), None)
        port = None
        if taken is not None and server.port != SIP_PORT:
            instead = server._replace(port=SIP_PORT)
            if (client, instead) not in self._between:
                port, taken, server = server.port, None, instead
        self._between[client, server] = number
        return _Stream(
            TcpStream(client, server, number), port, None if server.port == SIP_PORT else taken
        )

    def _send_datagram(self, message: Message, raw: bytes) -> bool:
        source, destination = _endpoint(message.flow.source), _endpoint(message.flow.destination)
        if len(raw) > MOST_UDP_PAYLOAD[source.version]:
            self.counters["messages_too_large_for_udp"] += 1
            return False
        packet = udp_packet(source, destination, raw)
        self._add(self._place, message.time, packet, self._comment(message, raw))
        self.messages += 1
        self.datagrams += 1
        self.gaps += message.behind_gap
        return True

    def _comment(self, message: Message, raw: bytes) -> str:
        """Say what there is to say of a message that is written as *raw*; count it when that differs."""
        if raw == message.raw:
            return _comment(message)
        self.counters["descriptions_changed"] += 1
        return f"{_comment(message)}; {DESCRIPTION_CHANGED}"

    def _add(self, place: int, time: int, data: bytes, comment: str) -> None:
        self._made += 1
        heapq.heappush(self._waiting, _Packet(place, self._made, time, data, comment))

    def _write_ripe(self) -> None:
        """Write what no end of a connection can come in front of any more."""
        waiting = self._waiting
        while waiting and (waiting[0].place < self._place - HOLD or len(waiting) > MOST_HELD):
            self._write(heapq.heappop(waiting))

    def _write(self, packet: _Packet) -> None:
        self._written = packet.place
        self._writer.write(packet.time, packet.data, packet.comment)


_BEFORE_ALL = -(1 << 63)
_OPENING = "TCP handshake made by tqdecrypt, so that readers can follow the connection"
_COMMENTS = {End.FIN: "the connection was closed", End.RST: "the connection was reset"}
"""Ends that were captured; other connections are left open."""


def _comment(message: Message) -> str:
    """Say where a message came from and how far it is proven."""
    flow = message.flow
    if flow.session is not None:
        proof = "every record verified" if flow.integrity == "verified" else flow.integrity
        words = [f"TLS session {flow.session}, {proof}"]
    elif flow.mirrored_by is not None:
        words = [f"mirrored by {flow.mirrored_by} as {flow.transport}, not verified"]
    else:
        words = [f"sent in clear over {flow.transport}"]
    if flow.transport == "WSS":
        words.append("in a WebSocket")
    words.append(f"frame {message.frame}")
    if message.behind_gap:
        words.append("GAP: bytes in front of this message are not in the capture")
    return "; ".join(words)


def _says_its_length(raw: bytes) -> bool:
    """Return whether a reader of a stream finds the end of the message.

    Those that were framed by a stream do; in a datagram or a WebSocket, Content-Length may be missing or
    wrong (RFC 3261 section 18.3, RFC 7118 section 5).
    """
    body_start = find_body(raw)
    if body_start < 0:
        return False
    length = content_length(raw, 0, body_start)
    return (length or 0) == len(raw) - body_start
