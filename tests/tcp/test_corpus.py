"""Captures that we did not make: reassembled as tshark does it, and broken files survived."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tqdecrypt.capture import open_captures
from tqdecrypt.errors import InputError
from tqdecrypt.packet import PacketDecoder, Wanted
from tqdecrypt.tcp import ConnectionTable, GapCause

from .segments import Bench, Recorder

pytestmark = pytest.mark.shared

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

KEEPALIVE_WITHOUT_ITS_BYTE = {("linktypes/mercury/tls_sgt.pcap", 11)}
"""The capture begins with keep-alives, whose byte was sent before.  tshark takes it for missing and
writes "[1 bytes missing in capture file]" into the stream (34 bytes); we begin with what is there.
"""


class Stream(NamedTuple):
    """What tshark's "follow" gives for one stream."""

    file: str
    number: int
    node0: str
    sizes: tuple[int, int]
    hashes: tuple[str, str]


def expectations() -> dict[str, list[Stream]]:
    if not CORPUS.is_dir():
        return {}
    found = {}
    for entry in json.loads((CORPUS / "expected.json").read_text())["tcp_reassembly"]:
        found[entry["file"]] = [
            Stream(
                entry["file"],
                stream["tcp_stream"],
                stream["node0"],
                (stream["n0_bytes"], stream["n1_bytes"]),
                (stream["n0_sha256"], stream["n1_sha256"]),
            )
            for stream in entry["streams"]
        ]
    return found


EXPECTED = expectations()
MALFORMED = sorted(path for path in (CORPUS / "malformed").rglob("*") if path.is_file())


def read(path: Path) -> tuple[list[Recorder], ConnectionTable]:
    """Return what comes out of a capture: capture, packet and tcp together."""
    bench = Bench()
    decoder = PacketDecoder(Wanted.SIGNALLING, frozenset())
    with open_captures([str(path)]) as reader:
        for block in reader:
            bench.table.receive(decoder.decode(block).tcp, block)
    return bench.finish()


def followed(recorder: Recorder, side: int) -> bytes:
    """Return what tshark's "follow" shows of a side.

    It takes what the snap length cut off as if it had never been sent, and waits for ever for what
    is lost when nobody acknowledged it.  We report the first and go on behind the second: what
    stands there is worth reading.
    """
    shown = b""
    for item in recorder.log[side]:
        if isinstance(item, bytes):
            shown += item
        elif item.cause is GapCause.LOSS:
            break
    return shown


def shape(recorder: Recorder, node0: str) -> tuple[tuple[int, str], ...]:
    """Return size and hash of what each side said, the one of *node0* first."""
    first = recorder.connection.ends.index(node0)
    shown = [followed(recorder, side) for side in (first, 1 - first)]
    return tuple((len(data), hashlib.sha256(data).hexdigest()) for data in shown)


@pytest.mark.parametrize("file", EXPECTED)
def test_streams_are_those_of_tshark(file: str) -> None:
    recorders, _ = read(CORPUS / file)
    for stream in EXPECTED[file]:
        # One end may talk to several others, and tshark counts connections without payload and
        # SYN, too: nothing can be read on those.
        shapes = [shape(r, stream.node0) for r in recorders if stream.node0 in r.connection.ends]
        expected = tuple(zip(stream.sizes, stream.hashes, strict=True))
        if (file, stream.number) in KEEPALIVE_WITHOUT_ITS_BYTE:
            assert [found[0][0] for found in shapes] == [stream.sizes[0] - 34]
        elif stream.sizes != (0, 0) or shapes:
            assert expected in shapes, stream


def test_the_keepalive_was_not_missing() -> None:
    ((file, number),) = KEEPALIVE_WITHOUT_ITS_BYTE
    if file not in EXPECTED:
        pytest.skip("not in the corpus")
    stream = EXPECTED[file][number]
    recorders, _ = read(CORPUS / file)
    found = next(r for r in recorders if stream.node0 in r.connection.ends)
    assert found.gaps(found.connection.ends.index(stream.node0)) == []


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in MALFORMED}), ids=lambda f: f.name
)
def test_broken_files_are_survived(folder: Path) -> None:
    for path in MALFORMED:
        if path.parent != folder:
            continue
        try:
            recorders, table = read(path)
        except InputError:
            continue  # not a capture at all: one sentence for the user
        assert len(recorders) == table.counters["connections"], path
        assert all(recorder.ended for recorder in recorders), path
        assert table.waiting_bytes == 0, path
        for recorder in recorders:
            for side, direction in enumerate(recorder.connection.directions):
                assert len(recorder.with_holes(side)) == direction.position, path
