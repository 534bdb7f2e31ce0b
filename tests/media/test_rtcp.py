"""RTCP: sender and receiver reports, extended reports, and the way to the receiver and back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.packets import START
from tqdecrypt.errors import Malformed
from tqdecrypt.media.reports import ReportTable
from tqdecrypt.media.rtcp import pull_compound

MILLISECOND = 1_000_000


def sender_report(ssrc: int, ntp: int, *blocks: bytes) -> bytes:
    body = struct.pack("!IQIII", ssrc, ntp, 160, 100, 16_000) + b"".join(blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), 200, len(body) // 4) + body


def receiver_report(ssrc: int, *blocks: bytes) -> bytes:
    body = struct.pack("!I", ssrc) + b"".join(blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), 201, len(body) // 4) + body


def block(
    ssrc: int, *, lost: int = 0, fraction: int = 0, jitter: int = 0, last: int = 0, delay: int = 0
) -> bytes:
    return struct.pack(
        "!IB3sIIII", ssrc, fraction, lost.to_bytes(3, "big", signed=True), 1000, jitter, last, delay
    )


def voip_block(ssrc: int) -> bytes:
    fields = (ssrc, 26, 13, 128, 3, 120, 9880, 85, 40, -18, 127, 127, 16, 83, 127, 41, 39, 0xC0, 0)
    body = struct.pack("!IBBBBHHHHbbBBBBBBBBHHH", *fields, 60, 120, 200)
    report = struct.pack("!I", 5) + struct.pack("!BBH", 7, 0, len(body) // 4) + body
    return struct.pack("!BBH", 0x80, 207, len(report) // 4) + report


def test_a_compound_of_reports() -> None:
    data = sender_report(7, 0x1122334455667788, block(9, lost=-2, fraction=64, jitter=80))
    data += struct.pack("!BBHI", 0x81, 203, 1, 7)
    found = pull_compound(data)
    assert (found.ssrc, found.types, found.goodbye) == (7, (200, 203), (7,))
    assert found.sender is not None
    assert (found.sender.ntp, found.sender.packets) == (0x1122334455667788, 100)
    (one,) = found.blocks
    assert (one.ssrc, one.lost, one.fraction_lost, one.jitter) == (9, -2, 0.25, 80)


def test_voip_metrics() -> None:
    (metrics,) = pull_compound(voip_block(9)).voip
    assert metrics.loss_share == pytest.approx(26 / 256)
    assert (metrics.burst_duration, metrics.gap_duration, metrics.round_trip) == (120, 9880, 85)
    assert (metrics.signal_level, metrics.noise_level) == (-18, None)
    assert (metrics.r_factor, metrics.mos_listening, metrics.mos_conversation) == (83, 4.1, 3.9)
    assert (metrics.gmin, metrics.buffer_absolute_maximum) == (16, 200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\0",
        receiver_report(7) + bytes(14),  # the index and tag of SRTCP
        receiver_report(7, block(9))[:-4],
        struct.pack("!BBHI", 0x85, 201, 1, 7),  # five blocks that are not there
        struct.pack("!BBHI", 0x80, 200, 1, 7),  # without sender information
    ],
)
def test_what_does_not_add_up_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        pull_compound(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_reports_or_malformed(data: bytes) -> None:
    try:
        found = pull_compound(b"\x81" + data)
    except Malformed:
        return
    assert found.types


def test_the_round_trip_is_measured_where_it_was_captured() -> None:
    """RFC 3550 section 6.4.1: A - LSR - DLSR, with A and the sending of the SR both taken here."""
    table = ReportTable()
    ntp = 0xE0000000_80000000
    table.receive(sender_report(7, ntp), "192.0.2.1:4001", 1, START)
    # 250 ms later, of which the receiver waited 200 ms.
    delay = round(0.2 * 65536)
    report = receiver_report(9, block(7, last=ntp >> 16 & 0xFFFFFFFF, delay=delay, lost=3))
    table.receive(report, "192.0.2.2:6001", 2, START + 250 * MILLISECOND)
    found = table.about(7, "192.0.2.2:6000")
    assert found is not None
    assert (found.reports, found.block and found.block.lost) == (1, 3)
    shortest, _, _, measured = found.round_trips
    assert shortest == pytest.approx(50 * MILLISECOND, abs=20_000)
    assert measured == 1
    assert table.about(7, "192.0.2.3:6000") is None


def test_what_cannot_be_read_is_counted() -> None:
    table = ReportTable()
    assert table.receive(receiver_report(7) + bytes(14), "192.0.2.2:6001", 2, START) is None
    assert table.counters == {"rtcp_packets": 1, "rtcp_unreadable": 1}
