"""Carries lines over TLS with tlslite-ng; ``name=value`` arguments as matrix.peers.programs says."""

import socket
import sys
import threading
from pathlib import Path

from tlslite.api import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)

wishes = dict(argument.split("=", 1) for argument in sys.argv[1:])
is_server = wishes["role"] == "server"
VERSIONS = {
    "SSL 3.0": (3, 0),
    "TLS 1.0": (3, 1),
    "TLS 1.1": (3, 2),
    "TLS 1.2": (3, 3),
    "TLS 1.3": (3, 4),
}
CIPHERS = {
    "NULL": "null",
    "RC4_128": "rc4",
    "3DES_EDE_CBC": "3des",
    "AES_128_CBC": "aes128",
    "AES_256_CBC": "aes256",
    "AES_128_GCM": "aes128gcm",
    "AES_256_GCM": "aes256gcm",
    "AES_128_CCM": "aes128ccm",
    "AES_256_CCM": "aes256ccm",
    "AES_128_CCM_8": "aes128ccm_8",
    "AES_256_CCM_8": "aes256ccm_8",
    "CHACHA20_POLY1305": "chacha20-poly1305",
}


def make_settings() -> HandshakeSettings:
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = VERSIONS[wishes["version"]]
    settings.minKeySize = 1024
    exchange, _, bulk = wishes["suite"].removeprefix("TLS_").rpartition("_WITH_")
    cipher, _, digest = bulk.rpartition("_")
    if "_CCM" in bulk:
        cipher, digest = bulk.removesuffix("_SHA256"), "aead"
    settings.cipherNames = [CIPHERS[cipher]]
    aead = "GCM" in cipher or "CCM" in cipher or "POLY1305" in cipher
    settings.macNames = ["aead" if aead else digest.lower()]
    if exchange:
        settings.keyExchangeNames = [exchange.lower()]
    settings.useExtendedMasterSecret = wishes["ems"] == "1"
    settings.requireExtendedMasterSecret = False
    settings.useEncryptThenMAC = wishes["etm"] == "1"
    if is_server and wishes["ticket"] == "1":
        settings.ticketKeys = [bytearray(32)]
    return settings


def identity() -> tuple[X509CertChain, object]:
    chain = X509CertChain()
    chain.parsePemList(Path(wishes["certificate"]).read_text())
    return chain, parsePEMKey(Path(wishes["key"]).read_text(), private=True)


def serve() -> None:
    chain, key = identity()
    cache = SessionCache()
    listening = socket.create_server(("127.0.0.1", int(wishes["port"])))
    while True:
        plain, _ = listening.accept()
        threading.Thread(target=answer, args=(plain, chain, key, cache), daemon=True).start()


def answer(plain: socket.socket, chain: X509CertChain, key: object, cache: SessionCache) -> None:
    connection = TLSConnection(plain)
    try:
        connection.handshakeServer(
            certChain=chain,
            privateKey=key,
            reqCert=wishes["mutual"] == "1",
            sessionCache=cache if wishes["ticket"] == "0" else None,
            settings=make_settings(),
        )
        for line in connection.makefile("rb"):
            connection.sendall(b"200 OK: " + line)
        connection.close()
    except Exception as error:
        print(repr(error), file=sys.stderr, flush=True)


def connect() -> None:
    session = None
    more = True
    while more:
        connection = TLSConnection(socket.create_connection(("127.0.0.1", int(wishes["port"]))))
        own = identity() if wishes["mutual"] == "1" else (None, None)
        connection.handshakeClientCert(*own, session=session, settings=make_settings())
        answers = connection.makefile("rb")
        more = False
        for line in sys.stdin.buffer:
            if line == b".\n":
                more = True
                break
            connection.sendall(line)
            sys.stdout.buffer.write(answers.readline())
            sys.stdout.buffer.flush()
        session = connection.session
        answers.close()  # before that, close_notify is not sent
        connection.close()


serve() if is_server else connect()
