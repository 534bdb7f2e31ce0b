"""Records by their headers alone: the same however the bytes come, and honest behind gaps."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from kit import TlsPair
from tls.passive import records_of, talk
from tqdecrypt.tls.outline import RecordFacts, RecordOutline, outline_datagram


class Wire(NamedTuple):
    """Records, and where packets end."""

    records: list[tuple[int, int]]
    cuts: list[int]

    @property
    def data(self) -> bytes:
        return b"".join(
            bytes([kind, 3, 3]) + length.to_bytes(2, "big") + b"\x99" * length
            for kind, length in self.records
        )


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    length = st.integers(0, 60) | st.integers(16_000, 16_384)
    records = draw(st.lists(st.tuples(st.integers(20, 24), length), min_size=1, max_size=8))
    size = sum(5 + length for _, length in records)
    cuts = draw(st.sets(st.integers(1, size), max_size=12))
    return Wire(records, sorted(cuts | {size}))


def hear(outline: RecordOutline, data: bytes, cuts: list[int], chunk: int) -> list[RecordFacts]:
    """Packets end at *cuts*; so many of them come at once.  Packet *i* is frame *i* + 1."""
    found = []
    for at in range(0, len(cuts), chunk):
        ends = cuts[at : at + chunk]
        begin = cuts[at - 1] if at else 0
        frames = list(range(at + 1, at + 1 + len(ends)))
        piece = data[begin : ends[-1]]
        relative = [end - begin for end in ends]
        found += outline.receive(piece, relative, frames, [frame * 1000 for frame in frames])
    return found


@given(wires(), st.integers(1, 13))
def test_however_the_bytes_come(wire: Wire, chunk: int) -> None:
    outline = RecordOutline()
    found = hear(outline, wire.data, wire.cuts, chunk)
    assert [(one.content_type, one.length) for one in found] == wire.records
    end = 0
    for (_, length), one in zip(wire.records, found, strict=True):
        end += 5 + length
        frame = next(number for number, cut in enumerate(wire.cuts, 1) if cut >= end)
        assert (one.frame, one.time) == (frame, frame * 1000)
    assert (outline.lost, outline.missing) == (0, 0)


def test_it_agrees_with_real_tls() -> None:
    pair = TlsPair()
    talk(pair)
    for from_client in (True, False):
        data = b"".join(f.data for f in pair.flights if f.from_client is from_client)
        found = RecordOutline().receive(data, [len(data)], [1], [1])
        expected = [(record[0], len(record) - 5) for record in records_of(data)]
        assert [(one.content_type, one.length) for one in found] == expected


def test_a_gap_inside_a_record_costs_that_record() -> None:
    wire = Wire([(22, 40), (23, 100), (23, 7)], [])
    outline = RecordOutline()
    cut = 45 + 5 + 30
    found = outline.receive(wire.data[:cut], [cut], [1], [1])
    outline.gap(50)
    rest = wire.data[cut + 50 :]
    found += outline.receive(rest, [len(rest)], [2], [2])
    assert [(one.content_type, one.length) for one in found] == [(22, 40), (23, 7)]
    assert (outline.lost, outline.missing) == (0, 1)


def test_a_gap_that_ends_with_its_record_loses_no_boundary() -> None:
    wire = Wire([(23, 100), (23, 7)], [])
    outline = RecordOutline()
    outline.receive(wire.data[:50], [50], [1], [1])
    outline.gap(55)
    rest = wire.data[105:]
    assert outline.receive(rest, [len(rest)], [2], [2]) == [RecordFacts(23, 7, 2, 2)]
    assert (outline.lost, outline.missing) == (0, 1)


def test_behind_a_longer_gap_a_packet_that_begins_with_records_is_the_next_place() -> None:
    outline = RecordOutline()
    outline.receive(Wire([(23, 100)], []).data[:20], [20], [1], [1])
    outline.gap(500)
    noise = b"\x99" * 30
    record = Wire([(23, 9), (23, 8)], []).data
    data = noise + record
    assert outline.receive(data, [30, len(data)], [2, 3], [2, 3]) == [
        RecordFacts(23, 9, 3, 3),
        RecordFacts(23, 8, 3, 3),
    ]
    assert (outline.lost, outline.missing) == (1, 1)


def test_what_is_no_record_is_counted_once_until_there_is_one() -> None:
    outline = RecordOutline()
    assert outline.receive(b"GET / HTTP/1.1\r\n", [16], [1], [1]) == []
    assert outline.receive(b"more of it, longer", [18], [2], [2]) == []
    record = Wire([(21, 2)], []).data
    assert outline.receive(record, [len(record)], [3], [3]) == [RecordFacts(21, 2, 3, 3)]
    assert outline.lost == 1


def test_a_hello_in_the_format_of_ssl_2() -> None:
    outline = RecordOutline()
    hello = bytes([0x80, 5, 1, 3, 3, 0, 0])
    record = Wire([(20, 1)], []).data
    data = hello + record
    found = outline.receive(data, [len(data)], [1], [1])
    assert found == [RecordFacts(22, 5, 1, 1), RecordFacts(20, 1, 1, 1)]


@given(st.lists(st.binary(max_size=80) | st.integers(0, 300), max_size=8))
def test_no_bytes_break_it(pieces: list[bytes | int]) -> None:
    outline = RecordOutline()
    for number, piece in enumerate(pieces, 1):
        if isinstance(piece, int):
            outline.gap(piece)
        elif piece:
            for one in outline.receive(piece, [len(piece)], [number], [number]):
                assert 20 <= one.content_type <= 24


def test_datagrams() -> None:
    header = bytes([22, 254, 253]) + bytes(8)
    data = header + b"\0\3abc" + header + b"\0\1x"
    found = [RecordFacts(22, 3, 9, 8), RecordFacts(22, 1, 9, 8)]
    assert list(outline_datagram(data, 9, 8)) == found
    assert list(outline_datagram(data[:-1], 9, 8)) == found[:1]
    assert list(outline_datagram(b"\x80" + data, 9, 8)) == []
