"""The DEFLATE compression method of TLS up to 1.2 (RFC 3749)."""

from __future__ import annotations

import zlib

__all__ = ["DEFLATE", "Inflater"]

DEFLATE = 1
"""Its number in ``compression_method``."""
MAX_PLAINTEXT = 1 << 14


class Inflater:
    """Decompresses the records of one direction; the dictionary goes on from record to record."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def inflate(self, data: bytes) -> bytes | None:
        """Return the plaintext of one record; ``None`` when the stream is broken."""
        try:
            plaintext = self._stream.decompress(data, MAX_PLAINTEXT + 1)
        except zlib.error:
            return None
        return plaintext if len(plaintext) <= MAX_PLAINTEXT else None
