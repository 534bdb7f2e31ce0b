"""Two programs talk through a relay; what they said and what passed comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from matrix.features import FEATURES, Feature
from matrix.model import Case, Command, Implementation, Place
from matrix.relay import Flights, TcpRelay, UdpRelay

__all__ = ["Broken", "Conversation", "play"]

PATIENCE = 10.0
"""Seconds that one step of a conversation may take."""

LINES = (
    b"OPTIONS sip:bob@example.com SIP/2.0",
    b"INVITE sip:bob@example.com SIP/2.0; " + b"a=candidate:1 " * 90,
    b"MESSAGE sip:bob@example.com SIP/2.0; " + b"text " * 700,
)


class Broken(Exception):  # noqa: N818 - not an error of ours
    """The two programs did not get to talk; the text says what they wrote."""


@dataclass(slots=True)
class Conversation:
    """What came of it."""

    said: list[tuple[bytes, bytes]]
    """Of each connection: what the client and what the server said."""
    connections: list[Flights]


class Program:
    """A process whose output is read all the time."""

    def __init__(self, command: Command, directory: Path, name: str) -> None:
        self._process = subprocess.Popen(
            command.arguments,
            cwd=directory,
            env={**os.environ, **command.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.name = name
        self._output = bytearray()
        self._errors = bytearray()
        self._seen = 0
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in (
                (self._process.stdout, self._output),
                (self._process.stderr, self._errors),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: object, into: bytearray) -> None:
        descriptor: int = stream.fileno()  # type: ignore[attr-defined]
        while data := os.read(descriptor, 65536):
            with self._news:
                into += data
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def output(self) -> bytes:
        """What it wrote so far."""
        with self._news:
            return bytes(self._output)

    def words(self) -> str:
        """Return the last that it wrote, for people."""
        text = bytes(self._output[-400:]) + b" " + bytes(self._errors[-600:])
        return f"{self.name}: {text.decode(errors='replace').strip()}"

    def say(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            raise Broken(self.words()) from None

    def wait_for(self, text: bytes, other: Program | None = None) -> None:
        """Wait until *text* comes out, behind what was waited for before; *other* must live."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while (found := self._output.find(text, self._seen)) < 0:
                if self.ended and not self._threads[0].is_alive():
                    raise Broken(self.words())
                if other is not None and other.ended:
                    raise Broken(self.words())
                if time.monotonic() > deadline:
                    raise Broken(f"{self.words()} (waited for {text[:60]!r})")
                self._news.wait(0.1)
            self._seen = found + len(text)

    def close_input(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait for its end; kill it when it does not come."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def close(self) -> None:
        self.close_input()
        self.wait(0)
        for thread in self._threads:
            thread.join(2)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


def play(case: Case, client: Implementation, server: Implementation, place: Place) -> Conversation:
    """Let the two talk; raises :class:`Broken` or :class:`matrix.model.Unavailable`."""
    port = _free_port(case.dtls)
    serving = server.server(case, place, port)
    relay = (UdpRelay if case.dtls else TcpRelay)(port)
    commands = client.clients(case, place, relay.port)
    with relay, _running(serving, place, "server") as server_program:
        _wait_until_listening(port, case.dtls, server_program)
        talk = _Talk(case, FEATURES.get(case.feature, Feature()), server, server_program)
        for command in commands:
            talk.run(command, place)
        # The last words of the ends are still under way in the relay.
        _wait_until_quiet(relay.connections)
    return Conversation(talk.said, relay.connections)


@dataclass(slots=True)
class _Talk:
    """The lines of a conversation."""

    case: Case
    feature: Feature
    server: Implementation
    server_program: Program
    said: list[tuple[bytes, bytes]] = field(default_factory=list)

    def run(self, command: Command, place: Place) -> None:
        self.said += [(b"", b"")] * command.silent
        with _running(command, place, "client") as program:
            for number in range(command.connections):
                if number:
                    program.say(b".\n")
                self.said.append(self._connection(program))
            program.close_input()
            program.wait(command.patience)

    def _connection(self, client: Program) -> tuple[bytes, bytes]:
        early = self.feature.early_data if len(self.said) == 1 else b""
        said_client, said_server = bytearray(early), bytearray()
        if early:
            self.server_program.wait_for(early)
        ending = self.server.ending
        for number, line in enumerate(self._lines()):
            for step in self.feature.steps:
                if step.before == number:
                    (client if step.by_client else self.server_program).say(step.command)
                    time.sleep(step.pause)
            answer = self._exchange(client, line + ending)
            said_client += line + ending
            said_server += answer
        return bytes(said_client), bytes(said_server)

    def _lines(self) -> tuple[bytes, ...]:
        if self.case.dtls:
            return LINES[:2]  # the rest fits into no datagram
        lines = (*LINES[: self.feature.only], *self.feature.lines)
        return lines if self.server.ending == b"\n" else lines[1:2]

    def _exchange(self, client: Program, line: bytes) -> bytes:
        client.say(line)
        answer = self.server.reply(line)
        if answer is None:
            self.server_program.wait_for(line, client)
            answer = b"ok 200: " + self.feature.answer + line
            self.server_program.say(answer)
        client.wait_for(answer.strip())
        return answer


@contextlib.contextmanager
def _running(command: Command, place: Place, name: str) -> Iterator[Program]:
    program = Program(command, place.directory, name)
    try:
        yield program
    except Broken as broken:
        raise Broken(f"{broken} | {program.words()}") from None
    finally:
        program.close()


def _free_port(udp: bool) -> int:
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(port: int, udp: bool, program: Program) -> None:
    """Look at the system's tables: a connection to try would be one too many."""
    wanted, state = f":{port:04X}", "07" if udp else "0A"
    tables = [Path(f"/proc/net/{'udp' if udp else 'tcp'}{suffix}") for suffix in ("", "6")]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not program.ended:
        for table in tables:
            for row in table.read_text().splitlines() if table.exists() else ():
                columns = row.split()
                if columns[1].endswith(wanted) and columns[3] == state:
                    return
        time.sleep(0.02)
    raise Broken(program.words())


def _wait_until_quiet(connections: list[Flights]) -> None:
    before = -1
    while (now := sum(map(len, connections))) != before:
        before = now
        time.sleep(0.06)
