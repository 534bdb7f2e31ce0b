"""Files that once crashed other programs go through the whole pipeline: nothing raises, nothing hangs,
nothing grows.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tqdecrypt.calls import Call
from tqdecrypt.capture import open_captures
from tqdecrypt.keys import KeyRing
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport

pytestmark = pytest.mark.shared

MALFORMED = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "malformed"
FILES = sorted(path for path in MALFORMED.rglob("*") if path.is_file())
GUARD = 30
"""Seconds after which a file is taken to hang.  They need some milliseconds."""
ROOM = 200 * 1024 * 1024
"""Bytes that the process may grow by over all files, which have 2 MB together."""
EVERYTHING = Wanted(sum(Wanted))
VARIETIES = [
    Wanted.SIGNALLING,
    Wanted.ALL_UDP | Wanted.ACKNOWLEDGMENTS | Wanted.DTLS | Wanted.MEDIA,
    EVERYTHING,
    *Wanted,
]


class Deaf:
    """A sink that does nothing."""

    def message(self, message: Message) -> None: ...
    def session(self, report: SessionReport) -> None: ...
    def call(self, call: Call) -> None: ...


@pytest.fixture(autouse=True)
def guard() -> Iterator[None]:
    """End a test that hangs."""

    def too_long(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {GUARD} s for one file")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(GUARD)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module", autouse=True)
def room() -> Iterator[None]:
    """Nothing may be kept of a file that was read, and nothing large be made of a small one."""
    if not Path("/proc/self/statm").exists():
        yield
        return
    before = resident()
    yield
    assert resident() - before < ROOM


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MALFORMED)))
def test_the_pipeline_survives(path: Path) -> None:
    summary = read_captures([str(path)], ReadOptions(ring=KeyRing()), Deaf())
    assert len(summary.problems) <= 1
    for problem in summary.problems:
        assert problem.startswith(str(path))
        assert problem.endswith(".")
    assert summary.packets or summary.problems or path.stat().st_size < 200


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MALFORMED)))
def test_every_packet_is_accounted_for_whatever_is_wanted(path: Path) -> None:
    for wanted in VARIETIES:
        decoder = PacketDecoder(wanted, frozenset())
        packets = rows = 0
        with open_captures([str(path)]) as reader:
            for block in reader:
                decoded = decoder.decode(block)
                packets += len(block)
                rows += len(decoded.tcp) + len(decoded.udp)
        counters = Counter(decoder.counters)
        del counters["fragments_overlapping"]  # counted elsewhere, too
        assert rows + counters.total() == packets


def test_all_of_them_as_one_capture() -> None:
    if not FILES:
        pytest.skip("not in the corpus")
    paths = [str(path) for path in FILES]
    summary = read_captures(paths, ReadOptions(ring=KeyRing()), Deaf())
    alone = [read_captures([path], ReadOptions(ring=KeyRing()), Deaf()) for path in paths]
    assert summary.packets == sum(one.packets for one in alone)
    assert sorted(summary.problems) == sorted(p for one in alone for p in one.problems)
