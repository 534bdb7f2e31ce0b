"""A proxy that mirrors what it sees: Kamailio's siptrace, with TLS in front and UDP behind."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import certificates
from kit.kamailio import kamailio, module_folder
from kit.ports import free_port
from tqdecrypt.mirror import HepListener
from tqdecrypt.sip import Message

MODULES = module_folder("siptrace", "tls")
CONFIGURATION = """
listen=udp:127.0.0.1:{udp}
listen=tcp:127.0.0.1:{udp}
listen=tls:127.0.0.1:{tls}
enable_tls=yes
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "tls.so"
loadmodule "siptrace.so"
modparam("tls", "tls_method", "TLSv1.2")
modparam("tls", "certificate", "{folder}/server.crt")
modparam("tls", "private_key", "{folder}/server.key")
modparam("siptrace", "duplicate_uri", "sip:127.0.0.1:{hep};transport={over}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", {version})
modparam("siptrace", "hep_capture_id", 77)
modparam("siptrace", "auth_key", "secret")
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)
request_route {{
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    $du = "sip:127.0.0.1:{uas}";
    t_relay();
}}
"""


@contextmanager
def answering(port: int) -> Iterator[None]:
    """Run SIPp's user agent that answers calls."""
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port)]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def invite(ends: tuple[str, int]) -> bytes:
    host, port = ends
    lines = [
        "INVITE sip:bob@example.com SIP/2.0",
        f"Via: SIP/2.0/TLS {host}:{port};branch=z9hG4bK1",
        "Max-Forwards: 70",
        "From: <sip:ada@example.com>;tag=1",
        "To: <sip:bob@example.com>",
        "Call-ID: mirrored@example.com",
        "CSeq: 1 INVITE",
        f"Contact: <sip:ada@{host}:{port};transport=tls>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def call(port: int) -> str:
    """Call over TLS until somebody answers; return the caller's ``ip:port``."""
    context = ssl.create_default_context(cadata=certificates.authority().certificate_pem().decode())
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain) as connection,
    ):
        ends = connection.getsockname()
        connection.sendall(invite(ends))
        answer = b""
        while b"SIP/2.0 200" not in answer:
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
        return f"{ends[0]}:{ends[1]}"


@pytest.mark.peer("kamailio", "sipp")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio kamailio-tls-modules")
@pytest.mark.parametrize(("over", "version"), [("udp", 3), ("tcp", 3), ("udp", 2)])
def test_kamailio_mirrors_both_legs(tmp_path: Path, over: str, version: int) -> None:
    certificates.server().write(tmp_path)
    ports = {"udp": free_port(), "tls": free_port(), "uas": free_port(socket.SOCK_DGRAM)}
    listener = HepListener(f"{over}:127.0.0.1:0", b"secret" if version == 3 else None)
    configuration = CONFIGURATION.format(
        folder=tmp_path, hep=listener.address[1], over=over, version=version, **ports
    )
    messages: list[Message] = []
    ready = threading.Event()

    def take() -> None:
        while not ready.wait(0.01):
            messages.extend(listener.poll())

    poller = threading.Thread(target=take)
    poller.start()
    try:
        with kamailio(tmp_path, configuration, ports["udp"]) as log, answering(ports["uas"]):
            caller = call(ports["tls"])
            for _ in range(500):
                if len([one for one in messages if one.status == 200]) >= 2:
                    break
                time.sleep(0.01)
    finally:
        ready.set()
        poller.join()
        counters = {name: count for name, count in listener.counters.items() if count}
        listener.close()
    here = f"127.0.0.1:{ports['tls']}"
    found = {
        (one.flow.source, one.flow.destination, one.flow.transport, one.status) for one in messages
    }
    assert (caller, here, "TLS", None) in found, log.read_text()
    assert (here, caller, "TLS", 200) in found
    uas = f"127.0.0.1:{ports['uas']}"
    assert (f"127.0.0.1:{ports['udp']}", uas, "UDP", None) in found
    assert {one.call_id for one in messages} == {"mirrored@example.com"}
    assert {one.flow.mirrored_by for one in messages} == {"77"}
    assert {one.flow.integrity for one in messages} == {"unverified"}
    assert counters == {"hep_packets": len(messages)}
