"""A check of a Kamailio that somebody configured as operators do, mutual TLS and all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import certificates
from kit.kamailio import kamailio as running
from kit.kamailio import module_folder
from kit.ports import free_port
from tqdecrypt.check import Target, check
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.tls import Verdict

MODULES = module_folder("tls")

CONFIGURATION = """
tcp_children=1
enable_tls=yes
listen=tls:127.0.0.1:{port}
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
    port = free_port()
    files = certificates.server().write(folder)
    authorities = folder / "ca.pem"
    authorities.write_bytes(certificates.authority().certificate_pem())
    (folder / "tls.cfg").write_text(
        TLS.format(certificate=files.certificate, key=files.key, authorities=authorities)
    )
    with running(folder, CONFIGURATION.format(port=port, folder=folder), port):
        yield port


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
