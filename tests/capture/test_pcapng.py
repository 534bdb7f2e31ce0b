"""pcapng files: sections, interfaces and their clocks, every kind of packet, names and secrets."""

from __future__ import annotations

import ipaddress
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tqdecrypt.capture import Interface, open_captures
from tqdecrypt.capture.clock import Clock
from tqdecrypt.capture.facts import Facts

from .writer import Order, Record, Section, block, enhanced, interface, read, section_header

INT64 = 2**63


def write(path: Path, *sections: Section | bytes) -> Path:
    path.write_bytes(b"".join(bytes(section) for section in sections))
    return path


def test_sections_have_their_own_byte_order_and_interfaces(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.pcapng",
        Section("<").interface(name="eth0", snap=96).enhanced(1, b"one", length=100),
        Section(">").interface(link_type=113, name="any").interface(link_type=276),
        enhanced(2, b"two!", ">", number=1),
        enhanced(3, b"", ">", number=0, length=60),
        Section("<").interface(name="eth0", snap=96).enhanced(4, b"four"),
    )
    result = read(path)
    assert result.records == [
        Record(1000, b"one", 100),
        Record(2000, b"two!", 4),
        Record(3000, b"", 60),
        Record(4000, b"four", 4),
    ]
    eth0 = Interface(1, 96, "eth0", str(path))
    assert result.interfaces == [
        eth0,
        Interface(276, 0, "", str(path)),
        Interface(113, 0, "any", str(path)),
        eth0,
    ]
    assert result.problems == []


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (None, 1_500_000, 1_500_000_000),
        (0, 3, 3_000_000_000),
        (3, 1_500, 1_500_000_000),
        (9, 1_500_000_001, 1_500_000_001),
        (12, 1_500_000_001_999, 1_500_000_001),
        (30, 2**64 - 1, 0),
        (127, 2**64 - 1, 0),
        (0x80, 3, 3_000_000_000),
        (0x80 | 10, 1536, 1_500_000_000),
        (0x80 | 32, 3 << 31, 1_500_000_000),
        (0x80 | 63, 3 << 62, 1_500_000_000),
        (0x80 | 127, 2**64 - 1, 0),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_clocks(
    tmp_path: Path, order: Order, resolution: int | None, ticks: int, nanoseconds: int
) -> None:
    properties = {} if resolution is None else {"resolution": resolution}
    shifted = Section(order).interface(**properties, offset=-2).enhanced(ticks).obsolete(ticks, b"")
    plain = Section(order).interface(**properties).enhanced(ticks).obsolete(ticks, b"")
    early = nanoseconds - 2_000_000_000
    path = write(tmp_path / "a.pcapng", plain, shifted)
    assert read(path).times == [nanoseconds, nanoseconds, early, early]


def test_interfaces_of_one_section_with_different_clocks(tmp_path: Path) -> None:
    section = Section().interface().interface(resolution=9).interface(offset=10)
    for i in range(6):
        section.enhanced(i, number=i % 3)
    assert read(write(tmp_path / "a.pcapng", section)).times == [
        0,
        1,
        10_000_002_000,
        3000,
        4,
        10_000_005_000,
    ]


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=20),
    st.integers(0, 255),
    st.one_of(st.just(0), st.integers(-(2**34), 2**34), st.integers(-(2**63), 2**63 - 1)),
)
def test_a_column_of_times_equals_single_times(
    ticks: list[int], resolution: int, offset: int
) -> None:
    clock = Clock.with_resolution(resolution, offset)
    column, beyond = clock.column(np.array(ticks, np.uint64))
    exact = [clock.nanoseconds(tick) for tick in ticks]
    assert column.tolist() == [min(max(time, -INT64), INT64 - 1) for time in exact]
    assert beyond == sum(not -INT64 <= time < INT64 for time in exact)


def test_times_beyond_any_calendar_are_clamped_and_counted(tmp_path: Path) -> None:
    section = Section().interface().enhanced(2**64 - 1).obsolete(2**64 - 1, b"").enhanced(1)
    section.interface(offset=-(2**62)).enhanced(1, number=1)
    result = read(write(tmp_path / "a.pcapng", section))
    assert result.times == [INT64 - 1, INT64 - 1, 1000, -INT64]
    assert result.counters == {"times_clamped": 3}
    assert result.problems == []


def test_simple_packets_have_the_time_of_the_packet_before(tmp_path: Path) -> None:
    section = Section(">").interface(snap=6, link_type=101)
    section.simple(b"first").enhanced(7, b"second").simple(b"third!", length=1500).simple(b"")
    result = read(write(tmp_path / "a.pcapng", section))
    assert result.records == [
        Record(0, b"first", 5),
        Record(7000, b"second", 6),
        Record(7000, b"third!", 1500),
        Record(7000, b"", 0),
    ]
    assert {interface.link_type for interface in result.interfaces} == {101}


def test_obsolete_packets(tmp_path: Path) -> None:
    section = Section(">").interface().interface(link_type=113)
    section.obsolete(5, b"old", number=1, length=99).enhanced(6, b"new").obsolete(7, b"older")
    result = read(write(tmp_path / "a.pcapng", section))
    assert result.records == [
        Record(5000, b"old", 99),
        Record(6000, b"new", 3),
        Record(7000, b"older", 5),
    ]
    assert [interface.link_type for interface in result.interfaces] == [113, 1, 1]


@pytest.mark.parametrize("order", ["<", ">"])
def test_packets_that_the_kernel_dropped_are_counted(tmp_path: Path, order: Order) -> None:
    def statistics(kernel: int, card: int, interface: int = 0) -> bytes:
        options = struct.pack(order + "HHQHHQHH", 5, 8, card, 7, 8, kernel, 0, 0)
        return struct.pack(order + "III", interface, 0, 0) + options

    section = Section(order).interface().enhanced(1).block(5, statistics(10, 0))
    section.enhanced(2).block(5, statistics(25, 3)).block(5, statistics(25, 3))
    path = tmp_path / "dropped.pcapng"
    path.write_bytes(bytes(section))
    result = read(path)
    assert len(result.records) == 2
    assert result.counters["packets_dropped_by_kernel"] == 25
    assert result.counters["packets_dropped_by_interface"] == 3


def test_names(tmp_path: Path) -> None:
    four, six = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1")
    section = Section(">").names(
        (1, four.packed + b"sbc.example.com\0sbc\0"),
        (2, six.packed + b"proxy\0"),
        (9, b"unknown"),
        (1, b"cut"),
        (1, four.packed + b"border\xff\0"),
    )
    assert read(write(tmp_path / "a.pcapng", section)).names == {
        "192.0.2.1": {"sbc.example.com", "sbc", "border\\xff"},
        "2001:db8::1": {"proxy"},
    }


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.capture.facts.MAX_NAMES", 2)
    facts = Facts()
    facts.add_names("192.0.2.1", [b"a", b"a", b"long" * 64])
    facts.add_names("192.0.2.1", [b"a", b"b", b"c"])
    facts.add_names("192.0.2.2", [b"d", b"e"])
    assert facts.names == {"192.0.2.1": {"a", "b"}}
    assert facts.counters == {"captured_names_dropped": 4}


def test_secrets_are_kept_to_themselves(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcapng", Section().secrets(b"CLIENT_RANDOM aa bb"))
    with open_captures([str(path)]) as reader:
        assert not reader.may_bring_secrets
        assert list(reader) == []
        (secrets,) = reader.secrets
        assert reader.may_bring_secrets
    assert (secrets.kind, secrets.data, secrets.source) == (
        0x544C534B,
        b"CLIENT_RANDOM aa bb",
        str(path),
    )
    assert "CLIENT" not in repr(secrets)
    assert "CLIENT" not in str(secrets)


def test_secrets_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdecrypt.capture.facts.MAX_SECRETS", 10)
    section = Section().secrets(b"12345678").secrets(b"abcd").secrets(b"ab")
    result = read(write(tmp_path / "a.pcapng", section))
    assert result.secrets == [b"12345678", b"ab"]
    assert result.counters == {"captured_secrets_dropped": 1}


def test_secrets_of_several_files_come_in_the_order_in_which_they_are_met(tmp_path: Path) -> None:
    late = Section().interface().enhanced(1).enhanced(50, bytes(20_000)).secrets(b"of a")
    a = write(tmp_path / "a.pcapng", late)
    b = write(tmp_path / "b.pcapng", Section().interface().secrets(b"of b").enhanced(30))
    with open_captures([str(a), str(b)]) as reader:
        seen: list[bytes] = []
        for _ in reader:
            new = [secrets.data for secrets in reader.secrets]
            assert new[: len(seen)] == seen
            seen = new
    assert seen == [b"of b", b"of a"]


def test_other_blocks_are_counted(tmp_path: Path) -> None:
    section = Section().interface().block(7, bytes(12)).enhanced(1).block(0xBAD, b"").enhanced(2)
    result = read(write(tmp_path / "a.pcapng", section))
    assert len(result.records) == 2
    assert result.counters == {"other_capture_blocks": 2}


def test_options_that_run_over_their_block_are_left_out(tmp_path: Path) -> None:
    cut = block("<", 1, b"\1\0\0\0\0\0\0\0" + b"\x02\0\xff\0name")
    path = write(tmp_path / "a.pcapng", section_header(), cut, enhanced(1))
    assert read(path).interfaces == [Interface(1, 0, "", str(path))]


ONE = section_header() + interface() + enhanced(1)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (block("<", 6, bytes(24), again=40), "a block whose two lengths differ"),
        (block("<", 5, bytes(24), again=40), "a block whose two lengths differ"),
        (enhanced(1, number=1), "a packet of an interface that is not described"),
        (
            block("<", 6, b"\0" * 12 + b"\x09\0\0\0" + b"\x09\0\0\0" + bytes(8)),
            "a packet of 9 bytes in a smaller block",
        ),
        (b"\x06\0\0\0\x0d\0\0\0" + bytes(40), "a block of 13 bytes"),
        (b"\x06\0\0\0\x08\0\0\0" + bytes(40), "a block of 8 bytes"),
        (b"\x06\0\0\0\xfc\xff\xff\xff" + bytes(40), "a block of 4,294,967,292 bytes"),
        (bytes(40), "a block of 0 bytes"),
        (block("<", 6, bytes(8)), "a block of type 6 that is too short"),
        (block("<", 1, bytes(4)), "a block of type 1 that is too short"),
        (block("<", 10, bytes(4)), "a block of type 10 that is too short"),
        (
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0" + bytes(20),
            "a section header without its byte-order magic",
        ),
        (section_header(major=2), "expected version 1 of the format, got '2.0'"),
        (
            block("<", 3, b"\x09\0\0\0" + bytes(4)),
            "expected a packet that fits in its block, got 9",
        ),
        (block("<", 2, bytes(12) + b"\1\0\0\0" * 2), "fits in its block, got 1"),
        (block("<", 2, b"\1\0" + bytes(18)), "expected an interface in front of its packets"),
        (
            section_header() + block("<", 3, bytes(4)),
            "expected an interface in front of its packets",
        ),
    ],
)
def test_damage_is_named_with_its_place(tmp_path: Path, damage: bytes, what: str) -> None:
    path = write(tmp_path / "a.pcapng", ONE, damage, enhanced(2))
    result = read(path)
    assert result.times == [1000]
    (problem,) = result.problems
    place = len(ONE) + (28 if damage.startswith(section_header() + b"\3") else 0)
    assert problem.startswith(f"{path} is damaged at offset {place} (")
    assert what in problem


def test_damage_in_front_of_damage_is_the_one_that_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcapng", ONE, enhanced(1, number=7), bytes(40))
    assert f"offset {len(ONE)} (a packet of an interface" in read(path).problems[0]


def test_more_interfaces_than_can_be_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdecrypt.capture.facts.MAX_INTERFACES", 2)
    path = write(
        tmp_path / "a.pcapng",
        *[Section().interface(name="same").enhanced(1) for _ in range(5)],
        Section().interface(name="other").enhanced(2).interface(name="third").enhanced(3),
    )
    result = read(path)
    assert result.times == [1000] * 5 + [2000]
    assert "different interfaces" in result.problems[0]


def test_more_interfaces_than_a_section_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdecrypt.capture.pcapng.MAX_INTERFACES", 2)
    two = bytes(Section().interface().interface().enhanced(1, number=1))
    result = read(write(tmp_path / "a.pcapng", two, two, interface()))
    assert result.times == [1000, 1000]
    assert f"offset {2 * len(two)} (expected at most 2 interfaces" in result.problems[0]


def test_thousands_of_interfaces_each_in_front_of_its_packet(tmp_path: Path) -> None:
    """The work must not grow with the square of their number; it takes some tenths of a second."""
    resolutions = [6] * 9900 + [3, 9] * 50
    parts = [section_header()]
    for number, resolution in enumerate(resolutions):
        parts.append(interface(name=f"vlan{number}", resolution=resolution))
        parts.append(enhanced(number, number=number))
    path = write(tmp_path / "a.pcapng", *parts)
    begun = time.process_time()
    result = read(path)
    assert time.process_time() - begun < 5
    assert result.problems == []
    assert result.times == [n * 10 ** (9 - r) for n, r in enumerate(resolutions)]
    assert [i.name for i in result.interfaces] == [f"vlan{n}" for n in range(len(resolutions))]


def test_thousands_of_interfaces_in_front_of_all_packets(tmp_path: Path) -> None:
    resolutions = [(3, 6, 9)[number % 3] for number in range(3000)]
    numbers = [number * 7 % 3000 for number in range(9000)]
    path = write(
        tmp_path / "a.pcapng",
        section_header(),
        *[interface(link_type=n, resolution=r) for n, r in enumerate(resolutions)],
        *[enhanced(ticks, number=number) for ticks, number in enumerate(numbers)],
    )
    result = read(path)
    assert result.times == [t * 10 ** (9 - resolutions[n]) for t, n in enumerate(numbers)]
    assert [i.link_type for i in result.interfaces] == numbers


def test_names_of_interfaces_are_bounded(tmp_path: Path) -> None:
    section = Section().interface(name="x" * 5000).enhanced(1)
    (found,) = read(write(tmp_path / "a.pcapng", section)).interfaces
    assert found.name == "x" * 255


@st.composite
def captures(draw: st.DrawFn) -> tuple[bytes, list[tuple[Record, int]]]:
    """Draw a pcapng file, and its packets with their link types."""
    written = b""
    packets: list[tuple[Record, int]] = []
    last = 0
    orders: list[Order] = draw(st.lists(st.sampled_from(["<", ">"]), min_size=1, max_size=3))
    for order in orders:
        section = Section(order)
        links = draw(st.lists(st.integers(0, 300), min_size=1, max_size=3))
        for link in links:
            section.interface(link_type=link, resolution=9)
        for kind in draw(st.lists(st.integers(0, 5), max_size=12)):
            data = draw(st.binary(max_size=40))
            ticks = draw(st.integers(0, INT64 - 1))
            number = draw(st.integers(0, len(links) - 1))
            length = len(data) + draw(st.integers(0, 9))
            if kind == 0:
                section.simple(data)
                packets.append((Record(last, data, len(data)), links[0]))
                continue
            if kind == 1:
                section.block(draw(st.integers(20, 30)), data)
                continue
            if kind == 2:
                section.obsolete(ticks, data, number, length)
            else:
                section.enhanced(ticks, data, number=number, length=length)
            last = ticks
            packets.append((Record(ticks, data, length), links[number]))
        written += bytes(section)
    return written, packets


@given(captures())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    capture: tuple[bytes, list[tuple[Record, int]]],
) -> None:
    written, packets = capture
    path = tmp_path_factory.mktemp("pcapng") / "a.pcapng"
    path.write_bytes(written)
    result = read(path)
    assert result.problems == []
    assert result.records == [record for record, _ in packets]
    assert [interface.link_type for interface in result.interfaces] == [link for _, link in packets]
