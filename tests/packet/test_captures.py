"""Real captures: columns equal single packets, tshark sees the same, and damage does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest

from kit import peers
from tqdecrypt.capture import PacketBlock, open_captures
from tqdecrypt.errors import InputError
from tqdecrypt.packet import Dropped, PacketDecoder, Wanted

from .frames import EVERYTHING, assert_as_specified, rows_of

SHARED = Path(__file__).resolve().parents[3] / "shared"
CAPTURES = sorted(
    path
    for pattern in ("captures/*.pcap*", "corpus/**/*.pcap*", "corpus/**/*.cap")
    for path in SHARED.glob(pattern)
)
FOLDERS = sorted({path.parent for path in CAPTURES})
NOT_FOR_TSHARK = {
    "brcm-tag.pcap": "a link type that tshark 4.0 does not know",
    "dsa.pcap": "likewise",
    "arcnet-rfc1051-arp-icmp-http.pcap": "ARCNET, which we do not decode",
    "pcapng-invalid-vers-2.pcapng": "a version that tshark refuses",
}
TSHARK = [
    path
    for folder in ("linktypes", "transport", "sip/suricata-verify", "sip/wireshark")
    for path in CAPTURES
    if (SHARED / "corpus" / folder) in path.parents and path.name not in NOT_FOR_TSHARK
]


def name(path: Path) -> str:
    return str(path.relative_to(SHARED))


def blocks_of(path: Path) -> Iterator[PacketBlock]:
    """Yield the blocks of a capture, as far as it can be read."""
    try:
        with open_captures([str(path)]) as reader:
            yield from reader
    except InputError:
        return


@pytest.mark.shared
@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_columns_equal_single_packets(folder: Path) -> None:
    for path in CAPTURES:
        if path.parent == folder:
            assert_as_specified(blocks_of(path), EVERYTHING)
            assert_as_specified(blocks_of(path), Wanted.SIGNALLING, frozenset({5060, 5061}))


class Seen(NamedTuple):
    """What tshark says of the innermost TCP or UDP of a frame, in comparable form."""

    frame: int
    source: str
    destination: str
    ports: tuple[int, int]
    sequence: int
    length: int


COMMON = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
TCP_FIELDS = ("tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.len")
UDP_FIELDS = ("udp.srcport", "udp.dstport", "udp.length")


def seen_by_tshark(path: Path) -> tuple[list[Seen], list[Seen]]:
    """Return TCP segments and UDP datagrams: the last transport header of each frame."""
    found: tuple[list[Seen], list[Seen]] = ([], [])
    # What an ICMP error quotes is a transport header, but no segment.  A tunnel's datagram that
    # holds ARP is no row, nor is what was compressed.
    quiet = "(tcp || udp) && !icmp && !icmpv6 && !arp && !ipcomp"
    for line in peers.tshark_fields(path, quiet, *COMMON, *TCP_FIELDS, *UDP_FIELDS):
        frame, protocols, *rest = line + [""] * (13 - len(line))
        names = protocols.split(":")
        addresses = _innermost_addresses(names, rest[:4])
        last = [field.split("|")[-1] for field in rest[4:]]
        if _place(names, "tcp") > _place(names, "udp"):
            numbers = (int(last[2]), int(last[3]))
            ports = (int(last[0]), int(last[1]))
            found[0].append(Seen(int(frame), *addresses, ports, *numbers))
        else:
            ports = (int(last[4]), int(last[5]))
            found[1].append(Seen(int(frame), *addresses, ports, 0, int(last[6]) - 8))
    return found


def _place(names: list[str], name: str) -> int:
    return len(names) - names[::-1].index(name) if name in names else -1


def _innermost_addresses(names: list[str], fields: list[str]) -> tuple[str, str]:
    four, six = _place(names, "ip"), _place(names, "ipv6")
    source, destination = fields[:2] if four > six else fields[2:]
    return source.split("|")[-1], destination.split("|")[-1]


def seen_by_us(path: Path) -> tuple[list[Seen], list[Seen]]:
    decoder = PacketDecoder(EVERYTHING)
    found: tuple[list[Seen], list[Seen]] = ([], [])
    for block in blocks_of(path):
        for rows, columns in zip(found, decoder.decode(block), strict=True):
            for row in rows_of(columns, block.buffer):
                source, destination = (
                    str(
                        ip_address(
                            (a[0] << 64 | a[1]).to_bytes(4 if row.version == 4 else 16, "big")
                        )
                    )
                    for a in (row.source, row.destination)
                )
                frame = block.first_frame + row.packet
                length = len(row.payload) + row.missing
                rows.append(Seen(frame, source, destination, row.ports, row.sequence, length))
    return found


@pytest.mark.shared
@pytest.mark.peer("tshark")
@pytest.mark.parametrize("path", TSHARK, ids=name)
def test_tshark_sees_the_same(path: Path) -> None:
    ours, theirs = seen_by_us(path), seen_by_tshark(path)
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]


MALFORMED = [path for path in CAPTURES if "malformed" in path.parts]


@pytest.mark.shared
def test_hostile_captures_are_accounted_for() -> None:
    """Files that crashed other tools: every packet becomes a row or is counted, and nothing raises."""
    assert len(MALFORMED) > 400
    for path in MALFORMED:
        decoder = PacketDecoder(EVERYTHING)
        packets = rows = 0
        for block in blocks_of(path):
            packets += len(block)
            rows += sum(map(len, decoder.decode(block)))
        assert packets == rows + sum(decoder.counters.get(reason, 0) for reason in Dropped), path
