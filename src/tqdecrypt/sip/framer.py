"""SIP messages on a stream: TCP, or the plaintext of a TLS session (RFC 3261 section 18.3).

Messages follow each other without a separator; Content-Length says where the next one begins.
Between them stand line ends that keep the connection open (RFC 5626 section 3.5.1).  When bytes are
missing, or what stands there is no message, the framer seeks the next line that is a start line and
is followed by a header line, and goes on there.

However the stream is cut into chunks, the same messages come out; only behind a gap the beginning
of a chunk counts as the beginning of a line, since senders begin records and segments with messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tqdecrypt.errors import Malformed
from tqdecrypt.sip.grammar import find_body, is_header_line, is_start_line
from tqdecrypt.sip.index import KNOWN_LENGTHS, content_length, index_framed, index_message
from tqdecrypt.sip.message import Flow, Message
from tqdecrypt.sip.sniff import looks_like_sip

__all__ = ["MOST_BODY", "MOST_HEADER", "StreamFramer"]

MOST_HEADER = 1 << 16
"""Most bytes of a header, its empty line included: no implementation takes more."""
MOST_BODY = 1 << 20
"""Most bytes of a body: conference rosters and fax images stay below."""

_CR = 0x0D
_LINE_END = b"\r\n"


class StreamFramer:
    """Cuts one direction of a stream into messages.

    :ivar counters: what was not a message or not as it should be:
        ``sip_keep_alives`` line ends between messages;
        ``sip_missing_content_length`` messages without one, taken to have no body;
        ``sip_bad_content_length`` messages whose Content-Length is no number, likewise;
        ``sip_oversized_messages`` messages over :data:`MOST_HEADER` or :data:`MOST_BODY`, dropped;
        ``sip_malformed_messages`` messages whose start line means nothing, dropped;
        ``sip_garbage_bytes`` bytes between messages, skipped;
        ``sip_resynchronisations`` how often the next start line had to be sought;
        ``sip_partial_messages`` messages that a gap or the end cut, dropped;
        ``sip_partial_bytes`` the bytes that were there of them.
    """

    __slots__ = (
        "_behind_gap",
        "_flow",
        "_gap_to_mark",
        "_held",
        "_in_line",
        "_searched",
        "_seeking",
        "_wanted",
        "counters",
    )

    def __init__(self, flow: Flow) -> None:
        self.counters: Counter[str] = Counter()
        self._flow = flow
        self._held = bytearray()
        """Begins with an incomplete message, or with what may become one."""
        self._wanted = 0
        """Length at which the message in ``_held`` is complete; 0 while its header is not."""
        self._searched = 0
        """How much of ``_held`` has no end of a header in it."""
        self._seeking = False
        self._behind_gap = False
        self._gap_to_mark = False
        """Whether the next message is the first one behind a gap."""
        self._in_line = False
        """Whether the rest of a line that is too long has to be skipped."""

    def receive(self, data: bytes, frame: int, time: int) -> list[Message]:
        """Take the next bytes; return the messages that they complete."""
        messages: list[Message] = []
        self.receive_all(((data, frame, time),), messages)
        return messages

    def receive_all(
        self, chunks: Iterable[tuple[bytes, int, int]], messages: list[Message]
    ) -> None:
        """Take the next chunks, each with its frame and time; append what they complete."""
        flow = self._flow
        before = len(messages)
        for chunk, frame, time in chunks:
            data = self._join(chunk) if self._held else chunk
            if data is None:
                continue
            position = 0
            size = len(data)
            find = data.find
            while position < size:
                line_feed = -1 if self._seeking else find(b"\n", position)
                if line_feed > position + 1 and data[line_feed - 1] == _CR:
                    body_start = find(b"\r\n\r\n", line_feed - 1) + 4
                    at = data.rfind(b"\r\nContent-Length: ", line_feed - 1, body_start) + 18
                    length = KNOWN_LENGTHS.get(data[at : body_start - 4])
                    if (
                        length is not None
                        and at >= 18
                        and 0 <= length <= MOST_BODY
                        and find(b"\n\n", line_feed, body_start) < 0
                    ):
                        end = body_start + length
                        if end <= size and body_start - position <= MOST_HEADER:
                            raw = data if position == 0 and end == size else data[position:end]
                            line_end = line_feed - 1 - position
                            try:
                                message = index_framed(
                                    raw, line_end, body_start - position, flow, frame, time
                                )
                            except Malformed:
                                pass  # the long way tells what it is
                            else:
                                messages.append(message)
                                position = end
                                continue
                position = self._advance(data, position, frame, time, messages)
                if position < 0:
                    break
        if self._gap_to_mark and len(messages) > before:
            messages[before].behind_gap = True
            self._gap_to_mark = False

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages, and a new one could take its place."""
        return not (self._held or self._seeking or self._behind_gap or self._in_line)

    def gap(self) -> None:
        """Bytes are missing behind what was received."""
        self._drop_held()
        self._seeking = self._behind_gap = self._gap_to_mark = True
        self._in_line = False
        self.counters["sip_resynchronisations"] += 1

    def end(self) -> None:
        """Nothing more comes."""
        self._drop_held()

    def _join(self, data: bytes) -> bytes | None:
        """Return what is held and *data*; ``None`` when that is known to complete nothing."""
        held = self._held
        if self._behind_gap and looks_like_sip(data):
            self.counters["sip_garbage_bytes"] += len(held)
            held.clear()
            self._searched = 0
            return data
        held += data
        if self._wanted:
            if len(held) < self._wanted:
                return None
        elif len(held) <= MOST_HEADER:
            start = max(self._searched - 3, 0)
            if held.find(b"\n\r\n", start) < 0 and held.find(b"\n\n", start) < 0:
                self._searched = len(held)
                return None
        joined = bytes(held)
        held.clear()
        self._wanted = self._searched = 0
        return joined

    def _advance(
        self, data: bytes, position: int, frame: int, time: int, messages: list[Message]
    ) -> int:
        """Take one step of any kind; return where to go on, or −1 when it takes more bytes."""
        if self._in_line:
            return self._skip_line(data, position)
        if self._seeking:
            return self._seek(data, position)
        if data[position] in _LINE_END:
            return self._skip_line_ends(data, position)
        line_end = data.find(b"\n", position)
        if line_end < 0 and len(data) - position <= MOST_HEADER:
            return self._hold(data, position, 0)
        if line_end < 0 or line_end - position >= MOST_HEADER:
            self._lose_step()
            self._in_line = True
            return position
        if not is_start_line(data[position:line_end].removesuffix(b"\r")):
            self._lose_step()
            return position
        body_start = find_body(data, position)
        if body_start < 0 and len(data) - position <= MOST_HEADER:
            return self._hold(data, position, 0)
        if body_start < 0 or body_start - position > MOST_HEADER:
            return self._skip_oversized(position, line_end + 1)
        return self._take(data, position, body_start, frame, time, messages)

    def _take(
        self,
        data: bytes,
        position: int,
        body_start: int,
        frame: int,
        time: int,
        messages: list[Message],
    ) -> int:
        """Take the message at *position*, whose header is complete."""
        length = content_length(data, position, body_start)
        if length is not None and length > MOST_BODY:
            return self._skip_oversized(position, body_start)
        end = body_start + max(length or 0, 0)
        if end > len(data):
            return self._hold(data, position, end - position)
        if length is None:
            self.counters["sip_missing_content_length"] += 1
        elif length < 0:
            self.counters["sip_bad_content_length"] += 1
        try:
            messages.append(index_message(data[position:end], self._flow, frame, time))
        except Malformed:
            self.counters["sip_malformed_messages"] += 1
        return end

    def _seek(self, data: bytes, position: int) -> int:
        """Look whether a message begins at the line at *position*; else skip that line."""
        line_end = data.find(b"\n", position)
        if line_end < 0 or line_end - position >= MOST_HEADER:
            if line_end < 0 and len(data) - position <= MOST_HEADER:
                return self._hold(data, position, 0)
            self._in_line = True
            return position
        if is_start_line(data[position:line_end].removesuffix(b"\r")):
            next_end = data.find(b"\n", line_end + 1)
            if next_end < 0 and len(data) - position <= MOST_HEADER:
                return self._hold(data, position, 0)
            if 0 <= next_end - position < MOST_HEADER and is_header_line(
                data[line_end + 1 : next_end]
            ):
                self._seeking = self._behind_gap = False
                return position
        self.counters["sip_garbage_bytes"] += line_end + 1 - position
        return line_end + 1

    def _skip_line(self, data: bytes, position: int) -> int:
        """Skip the rest of a line that is too long to be anything."""
        line_end = data.find(b"\n", position)
        behind = len(data) if line_end < 0 else line_end + 1
        self._in_line = line_end < 0
        self.counters["sip_garbage_bytes"] += behind - position
        return behind

    def _skip_line_ends(self, data: bytes, position: int) -> int:
        """Skip the line ends between two messages."""
        size = len(data)
        start = position
        while position < size and data[position] in _LINE_END:
            position += 1
        self.counters["sip_keep_alives"] += data.count(b"\n", start, position)
        return position

    def _skip_oversized(self, start: int, position: int) -> int:
        """Give up a message that is too large, and seek the next one behind *position*."""
        self.counters["sip_oversized_messages"] += 1
        self.counters["sip_garbage_bytes"] += position - start
        self._lose_step()
        return position

    def _lose_step(self) -> None:
        self._seeking = True
        self.counters["sip_resynchronisations"] += 1

    def _hold(self, data: bytes, position: int, wanted: int) -> int:
        """Keep what is there until more comes."""
        self._held += data[position:]
        self._wanted = wanted
        self._searched = 0 if wanted else len(self._held)
        return -1

    def _drop_held(self) -> None:
        held = self._held
        if held:
            name = "sip_garbage_bytes" if self._seeking else "sip_partial_bytes"
            self.counters[name] += len(held)
            self.counters["sip_partial_messages"] += not self._seeking
            held.clear()
        self._wanted = self._searched = 0
