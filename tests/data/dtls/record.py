"""Makes the recordings beside it: DTLS between two ends of OpenSSL, every datagram as it passed.

    cd tests && python -m data.dtls.record

Every file holds, a line each: ``client-said`` and ``server-said`` with hexadecimal plaintext, the
lines of OpenSSL's key log, the datagrams, ``>`` from the client and ``<`` from the server, and
``exported``, the keying material that ``-keymatexport`` asks for.  A line ``--`` begins the next
connection.  The server's key is ``server.key``; it is made for this alone.
"""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from kit import certificates
from matrix.model import Command
from matrix.play import Program
from matrix.relay import Flights, UdpRelay

HERE = Path(__file__).parent
PAUSE = 0.4
"""Seconds that a handshake or a command takes: nothing tells when it is done."""
KEYING_MATERIAL = re.compile(rb"Keying material: ([0-9A-F]+)")


@dataclass(frozen=True)
class Recording:
    """Two programs and what they are told; *server* and *client* are further options."""

    version: str = "-dtls1_2"
    suite: str = "AES128-GCM-SHA256"
    server: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    configuration: str = ""
    """Options of OpenSSL's configuration file."""
    lines: tuple[tuple[bool, bytes], ...] = field(
        default_factory=lambda: tuple(
            (number % 2 == 0, b"line %d of this conversation\n" % number) for number in range(6)
        )
    )
    """From the client, and the line; one of a single letter is a command."""
    connections: int = 1


SMALL = ("-mtu", "400")
RECORDINGS = {
    "rsa": Recording(server=SMALL, client=SMALL),
    "rsa-without-ems": Recording(configuration="-ExtendedMasterSecret"),
    "rsa-cbc": Recording(suite="AES128-SHA"),
    "rsa-cbc-mac-then-encrypt": Recording(suite="AES256-SHA256", configuration="-EncryptThenMac"),
    "rsa-dtls10": Recording("-dtls1", "AES128-SHA", server=SMALL, client=SMALL),
    "ecdhe": Recording(suite="ECDHE-RSA-CHACHA20-POLY1305", server=SMALL),
    "mutual": Recording(
        server=("-Verify", "1", "-CAfile", "ca.crt", *SMALL),
        client=("-cert", "client.crt", "-key", "client.key", *SMALL),
    ),
    "psk": Recording(
        suite="PSK-AES128-CBC-SHA256",
        server=("-nocert", "-psk", "00112233445566778899aabbccddeeff"),
        client=("-psk", "00112233445566778899aabbccddeeff", "-psk_identity", "pbx"),
    ),
    "renegotiated": Recording(
        server=("-client_renegotiation", *SMALL),
        client=SMALL,
        lines=(
            *((True, b"before\n"), (False, b"before, too\n"), (True, b"R\n")),
            *((True, b"between\n"), (False, b"between, too\n"), (False, b"r\n")),
            *((True, b"behind\n"), (False, b"behind, too\n")),
        ),
    ),
    "resumed": Recording(connections=2),
}


def record(made: Recording, directory: Path) -> str:
    """Let the two talk and return the text of the recording."""
    configuration = directory / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
        f"CipherString = DEFAULT:@SECLEVEL=0\nOptions = {made.configuration or 'SessionTicket'}\n"
    )
    environment = {"OPENSSL_CONF": str(configuration)}
    common = (made.version, "-cipher", f"{made.suite}:@SECLEVEL=0", "-timeout")
    nocert = "-nocert" in made.server
    identity = () if nocert else ("-cert", "server.crt", "-key", "server.key")
    keylog = directory / "keylog"
    port = free_port()
    server = Program(
        Command(
            [
                *("openssl", "s_server", "-accept", f"127.0.0.1:{port}"),
                *(*identity, *common, *made.server),
            ],
            environment,
        ),
        directory,
        "server",
    )
    time.sleep(PAUSE)
    texts = []
    with UdpRelay(port) as relay:
        for number in range(made.connections):
            keylog.unlink(missing_ok=True)
            session = ("-sess_out", "session") if not number else ("-sess_in", "session")
            client = Program(
                Command(
                    [
                        *("openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}"),
                        *(*common, "-keylogfile", "keylog", *made.client),
                        *(session if made.connections > 1 else ()),
                    ],
                    environment,
                ),
                directory,
                "client",
            )
            time.sleep(PAUSE)
            said = converse(made, client, server)
            client.say(b"Q\n")
            client.wait(PAUSE)
            client.close()
            exported = KEYING_MATERIAL.search(client.output)
            text = written(said, keylog, relay.connections[number])
            texts.append(f"{text}exported {exported[1].decode()}\n" if exported else text)
    server.close()
    return "--\n".join(texts)


def free_port() -> int:
    """Return a UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def converse(made: Recording, client: Program, server: Program) -> tuple[bytes, bytes]:
    """Say the lines, each when the one before has arrived."""
    said = [b"", b""]
    for from_client, line in made.lines:
        sender, receiver = (client, server) if from_client else (server, client)
        sender.say(line)
        if len(line) == 2:
            time.sleep(PAUSE)
            continue
        receiver.wait_for(line)
        said[0 if from_client else 1] += line
    return said[0], said[1]


def written(said: tuple[bytes, bytes], keylog: Path, flights: Flights) -> str:
    """Return the text of one connection."""
    lines = [f"client-said {said[0].hex()}", f"server-said {said[1].hex()}"]
    if keylog.exists():
        lines += [line for line in keylog.read_text().splitlines() if not line.startswith("#")]
    lines += [f"{'>' if from_client else '<'} {data.hex()}" for from_client, data in flights]
    return "".join(f"{line}\n" for line in lines)


def write_material(directory: Path) -> None:
    """Write the keys and certificates of both ends."""
    certificates.server().write(directory, "server")
    certificates.client().write(directory, "client")
    (directory / "ca.crt").write_bytes(certificates.authority().certificate_pem())


def main() -> None:
    """Write all recordings, and the key."""
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_material(directory)
        for title, made in RECORDINGS.items():
            text = record(made, directory)
            (HERE / f"{title}.txt").write_text(f"# {version.stdout.strip()}\n{text}")
        (HERE / "server.key").write_bytes((directory / "server.key").read_bytes())


if __name__ == "__main__":
    main()
