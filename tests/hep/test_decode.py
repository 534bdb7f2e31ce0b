"""HEP packets of every version are read, or are malformed."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hep.packets import EXAMPLE, INVITE, PACKET, chunk, ends, hep3, legacy
from tqdecrypt.errors import Malformed
from tqdecrypt.hep import encode_packet, looks_like_hep, payload_name, pull_packet, pull_time


def test_the_example_of_the_specification() -> None:
    packet = pull_packet(EXAMPLE)
    assert (packet.source, packet.destination) == ("212.202.0.1:12010", "82.116.0.211:5060")
    assert (packet.protocol, packet.payload_type, packet.capture_id) == (17, 1, 228)
    assert packet.time == 1_313_440_459_120_000_000
    assert packet.payload == b"INVITE sip:bob"
    assert pull_time(EXAMPLE) == packet.time


def test_chunks_come_in_any_order_and_unknown_ones_are_skipped() -> None:
    chunks = [chunk(0x1234, b"?"), chunk(9, b"!", vendor=5), chunk(15, INVITE), chunk(11, b"\x01")]
    packet = pull_packet(hep3(*chunks, *reversed(ends())))
    assert (packet.source, packet.destination) == ("192.0.2.1:5060", "192.0.2.2:5070")
    assert packet.payload == INVITE
    assert packet.time is None


def test_ipv6_is_written_in_its_canonical_form_and_mapped_ipv4_as_ipv4() -> None:
    wide = [
        chunk(1, b"\x0a"),
        chunk(2, b"\x11"),
        chunk(5, bytes.fromhex("20010db8000000000000000000000001")),
        chunk(6, bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 2])),
        chunk(7, b"\x13\xc4"),
        chunk(8, b"\x13\xc4"),
        chunk(11, b"\x01"),
        chunk(15, INVITE),
    ]
    packet = pull_packet(hep3(*wide))
    assert (packet.source, packet.destination) == ("[2001:db8::1]:5060", "192.0.2.2:5060")


@pytest.mark.parametrize("squeeze", [zlib.compress, gzip.compress])
def test_a_compressed_payload_is_expanded(squeeze: object) -> None:
    assert callable(squeeze)
    packet = pull_packet(hep3(*ends(), chunk(11, b"\x01"), chunk(16, squeeze(INVITE))))
    assert packet.payload == INVITE


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"nothing of that kind", "compressed by zlib or gzip"),
        (zlib.compress(INVITE)[:-6], "a whole compressed payload"),
        (zlib.compress(bytes(1 << 24)), "a whole compressed payload"),
    ],
)
def test_what_cannot_be_expanded_or_would_be_too_much_is_malformed(
    payload: bytes, why: str
) -> None:
    with pytest.raises(Malformed, match=why):
        pull_packet(hep3(*ends(), chunk(11, b"\x01"), chunk(16, payload)))


@pytest.mark.parametrize(
    "data",
    [
        b"HEP3",
        b"HEP3\x00\x05",
        EXAMPLE[:-1],
        EXAMPLE[:4] + b"\xff\xff" + EXAMPLE[6:],
        hep3(b"\x00\x00\x00\x0f\x00\x05!"),
        hep3(b"\x00\x00\x00\x0f\x00\xff!"),
        hep3(b"\x00\x00"),
        hep3(*ends(), chunk(11, b"\x01\x01"), chunk(15, INVITE)),
        hep3(*ends(), chunk(11, b"\x01")),
        hep3(*ends(), chunk(15, INVITE)),
        hep3(*ends()[:3], chunk(11, b"\x01"), chunk(15, INVITE)),
        legacy(1, "192.0.2.1", "192.0.2.2")[:12],
        b"\x01\x10\x07\x11" + bytes(30),
        b"\x03",
    ],
)
def test_what_contradicts_itself_or_lacks_something_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        pull_packet(data)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("source", "destination"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")]
)
def test_versions_without_chunks(version: int, source: str, destination: str) -> None:
    data = legacy(version, source, destination)
    assert looks_like_hep(data)
    packet = pull_packet(data)
    assert packet.source.strip("[").startswith(source)
    assert packet.destination.endswith(":5060")
    assert packet.payload == INVITE
    assert packet.time == (1_700_000_000_250_000_000 if version == 2 else None)
    assert packet.capture_id == (9 if version == 2 else 0)


def test_what_else_begins_with_one_or_two_is_not_taken_for_hep() -> None:
    stun = bytes.fromhex("0101004421 12a442".replace(" ", "")) + bytes(12)
    assert not looks_like_hep(stun)
    assert not looks_like_hep(b"\x02\x10\x02\x11" + bytes(40))
    assert not looks_like_hep(b"")
    assert not looks_like_hep(INVITE)


def test_the_password_is_not_in_the_representation() -> None:
    assert "secret" not in repr(PACKET)


def test_payloads_have_names() -> None:
    assert [payload_name(number) for number in (1, 5, 100, 200)] == [
        "sip",
        "rtcp",
        "log",
        "type_200",
    ]


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"HEP3\x00\x40" + data))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        packet = pull_packet(data)
    except Malformed:
        return
    assert packet.payload in data or packet.version == 3
    assert packet.source.rpartition(":")[2].isdecimal()


@given(st.data())
def test_a_packet_with_any_damage_is_read_or_malformed(data: st.DataObject) -> None:
    whole = bytearray(encode_packet(PACKET))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        pull_packet(cut)
    except Malformed:
        return
    assert looks_like_hep(cut)
