"""Captures that we did not make: packets, times and lengths are those of tshark."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import peers

from .writer import read

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOLDERS = ("pcapng-test-generator", "linktypes", "transport", "sip", "rtp")
CAPTURES = sorted(
    path
    for folder in FOLDERS
    for pattern in ("*.pcap", "*.pcapng", "*.cap")
    for path in (SHARED / "corpus" / folder).rglob(pattern)
)

REFUSED = {
    "brcm-tag.pcap": 15,
    "dsa.pcap": 8,
    "pcapng-invalid-vers-2.pcapng": 1,
}
"""Files that tshark 4.0 refuses, and the packets in them: two link types that it does not know, which
are none of a reader's business, and minor version 1, which by its definition changes nothing for us.
"""
NETWORK_MONITOR = "c07-sip-r2.cap"
INT64_LATEST = 2**63 - 1


def seen_by_tshark(path: Path) -> list[tuple[int | None, int, int]]:
    """Return time, captured bytes and length of each packet.

    tshark shows custom blocks, too, as frames without an encapsulation.  A Simple Packet has no time there.
    """
    names = ("frame.time_epoch", "frame.cap_len", "frame.len")
    frames = peers.tshark_fields(path, "frame.encap_type", *names)
    return [
        (int(time.replace(".", "")) if time else None, int(captured), int(length))
        for time, captured, length in frames
    ]


@pytest.mark.shared
@pytest.mark.peer("tshark")
@pytest.mark.parametrize(
    "path",
    [path for path in CAPTURES if path.name not in {*REFUSED, NETWORK_MONITOR}],
    ids=lambda path: str(path.relative_to(SHARED / "corpus")),
)
def test_tshark_sees_the_same(path: Path) -> None:
    result = read(path)
    assert result.problems == []
    # Some files have times beyond what 64 bits of nanoseconds hold: those are clamped, and counted.
    # A Simple Packet has the time of the packet before.
    expected = []
    before = clamped = 0
    for time, captured, length in seen_by_tshark(path):
        clamped += time is not None and time > INT64_LATEST
        before = min(before if time is None else time, INT64_LATEST)
        expected.append((before, captured, length))
    assert [(r.time, len(r.data), r.length) for r in result.records] == expected
    assert result.counters.get("times_clamped", 0) == clamped


@pytest.mark.shared
@pytest.mark.parametrize("name", REFUSED)
def test_what_tshark_refuses(name: str) -> None:
    (path,) = [path for path in CAPTURES if path.name == name]
    result = read(path)
    assert (len(result.records), result.problems) == (REFUSED[name], [])


@pytest.mark.shared
def test_a_network_monitor_file_is_named_as_such() -> None:
    (path,) = [path for path in CAPTURES if path.name == NETWORK_MONITOR]
    assert "is a Network Monitor file" in read(path).problems[0]
