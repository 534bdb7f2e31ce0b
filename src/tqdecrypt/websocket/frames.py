"""The frames of a WebSocket (RFC 6455 section 5.2)."""

from __future__ import annotations

import enum
from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = ["LONGEST_HEADER", "FrameHeader", "Opcode", "pull_frame_header", "unmask"]

LONGEST_HEADER = 14
"""Bytes of a frame's header with the longest length and a mask."""
MOST_CONTROL = 125
"""Bytes of payload that a control frame may have (section 5.5)."""
COMPRESSED = 0x40
"""RSV1: the message is compressed (RFC 7692 section 6)."""
_OTHER_RESERVED = 0x30


class Opcode(enum.IntEnum):
    """What a frame is (section 11.8)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class FrameHeader(NamedTuple):
    """What stands before the payload of a frame."""

    opcode: Opcode
    final: bool
    """Whether it is the last frame of its message."""
    compressed: bool
    """RSV1; of the first frame of a message only."""
    key: bytes
    """Four bytes that mask the payload; empty without a mask."""
    size: int
    """Bytes of the header."""
    length: int
    """Bytes of the payload."""

    @property
    def is_control(self) -> bool:
        """Whether it is a frame between those of messages."""
        return self.opcode >= Opcode.CLOSE


_OPCODES = {int(opcode): opcode for opcode in Opcode}


def pull_frame_header(data: bytes, at: int = 0) -> FrameHeader | None:
    """Return the header of the frame at *at*; ``None`` when it takes more bytes to tell.

    :raises Malformed: when no frame begins so: reserved bits or opcodes, a control frame that is long
        or in pieces, a length that is written longer than it has to be.
    """
    if len(data) - at < 2:
        return None
    first, second = data[at], data[at + 1]
    opcode = _OPCODES.get(first & 0x0F)
    length = second & 0x7F
    is_control = first & 0x08
    if (
        opcode is None
        or first & _OTHER_RESERVED
        or (first & COMPRESSED and (is_control or opcode is Opcode.CONTINUATION))
        or (is_control and (length > MOST_CONTROL or not first & 0x80))
    ):
        raise Malformed("a WebSocket frame", data[at : at + 2], at)
    size = 2
    if length >= 126:
        size, smallest = (4, 126) if length == 126 else (10, 1 << 16)
        if len(data) - at < size:
            return None
        length = int.from_bytes(data[at + 2 : at + size], "big")
        if not smallest <= length < 1 << 63:
            raise Malformed("the length of a WebSocket frame", data[at : at + size], at)
    key = b""
    if second & 0x80:
        key = data[at + size : at + size + 4]
        size += 4
        if len(key) < 4:
            return None
    return FrameHeader(opcode, bool(first & 0x80), bool(first & COMPRESSED), key, size, length)


def unmask(payload: bytes, key: bytes) -> bytes:
    """Return *payload* without its mask (section 5.3)."""
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
