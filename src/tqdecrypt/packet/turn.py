"""Datagrams inside TURN: ChannelData, and the DATA of Send and Data indications (RFC 8656 sections 11, 12).

:func:`relayed_span` says of one datagram where the relayed one stands in it; :func:`relayed_spans` of many at
once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tqdecrypt.capture.block import Buffer
from tqdecrypt.packet.layouts import Integers, gather
from tqdecrypt.packet.transport import TransportColumns

__all__ = ["DATA", "SEND", "Span", "Spans", "relayed_dtls", "relayed_span", "relayed_spans"]

SEND, DATA = 0x0016, 0x0017
"""Message types of the indications."""
_DATA_ATTRIBUTE = 0x0013
_COOKIE = 0x2112A442
_STUN_HEAD = 20
MOST_ATTRIBUTES = 8
"""Attributes that are looked at for the data: the peer's address and little else stands beside it."""
_FIRST_DTLS, _BEHIND_DTLS = 20, 64
"""First bytes of DTLS (RFC 7983)."""
_HEAD = np.dtype(
    {
        "names": ["type", "length", "cookie"],
        "formats": [">u2", ">u2", ">u4"],
        "itemsize": 8,
    }
)
_ATTRIBUTE = np.dtype({"names": ["type", "length"], "formats": [">u2", ">u2"], "itemsize": 4})


class Span(NamedTuple):
    """Where a relayed datagram stands."""

    begin: int
    length: int
    """On the wire: less may have been captured."""


class Spans(NamedTuple):
    """Where relayed datagrams stand; one entry a datagram that has one."""

    place: Integers
    """Index of the datagram among those that were asked about."""
    begin: Integers
    """From the beginning of its payload on."""
    length: Integers
    """On the wire."""


def relayed_span(payload: bytes, wire: int) -> Span | None:
    """Return where the relayed datagram stands in *payload*, of which *wire* bytes were on the wire."""
    if len(payload) < _HEAD.itemsize:  # nothing that is relayed is shorter than four bytes
        return None
    kind, length = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
    if 0x4000 <= kind < 0x5000:
        return Span(4, length) if 0 <= wire - 4 - length < 4 else None
    if kind not in (SEND, DATA) or len(payload) < _STUN_HEAD or wire != length + _STUN_HEAD:
        return None
    if int.from_bytes(payload[4:8]) != _COOKIE:
        return None
    at = _STUN_HEAD
    for _ in range(MOST_ATTRIBUTES):
        if at + 4 > len(payload):
            return None
        attribute = int.from_bytes(payload[at : at + 2])
        size = int.from_bytes(payload[at + 2 : at + 4])
        if attribute == _DATA_ATTRIBUTE:
            return Span(at + 4, size) if at + 4 + size <= wire else None
        at += 4 + (size + 3) // 4 * 4
    return None


def relayed_spans(buffer: Buffer, offset: Integers, length: Integers, wire: Integers) -> Spans:
    """Return where relayed datagrams stand in payloads.

    :param offset: where each payload begins in *buffer*.
    :param length: bytes of it that were captured.
    :param wire: bytes of it that were on the wire.
    """
    long = np.flatnonzero(length >= _HEAD.itemsize)
    head = gather(buffer, offset[long], _HEAD)
    kind, told = head["type"], head["length"].astype(np.int64)
    beyond = wire[long] - 4 - told
    channel = (kind >= 0x4000) & (kind < 0x5000) & (beyond >= 0) & (beyond < 4)
    indication = ((kind == SEND) | (kind == DATA)) & (head["cookie"] == _COOKIE)
    indication &= (length[long] >= _STUN_HEAD) & (wire[long] == told + _STUN_HEAD)
    places = [long[channel]]
    begins = [np.full(len(places[0]), 4, np.int64)]
    lengths = [told[channel]]
    rows = long[indication]
    at = np.full(len(rows), _STUN_HEAD, np.int64)
    for _ in range(MOST_ATTRIBUTES):
        there = at + 4 <= length[rows]
        rows, at = rows[there], at[there]
        if not len(rows):
            break
        attribute = gather(buffer, offset[rows] + at, _ATTRIBUTE)
        size = attribute["length"].astype(np.int64)
        data = attribute["type"] == _DATA_ATTRIBUTE
        whole = data & (at + 4 + size <= wire[rows])
        places.append(rows[whole])
        begins.append(at[whole] + 4)
        lengths.append(size[whole])
        rows, at = rows[~data], (at + 4 + (size + 3) // 4 * 4)[~data]
    place = np.concatenate(places)
    order = np.argsort(place, kind="stable")
    return Spans(place[order], np.concatenate(begins)[order], np.concatenate(lengths)[order])


def relayed_dtls(rows: TransportColumns, buffer: Buffer) -> TransportColumns | None:
    """Return DTLS that stands inside TURN, as datagrams of their own between the ends that were captured.

    ``None`` when there is none.
    """
    length = rows.payload_length
    there = np.flatnonzero(length >= 8)
    if rows.detached:
        there = np.setdiff1d(there, np.fromiter(rows.detached, np.int64))
    octets = np.frombuffer(buffer, np.uint8)
    first = octets[rows.payload_offset[there]]
    there = there[(first == 0) | ((first >= 0x40) & (first < 0x50))]
    if not len(there):
        return None
    offset, captured = rows.payload_offset[there], length[there]
    spans = relayed_spans(buffer, offset, captured, captured + rows.payload_missing[there])
    begin = offset[spans.place] + spans.begin
    left = np.minimum(captured[spans.place] - spans.begin, spans.length)
    inner = octets[np.where(left > 0, begin, 0)]
    wanted = np.flatnonzero((left > 0) & (inner >= _FIRST_DTLS) & (inner < _BEHIND_DTLS))
    if not len(wanted):
        return None
    found = rows.pick(there[spans.place[wanted]])
    found.payload_offset, found.payload_length = begin[wanted], left[wanted]
    found.payload_missing = spans.length[wanted] - left[wanted]
    return found
