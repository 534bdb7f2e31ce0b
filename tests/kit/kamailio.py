"""Kamailio, run on the loopback interface with the configuration that a test gives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["kamailio", "module_folder"]

SETTINGS = """
debug=2
log_stderror=yes
children=1
fork=yes
auto_aliases=no
mpath="{modules}/"
"""


def module_folder(*modules: str) -> Path | None:
    """Return where Kamailio's modules are; ``None`` when one of *modules* is not there."""
    for found in Path("/usr/lib").glob("*/kamailio/modules"):
        if all((found / f"{module}.so").exists() for module in modules):
            return found
    return None


@contextmanager
def kamailio(folder: Path, configuration: str, tcp_port: int) -> Iterator[Path]:
    """Run Kamailio until the block ends; yield its log.

    :param configuration: without the settings that all have in common.
    :param tcp_port: one that it listens on, which tells that it is up.
    """
    file, log = folder / "kamailio.cfg", folder / "kamailio.log"
    file.write_text(SETTINGS.format(modules=module_folder()) + configuration)
    command = ["kamailio", "-DD", "-f", str(file), "-Y", str(folder), "-m", "32", "-M", "8"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, cwd=folder, start_new_session=True
        )
    try:
        _wait_for(tcp_port, process, log)
        yield log
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # one of its processes waits for another, now and then
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
