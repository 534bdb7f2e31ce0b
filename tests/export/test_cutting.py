"""Which packets belong to a connection: all of them, as they are, and no others."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.writer import Record, read
from kit import (
    Conversation,
    LinkType,
    Packet,
    apply,
    cut_snaplen,
    duplicate,
    fragment,
    interleave,
    write_pcap,
    write_pcapng,
)
from packet.frames import vxlan
from tqdecrypt.capture import source
from tqdecrypt.export.cutting import Extent, Frames, copy_frames, find_frames
from tqdecrypt.export.pcapng_writer import PcapngFile
from tqdecrypt.packet import parse_endpoint

CLIENT, SERVER = ("192.0.2.10", 40000), ("192.0.2.20", 5061)
OTHER = ("192.0.2.11", 40000)


def text(end: tuple[str, int]) -> str:
    host, port = end
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def extent(
    packets: Sequence[Packet],
    of: Sequence[Packet],
    *,
    ends: tuple[tuple[str, int], tuple[str, int]] = (CLIENT, SERVER),
    datagrams: bool = False,
) -> Extent:
    """Where those of *packets* lie that say anything and are *of* a connection."""
    saying = [
        number
        for number, packet in enumerate(packets, 1)
        if packet in of
        and (
            packet.segment is None
            or packet.segment.payload
            or packet.segment.flags is None
            or packet.segment.flags & 0x07
        )
    ]
    pair = parse_endpoint(text(ends[0])), parse_endpoint(text(ends[1]))
    return Extent(pair, saying[0], saying[-1], datagrams)


def cut(path: Path, *extents: Extent, frames: Sequence[int] = ()) -> list[Record]:
    """Cut, and read back what was cut out."""
    found = Frames()
    found.add(np.array(frames, np.int64))
    find_frames([str(path)], extents, found)
    stream = io.BytesIO()
    copied = copy_frames([str(path)], found, PcapngFile(stream))
    out = path.with_name("cut.pcapng")
    out.write_bytes(stream.getvalue())
    result = read(out)
    assert result.problems == []
    assert len(result.records) == copied
    return result.records


def records(packets: Sequence[Packet]) -> list[Record]:
    return [Record(packet.time_ns, packet.data, packet.length) for packet in packets]


def talk(client: tuple[str, int] = CLIENT, **settings: object) -> Conversation:
    made = Conversation(client, SERVER, **settings).open()  # type: ignore[arg-type]
    return made.send(True, b"\x16\x03\x01 hello " * 300).send(False, b"answer " * 10).close()


@given(st.lists(st.integers(1, 300_000)), st.integers(1, 300_000), st.integers(1, 5000))
def test_frames_are_a_set(numbers: list[int], first: int, count: int) -> None:
    frames = Frames()
    half = len(numbers) // 2
    frames.add(np.array(numbers[:half], np.int64))
    frames.add(np.array(numbers[half:], np.int64))
    assert all(number in frames for number in numbers)
    expected = {number - first for number in numbers if first <= number < first + count}
    assert set(frames.among(first, count).tolist()) == expected
    assert (max(numbers, default=0) + 1) not in frames


@pytest.mark.parametrize("vlan", [(), (42,), (7, 42)])
@pytest.mark.parametrize("link", [LinkType.ETHERNET, LinkType.LINUX_SLL2])
def test_all_packets_of_one_connection_and_no_others(
    tmp_path: Path, link: LinkType, vlan: tuple[int, ...]
) -> None:
    mine = talk(link_type=link, vlan=vlan).packets
    others = talk(OTHER, link_type=link, vlan=vlan).packets
    packets = interleave(mine, others)
    path = write_pcap(tmp_path / "two.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets, mine)) == records(mine)


def test_ipv6_too(tmp_path: Path) -> None:
    mine = Conversation(ipv6=True).open().send(True, b"hello").close()
    packets = interleave(mine, talk())
    path = write_pcap(tmp_path / "six.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets, mine.packets, ends=(mine.client, mine.server))) == records(
        mine.packets
    )


def test_the_same_ports_used_again_are_another_connection(tmp_path: Path) -> None:
    first = talk()
    second = talk(time_ns=first.time_ns + 1000, client_sequence=77, server_sequence=88)
    packets = [*first.packets, *second.packets]
    path = write_pcap(tmp_path / "again.pcap", packets, nanoseconds=True)
    for mine in (first.packets, second.packets):
        assert cut(path, extent(packets, mine)) == records(mine)
    both = extent(packets, first.packets), extent(packets, second.packets)
    assert cut(path, *both) == records(packets)


def test_acknowledgments_behind_the_end_come_along_also_from_a_later_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FIRST_WINDOW", 256)
    monkeypatch.setattr(source, "WINDOW", 256)
    mine = talk()
    mine.packets += mine.wait(5).packets[-1:] * 3
    later = talk(time_ns=mine.time_ns + 10**9, client_sequence=5)
    packets = [*mine.packets, *later.packets, mine.packets[-1]]
    path = write_pcap(tmp_path / "late.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets[:-1], mine.packets[:-3])) == records(mine.packets)


def test_tunnelled_packets_stay_in_their_tunnel(tmp_path: Path) -> None:
    inner, others = talk().packets, talk(OTHER).packets
    tunnel = Conversation(("10.0.0.1", 51_000), ("10.0.0.2", 4789))
    for packet in interleave(inner, others):
        tunnel.datagram(True, vxlan(packet.data))
    path = write_pcap(tmp_path / "tunnel.pcap", tunnel.packets, nanoseconds=True)
    mine = [p for p in tunnel.packets if any(p.data.endswith(one.data) for one in inner)]
    assert len(mine) == len(inner)
    first, last = tunnel.packets.index(mine[0]) + 1, tunnel.packets.index(mine[-2]) + 1
    ends = parse_endpoint(text(CLIENT)), parse_endpoint(text(SERVER))
    assert cut(path, Extent(ends, first, last)) == records(mine)


@pytest.mark.parametrize("ipv6", [False, True])
def test_every_fragment_comes_along_and_none_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ipv6: bool
) -> None:
    """Fragments lie before the packet that completes the datagram, in other blocks, too."""
    monkeypatch.setattr(source, "FIRST_WINDOW", 512)
    monkeypatch.setattr(source, "WINDOW", 512)
    conversation = Conversation(ipv6=ipv6).open().send(True, b"\x16 hello " * 300).close()
    mine = apply(conversation.packets, fragment(296))
    stranger = Conversation(("192.0.2.11", 7), SERVER, _identification=900).open()
    others = apply(stranger.send(True, b"\x16 other " * 300).packets, fragment(296))
    packets = interleave(mine, others)
    path = write_pcap(tmp_path / "pieces.pcap", packets, nanoseconds=True)
    where = extent(packets, mine, ends=(conversation.client, conversation.server))
    assert cut(path, where) == records(mine)


def test_copies_from_a_mirror_come_along(tmp_path: Path) -> None:
    packets = apply(talk().packets, duplicate())
    path = write_pcap(tmp_path / "twice.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets, packets)) == records(packets)


def test_cut_packets_keep_their_length(tmp_path: Path) -> None:
    packets = apply(talk().packets, cut_snaplen(100))
    path = write_pcap(tmp_path / "cut.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets, packets)) == records(packets)
    assert any(record.length > len(record.data) for record in records(packets))


def test_interfaces_and_link_types_stay_what_they_are(tmp_path: Path) -> None:
    mine = talk().packets
    raw = talk(OTHER, link_type=LinkType.RAW).packets
    packets = interleave(mine, raw)
    path = write_pcapng(tmp_path / "mixed.pcapng", packets)
    wheres = extent(packets, raw, ends=(OTHER, SERVER)), extent(packets, mine)
    assert cut(path, *wheres) == records(packets)
    result = read(path.with_name("cut.pcapng"))
    assert [(i.name, i.link_type) for i in result.interfaces] == [
        ("eth0", 1) if packet in mine else ("eth1", 101) for packet in packets
    ]


def test_dtls_comes_without_the_media_between_the_same_ends(tmp_path: Path) -> None:
    both = Conversation(CLIENT, SERVER)
    for first in (22, 22, 0x80, 23, 0x90, 23):
        both.datagram(True, bytes([first]) + b"\xfe\xfd" + bytes(40))
    path = write_pcap(tmp_path / "dtls.pcap", both.packets, nanoseconds=True)
    mine = [packet for packet in both.packets if packet.data[42] < 64]
    assert cut(path, extent(both.packets, mine, datagrams=True)) == records(mine)


def test_single_datagrams_come_with_their_fragments(tmp_path: Path) -> None:
    whole = Conversation(("192.0.2.1", 5060), ("192.0.2.2", 5060))
    whole.datagram(True, b"INVITE " + b"x" * 2000).datagram(False, b"SIP/2.0 200 OK")
    packets = apply(whole.packets, fragment(800))
    path = write_pcap(tmp_path / "clear.pcap", packets, nanoseconds=True)
    assert cut(path, frames=[3]) == records(packets[:3])


def test_nothing_is_found_where_nothing_is_wanted(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "one.pcap", talk().packets)
    elsewhere = parse_endpoint("198.51.100.1:1"), parse_endpoint("198.51.100.2:2")
    assert cut(path, Extent(elsewhere, 1, 100)) == []
    assert cut(path) == []


def test_ends_that_differ_in_one_number_are_told_apart(tmp_path: Path) -> None:
    mine = talk().packets
    near = [
        talk(("192.0.2.10", 40001)).packets,
        talk(("192.0.2.9", 40000)).packets,
        [
            replace(p.segment, source=p.segment.destination, destination=p.segment.source).packet()
            for p in talk(("192.0.2.20", 40000)).packets
            if p.segment is not None
        ],
    ]
    packets = interleave(mine, *near)
    path = write_pcap(tmp_path / "near.pcap", packets, nanoseconds=True)
    assert cut(path, extent(packets, mine)) == records(mine)
