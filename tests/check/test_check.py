"""Checks of servers whose configuration is known."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from check.servers import listening, tls_server
from kit import certificates
from tqdecrypt.check import Checked, Dial, DialError, Outcome, Target, check
from tqdecrypt.check.advice import conclusions
from tqdecrypt.check.document import check_document
from tqdecrypt.keys import KeyRing, load_private_keys
from tqdecrypt.tls import Verdict
from tqdecrypt.views.check import CheckView
from views.scenes import drawn

NOTHING = KeyRing()


def target(
    port: int, timeout: float = 3, certificate: str | None = None, key: str | None = None
) -> Target:
    return Target("127.0.0.1", port, "sip.example.com", timeout, certificate, key)


def ask(
    port: int, ring: KeyRing = NOTHING, certificate: str | None = None, key: str | None = None
) -> Checked:
    return check(target(port, certificate=certificate, key=key), ring)


def outcomes(checked: Checked) -> dict[str, str]:
    return {one.offer.name: one.outcome.value for one in checked.probes}


def suites(checked: Checked) -> dict[str, str | None]:
    return {
        one.offer.name: one.report.cipher_suite
        for one in checked.probes
        if one.outcome is Outcome.NEGOTIATED and one.report is not None
    }


def test_each_offer_gets_what_openssl_negotiates(tmp_path: Path) -> None:
    with tls_server(tmp_path, "AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256") as port:
        checked = ask(port)
    assert suites(checked) == {
        "usual": "TLS_AES_256_GCM_SHA384",
        "rsa": "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "ecdhe": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "tls13": "TLS_AES_256_GCM_SHA384",
    }
    assert outcomes(checked)["dhe"] == "alert"
    assert outcomes(checked)["old"] == "alert"
    assert checked.client_certificate_requested is False


def test_the_verdict_is_that_of_an_observer(tmp_path: Path) -> None:
    with tls_server(tmp_path, "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") as port:
        ring = KeyRing(load_private_keys([str(tmp_path / "server.key")]).keys)
        checked = ask(port, ring)
    verdicts = {
        one.offer.name: one.observer.verdict for one in checked.probes if one.observer is not None
    }
    assert verdicts["rsa"] is Verdict.DECRYPTED
    assert verdicts["ecdhe"] is Verdict.FORWARD_SECRECY
    assert verdicts["tls13"] is Verdict.TLS13


def test_options_are_answered_over_tls(tmp_path: Path) -> None:
    with tls_server(tmp_path) as port:
        checked = ask(port)
    assert checked.options is not None
    assert (checked.options.status, checked.options.product) == (200, "test-sbc/1.0")
    assert checked.options.took > 0


def test_a_server_that_wants_a_certificate_gets_one(tmp_path: Path) -> None:
    files = certificates.client().write(tmp_path, "client")
    with tls_server(tmp_path, mutual=True, highest=ssl.TLSVersion.TLSv1_2) as port:
        without = ask(port)
        given = ask(port, certificate=str(files.certificate), key=str(files.key))
    assert without.client_certificate_requested is True
    assert not without.negotiates_anything
    assert given.negotiates_anything
    assert given.probes[0].report is not None
    assert given.probes[0].report.mutual_tls is True


def test_an_ecdsa_certificate_makes_rsa_impossible(tmp_path: Path) -> None:
    with tls_server(tmp_path, identity=certificates.server("ec")) as port:
        checked = ask(port)
    assert "rsa" not in suites(checked)
    assert any("has an EC key: RSA key exchange is impossible" in s for s in conclusions(checked))


def test_a_server_without_rsa_is_told_to_allow_it(tmp_path: Path) -> None:
    with tls_server(tmp_path, "ECDHE-RSA-AES128-GCM-SHA256") as port:
        said = list(conclusions(ask(port)))
    assert any(sentence.startswith("It refuses RSA key exchange") for sentence in said)


def test_a_certificate_is_believed_or_the_reason_is_said(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(certificates.authority().certificate_pem())
    with tls_server(tmp_path) as port:
        believed = check(target(port), NOTHING, authorities=str(authorities), ask=False)
        unknown = check(target(port), NOTHING, ask=False)
        other = Target("127.0.0.1", port, "other.example.com", 3)
        misnamed = check(other, NOTHING, authorities=str(authorities), ask=False)
    assert believed.trust.trusted is True
    assert unknown.trust.trusted is False
    assert "certificate" in unknown.trust.why
    assert "not valid for 'other.example.com'" in misnamed.trust.why


def test_a_certificate_that_ends_soon_is_named_with_its_day(tmp_path: Path) -> None:
    with tls_server(tmp_path) as port:
        checked = ask(port)
    soon = datetime(2049, 12, 21, tzinfo=UTC)
    assert any("ends on 2049-12-31, in 10 days" in one for one in conclusions(checked, soon))
    later = datetime(2050, 1, 1, tzinfo=UTC)
    assert any("expired on 2049-12-31" in one for one in conclusions(checked, later))
    assert not any("2049" in one for one in conclusions(checked, datetime(2026, 1, 1, tzinfo=UTC)))


# What is no TLS server, each told apart.


def say(data: bytes) -> Callable[[socket.socket], None]:
    def handle(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(data)

    return handle


@pytest.mark.parametrize(
    ("handle", "outcome", "sentence"),
    [
        (say(b"SIP/2.0 400 Bad Request\r\n\r\n"), "not-tls", "speaks SIP without TLS"),
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not-tls", "is a web server without TLS"),
        (say(b"220 mail ready\r\n"), "not-tls", "does not speak TLS on this port"),
        (lambda sock: sock.close(), "closed", "closes the connection without a word"),
        (lambda sock: time.sleep(0.6), "timed-out", "says nothing to a ClientHello"),
    ],
)
def test_what_is_no_tls_server_is_told_apart(
    handle: Callable[[socket.socket], None], outcome: str, sentence: str
) -> None:
    with listening(handle) as port:
        checked = check(target(port, timeout=0.2), NOTHING)
    assert checked.probes[0].outcome.value == outcome
    assert any(sentence in one for one in conclusions(checked))
    assert not checked.negotiates_anything


def test_a_port_without_a_listener_refuses() -> None:
    with listening(lambda sock: None) as port:
        pass
    with pytest.raises(DialError, match="nothing listens there") as caught:
        check(target(port), NOTHING)
    assert caught.value.dial is Dial.REFUSED


def test_a_name_that_does_not_exist_is_said() -> None:
    with pytest.raises(DialError, match="not known to the DNS") as caught:
        check(Target("no-such-host.invalid", 5061, None, 1), NOTHING)
    assert caught.value.dial is Dial.NAME_UNKNOWN


def test_a_full_backlog_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        try:
            with pytest.raises(DialError) as caught:
                check(Target("127.0.0.1", port, None, 0.2), NOTHING)
        finally:
            for sock in waiting:
                sock.close()
    assert caught.value.dial is Dial.TIMED_OUT


def test_secrets_do_not_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with tls_server(tmp_path) as port:
        document = check_document(ask(port))
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(document["probes"]) == 6


@pytest.mark.parametrize("whole", [True, False])
def test_the_chain_is_told_as_it_was_sent(tmp_path: Path, whole: bool) -> None:
    identity = certificates.issue(
        certificates.rsa_key(), ["sip.example.com"], certificates.intermediate()
    )
    if not whole:
        identity = replace(identity, issuer=certificates.authority())
    with tls_server(tmp_path, identity=identity) as port:
        checked = ask(port)
    chain = check_document(checked)["certificates"][0]["chain"]
    assert chain["length"] == len(chain["subjects"]) == (3 if whole else 2)
    assert chain["linking"] == ("root sent" if whole else "does not link")
    assert chain["intermediate_missing"] is not whole
    advice = " ".join(conclusions(checked))
    assert ("The chain of 2 certificates does not link" in advice) is not whole
    text = drawn(CheckView(checked), width=160)
    if whole:
        assert re.search(r"Chain as sent +3, root sent\n", text)
    else:
        assert re.search(r"Chain as sent +2, intermediate missing\? CN=Example Issuing CA", text)
