"""What a datagram is: by its first bytes and its shape."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packet.test_turn import attribute, stun
from tqdecrypt.media.columns import Kind, classify, pull_rtp
from tqdecrypt.packet import PacketDecoder, Wanted

from .reading import block_of, datagram, rtp

RECEIVER_REPORT = struct.pack("!BBHI", 0x80, 201, 1, 7)
STUN = struct.pack("!HHI12s", 0x0001, 0, 0x2112A442, b"transaction!")
CHANNEL = struct.pack("!HH", 0x4001, 172)


def kind_of(payload: bytes) -> Kind:
    block = block_of([datagram(0, payload)])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    return Kind(int(classify(rows, block).kinds[0]))


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (rtp(1, 1), Kind.RTP),
        (rtp(1, 1)[:12], Kind.RTP),
        (rtp(1, 1)[:11], Kind.OTHER),
        (b"\x8f" + rtp(1, 1)[1:40], Kind.OTHER),  # fifteen CSRCs do not fit
        (RECEIVER_REPORT, Kind.RTCP),
        (struct.pack("!BBHI", 0x80, 201, 9, 7), Kind.OTHER),
        (RECEIVER_REPORT + bytes(14), Kind.RTCP),  # SRTCP: index and tag behind it
        (STUN, Kind.STUN),
        (STUN + bytes(3), Kind.OTHER),
        (b"\x16\xfe\xfd" + bytes(20), Kind.DTLS),
        (CHANNEL + rtp(1, 1), Kind.RTP),
        (CHANNEL + bytes(172), Kind.TURN_CHANNEL),
        (b"INVITE sip:bob@example.com SIP/2.0\r\n", Kind.OTHER),
        (b"MESSAGE sip:bob@example.com SIP/2.0\r\n", Kind.OTHER),
        (b"\r\n\r\n", Kind.OTHER),
        (b"", Kind.OTHER),
    ],
)
def test_what_a_datagram_is(payload: bytes, kind: Kind) -> None:
    assert kind_of(payload) is kind


def test_payload_lies_behind_sources_and_extension() -> None:
    head = struct.pack("!BBHII", 0x92, 8, 1, 160, 7) + bytes(8)
    extension = struct.pack("!HH", 0xBEDE, 2) + bytes(8)
    block = block_of([datagram(0, head + extension + b"\xd5" * 33), datagram(1, rtp(2, 320))])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    columns, broken = pull_rtp(classify(rows, block), block)
    assert (columns.payload_length.tolist(), broken) == ([33, 160], 0)
    assert columns.extended.tolist() == [True, False]


def test_an_extension_longer_than_the_packet_is_no_rtp() -> None:
    head = struct.pack("!BBHIIHH", 0x90, 8, 1, 160, 7, 0xBEDE, 500)
    block = block_of([datagram(0, head + bytes(20)), datagram(1, rtp(2, 320))])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    columns, broken = pull_rtp(classify(rows, block), block)
    assert (columns.frame.tolist(), broken) == ([2], 1)


def test_media_in_a_turn_channel_is_seen_through_it() -> None:
    block = block_of([datagram(0, CHANNEL + rtp(77, 1, ssrc=5))])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    columns, _ = pull_rtp(classify(rows, block), block)
    assert (columns.sequence.tolist(), columns.ssrc.tolist()) == ([77], [5])
    assert columns.relayed.tolist() == [True]


@pytest.mark.parametrize("kind", [0x0016, 0x0017])
def test_media_in_an_indication_is_seen_through_it(kind: int) -> None:
    peer = attribute(0x0012, bytes(8))
    packets = [
        datagram(0, rtp(76, 1)),
        datagram(20, stun(kind, peer, attribute(0x0013, rtp(77, 1, ssrc=5)))),
        datagram(40, stun(kind, attribute(0x0013, RECEIVER_REPORT), peer)),
        datagram(60, stun(kind, peer, attribute(0x0013, STUN))),
    ]
    block = block_of(packets)
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    datagrams = classify(rows, block)
    assert datagrams.kinds.tolist() == [Kind.RTP, Kind.RTP, Kind.RTCP, Kind.STUN]
    assert datagrams.relayed.tolist() == [False, True, True, False]
    assert datagrams.payload(1) == rtp(77, 1, ssrc=5)
    assert datagrams.payload(2) == RECEIVER_REPORT
    assert datagrams.payload(3) == packets[3].payload
    columns, _ = pull_rtp(datagrams, block)
    assert (columns.sequence.tolist(), columns.payload_length.tolist()) == ([76, 77], [160, 160])


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=20))
def test_any_bytes_are_something(payloads: list[bytes]) -> None:
    block = block_of([datagram(n, payload) for n, payload in enumerate(payloads)])
    rows = PacketDecoder(Wanted.ALL_UDP).decode(block).udp
    datagrams = classify(rows, block)
    columns, broken = pull_rtp(datagrams, block)
    assert len(columns) + broken == int((datagrams.kinds == Kind.RTP).sum())
    assert (columns.payload_length >= 0).all()
