"""The programs that are measured: how each is told to read a capture, and what it found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.captures import Capture

__all__ = ["PROGRAMS", "Program", "tqdecrypt_path"]


@dataclass(frozen=True, slots=True)
class Program:
    """One program."""

    name: str
    command: Callable[[Capture], list[str]]
    count: Callable[[Path], int]
    """Of the SIP messages in what the program printed."""
    missing: Callable[[], str]
    """A sentence, when the program cannot be run; else nothing."""
    version: Callable[[], str]


def tqdecrypt_path() -> str:
    """The command of the environment that runs the benchmark."""
    return str(Path(sys.executable).parent / "tqdecrypt")


def _tqdecrypt_missing() -> str:
    try:
        trial = subprocess.run(
            [tqdecrypt_path(), "read", "--help"], check=False, capture_output=True
        )
    except FileNotFoundError:
        return "tqdecrypt is not installed beside this Python: pip install -e . in its environment."
    return "" if trial.returncode == 0 else "tqdecrypt read --help fails, so it is left out."


def _needs(program: str, package: str) -> Callable[[], str]:
    def missing() -> str:
        if shutil.which(program):
            return ""
        return f"{program} is not installed, so it is left out: apt install {package}."

    return missing


def _first_line(*command: str) -> Callable[[], str]:
    def version() -> str:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace"
        )
        return (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]

    return version


def _summary_messages(output: Path) -> int:
    """The count in the last line of ``read --json``; 0 when it did not come to that."""
    last = b""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - (1 << 20)))
        for last in file:  # noqa: B007 - the last line is what is wanted
            pass
    try:
        summary = json.loads(last)
    except ValueError:
        return 0
    return int(summary["messages"]) if summary.get("type") == "summary" else 0


def _fields(output: Path) -> int:
    """Of ``-T fields``: a line a packet, its messages' values with commas between."""
    with output.open("rb") as file:
        return sum(line.count(b",") + 1 for line in file if line.strip())


def _call_id_headers(output: Path) -> int:
    """Every message has one; ssldump indents what it decrypted."""
    with output.open("rb") as file:
        return sum(line.lstrip().startswith(b"Call-ID:") for line in file)


PROGRAMS = (
    Program(
        "tqdecrypt",
        lambda c: [tqdecrypt_path(), "read", "--json", "-k", str(c.key), str(c.path)],
        _summary_messages,
        _tqdecrypt_missing,
        _first_line(
            sys.executable, "-c", "import tqdecrypt as t; print('tqdecrypt', t.__version__)"
        ),
    ),
    Program(
        "ssldump",
        lambda c: ["ssldump", "-r", str(c.path), "-k", str(c.key), "-d", "-n"],
        _call_id_headers,
        _needs("ssldump", "ssldump"),
        _first_line("ssldump", "-v"),
    ),
    Program(
        "tshark",
        lambda c: [
            *("tshark", "-n", "-r", str(c.path)),
            *("-o", f'uat:rsa_keys:"{c.key}",""'),
            *("-Y", "sip", "-T", "fields", "-e", "sip.Call-ID"),
        ],
        _fields,
        _needs("tshark", "tshark"),
        _first_line("tshark", "--version"),
    ),
)
