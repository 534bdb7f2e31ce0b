"""export parquet and export arrow, as users run them."""

from __future__ import annotations

import io
from pathlib import Path

import polars
import pyarrow as pa
import pytest

from cli.conftest import Runner, spawn

FILES = ["calls.parquet", "findings.parquet", "messages.parquet", "sessions.parquet"]


def test_a_directory_of_tables(run: Runner, capture: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    ran = run("export", "parquet", capture, "-k", key, "-o", out)
    assert (ran.status, ran.out) == (0, "")
    assert f"59 messages, 6 calls, 8 sessions, 4 findings written to {out}." in ran.err
    assert sorted(path.name for path in out.iterdir()) == FILES
    calls = polars.read_parquet(out / "calls.parquet")
    assert calls["state"].cast(polars.String).to_list().count("failed") == 2
    messages = polars.read_parquet(out / "messages.parquet")
    assert messages.height == 59


def test_what_is_there_is_replaced_on_request_only(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tables"
    out.mkdir()
    (out / "calls.parquet").write_text("old")
    (out / "mine.txt").write_text("mine")
    ran = run("export", "parquet", capture, "-k", key, "-o", out)
    assert ran.status == 2
    assert "calls.parquet is there already" in ran.err
    assert (out / "calls.parquet").read_text() == "old"
    assert run("export", "parquet", capture, "-k", key, "-o", out, "--force").status == 0
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "mine.txt"])


def test_one_table(run: Runner, capture: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "failed.parquet"
    choice = ("--table", "calls", "--where", "state = failed")
    ran = run("export", "parquet", capture, "-k", key, "-o", out, *choice)
    assert ran.status == 0
    assert "2 calls written" in ran.err
    assert polars.read_parquet(out).height == 2


def test_nothing_chosen_writes_nothing(
    run: Runner, capture: Path, key: Path, tmp_path: Path
) -> None:
    for command in ("parquet", "arrow"):
        out = tmp_path / command
        ran = run("export", command, capture, "-k", key, "-o", out, "--where", "status = 999")
        assert ran.status == 2
        assert "nothing was chosen" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_an_arrow_stream_through_a_pipe(capture: Path, key: Path) -> None:
    process = spawn("export", "arrow", capture, "-k", key, "-o", "-", "--table", "sessions")
    out, err = process.communicate()
    assert process.returncode == 0
    table = pa.ipc.open_stream(io.BytesIO(out)).read_all()
    assert table["session"].to_pylist() == list(range(1, 9))
    assert b"8 sessions written to standard output" in err


def test_tables_are_masked(run: Runner, capture: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    mask = ("--raw", "--mask", "people")
    assert run("export", "parquet", capture, "-k", key, "-o", out, *mask).status == 0
    messages = polars.read_parquet(out / "messages.parquet")
    assert messages.height == 59
    assert not any(b"4420794" in raw for raw in messages["raw"])
    assert "4420794" not in str(messages.select("from", "to", "call_id").rows())


@pytest.mark.parametrize("command", [["parquet", "--table", "calls"], ["arrow"]])
def test_a_full_disk(run: Runner, capture: Path, key: Path, command: list[str]) -> None:
    ran = run("export", command[0], capture, "-k", key, "-o", "/dev/full", *command[1:])
    assert ran.status == 1
    assert "cannot be written (No space left on device)" in ran.err
    assert ran.err.count("tqdecrypt:") == 1


def test_where_tables_cannot_go(run: Runner, capture: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    ran = run("export", "parquet", capture, "-o", file)
    assert (ran.status, file.read_text()) == (2, "x")
    assert "name a directory for the tables" in ran.err
    ran = run("export", "parquet", capture, "-o", "-")
    assert ran.status == 2
    assert "--table" in ran.err
    ran = run("export", "parquet", capture, "-o", tmp_path / "no" / "where")
    assert ran.status == 1
    assert "cannot be made" in ran.err


def test_without_pyarrow_one_sentence_says_what_to_do(capture: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from tqdecrypt.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    out = tmp_path / "tables"
    done = subprocess.run(
        [sys.executable, "-c", script, "export", "parquet", capture, "-o", out],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"pip install 'tqdecrypt[frames]'" in done.stderr
    assert not out.exists()
