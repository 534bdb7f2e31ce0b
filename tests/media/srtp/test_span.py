"""Which part of captures is read once more: by frames and time, so that clocks may jump."""

from __future__ import annotations

import pytest

from kit.packets import START
from media.reading import MILLISECOND, block_of, datagram, rtp
from media.scenes import SipCall, run, sdp
from tqdecrypt.capture.block import PacketBlock
from tqdecrypt.media.srtp.decryption import Span, span_of

SPAN = Span(100, 200, START + 60_000 * MILLISECOND, START + 120_000 * MILLISECOND)


def block(first_frame: int, begin: float) -> PacketBlock:
    """Ten packets; *begin* in milliseconds."""
    return block_of([datagram(begin + n, rtp(n, n)) for n in range(10)], first_frame)


@pytest.mark.parametrize(
    ("first_frame", "begin", "skipped", "over"),
    [
        (50, 1_000, True, False),
        (50, 90_000, False, False),  # reports come on other ports, and earlier
        (95, 1_000, False, False),  # its last packets may be the stream's first
        (150, 90_000, False, False),
        (150, 900_000, False, False),  # the clock jumped
        (201, 110_000, False, False),
        (201, 900_000, False, True),
    ],
)
def test_what_is_read_once_more(first_frame: int, begin: float, skipped: bool, over: bool) -> None:
    one = block(first_frame, begin)
    assert (SPAN.has_not_begun(one), SPAN.is_over(one)) == (skipped, over)


def test_a_span_has_all_packets_of_the_streams() -> None:
    there, back = ("198.51.100.10", 4000), ("203.0.113.20", 6000)
    media = [datagram(1000 + 20 * n, rtp(n, 160 * n), there, back) for n in range(50)]
    ran = run(SipCall(sdp(*there), sdp(*back)), media)
    (one,) = ran.leg.streams
    span = span_of(ran.calls)
    assert (span.first_frame, span.last_frame) == (one.stream.first_frame, one.stream.last_frame)
    assert span.since < one.stream.started < one.stream.ended < span.until
