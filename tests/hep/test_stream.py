"""Packets on a stream, however it is cut, and behind damage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hep.packets import EXAMPLE, PACKET
from tqdecrypt.hep import HepStream, encode_packet

OTHER = encode_packet(PACKET)


def test_packets_follow_each_other() -> None:
    stream = HepStream()
    assert stream.receive(EXAMPLE + OTHER + EXAMPLE[:50]) == [EXAMPLE, OTHER]
    assert not stream.idle
    assert stream.receive(EXAMPLE[50:]) == [EXAMPLE]
    assert stream.idle
    assert not stream.counters


def test_rubbish_between_packets_is_skipped_and_counted() -> None:
    stream = HepStream()
    assert stream.receive(b"GET / HTTP/1.1\r\n\r\n" + EXAMPLE + b"HEP3\0\0?" + OTHER) == [
        EXAMPLE,
        OTHER,
    ]
    assert stream.counters == {"hep_garbage_bytes": 25, "hep_resynchronisations": 2}


def test_behind_a_gap_the_next_packet_is_sought() -> None:
    stream = HepStream()
    assert stream.receive(EXAMPLE[:60]) == []
    stream.gap()
    assert stream.receive(EXAMPLE[80:] + OTHER) == [OTHER]
    stream.end()
    assert stream.counters == {
        "hep_garbage_bytes": 60 + len(EXAMPLE) - 80,
        "hep_resynchronisations": 1,
    }


@given(
    st.lists(st.sampled_from([EXAMPLE, OTHER, b"HEP", b"HEP3", b"\0", b"HEP3\0\x02"]), max_size=8),
    st.integers(1, 40),
)
def test_however_it_is_cut_the_same_packets_come_out(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)
    whole, cut = HepStream(), HepStream()
    expected = whole.receive(data)
    found = []
    for start in range(0, len(data), step):
        found += cut.receive(data[start : start + step])
    whole.end()
    cut.end()
    assert found == expected
    assert whole.counters == cut.counters
    assert sum(map(len, found)) + cut.counters["hep_garbage_bytes"] == len(data)
