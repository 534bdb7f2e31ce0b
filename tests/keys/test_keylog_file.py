"""Key logs on disk: whole, growing, rotated, truncated, and files that are none."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tqdecrypt.errors import SecretsError
from tqdecrypt.keys import KeyLog, KeyLogFile

MASTER = bytes(48).hex()


def entry(number: int) -> str:
    return f"CLIENT_RANDOM {number:064x} {MASTER}\n"


def known(keylog: KeyLog) -> list[int]:
    return [number for number in range(10) if keylog.secrets_of(number.to_bytes(32, "big"))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sbc.keys"


def test_a_complete_file_needs_no_last_line_end(path: Path) -> None:
    path.write_text(entry(1) + entry(2).rstrip())
    file = KeyLogFile(path)
    assert known(file.keylog) == [1, 2]
    assert file.secrets == 2
    assert file.problem() is None
    assert file.keylog.source_of(bytes(31) + b"\x01") == str(path)
    assert file.poll() == 0


def test_files_share_one_table(path: Path, tmp_path: Path) -> None:
    keylog = KeyLog()
    path.write_text(entry(1))
    copy = tmp_path / "copy.keys"
    copy.write_text(entry(1))
    KeyLogFile(path, keylog)
    file = KeyLogFile(copy, keylog)
    assert (file.secrets, file.usable) == (0, 1)
    assert file.problem() is None


def test_growth_is_read_line_by_line(path: Path) -> None:
    path.write_text(entry(1))
    with KeyLogFile(path, follow=True) as file, path.open("a") as writer:
        assert file.poll() == 0
        writer.write(entry(2) + entry(3)[:70])
        writer.flush()
        assert file.poll() == 1
        assert known(file.keylog) == [1, 2]
        writer.write(entry(3)[70:])
        writer.flush()
        assert file.poll() == 1
    assert known(file.keylog) == [1, 2, 3]


def test_closing_takes_the_unfinished_line(path: Path) -> None:
    path.write_text(entry(1).rstrip())
    with KeyLogFile(path, follow=True) as file:
        assert known(file.keylog) == []
    assert known(file.keylog) == [1]


def test_rotation_loses_nothing(path: Path) -> None:
    path.write_text(entry(1))
    with KeyLogFile(path, follow=True) as file:
        with path.open("a") as writer:
            writer.write(entry(2).rstrip())
        path.rename(path.with_suffix(".1"))
        assert file.poll() == 0, "the unfinished line waits; the new file is not there yet"
        path.write_text(entry(3))
        assert file.poll() == 2
        assert known(file.keylog) == [1, 2, 3]
        with path.open("a") as writer:
            writer.write(entry(4))
        assert file.poll() == 1


def test_truncation_starts_again(path: Path) -> None:
    path.write_text(entry(1) + entry(2) + entry(3)[:30])
    with KeyLogFile(path, follow=True) as file:
        path.write_text(entry(4))
        assert file.poll() == 1
        assert known(file.keylog) == [1, 2, 4]
        assert file.keylog.counters.malformed == 0


def test_a_pipe_is_read_to_its_end(path: Path) -> None:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(entry(1) + entry(2).rstrip(),))
    writer.start()
    with KeyLogFile(path, follow=True) as file:
        writer.join()
        assert file.poll() == 0
    assert known(file.keylog) == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: nothing wrote session secrets to it."),
        (
            b"-----BEGIN PRIVATE KEY-----\n",
            "is a PEM file, not a key log; give a private key with -k.",
        ),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "is a capture, not a key log; give it as CAPTURE."),
        (
            b"# only comments\n",
            "holds no session secret; a key log has lines such as CLIENT_RANDOM …",
        ),
        (os.urandom(20_000), "holds no session secret"),
    ],
)
def test_a_file_without_secrets_is_named(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    problem = KeyLogFile(path).problem()
    assert problem is not None
    assert problem.startswith(f"{path} {says}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match=r"There is no key log .*missing; check the path\."):
        KeyLogFile(tmp_path / "missing")
    with pytest.raises(SecretsError, match="is a directory; give the key log file itself"):
        KeyLogFile(tmp_path)


def test_no_permission(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tqdecrypt.keys.keylog_file.FileIO", refuse)
    with pytest.raises(SecretsError, match="No permission to read the key log"):
        KeyLogFile(path)


@pytest.mark.shared
def test_the_log_of_two_thousand_connections(shared_keys: Path) -> None:
    file = KeyLogFile(shared_keys.parent / "many-conn.keylog")
    assert file.keylog.counters.lines == file.secrets == 4_000
    assert file.keylog.counters.malformed == 0
