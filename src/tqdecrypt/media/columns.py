"""What a block's datagrams are (RFC 7983, RFC 5761), and the RTP among them as columns (RFC 3550).

A first byte tells STUN, DTLS, TURN channels and RTP apart; the second one tells RTCP from RTP.  Shape
decides the rest: a length field that does not fit makes a datagram ``OTHER``.  Nothing here is a Python
object per packet.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tqdecrypt.capture.block import Buffer, PacketBlock
from tqdecrypt.packet.layouts import Integers, Rows, gather
from tqdecrypt.packet.transport import TransportColumns
from tqdecrypt.packet.turn import DATA, SEND, relayed_span, relayed_spans

__all__ = ["Datagrams", "Kind", "RtpColumns", "classify", "pull_rtp"]

Kinds: TypeAlias = npt.NDArray[np.uint8]

_HEAD = 12
"""Bytes of an RTP header without CSRCs; enough to tell all the others, too."""
_LAYOUT = np.dtype(
    {
        "names": [
            "first", "second", "sequence", "length", "timestamp", "cookie", "ssrc",
        ],
        "formats": ["u1", "u1", ">u2", ">u2", ">u4", ">u4", ">u4"],
        "offsets": [0, 1, 2, 2, 4, 4, 8],
        "itemsize": _HEAD,
    }
)  # fmt: skip
_EXTENSION = np.dtype({"names": ["words"], "formats": [">u2"], "offsets": [2], "itemsize": 4})
_LEAD = np.dtype({"names": ["lead"], "formats": [">u2"], "itemsize": 2})
_FIRST_DYNAMIC = 96
_COOKIE = 0x2112A442
"""Magic cookie of STUN (RFC 8489 section 5)."""


class Kind(enum.IntEnum):
    """What a datagram is."""

    OTHER = 0
    """None of the others: SIP, T.38, DNS …"""
    RTP = 1
    """RTP or SRTP."""
    RTCP = 2
    """RTCP or SRTCP."""
    STUN = 3
    DTLS = 4
    TURN_CHANNEL = 5
    """ChannelData of TURN (RFC 8656 section 12.4) without media in it."""


@dataclass(slots=True)
class Datagrams:
    """A block's datagrams with their kinds; media is seen through ChannelData and indications of TURN.

    :ivar rows: the transport columns.
    """

    rows: TransportColumns
    buffer: Buffer
    kinds: Kinds
    offset: Integers
    """Where the payload starts; for media in TURN where the relayed one does."""
    length: Integers
    """Bytes of payload that were captured."""
    wire_length: Integers
    """Bytes of payload on the wire."""
    relayed: npt.NDArray[np.bool_]
    """Whether it came in TURN, by a channel or in an indication."""
    head: Rows
    """The first bytes of each payload."""

    def payload(self, row: int) -> bytes:
        """Return one datagram's payload."""
        detached = self.rows.detached.get(row)
        start = int(self.offset[row])
        length = int(self.length[row])
        if detached is None:
            return bytes(memoryview(self.buffer)[start : start + length])
        return detached[start : start + length]


@dataclass(slots=True)
class RtpColumns:
    """RTP packets; one entry a packet, in packet order.  Copies: the block's buffer is not kept."""

    frame: npt.NDArray[np.int64]
    """Number of the packet, from 1."""
    time: npt.NDArray[np.int64]
    """Nanoseconds since 1970-01-01 UTC."""
    version: npt.NDArray[np.uint8]
    """Of IP."""
    source: npt.NDArray[np.uint64]
    """Shape (n, 2), as in the transport columns."""
    destination: npt.NDArray[np.uint64]
    source_port: npt.NDArray[np.uint16]
    destination_port: npt.NDArray[np.uint16]
    traffic_class: npt.NDArray[np.uint8]
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    ssrc: npt.NDArray[np.uint32]
    payload_type: npt.NDArray[np.uint8]
    marker: npt.NDArray[np.bool_]
    padded: npt.NDArray[np.bool_]
    extended: npt.NDArray[np.bool_]
    payload_length: npt.NDArray[np.int64]
    """Bytes behind the header and its extension, on the wire, padding and SRTP tag included."""
    cut: npt.NDArray[np.bool_]
    """Whether the snap length took some of the payload."""
    relayed: npt.NDArray[np.bool_]
    """Whether it came in TURN."""
    lead: npt.NDArray[np.uint16]
    """The first two bytes of the payload, where its type is a dynamic one; else 0."""

    def __len__(self) -> int:
        return len(self.frame)

    def pick(self, which: npt.NDArray[Any]) -> RtpColumns:
        """Return the packets *which*."""
        return RtpColumns(*(getattr(self, one.name)[which] for one in fields(self)))


def classify(rows: TransportColumns, block: PacketBlock) -> Datagrams:
    """Say what each datagram is."""
    buffer = block.buffer
    offset, length = rows.payload_offset.copy(), rows.payload_length.copy()
    wire = length + rows.payload_missing
    relayed = np.zeros(len(rows), np.bool_)
    head = _heads(buffer, rows.detached, offset, length)
    kinds = _kinds(head, length, wire)
    found = Datagrams(rows, buffer, kinds, offset, length, wire, relayed, head)
    second = head["second"]
    wraps = (kinds == Kind.STUN) & (head["first"] == 0) & ((second == SEND) | (second == DATA))
    wraps |= kinds == Kind.TURN_CHANNEL
    if wraps.any():
        _look_into_turn(found, np.flatnonzero(wraps))
    return found


def _heads(
    buffer: Buffer, detached: Mapping[int, bytes], offset: Integers, length: Integers
) -> Rows:
    """Return the first bytes of each payload; *detached* has those that do not stand in the buffer."""
    head = gather(buffer, np.where(length > 0, offset, 0), _LAYOUT)
    for place, payload in detached.items():  # put together from fragments: rare
        start = int(offset[place])
        head[place] = np.frombuffer(
            payload[start : start + _HEAD].ljust(_HEAD, b"\0"), _LAYOUT, count=1
        )[0]
    return head


def _kinds(head: Rows, captured: Integers, wire: Integers) -> Kinds:
    first, second = head["first"], head["second"]
    kinds = np.zeros(len(head), np.uint8)
    told = head["length"].astype(np.int64)
    enough = captured >= _HEAD
    two = (first >> 6) == 2
    control = two & (second >= 192) & (second <= 223) & (captured >= 8)
    control &= (told + 1) * 4 <= wire
    # Fixed header and CSRCs (section 5.1); an extension's own length is looked at later.
    packets = two & ~((second >= 192) & (second <= 223)) & enough
    packets &= wire >= 12 + 4 * (first & 0x0F).astype(np.int64)
    kinds[packets] = Kind.RTP
    kinds[control] = Kind.RTCP
    stun = (first < 4) & (captured >= 8) & (told % 4 == 0) & (wire == told + 20)
    kinds[stun & ((head["cookie"] == _COOKIE) | enough)] = Kind.STUN
    kinds[(first >= 20) & (first < 64) & (captured >= 1)] = Kind.DTLS
    channel = (first >= 64) & (first < 80) & (captured >= 4) & (told + 4 <= wire)
    kinds[channel & (wire - told < 8)] = Kind.TURN_CHANNEL
    # Letters begin SIP: some of them are 64 … 79, and its second and third bytes are no length.
    return kinds


def _look_into_turn(datagrams: Datagrams, which: Integers) -> None:
    """Take media out of TURN: its datagrams are then those that were relayed."""
    rows, buffer = datagrams.rows, datagrams.buffer
    for row in rows.detached:  # put together from fragments: rare
        if row in which:
            payload = datagrams.payload(row)
            span = relayed_span(payload, int(datagrams.wire_length[row]))
            if span is not None:
                _enter(datagrams, np.array([row]), np.array([span.begin]), np.array([span.length]))
    plain = np.setdiff1d(which, np.fromiter(rows.detached, np.int64)) if rows.detached else which
    spans = relayed_spans(
        buffer,
        datagrams.offset[plain],
        datagrams.length[plain],
        datagrams.wire_length[plain],
    )
    if len(spans.place):
        _enter(datagrams, plain[spans.place], spans.begin, spans.length)


def _enter(datagrams: Datagrams, which: Integers, begin: Integers, wire: Integers) -> None:
    """Make the datagrams *which* those that stand in them, where these are media."""
    offset = datagrams.offset[which] + begin
    length = np.clip(datagrams.length[which] - begin, 0, wire)
    apart = datagrams.rows.detached
    detached = {at: apart[row] for at, row in enumerate(which.tolist()) if row in apart}
    head = _heads(datagrams.buffer, detached, offset, length)
    kinds = _kinds(head, length, wire)
    media = np.flatnonzero((kinds == Kind.RTP) | (kinds == Kind.RTCP))
    which = which[media]
    datagrams.offset[which], datagrams.length[which] = offset[media], length[media]
    datagrams.wire_length[which] = wire[media]
    datagrams.relayed[which] = True
    datagrams.kinds[which] = kinds[media]
    datagrams.head[which] = head[media]


def pull_rtp(datagrams: Datagrams, block: PacketBlock) -> tuple[RtpColumns, int]:
    """Return the RTP packets, and how many look like RTP but have a header longer than themselves."""
    every = np.flatnonzero(datagrams.kinds == Kind.RTP)
    rows = datagrams.rows
    # Mostly all of them are: then columns are taken as they are.
    which: Any = every if len(every) < len(rows) else slice(None)
    head = datagrams.head[which]
    first, second = head["first"], head["second"]
    length = datagrams.wire_length[which] - 12 - 4 * (first & 0x0F).astype(np.int64)
    extended = first & 0x10 != 0
    broken = 0
    if extended.any():
        _behind_extensions(datagrams, every, first, extended, length)
        broken = int(np.count_nonzero(length < 0))
    packet = rows.packet[which]
    payload_type = (second & 0x7F).astype(np.uint8)
    found = RtpColumns(
        frame=packet + block.first_frame,
        time=block.time[packet],
        version=rows.version[which],
        source=rows.source[which],
        destination=rows.destination[which],
        source_port=rows.source_port[which],
        destination_port=rows.destination_port[which],
        traffic_class=rows.traffic_class[which],
        sequence=head["sequence"].astype(np.uint16),
        timestamp=head["timestamp"].astype(np.uint32),
        ssrc=head["ssrc"].astype(np.uint32),
        payload_type=payload_type,
        marker=second & 0x80 != 0,
        padded=first & 0x20 != 0,
        extended=extended,
        payload_length=length,
        cut=datagrams.length[which] < datagrams.wire_length[which],
        relayed=datagrams.relayed[which],
        lead=_leads(datagrams, every, payload_type, length),
    )
    return (found.pick(np.flatnonzero(length >= 0)) if broken else found), broken


def _leads(
    datagrams: Datagrams, which: Integers, payload_type: Kinds, length: Integers
) -> npt.NDArray[np.uint16]:
    """Return the first two bytes of payloads whose types are dynamic."""
    lead = np.zeros(len(which), np.uint16)
    at = np.flatnonzero((payload_type >= _FIRST_DYNAMIC) & (length >= 2))
    if datagrams.rows.detached:
        at = at[~np.isin(which[at], list(datagrams.rows.detached))]
    if len(at):
        rows = which[at]
        begin = datagrams.wire_length[rows] - length[at]
        there = begin + 2 <= datagrams.length[rows]
        at, begin = at[there], (datagrams.offset[rows] + begin)[there]
        lead[at] = gather(datagrams.buffer, begin, _LEAD)["lead"]
    return lead


def _behind_extensions(
    datagrams: Datagrams,
    which: Integers,
    first: npt.NDArray[np.uint8],
    extended: npt.NDArray[np.bool_],
    length: Integers,
) -> None:
    """Take header extensions (section 5.3.1) from *length*, in place."""
    there = np.flatnonzero(extended)
    skip = 12 + 4 * (first[there] & 0x0F).astype(np.int64)
    # Where the extension's length was not captured, or stands in fragments, it counts as payload.
    known = datagrams.length[which[there]] >= skip + 4
    detached = datagrams.rows.detached
    if detached:
        known &= ~np.isin(which[there], list(detached))
    there, skip = there[known], skip[known]
    words = gather(datagrams.buffer, datagrams.offset[which[there]] + skip, _EXTENSION)["words"]
    length[there] -= 4 + 4 * words.astype(np.int64)
