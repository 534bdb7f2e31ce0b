"""Carries lines over TLS with Mbed TLS; ``name=value`` arguments as matrix.peers.programs says."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from mbedtls import pk, tls, x509  # type: ignore[import-not-found, import-untyped, unused-ignore]

wishes = dict(argument.split("=", 1) for argument in sys.argv[1:])
is_server = wishes["role"] == "server"
VERSIONS = {
    "TLS 1.0": tls.TLSVersion.TLSv1,
    "TLS 1.1": tls.TLSVersion.TLSv1_1,
    "TLS 1.2": tls.TLSVersion.TLSv1_2,
}


def make_configuration() -> tls.TLSConfiguration:
    chain = None
    if is_server or wishes["mutual"] == "1":
        blocks = Path(wishes["certificate"]).read_text().split("-----END CERTIFICATE-----")
        pem = [block.strip() + "\n-----END CERTIFICATE-----\n" for block in blocks if block.strip()]
        key = Path(wishes["key"]).read_text()
        kind = pk.ECC if "BEGIN EC" in key or "/ec." in wishes["key"] else pk.RSA
        chain = (tuple(x509.CRT.from_PEM(one) for one in pem[:1]), kind.from_PEM(key))
    trusted = tls.TrustStore()
    trusted.add(x509.CRT.from_PEM(Path(wishes["authority"]).read_text()))
    return tls.TLSConfiguration(
        trust_store=trusted,
        certificate_chain=chain,
        validate_certificates=wishes["mutual"] == "1",
        ciphers=(wishes["suite"].replace("_", "-"),),
        lowest_supported_version=VERSIONS[wishes["version"]],
        highest_supported_version=VERSIONS[wishes["version"]],
    )


def shake_hands(connection: tls.TLSWrappedSocket) -> None:
    while True:
        try:
            connection.do_handshake()
            return
        except (tls.WantReadError, tls.WantWriteError):
            pass


def lines_of(connection: tls.TLSWrappedSocket) -> Iterator[bytes]:
    waiting = b""
    while data := connection.recv(65536):
        waiting += data
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            yield line + b"\n"


def send(connection: tls.TLSWrappedSocket, data: bytes) -> None:
    while data:
        data = data[connection.send(data) :]


def serve() -> None:
    context = tls.ServerContext(make_configuration())
    listening = context.wrap_socket(socket.socket())
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(wishes["port"])))
    listening.listen(8)
    while True:
        connection, _ = listening.accept()
        try:
            shake_hands(connection)
            for line in lines_of(connection):
                send(connection, b"200 OK: " + line)
        except Exception as error:
            print(repr(error), file=sys.stderr, flush=True)
        connection.close()


def connect() -> None:
    context = tls.ClientContext(make_configuration())
    connection = context.wrap_socket(socket.socket(), server_hostname="sip.example.com")
    connection.connect(("127.0.0.1", int(wishes["port"])))
    shake_hands(connection)
    answers = lines_of(connection)
    for line in sys.stdin.buffer:
        send(connection, line)
        sys.stdout.buffer.write(next(answers))
        sys.stdout.buffer.flush()
    connection.close()


serve() if is_server else connect()
