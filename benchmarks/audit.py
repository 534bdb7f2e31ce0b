"""An audit of very many sessions: time, and how memory grows.

    python -m benchmarks.audit [SESSIONS …]

The 2,000 connections of ``handshakes`` are repeated, one round of them after the other in capture time, from
five networks in turn: the clients of an SBC come back, and no more of them are open at a time.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from pathlib import Path

from benchmarks.captures import Capture, capture
from benchmarks.measure import run
from benchmarks.programs import tqdecrypt_path

ROUND = 2_000
"""Connections of the capture that is repeated."""
NETWORKS = 5
_HEADER = struct.Struct("<IIII")


def main() -> None:
    """Print a line for each number of sessions."""
    wanted = [int(text) for text in sys.argv[1:]] or [10_000, 100_000]
    usual = capture("handshakes", quick=False)
    for sessions in wanted:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "audit.pcap"
            _repeat(usual, path, sessions // ROUND)
            command = [str(tqdecrypt_path()), "audit", str(path), "-k", str(usual.key), "--json"]
            output = Path(folder) / "audit.json"
            measured = run(command, output)
            found = json.loads(output.read_text())["decryptability"]
            if found["clear_sessions"] != sessions:
                sys.exit(f"the audit found {found['clear_sessions']:,} of {sessions:,} sessions")
            print(
                f"{sessions:9,} sessions  {measured.cpu:7.1f} CPU s  {measured.wall:7.1f} s  "
                f"{measured.memory / 1e6:6.0f} MB",
                flush=True,
            )


def _repeat(usual: Capture, path: Path, rounds: int) -> None:
    """Write the packets again and again, each round from another network and later."""
    data = usual.path.read_bytes()
    packets = list(_packets(data))
    first = packets[0][0]
    span = packets[-1][0] - first + 1
    hosts = {packet[1][26:30] for packet in packets} | {packet[1][30:34] for packet in packets}
    server = max(hosts, key=lambda host: sum(packet[1][26:30] == host for packet in packets[:500]))
    with path.open("wb") as file:
        file.write(data[:24])
        for number in range(rounds):
            network = bytes([10, 0, number % NETWORKS])
            for second, packet, fraction, length in packets:
                changed = bytearray(packet)
                for at in (26, 30):
                    if changed[at : at + 4] != server:
                        changed[at : at + 3] = network
                file.write(_HEADER.pack(second + number * span, fraction, len(packet), length))
                file.write(changed)


def _packets(data: bytes) -> list[tuple[int, bytes, int, int]]:
    """Return second, bytes, fraction and length of each packet of a pcap file."""
    found = []
    position = 24
    while position < len(data):
        second, fraction, captured, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        found.append((second, data[position : position + captured], fraction, length))
        position += captured
    return found


if __name__ == "__main__":
    main()
