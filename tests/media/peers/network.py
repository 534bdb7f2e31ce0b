"""Three hosts on one Ethernet, in network namespaces of their own, and a capture of all that passes.

Whoever uses a :class:`Network` must be started with :data:`ISOLATED` in front of the command: then nothing
here touches the machine's own network, ports are free to choose, nobody needs to be root, and all processes
end with the one that was started.
"""

from __future__ import annotations

import contextlib
import ctypes
import enum
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["ISOLATED", "Host", "Network", "Running"]

ISOLATED = ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
"""In front of a command: gives it a network of its own (util-linux)."""
PATIENCE = 20.0
"""Seconds to wait for a program that does not do what it should."""
_BRIDGE = "br0"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_C = ctypes.CDLL(None, use_errno=True)


class Host(enum.Enum):
    """A host, by its address (RFC 5737)."""

    SERVER = "192.0.2.1"
    LEFT = "192.0.2.10"
    RIGHT = "192.0.2.20"


class Running:
    """A program that was started, and what it says."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def said(self) -> str:
        """Return all that it said so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it says *text*."""
        self.wait_until(lambda: text in self.said(), f"{text!r}")

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until something is so that it does."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ChildProcessError(f"no {what}; {self.log}: {self.said()[-2000:]}")
            time.sleep(0.02)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        self.process.wait(PATIENCE)


class Network:
    """The hosts; whoever uses it is on the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._namespaces = {Host.SERVER: os.open("/proc/self/ns/net", os.O_RDONLY)}
        self._running: list[Running] = []

    def __enter__(self) -> Self:
        self._configure("link set lo up", f"link add {_BRIDGE} type bridge")
        self._configure(f"addr add {Host.SERVER.value}/24 dev {_BRIDGE}", f"link set {_BRIDGE} up")
        for host in (Host.LEFT, Host.RIGHT):
            _must(_C.unshare(_NEW_NETWORK))
            self._namespaces[host] = os.open("/proc/self/ns/net", os.O_RDONLY)
            self._join(Host.SERVER)
            port = host.name.lower()
            namespace = f"/proc/{os.readlink('/proc/self')}/fd/{self._namespaces[host]}"
            self._configure(f"link add {port} type veth peer name eth0 netns {namespace}")
            self._configure(f"link set {port} master {_BRIDGE} up")
            address = f"addr add {host.value}/24 dev eth0"
            self._configure("link set lo up", address, "link set eth0 up", at=host)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in reversed(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.stop()
        for namespace in self._namespaces.values():
            os.close(namespace)

    def start(
        self,
        name: str,
        command: Sequence[str],
        at: Host = Host.SERVER,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a program on a host; what it says goes to ``name.log``."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output, self.at(at):
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
            )
        running = Running(process, log)
        self._running.append(running)
        return running

    def capture(self, path: Path) -> Running:
        """Begin to capture what passes; it does as soon as it says ``File:``."""
        return self.start("dumpcap", ["dumpcap", "-q", "-P", "-i", _BRIDGE, "-w", str(path)])

    def end_capture(self, dumpcap: Running) -> None:
        """Let what is on its way still come, and close the file."""
        time.sleep(0.3)  # it hands on what came in pieces, several a second
        dumpcap.stop(signal.SIGINT)

    @contextlib.contextmanager
    def at(self, host: Host) -> Iterator[None]:
        """Be on a host: sockets and processes that are made meanwhile are its own."""
        self._join(host)
        try:
            yield
        finally:
            self._join(Host.SERVER)

    def _configure(self, *what: str, at: Host = Host.SERVER) -> None:
        with self.at(at):
            for one in what:
                subprocess.run(["ip", *one.split()], check=True, timeout=PATIENCE)

    def _join(self, host: Host) -> None:
        _must(_C.setns(self._namespaces[host], _NEW_NETWORK))


def _must(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
