"""RTCP packets (RFC 3550 section 6, RFC 3611), one datagram at a time: there are few.

What does not add up is :class:`~tqdecrypt.errors.Malformed`; that is how SRTCP looks, too, whose index and
tag stand behind the last packet (RFC 3711 section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from tqdecrypt.errors import Malformed

__all__ = ["Compound", "DelayReply", "ReportBlock", "SenderInfo", "VoipMetrics", "pull_compound"]

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE, APPLICATION = 200, 201, 202, 203, 204
EXTENDED_REPORT = 207
_RECEIVER_TIME, _DELAY_SINCE, _VOIP = 4, 5, 7
"""Block types of extended reports (RFC 3611 section 4)."""

_HEADER = Struct("!BBHI")
_SENDER = Struct("!QIII")
_BLOCK = Struct("!IB3sIIII")
_SUB_BLOCK = Struct("!III")
_VOIP_FIELDS = Struct("!IBBBBHHHHbbBBBBBBBBHHH")
_MOST_PACKETS = 64
"""Packets of a compound: more than any datagram of a real stack has."""


class SenderInfo(NamedTuple):
    """What a sender says of itself in an SR (section 6.4.1)."""

    ntp: int
    """NTP timestamp, 64 bits."""
    timestamp: int
    packets: int
    octets: int


class ReportBlock(NamedTuple):
    """What a receiver says of a stream (section 6.4.1)."""

    ssrc: int
    """Of the stream."""
    fraction_lost: float
    """Since the report before, 0 … 1."""
    lost: int
    """In all; below zero with duplicates."""
    highest: int
    """Extended highest sequence number."""
    jitter: int
    """In timestamp units."""
    last_report: int
    """Middle of the NTP timestamp of the last SR; 0: none came."""
    delay: int
    """Since that SR, in 1/65536 s."""


class DelayReply(NamedTuple):
    """A sub-block of DLRR (RFC 3611 section 4.5): as LSR and DLSR, for receivers that do not send."""

    ssrc: int
    last_report: int
    delay: int


class VoipMetrics(NamedTuple):
    """What a receiver says of the quality (RFC 3611 section 4.7); ``None``: it does not say."""

    ssrc: int
    loss_share: float
    """Lost on the network, 0 … 1."""
    discard_share: float
    """Came, but too late or too early to be played."""
    burst_density: float
    gap_density: float
    burst_duration: int
    """Milliseconds."""
    gap_duration: int
    round_trip: int
    """Milliseconds; 0: not measured."""
    end_system_delay: int
    signal_level: int | None
    """dBm0."""
    noise_level: int | None
    echo_loss: int | None
    """Residual echo return loss, dB."""
    gmin: int
    r_factor: int | None
    external_r_factor: int | None
    mos_listening: float | None
    mos_conversation: float | None
    concealment: int
    """The byte of the receiver's configuration: concealment, adaptive buffer, its rate."""
    buffer_nominal: int
    """Milliseconds."""
    buffer_maximum: int
    buffer_absolute_maximum: int


@dataclass(frozen=True, slots=True)
class Compound:
    """One datagram of RTCP."""

    ssrc: int
    """Who sent it."""
    types: tuple[int, ...]
    """Of its packets, in order."""
    sender: SenderInfo | None
    blocks: tuple[ReportBlock, ...]
    receiver_time: int | None
    """NTP timestamp of a receiver's reference time (RFC 3611 section 4.4)."""
    replies: tuple[DelayReply, ...]
    voip: tuple[VoipMetrics, ...]
    goodbye: tuple[int, ...]
    """SSRCs that leave."""


def pull_compound(data: bytes) -> Compound:
    """Read one datagram.

    :raises Malformed: its packets do not add up to it (RFC 3550 appendix A.2).
    """
    position, end = 0, len(data)
    ssrc: int | None = None
    types: list[int] = []
    sender: SenderInfo | None = None
    blocks: list[ReportBlock] = []
    receiver_time: int | None = None
    replies: list[DelayReply] = []
    voip: list[VoipMetrics] = []
    goodbye: list[int] = []
    while position < end:
        if end - position < 8 or len(types) >= _MOST_PACKETS:
            raise Malformed("an RTCP packet of at least 8 bytes", end - position, position)
        first, kind, words, who = _HEADER.unpack_from(data, position)
        stop = position + 4 + 4 * words
        if first >> 6 != 2 or stop > end or stop < position + 8:
            raise Malformed("RTCP packets that fill the datagram", words, position)
        ssrc = who if ssrc is None else ssrc
        types.append(kind)
        count, body = first & 0x1F, data[position + 8 : stop]
        if kind == SENDER_REPORT:
            if len(body) < _SENDER.size:
                raise Malformed("sender information of 20 bytes", len(body), position)
            sender = SenderInfo(*_SENDER.unpack_from(body))
            blocks += _pull_blocks(body[_SENDER.size :], count, position)
        elif kind == RECEIVER_REPORT:
            blocks += _pull_blocks(body, count, position)
        elif kind == GOODBYE:
            goodbye += [
                int.from_bytes(data[place : place + 4], "big")
                for place in range(position + 4, min(position + 4 + 4 * count, stop - 3), 4)
            ]
        elif kind == EXTENDED_REPORT:
            receiver_time = _pull_extended(body, replies, voip, receiver_time)
        position = stop
    if ssrc is None:
        raise Malformed("an RTCP packet", 0)
    return Compound(
        ssrc,
        tuple(types),
        sender,
        tuple(blocks),
        receiver_time,
        tuple(replies),
        tuple(voip),
        tuple(goodbye),
    )


def _pull_blocks(body: bytes, count: int, position: int) -> list[ReportBlock]:
    if len(body) < count * _BLOCK.size:
        raise Malformed(f"{count} report blocks", len(body), position)
    found = []
    for place in range(0, count * _BLOCK.size, _BLOCK.size):
        ssrc, fraction, lost, *rest = _BLOCK.unpack_from(body, place)
        found.append(
            ReportBlock(ssrc, fraction / 256, int.from_bytes(lost, "big", signed=True), *rest)
        )
    return found


def _pull_extended(
    body: bytes, replies: list[DelayReply], voip: list[VoipMetrics], receiver_time: int | None
) -> int | None:
    """Read the blocks of an extended report (RFC 3611 section 3); return the reference time."""
    position = 0
    while position + 4 <= len(body):
        kind, words = body[position], int.from_bytes(body[position + 2 : position + 4], "big")
        content = body[position + 4 : position + 4 + 4 * words]
        if len(content) < 4 * words:
            raise Malformed("report blocks that fill the extended report", words, position)
        if kind == _RECEIVER_TIME and len(content) >= 8:
            receiver_time = int.from_bytes(content[:8], "big")
        elif kind == _DELAY_SINCE:
            replies += [
                DelayReply(*_SUB_BLOCK.unpack_from(content, place))
                for place in range(0, len(content) - 11, 12)
            ]
        elif kind == _VOIP and len(content) >= _VOIP_FIELDS.size:
            voip.append(_voip(content))
        position += 4 + 4 * words
    return receiver_time


def _voip(content: bytes) -> VoipMetrics:
    (
        ssrc, loss, discard, burst, gap, burst_ms, gap_ms, round_trip, delay, signal, noise, echo,
        gmin, r_factor, external, listening, conversation, concealment, _reserved, nominal, maximum,
        absolute,
    ) = _VOIP_FIELDS.unpack_from(content)  # fmt: skip
    return VoipMetrics(
        ssrc,
        loss / 256,
        discard / 256,
        burst / 256,
        gap / 256,
        burst_ms,
        gap_ms,
        round_trip,
        delay,
        None if signal == 127 else signal,
        None if noise == 127 else noise,
        None if echo == 127 else echo,
        gmin,
        None if r_factor == 127 else r_factor,
        None if external == 127 else external,
        None if listening == 127 else listening / 10,
        None if conversation == 127 else conversation / 10,
        concealment,
        nominal,
        maximum,
        absolute,
    )
