"""The advice for Kamailio, applied to a real one: dark before, decrypted after."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from kit import certificates
from matrix.relay import TcpRelay
from tqdecrypt.vendors import Topic
from vendors.kamailio import MODULES, kamailio
from vendors.proof import (
    Readout,
    advised,
    options_request,
    proposed_list,
    read,
    say,
)

pytestmark = [
    pytest.mark.peer("kamailio"),
    pytest.mark.skipif(MODULES is None, reason="apt-get install kamailio-tls-modules"),
]

MODERN = 'modparam("tls", "tls_method", "TLSv1.2+")'
"""As many installations have it."""


def talk(folder: Path, settings: str) -> Readout:
    with kamailio(folder, settings) as port, TcpRelay(port) as relay:
        assert say(relay.port, options_request()).startswith(b"SIP/2.0 200 OK")
    return read(relay, folder)


def test_the_advice_makes_it_decryptable(tmp_path: Path) -> None:
    before = talk(tmp_path, MODERN)
    assert before.verdicts == ["tls13"]
    assert before.messages == []

    ciphers = advised("kamailio", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES256-GCM-SHA384"})
    assert talk(tmp_path, f"{MODERN}\n{ciphers}").verdicts == ["tls13"], "one setting is not enough"
    version = advised("kamailio", Topic.TLS13_OFF, {})
    assert talk(tmp_path, version).verdicts == ["forward-secrecy"], "nor is the other"

    after = talk(tmp_path, f"{version}\n{ciphers}")
    assert after.verdicts == ["decrypted"]
    assert [one.method or one.status for one in after.messages] == ["OPTIONS", 200]


def test_what_if_proposes_the_list_that_does_it(tmp_path: Path) -> None:
    """The simulation's own proposal, from the dark recording, put into the advice."""
    before = talk(tmp_path, MODERN)
    ciphers = advised("kamailio", Topic.RSA_KEY_EXCHANGE, {"cipher-list": proposed_list(before)})
    after = talk(tmp_path, f"{advised('kamailio', Topic.TLS13_OFF, {})}\n{ciphers}")
    assert after.verdicts == ["decrypted"]


def test_the_server_s_order_counts(tmp_path: Path) -> None:
    """As the advice says: RSA key exchange in front is enough, nothing has to go."""
    ciphers = advised(
        "kamailio",
        Topic.RSA_KEY_EXCHANGE,
        {"cipher-list": "AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"},
    )
    after = talk(tmp_path, f"{advised('kamailio', Topic.TLS13_OFF, {})}\n{ciphers}")
    assert after.verdicts == ["decrypted"]


def test_the_advice_on_mutual_tls(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(certificates.authority().certificate_pem())
    settings = "\n".join(
        [
            advised("kamailio", Topic.TLS13_OFF, {}),
            advised("kamailio", Topic.RSA_KEY_EXCHANGE, {"cipher-list": "AES128-SHA"}),
            advised("kamailio", Topic.MUTUAL_TLS, {"ca-file": str(authority)}),
        ]
    )
    with kamailio(tmp_path, settings) as port, TcpRelay(port) as relay:
        with pytest.raises(ssl.SSLError):
            say(relay.port, options_request())
        assert say(relay.port, options_request(2), certificates.client(), tmp_path)
    readout = read(relay, tmp_path)
    assert readout.verdicts[-1] == "decrypted"
    assert readout.reports[-1].mutual_tls is True
    assert readout.verdicts[0] == "handshake-failed"


def test_the_advice_on_clear_sip(tmp_path: Path) -> None:
    """HEP version 3 begins with its name; the SIP message stands in it as it was before encryption."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(20)
        values = {
            "collector-host": "127.0.0.1",
            "collector-port": str(collector.getsockname()[1]),
        }
        settings = f"{MODERN}\n{advised('kamailio', Topic.PLAINTEXT, values)}"
        with kamailio(tmp_path, settings) as port:
            say(port, options_request())
            data = collector.recv(65536)
    assert data.startswith(b"HEP3")
    assert options_request() in data


def test_the_advice_on_what_it_offers_as_client(tmp_path: Path) -> None:
    """The file of TLS domains takes the lines as they stand."""
    domains = tmp_path / "tls.cfg"
    files = certificates.server(2048).write(tmp_path, "domain")
    values = {"cipher-list": "AES128-SHA"}
    server = f"[server:default]\nmethod = TLSv1.2\ncertificate = {files.certificate}\n"
    domains.write_text(
        f"{server}private_key = {files.key}\ncipher_list = AES128-SHA\n"
        f"{advised('kamailio', Topic.CLIENT_ROLE, values)}\n"
    )
    readout = talk(tmp_path, f'modparam("tls", "config", "{domains}")')
    assert readout.reports[0].cipher_suite == "TLS_RSA_WITH_AES_128_CBC_SHA"
