"""The command line as users run it, in this process and in its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tqdecrypt.cli import main
from tqdecrypt.example import FILES, ExampleFile, example_path

QUIET = {
    name: value
    for name, value in os.environ.items()
    if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TQDECRYPT_KEY_PASSPHRASE")
}


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str


class Runner:
    """``run("read", path)`` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ran:
        status = main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Ran(int(status), captured.out, captured.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("TQDECRYPT_KEY_PASSPHRASE", raising=False)
    return Runner(capsys)


@pytest.fixture(scope="session")
def example() -> Iterator[dict[ExampleFile, Path]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(example_path(name)) for name in FILES}


@pytest.fixture(scope="session")
def capture(example: dict[ExampleFile, Path]) -> Path:
    return example["calls.pcap"]


@pytest.fixture(scope="session")
def key(example: dict[ExampleFile, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's key where only its owner can read it, so that there is nothing to note."""
    path = tmp_path_factory.mktemp("keys") / "server.key"
    path.write_bytes(example["server.key"].read_bytes())
    path.chmod(0o600)
    return path


_COMMAND = """
import signal, sys
from tqdecrypt.cli import main
# Tests that run in the background of a shell inherit that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


def spawn(*arguments: str | Path, **options: object) -> subprocess.Popen[bytes]:
    """Start the command line in a process of its own, without a terminal."""
    command = [sys.executable, "-c", _COMMAND]
    settings: dict[str, object] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "env": QUIET,
        **options,
    }
    return subprocess.Popen([*command, *map(str, arguments)], **settings)  # type: ignore[call-overload,no-any-return]
