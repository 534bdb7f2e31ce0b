"""Takes the digits out of telephone events: somebody who dials in a call dials a PIN (RFC 4733).

Events stand in packets of their own, or as blocks of redundant data (RFC 2198), each with its payload type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.packets import pull_payload

__all__ = ["NO_EVENT", "DigitMask"]

NO_EVENT = 255
"""An event code that nothing was assigned to: it stands in the place of every other."""
_REPORT = 4
"""Octets of an event's report (section 2.3); its code is the first one."""
_FIRST_DYNAMIC = 96


class _Span(NamedTuple):
    """Where data of a payload type stands in a packet."""

    payload_type: int
    begin: int
    end: int


class DigitMask:
    """Hides the digits in packets of one stream.

    :param formats: payload type and encoding (``red/8000``), as all who take part say it.
    """

    def __init__(self, formats: Iterable[tuple[str, str]]) -> None:
        self._events: set[int] = set()
        self._redundant: set[int] = set()
        self._announced: set[int] = set()
        for number, encoding in formats:
            if not number.isdecimal():
                continue
            name = encoding.partition("/")[0].lower()
            self._announced.add(int(number))
            if name == "telephone-event":
                self._events.add(int(number))
            elif name == "red":
                self._redundant.add(int(number))

    def hide(self, packet: bytes) -> bytes | None:
        """Return an RTP packet without saying which keys were pressed; length, volume and duration stay.

        ``None`` when there is nothing to hide.

        :raises Malformed: when it may have digits in it, and what it says of their places cannot be.
        """
        if len(packet) < 2:
            raise Malformed("an RTP header", f"{len(packet)} octets")
        payload_type = packet[1] & 0x7F
        announced = payload_type in self._announced
        if payload_type < _FIRST_DYNAMIC and not announced:
            return None
        if announced and payload_type not in self._events | self._redundant:
            return None
        size = len(pull_payload(packet, 0).payload)
        begin = len(packet) - size - (packet[-1] if packet[0] & 0x20 else 0)
        whole = _Span(payload_type, begin, begin + size)
        if payload_type in self._redundant:
            spans = [span for span in _blocks(packet, whole) if self._is_event(span)]
        else:
            spans = [whole] if self._is_event(whole) else []
        if not spans:
            return None
        hidden = bytearray(packet)
        for span in spans:
            for at in range(span.begin, span.end, _REPORT):
                hidden[at] = NO_EVENT
        return bytes(hidden)

    def _is_event(self, span: _Span) -> bool:
        """Return whether it is announced as events, or looks like one where nothing is announced."""
        if span.payload_type in self._announced:
            return span.payload_type in self._events
        return span.payload_type >= _FIRST_DYNAMIC and span.end - span.begin == _REPORT


def _blocks(packet: bytes, whole: _Span) -> Iterator[_Span]:
    """Yield the blocks of redundant data (RFC 2198 section 3); the last one is what is new."""
    at = whole.begin
    sizes = []
    while True:
        if at >= whole.end:
            raise Malformed("the last header of redundant data", offset=at)
        first = packet[at]
        if not first & 0x80:
            break
        if at + 4 > whole.end:
            raise Malformed("a header of redundant data", offset=at)
        sizes.append((first & 0x7F, int.from_bytes(packet[at + 2 : at + 4]) & 0x3FF))
        at += 4
    begin = at + 1
    for payload_type, size in sizes:
        if begin + size > whole.end:
            raise Malformed(f"a block of {size} octets", f"{whole.end - begin}", begin)
        yield _Span(payload_type, begin, begin + size)
        begin += size
    yield _Span(first, begin, whole.end)
