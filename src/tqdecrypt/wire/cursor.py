"""A bounds-checked reader over bytes.

Every parser of binary structures uses it, one ``pull_…`` a structure.  Three outcomes: a value, an
exception :class:`~tqdecrypt.errors.Malformed`, or (``remaining``) the caller's own "need more".
"""

from __future__ import annotations

from tqdecrypt.errors import Malformed

__all__ = ["Cursor"]


class Cursor:
    """Reads big-endian numbers and byte strings, never past *end*.

    :ivar data: the bytes that are read.
    :ivar position: offset of the next byte.
    :ivar end: offset behind the last byte that may be read.
    """

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """Number of bytes not read yet."""
        return self.end - self.position

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.position >= self.end

    def pull_bytes(self, length: int) -> bytes:
        """Return the next *length* bytes."""
        start = self.position
        stop = start + length
        if stop > self.end:
            raise Malformed(f"{length} more bytes", f"{self.end - start}", start)
        self.position = stop
        return self.data[start:stop]

    def pull_uint(self, size: int) -> int:
        """Return the next big-endian number of *size* bytes."""
        return int.from_bytes(self.pull_bytes(size), "big")

    def pull_uint8(self) -> int:
        """Return the next byte as a number."""
        if self.position >= self.end:
            raise Malformed("1 more byte", "0", self.position)
        self.position += 1
        return self.data[self.position - 1]

    def pull_uint16(self) -> int:
        """Return the next two bytes as a number."""
        start = self.position
        if start + 2 > self.end:
            return self.pull_uint(2)  # which says what is missing
        self.position = start + 2
        return self.data[start] << 8 | self.data[start + 1]

    def pull_uint24(self) -> int:
        """Return the next three bytes as a number."""
        return self.pull_uint(3)

    def pull_uint32(self) -> int:
        """Return the next four bytes as a number."""
        return self.pull_uint(4)

    def pull_opaque(self, size: int) -> bytes:
        """Return a byte string with a length prefix of *size* bytes (``opaque<…>``, RFC 8446 3.4)."""
        start = self.position + size
        if start <= self.end:
            stop = start + int.from_bytes(self.data[self.position : start], "big")
            if stop <= self.end:
                self.position = stop
                return self.data[start:stop]
        return self.pull_bytes(self.pull_uint(size))  # which says what is missing

    def pull_rest(self) -> bytes:
        """Return everything that was not read yet."""
        return self.pull_bytes(self.end - self.position)

    def block(self, size: int) -> _Block:
        """Confine reading to a vector with a length prefix of *size* bytes; a context manager.

        Raises :class:`Malformed` when the vector is longer than what holds it, or when the body
        did not read all of it.
        """
        start = self.position
        length = self.pull_uint(size)
        end = self.position + length
        if end > self.end:
            raise Malformed(f"a vector of {length} bytes", f"{self.end - self.position}", start)
        return _Block(self, end)


class _Block:
    """What :meth:`Cursor.block` returns; yields the vector's end."""

    __slots__ = ("_cursor", "_end", "_outer")

    def __init__(self, cursor: Cursor, end: int) -> None:
        self._cursor = cursor
        self._end = end
        self._outer = cursor.end

    def __enter__(self) -> int:
        self._cursor.end = self._end
        return self._end

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        cursor, end = self._cursor, self._end
        cursor.end = self._outer
        if kind is None and cursor.position != end:
            left = f"{end - cursor.position} bytes left"
            raise Malformed("the vector to be read whole", left, end)
