"""One RTP packet: what its header says, and where its payload begins and ends (RFC 3550 section 5.1)."""

from __future__ import annotations

from struct import Struct

from tqdecrypt.errors import Malformed
from tqdecrypt.media.audio.track import RtpPayload

__all__ = ["pull_payload"]

_HEAD = Struct("!BBHII")


def pull_payload(packet: bytes, arrival: int) -> RtpPayload:
    """Return a packet's payload without CSRCs, header extension and padding.

    :param packet: in clear.
    :param arrival: ns.
    :raises Malformed: when it ends before its header does, or is no RTP.
    """
    if len(packet) < _HEAD.size or packet[0] >> 6 != 2:
        raise Malformed("an RTP header", f"{len(packet)} octets")
    first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(packet)
    begin = _HEAD.size + 4 * (first & 15)
    end = len(packet)
    if first & 0x10:
        if begin + 4 > end:
            raise Malformed("a header extension", offset=begin)
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4])
    if first & 0x20:
        end -= packet[-1]
    if begin > end:
        raise Malformed("a payload behind the header", offset=begin)
    return RtpPayload(arrival, ssrc, sequence, timestamp, second & 0x7F, packet[begin:end])
