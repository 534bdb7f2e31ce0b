"""SIP over WebSocket (RFC 7118): a message of one is a message of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tqdecrypt.errors import Malformed
from tqdecrypt.sip.datagram import parse_datagram
from tqdecrypt.sip.framer import StreamFramer
from tqdecrypt.sip.message import Flow, Message
from tqdecrypt.sip.sniff import looks_like_sip
from tqdecrypt.websocket import WebSocketStream, begins_message, may_be_http, pull_upgrade

__all__ = ["Framer", "WebSocketFramer", "looks_like_websocket", "make_framers"]

SUBPROTOCOL = "sip"
"""What both sides agree on in the handshake (RFC 7118 section 4.1)."""
MOST_LOOKED_AT = 4
"""First bytes that tell plain SIP from what may be a WebSocket."""


def looks_like_websocket(data: bytes) -> bool | None:
    """Return whether a stream that begins with *data* is a WebSocket for SIP.

    Either the handshake says so, or a frame with a SIP message in it stands there.  ``None``: it may
    be one, but it takes more bytes to tell.
    """
    if not data:
        return None
    if may_be_http(data) is False:
        return begins_message(data, looks_like_sip)
    try:
        upgrade = pull_upgrade(data)
    except Malformed:
        return False
    return upgrade if upgrade is None else upgrade.opens(SUBPROTOCOL)


class WebSocketFramer:
    """Cuts one direction of what may be a WebSocket into messages.

    It begins with the handshake, or with a frame when the capture begins later.  A stream that is no
    WebSocket, or one of another subprotocol, is handed to a :class:`StreamFramer`.

    :param certain: whether it is known to be a WebSocket; it may begin in the middle of a frame, then.
    :ivar flow: its transport becomes ``WS`` or ``WSS`` once the handshake is there.
    :ivar counters: those of :class:`~tqdecrypt.websocket.WebSocketStream`, of
        :func:`~tqdecrypt.sip.datagram.parse_datagram` and of :class:`StreamFramer`;
        ``websocket_other_messages`` messages that are no SIP; ``websocket_refusals`` responses that
        open no WebSocket; ``websocket_http_bytes`` what came behind those;
        ``websocket_handshakes_cut`` handshakes with a gap or the end in them.
    """

    __slots__ = (
        "_behind_gap",
        "_certain",
        "_counters",
        "_fresh",
        "_gap_to_mark",
        "_held",
        "_plain",
        "_skipping",
        "_stream",
        "flow",
    )

    def __init__(self, flow: Flow, *, certain: bool = False) -> None:
        self.flow = flow
        self._certain = certain
        self._counters: Counter[str] = Counter()
        self._held = b""
        """What may be a handshake, or a frame."""
        self._skipping = False
        """Whether the body of a response that refused stands there."""
        self._behind_gap = False
        self._gap_to_mark = False
        """Whether the next message is the first one behind a gap."""
        self._fresh = False
        """Whether nothing came yet behind the request, which may have been refused."""
        self._stream: WebSocketStream | None = None
        self._plain: StreamFramer | None = None

    @property
    def counters(self) -> Counter[str]:
        """What was dropped or odd."""
        inner = self._stream or self._plain
        return self._counters + inner.counters if inner else self._counters

    @property
    def is_open(self) -> bool:
        """Whether it is a WebSocket and has to be kept: nothing later tells that it is one."""
        return self._stream is not None

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages."""
        inner = self._stream or self._plain
        return inner.idle if inner else not self._held

    def receive_all(
        self, chunks: Iterable[tuple[bytes, int, int]], messages: list[Message]
    ) -> None:
        """Take the next chunks, each with its frame and time; append what they complete."""
        for chunk, frame, time in chunks:
            data = chunk
            if self._fresh and data:
                self._fresh = False
                if data[:1] == b"G":  # no frame of a client begins so: it asks once more
                    self._stream = None
            if self._stream is None and self._plain is None:
                data = self._open(data)
            if self._plain is not None:
                self._plain.receive_all(((data, frame, time),), messages)
            elif self._stream is not None:
                for message in self._stream.receive_all(((data, frame, time),)):
                    self._take(message.data, frame, time, messages)

    def gap(self) -> None:
        """Bytes are missing behind what was received."""
        inner = self._stream or self._plain
        self._gap_to_mark = True
        if inner:
            inner.gap()
            return
        self._behind_gap = True
        if self._held or self._skipping:
            self._counters["websocket_handshakes_cut"] += 1
            self._held = b""
            self._skipping = False

    def end(self) -> None:
        """Nothing more comes."""
        inner = self._stream or self._plain
        if inner:
            inner.end()
        elif self._held and not self._skipping:
            self._counters["websocket_handshakes_cut"] += 1
            self._held = b""

    def _open(self, data: bytes) -> bytes:
        """Take the next bytes of the handshake; return what comes behind it."""
        data = self._held + data
        self._held = b""
        while True:
            if self._skipping:
                data = self._skip(data)
            if not data:
                return b""
            if may_be_http(data) is False:
                return self._open_without(data)
            try:
                upgrade = pull_upgrade(data)
            except Malformed:
                return self._fall_back(data)
            if upgrade is None:
                self._held = data
                return b""
            if upgrade.status not in (None, 101):
                self._counters["websocket_refusals"] += 1
                self._skipping = True
            elif not upgrade.opens(SUBPROTOCOL):
                return self._fall_back(data)
            data = data[upgrade.size :]
            if not self._skipping and not (upgrade.status is None and data[:1] == b"G"):
                self._begin(masked=upgrade.status is None)
                self._fresh = upgrade.status is None and not data
                return data

    def _open_without(self, data: bytes) -> bytes:
        """Take bytes that are no handshake: the capture may have begun later."""
        begins = begins_message(data, looks_like_sip)
        if begins is None:
            self._held = data
            return b""
        if begins or self._certain or (self._behind_gap and not looks_like_sip(data)):
            self._begin(seeking=not begins)
            return data
        return self._fall_back(data)

    def _begin(self, *, masked: bool | None = None, seeking: bool = False) -> None:
        self.flow.transport = "WS" if self.flow.integrity == "clear" else "WSS"
        self.flow.json_part = None
        self._stream = WebSocketStream(looks_like_sip, masked=masked, seeking=seeking)

    def _fall_back(self, data: bytes) -> bytes:
        self._plain = StreamFramer(self.flow)
        if self._behind_gap:
            self._plain.gap()
        return data

    def _skip(self, data: bytes) -> bytes:
        """Skip the body of a response up to the next response."""
        at = data.find(b"HTTP/1.1 ")
        if at < 0:
            kept = next((n for n in range(8, 0, -1) if data.endswith(b"HTTP/1.1 "[:n])), 0)
            self._counters["websocket_http_bytes"] += len(data) - kept
            self._held = data[len(data) - kept :]
            return b""
        if at:
            self._counters["websocket_http_bytes"] += at
        self._skipping = False
        return data[at:]

    def _take(self, data: bytes, frame: int, time: int, messages: list[Message]) -> None:
        malformed = self._counters["sip_malformed_messages"]
        message = parse_datagram(data, self.flow, frame, time, self._counters)
        if message is not None:
            message.behind_gap = self._gap_to_mark
            self._gap_to_mark = False
            messages.append(message)
        elif data.strip(b"\r\n") and malformed == self._counters["sip_malformed_messages"]:
            self._counters["websocket_other_messages"] += 1


Framer = StreamFramer | WebSocketFramer
"""What cuts one direction of a stream into messages."""


def make_framers(flows: tuple[Flow, Flow], beginning: bytes) -> tuple[Framer, Framer]:
    """Return what cuts the two directions of a stream into messages.

    :param beginning: the first bytes of either direction, four at least when there are so many.
    """
    first = beginning[:MOST_LOOKED_AT]
    if (
        first
        and first[0] not in b"\r\n"
        and (may_be_http(first) is not False or not 0x20 <= first[0] < 0x7F)
    ):
        return WebSocketFramer(flows[0]), WebSocketFramer(flows[1])
    return StreamFramer(flows[0]), StreamFramer(flows[1])
