"""Messages that were compressed one by one (permessage-deflate, RFC 7692 section 7.2.2)."""

from __future__ import annotations

import zlib

from tqdecrypt.errors import Malformed

__all__ = ["Inflater", "inflate_start"]

_TAIL = b"\x00\x00\xff\xff"
"""What the sender cut off (RFC 7692 section 7.2.1)."""
_WINDOW = 1 << 15


class Inflater:
    """Inflates the messages of one direction, in their order.

    Whether the sender begins each with an empty window does not matter: who does refers to nothing
    before.  When one cannot be inflated the window is lost.  What refers to it later cannot be
    inflated, either; it never comes out wrong.
    """

    __slots__ = ("_inflate",)

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-15)

    def reset(self) -> None:
        """Forget the window: messages are missing."""
        self._inflate = zlib.decompressobj(-15)

    def inflate(self, data: bytes, most: int) -> bytes:
        """Return the message that *data* was compressed from.

        :raises Malformed: when it cannot be inflated, or has more than *most* bytes.
        """
        try:
            message = self._inflate.decompress(data + _TAIL, most + 1)
        except zlib.error as error:
            self.reset()
            raise Malformed("a compressed message", str(error), 0) from error
        if len(message) > most or self._inflate.unconsumed_tail:
            self.reset()
            raise Malformed(f"at most {most} bytes", "more", 0)
        if self._inflate.eof:  # a block that says it is the last: the window goes on all the same
            self._inflate = zlib.decompressobj(-15, zdict=message[-_WINDOW:])
        return message


def inflate_start(data: bytes, most: int) -> bytes:
    """Return the first *most* bytes of a message that refers to none before it.

    :raises Malformed: when it is none.
    """
    try:
        return zlib.decompressobj(-15).decompress(data, most)
    except zlib.error as error:
        raise Malformed("a compressed message", str(error), 0) from error
