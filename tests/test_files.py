"""A file is there whole, or as it was before; nothing half written stays behind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tqdecrypt.errors import OutputError, UsageError
from tqdecrypt.files import whole_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_file(str(path)) as file:
        file.write(b"first ")
        file.flush()
        assert not path.exists()
        file.write(b"second")
    assert path.read_bytes() == b"first second"
    assert names(tmp_path) == ["out"]


def test_what_is_there_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match="is there already"), whole_file(str(path)) as file:
        file.write(b"never")
    assert path.read_bytes() == b"old"
    with whole_file(str(path), replace=True) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_an_error_in_between_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(str(path), replace=True) as file:
            file.write(b"half")
            raise KeyError("somebody else's error")

    with pytest.raises(KeyError):
        write_half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_errors_of_other_files_are_not_blamed_on_this_one(tmp_path: Path) -> None:
    def read_elsewhere() -> None:
        with whole_file(str(tmp_path / "out")):
            os.read(os.open(tmp_path, os.O_RDONLY), 1)

    with pytest.raises(IsADirectoryError):
        read_elsewhere()
    assert names(tmp_path) == []


def test_a_full_disk_is_said_in_one_sentence() -> None:
    def fill() -> None:
        with whole_file("/dev/full", replace=True) as file:
            file.write(b"x" * 100_000)

    with pytest.raises(OutputError, match=r"/dev/full cannot be written \(No space left on device"):
        fill()


def test_a_place_where_nobody_may_write(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "out"
    with pytest.raises(OutputError, match="No such file or directory"), whole_file(str(path)):
        pass


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"), whole_file(str(tmp_path)):
        pass


@pytest.mark.parametrize(("private", "mode"), [(False, 0o640), (True, 0o600)])
def test_modes(tmp_path: Path, private: bool, mode: int) -> None:
    umask = os.umask(0o027)
    try:
        with whole_file(str(tmp_path / "out"), private=private) as file:
            file.write(b"x")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o604)
    link.symlink_to(path)
    with whole_file(str(link), replace=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
