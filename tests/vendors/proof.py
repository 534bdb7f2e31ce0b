"""Runs products on loopback with the very text of the advice, records what passes, and reads it with the key.

What is recorded is what a capture point would see: a relay stands between the two, and its bytes become
packets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit import Conversation, certificates, write_pcap
from kit.certificates import Identity
from kit.packets import interleave
from matrix.relay import TcpRelay
from tqdecrypt.calls import Call
from tqdecrypt.insight.what_if import OfferTable, Wish, answer
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport
from tqdecrypt.tls.cipher_lists import written
from tqdecrypt.vendors import Role, Statement, Topic, fill, load_vendor

__all__ = [
    "Readout",
    "advised",
    "here",
    "options_request",
    "proposed_list",
    "read",
    "running",
    "say",
    "wait_until_listening",
]

PATIENCE = 20.0


@dataclass
class Readout:
    """What our reader makes of a recording."""

    messages: list[Message] = field(default_factory=list)
    reports: list[SessionReport] = field(default_factory=list)

    def message(self, message: Message) -> None:
        self.messages.append(message)

    def session(self, report: SessionReport) -> None:
        self.reports.append(report)

    def call(self, call: Call) -> None:
        pass

    @property
    def verdicts(self) -> list[str]:
        return [report.verdict.value for report in self.reports]


def advised(vendor: str, topic: Topic, values: Mapping[str, str], role: Role | None = None) -> str:
    """Return the settings that the data file advises, filled in; nothing may be left to fill in."""
    statement: Statement = next(
        one for one in load_vendor(vendor).about(topic) if one.settings and role in (None, one.role)
    )
    text = fill(statement.settings, values)
    assert "<" not in text, text
    return text


def here() -> Identity:
    """Return a server identity for the loopback address."""
    names = ("127.0.0.1", "sip.example.com")
    return certificates.issue(certificates.rsa_key(2048), names, certificates.authority())


def read(relay: TcpRelay, folder: Path) -> Readout:
    """Write a capture of what passed, and read it with the server's key."""
    talks = []
    for number, flights in enumerate(relay.connections):
        talk = Conversation(("192.0.2.10", 40000 + number), ("192.0.2.20", 5061)).open()
        for from_client, data in flights:
            talk.send(from_client, data)
        talks.append(talk.close())
    capture = write_pcap(folder / "recorded.pcap", interleave(*talks))
    keys = load_private_keys([str(here().write(folder, "own").key)]).keys
    readout = Readout()
    read_captures([str(capture)], ReadOptions(KeyRing(keys)), readout)
    return readout


def proposed_list(readout: Readout) -> str:
    """Return the list that is proposed for the server that was recorded, as OpenSSL wants it."""
    table = OfferTable()
    for report in readout.reports:
        table.add(report)
    (server,) = answer(table, Wish(propose=True)).servers
    assert server.proposal is not None
    assert server.proposal.gained
    return written(server.proposal.settings.suites, "openssl")


def options_request(number: int = 1) -> bytes:
    lines = [
        "OPTIONS sip:edge.example.com SIP/2.0",
        f"Via: SIP/2.0/TLS 192.0.2.10:5061;branch=z9hG4bK{number};rport",
        "Max-Forwards: 70",
        "From: <sip:ada@example.com>;tag=1",
        "To: <sip:edge.example.com>",
        f"Call-ID: {number}@example.com",
        f"CSeq: {number} OPTIONS",
        "Contact: <sip:ada@192.0.2.10:5061;transport=tls>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def say(
    port: int, data: bytes, identity: Identity | None = None, home: Path | None = None
) -> bytes:
    """Say *data* over TLS, with all that Python's OpenSSL offers; return what comes back."""
    context = ssl.create_default_context(cadata=certificates.authority().certificate_pem().decode())
    context.check_hostname = False
    context.set_ciphers("ECDHE:DHE:kRSA:@SECLEVEL=0")
    if identity is not None:
        assert home is not None
        files = identity.write(home, "mine")
        context.load_cert_chain(files.certificate, files.key)
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="sip.example.com") as secure,
    ):
        secure.sendall(data)
        return secure.recv(65536)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; wait until it listens."""
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        if port is not None:
            wait_until_listening(port, process, log)
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children, too, whatever became of it
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Look at the system's tables: a connection to try would be one too many."""
    table = Path("/proc/net/tcp")
    until(lambda: f":{port:04X} 00000000:0000 0A" in table.read_text(), process, log)


def until(
    done: Callable[[], bool],
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        said = log.read_text(errors="replace")[-2000:] if log is not None else ""
        assert process is None or process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
