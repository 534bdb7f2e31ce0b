"""One direction of an open WebSocket: frames are put together to messages (RFC 6455 section 5).

**When bytes are missing** nothing says where the next frame begins.  A place is believed when a plausible
header stands there and what it masks begins with a message of the protocol that the WebSocket carries:
the caller's *recognise* tells.  What lies before it is counted, not guessed at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.websocket.frames import (
    LONGEST_HEADER,
    FrameHeader,
    Opcode,
    pull_frame_header,
    unmask,
)
from tqdecrypt.websocket.inflate import Inflater, inflate_start

__all__ = ["MOST_MESSAGE", "Recognise", "WebSocketMessage", "WebSocketStream", "begins_message"]

MOST_MESSAGE = (1 << 20) + (1 << 16)
"""Most bytes of a message, inflated: as much as SIP messages on other streams may have."""
MOST_PROOF = 512
"""Bytes of a payload that are looked at to tell whether a frame begins there."""

Recognise = Callable[[bytes], bool | None]
"""Tells whether a message of the protocol begins so; ``None``: it takes more bytes to tell."""

_MESSAGE_START = re.compile(rb"[\x01\x02\x41\x42\x81\x82\xc1\xc2]")
"""First byte of the first frame of a text or binary message, whole or not, compressed or not."""


class WebSocketMessage(NamedTuple):
    """One message: what stands in its frames, without masks and compression."""

    data: bytes
    frame: int
    """Number of the packet that completed it."""
    time: int
    """When that packet was captured, ns."""


class WebSocketStream:
    """Cuts one direction of a WebSocket into messages.

    :param recognise: what proves a frame behind a gap.
    :param masked: whether frames have to be masked, as those of a client have; ``None``: unknown.
    :param seeking: whether it begins somewhere, and the first frame has to be proven.
    :ivar counters: ``websocket_control_frames`` pings, pongs and closes;
        ``websocket_bad_frames`` what no frame may look like, behind which the next one is sought;
        ``websocket_lost_bytes`` bytes that belong to no frame that is known;
        ``websocket_broken_messages`` messages whose frames are not all there, dropped;
        ``websocket_undecodable_messages`` compressed ones that refer to bytes that are not there;
        ``websocket_oversized_messages`` messages over :data:`MOST_MESSAGE`, dropped.
    """

    __slots__ = (
        "_compressed",
        "_held",
        "_inflater",
        "_masked",
        "_parts",
        "_parts_size",
        "_recognise",
        "_seeking",
        "_wanted",
        "counters",
    )

    def __init__(
        self, recognise: Recognise, *, masked: bool | None = None, seeking: bool = False
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._recognise = recognise
        self._masked = masked
        self._seeking = seeking
        self._held = bytearray()
        """Begins with a frame that is not all there, or with what may become one."""
        self._wanted = 0
        """Length at which that frame is complete; 0 while it is unknown."""
        self._parts: list[bytes] | None = None
        """Payloads of a message in pieces; ``None`` between messages."""
        self._parts_size = 0
        self._compressed = False
        self._inflater: Inflater | None = None

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages."""
        return not self._held and self._parts is None

    def receive_all(self, chunks: Iterable[tuple[bytes, int, int]]) -> list[WebSocketMessage]:
        """Take chunks, each with its frame and time; return the messages that they complete."""
        messages: list[WebSocketMessage] = []
        for data, frame, time in chunks:
            messages += [WebSocketMessage(one, frame, time) for one in self._receive(data)]
        return messages

    def gap(self) -> None:
        """Bytes are missing behind what was received."""
        self._drop()
        self._seeking = True
        if self._inflater is not None:
            self._inflater.reset()

    def end(self) -> None:
        """Nothing more comes."""
        self._drop()

    def _drop(self) -> None:
        if self._parts is not None:
            self._break_message()
        self._lose(len(self._held))
        self._held.clear()
        self._wanted = 0

    def _receive(self, data: bytes) -> list[bytes]:
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return []
            data = bytes(self._held)
            self._held.clear()
        self._wanted = 0
        messages: list[bytes] = []
        position = 0
        while 0 <= position < len(data):
            if self._seeking:
                position = self._seek(data, position)
                continue
            try:
                header = _pull_header(data, position, self._masked)
            except Malformed:
                self._lose_step("websocket_bad_frames")
                continue
            if header is None:
                return self._hold(data, position, 0, messages)
            if header.length > MOST_MESSAGE:
                self._lose_step("websocket_oversized_messages")
                # Otherwise the same frame is found again.
                self._lose(header.size)
                position += header.size
                continue
            start = position + header.size
            end = start + header.length
            if end > len(data):
                return self._hold(data, position, end - position, messages)
            payload = data[start:end]
            self._take(header, unmask(payload, header.key) if header.key else payload, messages)
            position = end
        return messages

    def _hold(self, data: bytes, position: int, wanted: int, messages: list[bytes]) -> list[bytes]:
        self._held += data[position:]
        self._wanted = wanted
        return messages

    def _take(self, header: FrameHeader, payload: bytes, messages: list[bytes]) -> None:
        """Take one frame."""
        if header.is_control:
            self.counters["websocket_control_frames"] += 1
            return
        if header.opcode is Opcode.CONTINUATION:
            if self._parts is None:  # the rest of a message that was dropped
                self._lose(len(payload))
                return
        else:
            if self._parts is not None:
                self._break_message()
            self._parts = []
            self._parts_size = 0
            self._compressed = header.compressed
        self._parts.append(payload)
        self._parts_size += len(payload)
        if self._parts_size > MOST_MESSAGE:
            self.counters["websocket_oversized_messages"] += 1
            self._lose(self._parts_size)
            self._forget_parts()
        elif header.final:
            message = b"".join(self._parts)
            self._parts = None
            self._finish(message, messages)

    def _finish(self, message: bytes, messages: list[bytes]) -> None:
        if self._compressed:
            if self._inflater is None:
                self._inflater = Inflater()
            try:
                message = self._inflater.inflate(message, MOST_MESSAGE)
            except Malformed:
                self.counters["websocket_undecodable_messages"] += 1
                return
        messages.append(message)

    def _break_message(self) -> None:
        self.counters["websocket_broken_messages"] += 1
        self._lose(self._parts_size)
        self._forget_parts()

    def _forget_parts(self) -> None:
        self._parts = None
        if self._compressed and self._inflater is not None:
            self._inflater.reset()

    def _lose(self, size: int) -> None:
        if size:
            self.counters["websocket_lost_bytes"] += size

    def _lose_step(self, counter: str) -> None:
        self.counters[counter] += 1
        if self._parts is not None:
            self._break_message()
        if self._inflater is not None:
            self._inflater.reset()
        self._seeking = True

    def _seek(self, data: bytes, position: int) -> int:
        """Return where a frame is proven to begin at *position* or behind it; −1 when the bytes do
        not tell: from the first place that may be one on, they are held.
        """
        at = position
        while (candidate := _MESSAGE_START.search(data, at)) is not None:
            at = candidate.start()
            proven = begins_message(data, self._recognise, at=at, masked=self._masked)
            if proven:
                self._seeking = False
            if proven is not False:
                self._lose(at - position)
                if proven is None:
                    self._held += data[at:]
                return at if proven else -1
            at += 1
        self._lose(len(data) - position)
        return -1


def begins_message(
    data: bytes, recognise: Recognise, *, at: int = 0, masked: bool | None = None
) -> bool | None:
    """Return whether a frame with the beginning of a message stands at *at*; ``None`` when it takes
    more bytes to tell.
    """
    try:
        header = _pull_header(data[at : at + LONGEST_HEADER], 0, masked)
    except Malformed:
        return False
    if header is None:
        return None
    if header.is_control or header.opcode is Opcode.CONTINUATION or header.length > MOST_MESSAGE:
        return False
    enough = min(header.length, MOST_PROOF)
    start = at + header.size
    payload = data[start : start + enough]
    if header.key:
        payload = unmask(payload, header.key)
    if header.compressed:
        if len(payload) < enough:
            return None
        try:
            return recognise(inflate_start(payload, MOST_PROOF)) is True
        except Malformed:
            return False
    begins = recognise(payload)
    if begins is not False and len(payload) < enough:
        return None  # the same is told however the bytes are cut
    return begins is True


def _pull_header(data: bytes, position: int, masked: bool | None) -> FrameHeader | None:
    header = pull_frame_header(data, position)
    if header is not None and masked not in (None, bool(header.key)):
        raise Malformed("a mask" if masked else "no mask", data[position : position + 2], position)
    return header
