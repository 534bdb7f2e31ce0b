"""What would make a peer readable, where it is known what the right answer is."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from insight.found import report
from insight.test_products import message
from insight.test_what_if import CLASSIC, ECDHE, MODERN, NEW, PRIVATE, RSA_GCM, facts, offer
from tqdecrypt.export import format_time
from tqdecrypt.insight.audit import Auditor
from tqdecrypt.insight.audit.advice import Advice
from tqdecrypt.insight.trunks import Trunks
from tqdecrypt.keys import KeyRing
from tqdecrypt.sip import Message
from tqdecrypt.tls import SessionReport, Verdict
from tqdecrypt.tls.offer import Offer

SERVER = "198.51.100.20:5061"
CHOSEN = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


def session(number: int, client: str, offered: Offer, **more: Any) -> SessionReport:
    """A session that stayed dark, unless *more* says otherwise."""
    values: dict[str, Any] = {
        "offer": offered,
        "cipher_suite": CHOSEN,
        "version": "TLS 1.2",
        "server_facts": facts(),
        "server_certificate": facts().fingerprint_sha256,
        "verdict": Verdict.FORWARD_SECRECY,
        "client_encrypted_bytes": 100,
        "side": "server",
    } | more
    return report(number, f"{client}:4{number:04}", values.pop("server", SERVER), **values)


def advised(
    *sessions: SessionReport, ours: bool = True, heard: tuple[Message, ...] = ()
) -> dict[str, Advice]:
    auditor = Auditor(KeyRing())
    for one in heard:
        auditor.message(one)
    for report_ in sessions:
        auditor.session(report_)
    if ours:  # a hub: the server is ours
        for number in range(5):
            auditor.session(
                session(90 + number, f"192.0.2.9{number}", CLASSIC, verdict=Verdict.DECRYPTED)
            )
    found = auditor.finish(format_time, findings=[]).advice
    return {one.peer: one for one in found}


def test_the_smallest_change_of_the_servers_list() -> None:
    offered = offer(ECDHE, RSA_GCM)
    [advice] = advised(session(1, "192.0.2.1", offered), session(2, "192.0.2.1", offered)).values()
    assert (advice.peer, advice.dark) == ("192.0.2.1", 2)
    assert advice.changes == ("add TLS_RSA_WITH_AES_128_GCM_SHA256 at the front of the list",)
    [sentence] = advice.sentences
    assert sentence == (
        "On the server 198.51.100.20:5061: add TLS_RSA_WITH_AES_128_GCM_SHA256 at the front of the list. "
        "Then its client decrypts with that server's key, nobody is cut off, and forward secrecy ends for "
        "them (RFC 9325 section 4.1)."
    )


def test_the_device_whose_list_it_is_is_named() -> None:
    says_so = message("198.51.100.20", "Server: kamailio (5.6.3)")
    [advice] = advised(session(1, "192.0.2.1", offer(ECDHE, RSA_GCM)), heard=(says_so,)).values()
    assert advice.vendors == ("kamailio",)
    assert advice.sentences[0].endswith("; tqdecrypt advise kamailio has the settings.")


def test_several_devices_of_one_trunk_are_counted() -> None:
    hosts = [f"192.0.2.{number}" for number in (1, 2, 3)]
    offers = (CLASSIC, CLASSIC, PRIVATE)
    sessions = [
        session(number, host, offered)
        for number, (host, offered) in enumerate(zip(hosts, offers, strict=True))
    ]
    auditor = Auditor(trunks=Trunks({"acme": [ip_network("192.0.2.0/24")]}))
    for one in sessions:
        auditor.session(one)
    [advice] = auditor.finish(format_time, findings=[]).advice
    assert advice.peer == "acme"
    assert (
        "Then 2 of 3 of its clients decrypt with that server's key, where RSA"
        in advice.sentences[0]
    )


def test_tls13_is_turned_off_where_nobody_needs_it() -> None:
    one = session(
        1,
        "192.0.2.1",
        MODERN,
        version="TLS 1.3",
        cipher_suite="TLS_AES_128_GCM_SHA256",
        verdict=Verdict.TLS13,
        server_facts=None,
        server_certificate=None,
    )
    advice = advised(one)["192.0.2.1"]
    assert advice.changes[0] == "turn TLS 1.3 off"
    assert len(advice.changes) == 2


def test_tls13_stays_where_somebody_speaks_nothing_else() -> None:
    tls13: dict[str, Any] = {
        "version": "TLS 1.3",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "verdict": Verdict.TLS13,
    }
    found = advised(session(1, "192.0.2.1", MODERN, **tls13), session(2, "192.0.2.2", NEW, **tls13))
    assert "TLS 1.3 has to stay on" in found["192.0.2.1"].sentences[0]
    assert "no suite with RSA key exchange is offered" in found["192.0.2.2"].sentences[0]
    assert not found["192.0.2.1"].changes


def test_a_client_without_rsa_suites_has_to_change_itself() -> None:
    [sentence] = advised(session(1, "192.0.2.1", PRIVATE))["192.0.2.1"].sentences
    assert sentence.startswith("192.0.2.1: no suite with RSA key exchange is offered to")
    assert "--keylog" in sentence
    assert "HEP" in sentence


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_no_list_of_the_server_opens_is_told_beside_the_change(*, elsewhere: bool) -> None:
    fit, unfit = offer(RSA_GCM, ECDHE), PRIVATE
    sessions = [session(1, "192.0.2.1", fit), session(2, "192.0.2.1", unfit)]
    if elsewhere:  # another client got RSA from the same offer
        agreed = "TLS_RSA_WITH_AES_128_GCM_SHA256"
        clear = {"cipher_suite": agreed, "verdict": Verdict.DECRYPTED}
        sessions[:0] = [session(number, "192.0.2.2", fit, **clear) for number in range(3, 9)]
    [sentence] = advised(*sessions)["192.0.2.1"].sentences
    assert ("more than one list" in sentence) is elsewhere
    assert "Hellos without RSA key exchange" in sentence
    assert "take session secrets from one of the two ends" in sentence


def test_a_certificate_without_an_rsa_key_comes_first() -> None:
    ec = facts("ec")
    one = session(
        1, "192.0.2.1", CLASSIC, server="192.0.2.77:5061", server_facts=ec,
        server_certificate=ec.fingerprint_sha256,
    )  # fmt: skip
    [advice] = advised(one, ours=False).values()
    assert advice.sentences[0].startswith("The certificate of 192.0.2.77:5061 has no RSA key")


def test_teams_never_agrees_on_rsa() -> None:
    found = advised(session(1, "52.114.75.24", CLASSIC))
    [sentence] = found["52.114.75.24"].sentences
    assert sentence.startswith("Microsoft Teams takes ECDHE suites alone")
    assert "tqdecrypt advise microsoft-teams" in sentence
    assert found["52.114.75.24"].vendors == ("microsoft-teams",)


def test_a_key_that_is_missing_is_asked_for() -> None:
    one = session(
        1, "192.0.2.1", CLASSIC, cipher_suite="TLS_RSA_WITH_AES_256_GCM_SHA384",
        verdict=Verdict.NO_MATCHING_KEY,
    )  # fmt: skip
    [sentence] = advised(one)["192.0.2.1"].sentences
    assert "give the private key of 198.51.100.20:5061 with -k" in sentence


def test_what_the_capture_lacks_is_said() -> None:
    [sentence] = advised(session(1, "192.0.2.1", CLASSIC, verdict=Verdict.PACKETS_MISSING))[
        "192.0.2.1"
    ].sentences
    assert "(packets missing)" in sentence


def test_the_commonest_cause_comes_first_and_two_are_told() -> None:
    sessions = [
        session(1, "192.0.2.1", PRIVATE),
        *(session(n, "192.0.2.1", CLASSIC, verdict=Verdict.SNAP_LENGTH) for n in (2, 3, 4)),
        *(session(n, "192.0.2.1", CLASSIC, verdict=Verdict.RESUMED_UNSEEN) for n in (5, 6)),
    ]
    first, second = advised(*sessions)["192.0.2.1"].sentences
    assert "cut by snap length" in first
    assert second.startswith("Its handshakes were not captured")


def test_a_clear_peer_gets_no_advice() -> None:
    assert advised(session(1, "192.0.2.1", CLASSIC, verdict=Verdict.DECRYPTED)) == {}
