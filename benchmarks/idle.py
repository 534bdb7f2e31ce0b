"""How much memory an idle TLS session takes: ``python -m benchmarks.idle SESSIONS [CIPHER]``.

Some real connections (full handshakes, two SIP messages each, no two with the same random numbers) are
replayed in turn from as many addresses as sessions are wanted, and every one of them is decrypted with
its key-log line, so that no private-key operation costs time.  Then nothing more happens on any of them.
What the process has grown by, divided by their number, is what an idle session costs: TCP state, TLS
state, keys, SIP framing, all of it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tls import TlsConnection, client_context, make_key, server_context

if TYPE_CHECKING:
    from tqdecrypt.sip import Message
    from tqdecrypt.tcp import ConnectionTable

__all__ = ["main"]

WARM_UP = 2_000
"""Sessions before the first reading: tables and caches fill."""
CONNECTIONS = 97
SECOND = 1_000_000_000


def main() -> None:
    """Print the figures as JSON."""
    from tqdecrypt.dispatch import Dispatcher
    from tqdecrypt.keys import KeyLog, KeyRing
    from tqdecrypt.tcp import ConnectionTable
    from tqdecrypt.tls import SecretFinder

    sessions = int(sys.argv[1])
    cipher = sys.argv[2] if len(sys.argv) > 2 else "AES128-GCM-SHA256"
    connections, secrets = _record(cipher)
    keylog = KeyLog()
    keylog.feed(secrets, "benchmark")
    messages: list[Message] = []
    dispatcher = Dispatcher(
        SecretFinder(KeyRing((), keylog)),
        (),
        messages,
        lambda report: None,
    )
    table = ConnectionTable(dispatcher.accept, max_connections=sessions + WARM_UP + 1)

    def replay(first: int, count: int) -> None:
        for number in range(first, first + count):
            _replay(table, number, connections[number % CONNECTIONS])
            messages.clear()
            if number % 100 == 0:
                table.now = number * SECOND // 100
                dispatcher.tidy(table.now)

    replay(0, WARM_UP)
    before = _resident()
    replay(WARM_UP, sessions)
    table.now += 3600 * SECOND
    dispatcher.tidy(table.now)
    after = _resident()
    print(json.dumps({"sessions": len(table), "bytes": (after - before) / sessions}))


def _record(cipher: str) -> tuple[list[list[tuple[bool, bytes]]], bytes]:
    """Make the connections; return their flights and their key-log lines."""
    with tempfile.TemporaryDirectory() as name:
        key, log = Path(name) / "key", Path(name) / "log"
        make_key(key)
        client = client_context(cipher)
        client.keylog_filename = str(log)
        server = server_context(key)
        return [_talk(TlsConnection(client, server)) for _ in range(CONNECTIONS)], log.read_bytes()


def _talk(connection: TlsConnection) -> list[tuple[bool, bytes]]:
    flights = connection.handshake()
    for from_client in (True, False):
        text = b"OPTIONS sip:a@example.org SIP/2.0" if from_client else b"SIP/2.0 200 OK"
        text += b"\r\nCall-ID: 1@example.org\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        flights.append((from_client, connection.protect(from_client, text)))
    return flights


def _replay(table: ConnectionTable, number: int, flights: list[tuple[bool, bytes]]) -> None:
    client, server = (0, 0x0A000000 + number, 40_000), (0, 0xC0000201, 5061)
    keys = {True: client + server, False: server + client}
    sequence = {True: 1, False: 1}
    frame, time = number + 1, number * SECOND // 100
    for from_client, data in flights:
        # A fresh copy: a capture's bytes are never shared between connections.
        table.receive_run(
            keys[from_client], 4, 16, sequence[from_client], 0, bytes(bytearray(data)),
            [len(data)], [frame], [time], 0,
        )  # fmt: skip
        sequence[from_client] += len(data)


def _resident() -> int:
    """Resident bytes of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
