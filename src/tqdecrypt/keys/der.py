"""As much DER (X.690) as recognising a key file and reading a strange certificate needs.

``cryptography`` parses strictly, as it should.  A passive observer must name what he cannot use,
and must find the public key in a certificate that a strict parser refuses.
"""

from __future__ import annotations

from dataclasses import dataclass

from tqdecrypt.errors import Malformed
from tqdecrypt.wire import Cursor

__all__ = [
    "BIT_STRING",
    "INTEGER",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "SEQUENCE",
    "SET",
    "Element",
    "children",
    "dotted",
    "pull_element",
]

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
SET = 0x31


@dataclass(frozen=True, slots=True)
class Element:
    """One type-length-value."""

    tag: int
    """The identifier octet, with class and constructed bit."""
    encoding: bytes
    """All of it, as it stands in the data."""
    content: bytes
    """The value alone."""


def pull_element(cursor: Cursor) -> Element:
    """Return the next element (X.690 8.1); raises :class:`Malformed`."""
    start = cursor.position
    tag = cursor.pull_uint8()
    if tag & 0x1F == 0x1F:
        raise Malformed("a tag of one octet", f"0x{tag:02x}", start)
    length = cursor.pull_uint8()
    if length & 0x80:
        # Four octets of length are 4 GiB; 0x80 alone is BER's indefinite form, which DER forbids.
        if not 0x81 <= length <= 0x84:
            raise Malformed("a definite DER length", f"0x{length:02x}", start + 1)
        length = cursor.pull_uint(length & 0x7F)
    content = cursor.pull_bytes(length)
    return Element(tag, cursor.data[start : cursor.position], content)


def children(element: Element) -> list[Element]:
    """Return the elements that a constructed element holds; raises :class:`Malformed`."""
    cursor = Cursor(element.content)
    found = []
    while not cursor.at_end:
        found.append(pull_element(cursor))
    return found


def dotted(content: bytes) -> str:
    """Return an object identifier in dotted form (X.690 8.19).

    >>> dotted(bytes.fromhex("550403"))
    '2.5.4.3'
    """
    if not content or content[-1] & 0x80:
        raise Malformed("a whole object identifier", f"{len(content)} bytes")
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
