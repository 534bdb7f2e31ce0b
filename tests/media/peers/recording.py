"""Scenes recorded once a test run, whoever asks first, and what ``tqdecrypt media`` says of them."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.peers import tshark_fields
from media.peers.network import ISOLATED
from tqdecrypt.cli import main

__all__ = ["Heard", "clear_payloads", "heard", "recorded"]

TESTS = Path(__file__).parents[2]
PATIENCE = 90
"""Seconds for a scene that takes some four on an idle machine."""


def recorded(scene: str, run: Path) -> Path:
    """Return the folder in which a scene was recorded, a module beside this one; record it if nobody did.

    :param run: a folder that all processes of the test run share.
    """
    if subprocess.run([*ISOLATED, "true"], capture_output=True, check=False).returncode:
        pytest.skip(
            "no network of our own is to be had: run the tests as root, or allow user namespaces"
        )
    folder = run / f"scene-{scene}"
    with (run / f"scene-{scene}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = run / f"scene-{scene}.log"
        if not folder.exists():
            folder.mkdir()
            said.write_text(_record(scene, folder))
        if trouble := said.read_text():
            pytest.fail(trouble, pytrace=False)
    return folder


def _record(scene: str, folder: Path) -> str:
    """Return what went wrong."""
    command = [*ISOLATED, sys.executable, "-m", f"media.peers.{scene}", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    try:
        done = subprocess.run(
            command,
            cwd=TESTS,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{scene} did not end in {PATIENCE} s"
    return done.stderr if done.returncode else ""


@dataclass(frozen=True)
class Heard:
    """The JSON lines of ``media``."""

    streams: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    summary: dict[str, Any]

    def stream(self, source: str, destination: str = "") -> dict[str, Any]:
        """Return the only one from an endpoint, or between two."""
        [found] = [
            one
            for one in self.streams
            if one["source"] == source and destination in ("", one["destination"])
        ]
        return found

    def to(self, destination: str) -> dict[str, Any]:
        """Return the only one to an endpoint."""
        [found] = [one for one in self.streams if one["destination"] == destination]
        return found


@functools.cache
def clear_payloads(capture: Path, *switches: str) -> dict[str, bytes]:
    """Return what tshark reads of the RTP that ``export pcap --media`` writes: SSRC → all payloads."""
    out, complained = capture.with_suffix(f".{os.getpid()}.pcap"), io.StringIO()
    with contextlib.redirect_stderr(complained), contextlib.redirect_stdout(complained):
        status = main(["export", "pcap", "--media", str(capture), "-o", str(out), *switches])
    assert status == 0, complained.getvalue()
    found: dict[str, bytes] = {}
    for ssrc, data in tshark_fields(out, "rtp && !srtp.enc_payload", "rtp.ssrc", "rtp.payload"):
        found[ssrc] = found.get(ssrc, b"") + bytes.fromhex(data)
    return found


@functools.cache
def heard(capture: Path, *switches: str) -> Heard:
    """Run ``tqdecrypt media`` on a capture; the same question is asked once."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = main(["media", "--json", str(capture), *switches])
    assert status == 0, complained.getvalue()
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    return Heard(
        [one for one in lines if one["type"] == "media" and one["stream"] is not None],
        [one for one in lines if one["type"] == "finding"],
        lines[-1],
    )
