"""What is in a spool survives everything that can happen to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, precondition, rule

from tqdecrypt.errors import OutputError, UsageError
from tqdecrypt.export import spool as module
from tqdecrypt.export.spool import Spool

MOST = 1 << 26


def packet(number: int) -> bytes:
    return number.to_bytes(4, "big") * 10


def everything(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    while packets := spool.read(1 << 16):
        found += packets
    return found


def test_what_is_not_settled_is_there_again(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"), MOST)
    for number in range(10):
        spool.append(packet(number))
    assert len(spool.read(100)) == 2
    spool.settle(2)
    spool.read(1 << 16)
    assert spool.pending == 8
    spool.close()
    again = Spool(str(tmp_path / "spool"), MOST)
    assert (again.found, again.pending) == (8, 8)
    assert everything(again) == [packet(number) for number in range(2, 10)]
    again.settle(8)
    again.close()
    assert [one.name for one in (tmp_path / "spool").iterdir()] == ["position"]


def test_without_an_end_nothing_that_was_added_is_lost(tmp_path: Path) -> None:
    """The program was killed: nothing is closed, nothing synced."""
    spool = Spool(str(tmp_path / "spool"), MOST)
    for number in range(10):
        spool.append(packet(number))
    spool.read(1 << 16)
    spool.settle(3)
    shutil.copytree(tmp_path / "spool", tmp_path / "after")
    again = Spool(str(tmp_path / "after"), MOST)
    assert everything(again) == [packet(number) for number in range(3, 10)]
    spool.close()
    again.close()


@pytest.mark.parametrize("lost", [1, 7, 8, 47, 48])
def test_a_packet_that_is_not_whole_is_cut_off(tmp_path: Path, lost: int) -> None:
    spool = Spool(str(tmp_path), MOST)
    for number in range(3):
        spool.append(packet(number))
    spool.close()
    (segment,) = tmp_path.glob("*.spool")
    data = segment.read_bytes()
    segment.write_bytes(data[:-lost])
    again = Spool(str(tmp_path), MOST)
    assert everything(again) == [packet(0), packet(1)]
    assert again.counters["hep_spool_bytes_cut"] == (48 - lost)
    again.append(packet(9))
    assert everything(again) == [packet(9)]
    again.close()


def test_a_position_that_is_half_written_does_not_count(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MOST)
    for number in range(4):
        spool.append(packet(number))
    spool.read(1 << 16)
    spool.settle(1)
    spool.settle(1)
    spool.close()
    position = tmp_path / "position"
    data = bytearray(position.read_bytes())
    for at in (3, 23):  # one copy, then the other
        damaged = bytearray(data)
        damaged[at] ^= 1
        position.write_bytes(damaged)
        again = Spool(str(tmp_path), MOST)
        assert again.pending in (2, 3)
        again.close()


def test_segments_go_when_they_are_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT", 200)
    spool = Spool(str(tmp_path), MOST)
    for number in range(40):
        spool.append(packet(number))
    assert len(list(tmp_path.glob("*.spool"))) == 10
    assert everything(spool) == [packet(number) for number in range(40)]
    spool.settle(30)
    assert len(list(tmp_path.glob("*.spool"))) <= 3
    spool.rewind()
    assert everything(spool) == [packet(number) for number in range(30, 40)]
    spool.close()


def test_a_full_spool_drops_its_oldest_segment_and_says_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT", 200)
    monkeypatch.setattr(module, "LEAST", 400)
    spool = Spool(str(tmp_path), 1)
    dropped = sum(spool.append(packet(number)) for number in range(40))
    left = everything(spool)
    assert dropped
    assert left == [packet(number) for number in range(dropped, 40)]
    assert spool.pending == len(left)
    assert sum(one.stat().st_size for one in tmp_path.glob("*.spool")) <= 400
    spool.close()


def test_one_program_at_a_time(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), MOST)
    with pytest.raises(UsageError, match="in use by another"):
        Spool(str(tmp_path), MOST)
    spool.close()
    Spool(str(tmp_path), MOST).close()


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(OutputError, match="cannot be used"):
        Spool(str(tmp_path / "file"), MOST)
    spool = Spool(str(tmp_path / "spool"), MOST)
    spool.append(packet(1))
    shutil.rmtree(tmp_path / "spool")
    spool.sync()
    with pytest.raises(OutputError, match="cannot be used"):
        spool.read(1)


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_any_files_are_read_as_far_as_they_go(
    tmp_path_factory: pytest.TempPathFactory, segment: bytes, position: bytes
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    (folder / "0000000001.spool").write_bytes(b"TQSPOOL1" + segment)
    (folder / "position").write_bytes(position)
    spool = Spool(str(folder), MOST)
    assert len(everything(spool)) == spool.pending
    spool.append(packet(1))
    assert everything(spool) == [packet(1)]
    spool.close()


class SpoolMachine(RuleBasedStateMachine):
    """A spool and a list do the same, over crashes and rewinds."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.segment, module.SEGMENT = module.SEGMENT, 300
        self.spool = Spool(self.folder, MOST)
        self.model: list[bytes] = []
        self.read = 0
        self.next = 0

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.spool.append(packet(self.next))
            self.model.append(packet(self.next))
            self.next += 1

    @rule(size=st.integers(1, 200))
    def read_some(self, size: int) -> None:
        found = list(self.spool.read(size))
        assert found == self.model[self.read : self.read + len(found)]
        assert found or self.read == len(self.model)
        self.read += len(found)

    @precondition(lambda self: self.read)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.read))
        self.spool.settle(number)
        del self.model[:number]
        self.read -= number

    @rule()
    def rewind(self) -> None:
        self.spool.rewind()
        self.read = 0

    @rule()
    def end_and_begin_anew(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder, MOST)
        assert self.spool.pending == len(self.model)
        self.read = 0

    def teardown(self) -> None:
        assert self.spool.pending == len(self.model)
        self.spool.close()
        module.SEGMENT = self.segment
        shutil.rmtree(self.folder)


TestSpoolMachine = SpoolMachine.TestCase
