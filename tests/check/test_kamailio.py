"""A check of a Kamailio that somebody configured as operators do, mutual TLS and all."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import certificates
from tqdecrypt.check import Target, check
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.tls import Verdict

MODULES = next(Path("/usr/lib").glob("*/kamailio/modules/tls.so"), None)

CONFIGURATION = """
#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
disable_tcp=no
enable_tls=yes
listen=tls:127.0.0.1:{port}
mpath="{modules}"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "pv.so"
loadmodule "tls.so"
modparam("tls", "config", "{folder}/tls.cfg")
request_route {{
    if (method == "OPTIONS") {{
        sl_send_reply("200", "Still here");
        exit;
    }}
    sl_send_reply("404", "Not here");
}}
"""

TLS = """
[server:default]
method = TLSv1.2
cipher_list = AES256-GCM-SHA384
certificate = {certificate}
private_key = {key}
ca_list = {authorities}
verify_certificate = yes
require_certificate = yes

[client:default]
method = TLSv1.2
"""


@contextmanager
def kamailio(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = certificates.server().write(folder)
    authorities = folder / "ca.pem"
    authorities.write_bytes(certificates.authority().certificate_pem())
    assert MODULES is not None
    configuration = folder / "kamailio.cfg"
    configuration.write_text(
        CONFIGURATION.format(port=port, modules=MODULES.parent, folder=folder).lstrip()
    )
    (folder / "tls.cfg").write_text(
        TLS.format(certificate=files.certificate, key=files.key, authorities=authorities)
    )
    command = [
        "kamailio",
        "-DD",
        "-f",
        str(configuration),
        "-Y",
        str(folder),
        "-m",
        "16",
        "-M",
        "4",
    ]
    with (
        open(folder / "kamailio.log", "wb") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None, (folder / "kamailio.log").read_text()
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


@pytest.mark.peer("kamailio")
@pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-tls-modules")
def test_kamailio_with_mutual_tls_and_rsa(tmp_path: Path) -> None:
    with kamailio(tmp_path) as port:
        files = certificates.client().write(tmp_path, "client")
        keys = load_private_keys([str(tmp_path / "server.key")]).keys
        target = Target(
            *("127.0.0.1", port, "sip.example.com", 5), str(files.certificate), str(files.key)
        )
        checked = check(target, KeyRing(keys), authorities=str(tmp_path / "ca.pem"))
    outcomes = {one.offer.name: one.outcome.value for one in checked.probes}
    assert outcomes["usual"] == outcomes["rsa"] == "negotiated"
    assert outcomes["ecdhe"] == outcomes["tls13"] == "alert"
    usual = checked.probes[0]
    assert usual.observer is not None
    assert usual.observer.verdict is Verdict.DECRYPTED
    assert usual.observer.mutual_tls is True
    assert checked.client_certificate_requested is True
    assert checked.trust.trusted is True
    assert checked.options is not None
    assert (checked.options.status, checked.options.reason) == (200, "Still here")
    assert checked.options.product.startswith("kamailio")
