"""Pipes and standard input: packets as soon as they are whole, whatever the chunks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tqdecrypt.capture import open_captures

from .writer import (
    COMPRESSIONS,
    Record,
    Section,
    feeding,
    file_header,
    pcap,
    read,
    records_of,
    stored,
)

RECORDS = [Record(i * 1000, bytes([i]) * i, 50) for i in range(1, 20)]
SECTION = Section(">").interface(resolution=9).secrets(b"secret")
for record in RECORDS:
    SECTION.enhanced(record.time, record.data, length=record.length)
CONTENTS = {
    "pcap": pcap(RECORDS),
    "pcapng": bytes(SECTION),
    **{how: compress(pcap(RECORDS)) for how, compress in COMPRESSIONS.items()},
}


@given(st.sampled_from(sorted(CONTENTS)), st.data())
@settings(max_examples=40)
def test_chunks_make_no_difference(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    content = CONTENTS[form]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=12)))
    chunks = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    path = tmp_path_factory.mktemp("pipe") / "fifo"
    with feeding(path, *[chunk for chunk in chunks if chunk]) as pipe:
        result = read(pipe)
    assert (result.records, result.problems) == (RECORDS, [])


@pytest.mark.parametrize("form", CONTENTS)
def test_byte_by_byte(tmp_path: Path, form: str) -> None:
    chunks: list[bytes | float] = []
    for i in range(len(CONTENTS[form])):
        chunks += [CONTENTS[form][i : i + 1], 0.0]
    with feeding(tmp_path / "fifo", *chunks) as pipe:
        result = read(pipe)
    assert (result.records, result.problems) == (RECORDS, [])


def test_packets_come_as_soon_as_they_are_whole(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Open at both ends, so that neither waits for the other.
    keep = os.open(fifo, os.O_RDWR)
    content = pcap([stored(1), stored(2), stored(3)])
    with open_captures([str(fifo)]) as reader:
        assert (reader.live, reader.total_bytes) == (True, 0)
        blocks = iter(reader)
        os.write(keep, content[:30])  # the file header, and some of the first record
        assert len(next(blocks)) == 0
        os.write(keep, content[30:48])
        block = next(blocks)
        assert (block.first_frame, [r.data for r in records_of(block)]) == (1, [stored(1).data])
        assert len(next(blocks)) == 0
        assert len(next(blocks)) == 0
        os.write(keep, content[48:])
        block = next(blocks)
        assert (block.first_frame, len(block)) == (2, 2)
        os.close(keep)
        assert list(blocks) == []
        assert reader.problems == []


def test_a_long_record_through_a_pipe(tmp_path: Path) -> None:
    big = Record(0, os.urandom(3_000_000), 3_000_000)
    content = file_header(snap=1 << 23) + pcap([stored(1), big, stored(2)])[24:]
    with feeding(tmp_path / "fifo", content) as pipe:
        assert read(pipe).records == [stored(1), big, stored(2)]


def test_nothing_came(tmp_path: Path) -> None:
    with feeding(tmp_path / "fifo") as pipe:
        assert read(pipe).problems == [f"{pipe} is empty; is the program that writes it running?"]


def test_a_pipe_may_be_left_before_its_end(tmp_path: Path) -> None:
    with (
        feeding(tmp_path / "fifo", CONTENTS["pcap"], 0.1, CONTENTS["pcap"][24:]) as pipe,
        open_captures([str(pipe)]) as reader,
    ):
        next(iter(reader))


SCRIPT = """
import sys
from tqdecrypt.capture import open_captures
with open_captures(sys.argv[1:]) as reader:
    print(reader.live, [len(block) for block in reader if len(block)], reader.problems)
"""


def from_standard_input(*arguments: str, **how: object) -> str:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, check=True, **how)  # type: ignore[call-overload]
    return str(done.stdout.decode().strip())


def test_standard_input(tmp_path: Path) -> None:
    assert from_standard_input("-", input=CONTENTS["pcap"]) == "True [19] []"
    path = tmp_path / "a.pcap"
    path.write_bytes(CONTENTS["gzip"])
    with path.open("rb") as file:
        assert from_standard_input("-", stdin=file) == "False [19] []"
    assert from_standard_input("-", "-", input=CONTENTS["pcapng"]) == "True [19] []"
    problem = "standard input is empty; is the program that writes it running?"
    assert from_standard_input("-", input=b"") == f"True [] ['{problem}']"


def test_a_closed_standard_input() -> None:
    command = [sys.executable, "-c", SCRIPT, "-"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, check=True
    )
    assert "standard input is closed; feed a capture into it, or name a file." in done.stdout
