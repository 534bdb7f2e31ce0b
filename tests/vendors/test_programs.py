"""The advice for baresip and stunnel, applied to real ones: dark before, decrypted after."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import certificates
from kit.certificates import Identity
from kit.ports import free_port
from matrix.relay import TcpRelay
from tqdecrypt.tls import Verdict
from tqdecrypt.vendors import Role, Topic
from vendors.kamailio import MODULES, kamailio
from vendors.proof import (
    Readout,
    advised,
    options_request,
    read,
    running,
    say,
    until,
)

BARESIP_MODULES = next(
    (p.parent for p in Path("/usr/lib").glob("*baresip/modules/account.so")),
    next((p.parent for p in Path("/usr/lib").glob("*/baresip/modules/account.so")), None),
)
MODERN = 'modparam("tls", "tls_method", "TLSv1.2+")'
RSA_ONLY = {"cipher-list": "AES256-GCM-SHA384:@SECLEVEL=0"}


# A telephone: it is the TLS client, and registers with a server.


def register(
    folder: Path, server: str, configuration: str = "", environment: dict[str, str] | None = None
) -> Readout:
    """Let baresip register with a Kamailio; return what our reader makes of it."""
    home = folder / "baresip"
    home.mkdir(exist_ok=True)
    (home / "contacts").touch()
    (home / "config").write_text(
        f"poll_method epoll\nsip_listen 127.0.0.1:0\nmodule_path {BARESIP_MODULES}\n"
        f"module g711.so\nmodule_tmp account.so\nmodule_app menu.so\n{configuration}\n"
    )
    with kamailio(folder, server) as port, TcpRelay(port) as relay:
        account = f"<sip:ada@127.0.0.1:{relay.port};transport=tls>;regint=60;auth_pass=none\n"
        (home / "accounts").write_text(account)
        command = ["baresip", "-f", str(home), "-t", "20"]
        with running(command, home, environment=environment) as process:
            log = home / "log"
            until(lambda: b"200 OK" in log.read_bytes(), process, log)
            log.unlink()
        return read(relay, folder)


@pytest.mark.peer("baresip", "kamailio")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-tls-modules")
def test_for_a_telephone_the_server_s_list_counts(tmp_path: Path) -> None:
    assert set(register(tmp_path, MODERN).verdicts) == {"tls13"}
    server = "\n".join(
        [
            advised("kamailio", Topic.TLS13_OFF, {}),
            advised("kamailio", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES256-GCM-SHA384"}),
        ]
    )
    after = register(tmp_path, server)
    assert set(after.verdicts) == {"decrypted"}
    assert {one.method for one in after.messages} >= {"REGISTER"}


@pytest.mark.peer("baresip", "kamailio")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-tls-modules")
def test_openssl_s_configuration_sets_a_telephone_s_list(tmp_path: Path) -> None:
    """The server is left as it is; the client alone is set."""
    file = tmp_path / "openssl.cnf"
    file.write_text(advised("baresip", Topic.RSA_KEY_EXCHANGE, RSA_ONLY) + "\n")
    after = register(tmp_path, MODERN, environment={"OPENSSL_CONF": str(file)})
    assert set(after.verdicts) == {"decrypted"}
    assert after.reports[0].offer is not None
    assert len(after.reports[0].offer.suites) == 1


@pytest.mark.peer("baresip", "kamailio")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-tls-modules")
def test_a_telephone_shows_its_certificate(tmp_path: Path) -> None:
    authority, both = tmp_path / "ca.crt", tmp_path / "phone.pem"
    authority.write_bytes(certificates.authority().certificate_pem())
    phone = certificates.client()
    both.write_bytes(phone.key_pem() + phone.chain_pem())
    values = {"ca-file": str(authority), "certificate-and-key": str(both)}
    server = "\n".join(
        [
            advised("kamailio", Topic.TLS13_OFF, {}),
            advised("kamailio", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES128-SHA"}),
            advised("kamailio", Topic.MUTUAL_TLS, values),
        ]
    )
    after = register(tmp_path, server, advised("baresip", Topic.MUTUAL_TLS, values))
    assert after.verdicts[0] == "decrypted"
    assert after.reports[0].mutual_tls is True


# A TLS front for a program without TLS.


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """A server behind stunnel that answers each request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        closing = threading.Event()

        def serve() -> None:
            while not closing.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    connection, _ = listening.accept()
                    with connection:
                        connection.settimeout(20)
                        data = connection.recv(65536)
                        line = b"OPTIONS sip:edge.example.com SIP/2.0"
                        connection.sendall(data.replace(line, b"SIP/2.0 200 OK", 1))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            closing.set()
            thread.join(20)


def through_stunnel(folder: Path, settings: str, identity: Identity | None = None) -> Readout:
    with echo() as plain, _stunnel(folder, settings, plain) as port, TcpRelay(port) as relay:
        said = say(relay.port, options_request(), identity, folder)
        assert said.startswith(b"SIP/2.0 200 OK")
    return read(relay, folder)


@contextlib.contextmanager
def _stunnel(folder: Path, settings: str, plain: int) -> Iterator[int]:
    port = free_port()
    files = certificates.server(2048).write(folder)
    file = folder / "stunnel.conf"
    file.write_text(
        f"foreground = yes\npid =\n[sip]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{plain}\n"
        f"cert = {files.certificate}\nkey = {files.key}\nsecurityLevel = 0\n{settings}\n"
    )
    with running(["stunnel", str(file)], folder, port):
        yield port


@pytest.mark.peer("stunnel")
def test_the_advice_for_stunnel_makes_it_decryptable(tmp_path: Path) -> None:
    assert through_stunnel(tmp_path, "").verdicts == ["tls13"]
    version = advised("stunnel", Topic.TLS13_OFF, {})
    assert through_stunnel(tmp_path, version).verdicts == ["forward-secrecy"]
    ciphers = advised("stunnel", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES128-GCM-SHA256"})
    after = through_stunnel(tmp_path, f"{version}\n{ciphers}")
    assert after.verdicts == ["decrypted"]
    assert [one.method or one.status for one in after.messages] == ["OPTIONS", 200]


@pytest.mark.peer("stunnel")
def test_the_advice_for_stunnel_on_mutual_tls(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(certificates.authority().certificate_pem())
    settings = "\n".join(
        [
            advised("stunnel", Topic.TLS13_OFF, {}),
            advised("stunnel", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES128-SHA"}),
            advised("stunnel", Topic.MUTUAL_TLS, {"ca-file": str(authority)}),
        ]
    )
    after = through_stunnel(tmp_path, settings, certificates.client())
    assert after.reports[0].mutual_tls is True
    assert after.verdicts == ["decrypted"]


@pytest.mark.peer("stunnel")
def test_the_advice_for_stunnel_on_resumption(tmp_path: Path) -> None:
    """A client that offers its session again gets a full handshake."""
    version = advised("stunnel", Topic.TLS13_OFF, {})
    ciphers = advised("stunnel", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES128-SHA"})
    off = advised("stunnel", Topic.RESUMPTION, {}, Role.SERVER)
    for settings, resumed in (
        (f"{version}\n{ciphers}", True),
        (f"{version}\n{ciphers}\n{off}", False),
    ):
        with echo() as plain, _stunnel(tmp_path, settings, plain) as port, TcpRelay(port) as relay:
            again = _twice(relay.port)
        readout = read(relay, tmp_path)
        assert again is resumed
        assert {one.verdict for one in readout.reports} == {Verdict.DECRYPTED}
        assert (readout.reports[1].resumed != "no") is resumed


def _twice(port: int) -> bool:
    """Connect twice with one session; return whether it was resumed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    session: ssl.SSLSession | None = None
    reused: bool | None = False
    for number in (1, 2):
        with (
            socket.create_connection(("127.0.0.1", port), 20) as plain,
            context.wrap_socket(plain, session=session) as secure,
        ):
            secure.sendall(options_request(number))
            secure.recv(65536)
            session, reused = secure.session, secure.session_reused
    return bool(reused)
