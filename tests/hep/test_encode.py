"""What we write, we read, and sngrep reads."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hep.packets import PACKET
from kit import Conversation, write_pcap
from kit.peers import tshark_fields
from tqdecrypt.errors import Malformed
from tqdecrypt.hep import HepPacket, encode_packet, pack, pull_packet
from tqdecrypt.hep.chunks import MOST_PACKET

addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format).filter(lambda one: not one.startswith("[::ffff:")),
)
endpoints = st.builds("{}:{}".format, addresses, st.integers(0, 0xFFFF))


@given(
    st.builds(
        HepPacket,
        endpoints,
        endpoints,
        st.integers(0, 255),
        st.integers(0, 255),
        st.binary(max_size=300),
        st.integers(1, (1 << 32) * 1_000_000 - 1).map(lambda time: time * 1000),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=20),
        st.binary(max_size=20),
        st.none() | st.binary(max_size=20),
    )
)
def test_what_is_written_is_read(packet: HepPacket) -> None:
    assert pull_packet(encode_packet(packet)) == packet


def test_what_does_not_fit_is_refused() -> None:
    room = MOST_PACKET - len(encode_packet(replace(PACKET, payload=b"")))
    assert len(encode_packet(replace(PACKET, payload=bytes(room)))) == MOST_PACKET
    for size in (room + 1, 1 << 20):
        with pytest.raises(Malformed):
            encode_packet(replace(PACKET, payload=bytes(size)))
    assert pack(bytes(MOST_PACKET - 5)) is None


@pytest.mark.peer("sngrep", "tshark")
def test_sngrep_reads_it(tmp_path: Path) -> None:
    """It takes HEP out of a capture and writes packets with the addresses of the chunks."""
    talk = Conversation(server=("192.0.2.20", 9060))
    for number in range(3):
        source = f"192.0.2.{30 + number}:5060"
        talk.datagram(True, encode_packet(replace(PACKET, source=source, protocol=17)))
    path = write_pcap(tmp_path / "hep.pcap", talk.packets)
    written = tmp_path / "sip.pcap"
    command = ["sngrep", "-N", "-q", "-E", "-I", str(path), "-O", str(written)]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    rows = tshark_fields(written, "sip", "ip.src", "udp.dstport", "sip.Call-ID", "frame.time_epoch")
    # It writes each of them twice, when it takes them out of HEP.
    assert sorted({tuple(row) for row in rows}) == [
        (f"192.0.2.{30 + number}", "5061", "1@example.com", "1700000000.123456000")
        for number in range(3)
    ]
