"""Carries lines over TLS with Python's ssl; ``name=value`` arguments as matrix.peers.programs says."""

import contextlib
import socket
import ssl
import sys

wishes = dict(argument.split("=", 1) for argument in sys.argv[1:])
is_server = wishes["role"] == "server"
NO_EXTENDED_MASTER_SECRET, NO_ENCRYPT_THEN_MAC = 1 << 0, 1 << 19
VERSIONS = {
    "TLS 1.0": ssl.TLSVersion.TLSv1,
    "TLS 1.1": ssl.TLSVersion.TLSv1_1,
    "TLS 1.2": ssl.TLSVersion.TLSv1_2,
    "TLS 1.3": ssl.TLSVersion.TLSv1_3,
}

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = context.maximum_version = VERSIONS[wishes["version"]]
if wishes["version"] != "TLS 1.3":
    context.set_ciphers(wishes["suite"] + ":@SECLEVEL=0")
context.keylog_filename = wishes["keylog"]
if wishes["ems"] == "0":
    context.options |= NO_EXTENDED_MASTER_SECRET
if wishes["etm"] == "0":
    context.options |= NO_ENCRYPT_THEN_MAC
if wishes["ticket"] == "0":
    context.options |= ssl.OP_NO_TICKET
if is_server or wishes["mutual"] == "1":
    context.load_cert_chain(wishes["certificate"], wishes["key"])
if is_server:
    context.load_dh_params(wishes["groups"])
    if wishes["mutual"] == "1":
        context.load_verify_locations(wishes["authority"])
        context.verify_mode = ssl.CERT_REQUIRED


def serve() -> None:
    listening = socket.create_server(("127.0.0.1", int(wishes["port"])))
    while True:
        plain, _ = listening.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                for line in connection.makefile("rb"):
                    connection.sendall(b"200 OK: " + line)
                connection.unwrap()  # else the client throws the session away
        except OSError as error:
            print(error, file=sys.stderr, flush=True)


def connect() -> None:
    session = None
    more = True
    while more:
        plain = socket.create_connection(("127.0.0.1", int(wishes["port"])))
        with context.wrap_socket(plain, session=session) as connection:
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
            with contextlib.suppress(OSError):
                connection.unwrap()


serve() if is_server else connect()
