"""How the command line behaves among other programs: pipes, terminals, signals, mistakes, bugs."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import tqdecrypt
from cli.conftest import QUIET, Runner, spawn
from tqdecrypt.capture import PacketBlock
from tqdecrypt.pipeline.run import Run


def test_help_comes_at_once_and_loads_nothing_heavy() -> None:
    script = (
        "import sys, typer; before = set(sys.modules)\n"  # older versions of typer load rich
        "from tqdecrypt.cli import main; main(['--help'])\n"
        "heavy = {'numpy', 'cryptography', 'rich', 'zstandard'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    best = float("inf")
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        best = min(best, time.monotonic() - start)
    assert done.stdout.endswith("[]\n")
    assert "tqdecrypt demo" in done.stdout
    assert best < 0.6, "0.1 s on an idle machine; the promise is 0.3 s"


def test_version(run: Runner) -> None:
    assert run("--version").out == f"tqdecrypt {tqdecrypt.__version__}\n"


def test_without_arguments_help_is_printed(run: Runner) -> None:
    assert run().out == run("--help").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["read"], "No CAPTURE is named: name a file"),
        (["raed"], "No such command 'raed'"),
        (["read", "x", "--port", "70000"], "70000 is not between 1 and 65535"),
        (["follow", "x", "--session", "0"], "Invalid value for '--session'"),
        (["show", "x"], "--call needs a Call-ID or a part of it, or --where an expression."),
    ],
)
def test_mistakes_are_one_sentence(run: Runner, arguments: list[str], sentence: str) -> None:
    ran = run(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("tqdecrypt: ")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_a_bug_of_ours_is_one_sentence_unless_debugged(
    run: Runner, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("quotes what a peer sent")

    monkeypatch.setattr("tqdecrypt.pipeline.read_captures", broken)
    ran = run("read", capture)
    assert ran.status == 70
    assert re.fullmatch(
        r"tqdecrypt: internal error, ZeroDivisionError in test_shell\.py:\d+: "
        r"this is a bug in tqdecrypt; --debug shows the traceback for a report\.\n",
        ran.err,
    )
    assert "Traceback" in run("read", capture, "--debug").err


def test_ctrl_c_shows_what_there_is(
    run: Runner, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tqdecrypt.pipeline.read_captures", interrupted)
    ran = run("read", capture)
    assert ran.status == 130
    assert "Interrupted: calls and sessions that were going on are missing." in ran.out
    assert run("read", capture, "--json").status == 130
    assert run("show", capture, "--call", "x").status == 130
    assert run("follow", capture, "--session", "1").status == 130


def test_ctrl_c_in_a_file_concludes_what_was_read(
    run: Runner, capture: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Run.receive

    def receive_and_press(self: Run, block: PacketBlock) -> None:
        receive(self, block)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Run, "receive", receive_and_press)
    ran = run("read", capture, "-k", key)
    assert ran.status == 130
    read = json.loads(run("read", capture, "-k", key, "--json").out.splitlines()[-1])
    assert 0 < read["packets"] < 235  # the blocks at the beginning are small
    assert read["sessions"] > 0  # going on, but reported
    assert f"Read {read['packets']} packets" in ran.out
    assert ran.out.endswith("Ended by Ctrl-C.\n")


def test_a_reader_that_goes_away_is_no_error(capture: Path, key: Path) -> None:
    process = spawn("read", capture, capture, "-k", key, "--json", "--raw")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_is_one_sentence(capture: Path) -> None:
    with open("/dev/full", "wb") as full:
        process = spawn("read", capture, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.decode() == "tqdecrypt: The output cannot be written: No space left on device.\n"


def read_lines(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """What comes out within so many seconds."""
    assert process.stdout is not None
    data = b""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk:
            break
        data += chunk
        if b"busy-1" in data:
            break
    return data


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["text", "json"])
def test_messages_come_while_the_pipe_is_written(
    capture: Path, key: Path, extra: Sequence[str]
) -> None:
    process = spawn("read", "-", "-k", key, *extra, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(capture.read_bytes()[:-2_000])
    process.stdin.flush()
    early = read_lines(process, 30)
    assert b"busy-1.105@pbx.example.net" in early, "before the end of the input"
    process.stdin.write(capture.read_bytes()[-2_000:])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == b""
    if extra:
        assert json.loads(out.splitlines()[-1])["type"] == "summary"
    else:
        assert b"6 calls" in out


def test_the_first_ctrl_c_is_for_whoever_feeds_the_pipe(capture: Path, key: Path) -> None:
    process = spawn("read", "-", "-k", key, stdin=subprocess.PIPE)
    assert process.stdin is not None
    data = capture.read_bytes()
    process.stdin.write(data[:-2_000])
    process.stdin.flush()
    assert b"busy-1" in read_lines(process, 30)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"press Ctrl-C again" in process.stderr.readline()
    process.stdin.write(data[-2_000:])
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"6 calls" in out
    assert b"Ended by Ctrl-C." in out


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """What a person at a terminal of 100 columns sees."""
    leader, follower = pty.openpty()
    process = spawn(
        *arguments,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**QUIET, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )
    os.close(follower)
    data = b""
    while True:
        try:
            chunk = os.read(leader, 1 << 16)
        except OSError:  # how Linux says that the other end was closed
            break
        data += chunk
    process.wait(60)
    os.close(leader)
    return data.decode()


def test_terminals_get_colours_unless_unwanted(capture: Path, key: Path) -> None:
    assert "\x1b[32m✓ decrypted" in on_terminal("read", capture, "-k", key)
    assert "\x1b" not in on_terminal("read", capture, "-k", key, "--no-color")
    assert "\x1b" not in on_terminal("read", capture, "-k", key, NO_COLOR="1")


def test_terminals_without_unicode_get_ascii(capture: Path, key: Path) -> None:
    text = on_terminal("read", capture, "-k", key, PYTHONIOENCODING="ascii")
    assert text.isascii()
    assert "+ decrypted" in text


def test_a_keyboard_is_no_capture() -> None:
    assert "standard input is the keyboard; pipe a capture into it" in on_terminal("read", "-")


def test_problems_are_not_said_twice_to_one_pair_of_eyes(key: Path, tmp_path: Path) -> None:
    assert on_terminal("read", tmp_path / "none.pcap").count("does not exist") == 1


def test_a_progress_bar_comes_after_a_second_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import time; from tqdecrypt.cli import progress; progress.PATIENCE = 0.0\n"
        "with progress.ProgressBar() as bar:\n"
        "    bar(1_000, 4_000); bar(2_000, 4_000); time.sleep(0.3)\n"
    )
    leader, follower = pty.openpty()
    environment = {**QUIET, "TERM": "xterm-256color", "COLUMNS": "100"}
    subprocess.run(
        [sys.executable, "-c", script], stderr=follower, env=environment, check=True, timeout=60
    )
    text = os.read(leader, 1 << 16).decode()
    os.close(follower)
    os.close(leader)
    assert "Reading" in text
    assert "2.0/4.0 kB" in text


def test_no_progress_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from tqdecrypt.cli.progress import ProgressBar

    with ProgressBar() as bar:
        bar(1, 2)
    assert capsys.readouterr().err == ""


def test_demo_shows_everything_without_a_file(run: Runner) -> None:
    ran = run("demo")
    assert (ran.status, ran.err) == (0, "")
    for text in (
        "Decrypts SIP over TLS from a capture with the server's key",
        "$ tqdecrypt read ",
        "6 calls",
        "$ tqdecrypt show ",
        "│───",
        "8 TLS sessions",
        "✗ forward secrecy, needs session secrets  session 7",
    ):
        assert text in ran.out
