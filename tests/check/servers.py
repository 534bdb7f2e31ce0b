"""Servers on loopback for checks: OpenSSL in this process, one thread a server, each in its own temper."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit import certificates
from kit.certificates import Identity

__all__ = ["answering", "listening", "tls_server"]

ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n"
    "Call-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nServer: test-sbc/1.0\r\nContent-Length: 0\r\n\r\n"
)


@contextmanager
def listening(handle: object) -> Iterator[int]:
    """Run ``handle(socket)`` for each connection on loopback; yield the port."""
    assert callable(handle)
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(5)
            with contextlib.suppress(OSError, ssl.SSLError), sock:
                handle(sock)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answering(sock: socket.socket) -> None:
    """Answer OPTIONS until the other side is gone."""
    data = b""
    while True:
        more = sock.recv(4096)
        if not more:
            return
        data += more
        if b"OPTIONS " in data and data.endswith(b"\r\n\r\n") and b"Call-ID:" in data:
            call_id = data.split(b"Call-ID: ")[1].split(b"\r\n")[0].decode()
            sock.sendall(ANSWER.format(call_id=call_id).encode())
            data = b""


@contextmanager
def tls_server(
    folder: Path,
    ciphers: str = "ALL",
    *,
    identity: Identity | None = None,
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    mutual: bool = False,
) -> Iterator[int]:
    """Run a TLS server that answers OPTIONS; yield its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = lowest, highest
    files = (identity or certificates.server()).write(folder)
    context.load_cert_chain(files.certificate, files.key)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=certificates.authority().certificate_pem().decode())

    def handle(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            answering(tls)

    with listening(handle) as port:
        yield port
