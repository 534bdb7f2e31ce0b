"""What is told of a session, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain.stories import explain_packets, explained, packets_of
from kit import (
    Conversation,
    Switch,
    TlsPair,
    Version,
    apply,
    certificates,
    cut_snaplen,
    drop,
    with_payload,
)
from tls.passive import key_of, ring, server_key, talk

RSA_MUTUAL = [
    ("client", "TCP SYN"),
    ("server", "TCP SYN, ACK"),
    ("client", "ClientHello"),
    ("server", "ServerHello"),
    ("server", "Certificate"),
    ("server", "CertificateRequest"),
    ("server", "ServerHelloDone"),
    ("client", "Certificate"),
    ("client", "ClientKeyExchange"),
    ("client", "CertificateVerify"),
    ("client", "ChangeCipherSpec"),
    ("client", "Finished"),
    ("server", "NewSessionTicket"),
    ("server", "ChangeCipherSpec"),
    ("server", "Finished"),
    ("client", "application data"),
    ("server", "application data"),
    ("client", "Alert close_notify"),
    ("server", "Alert close_notify"),
    ("nobody", "end"),
]


def test_a_whole_handshake_with_mutual_tls_in_order() -> None:
    pair = TlsPair(mutual=True)
    talk(pair)
    pair.close()
    story = explained(pair, ring([server_key()]))
    assert [(step.sender, step.name) for step in story.steps] == RSA_MUTUAL
    frames = [step.frame for step in story.steps]
    assert frames == sorted(frames)
    assert story.steps[0].since_before is None
    for before, step in zip(story.steps, story.steps[1:], strict=False):
        assert step.since_before == step.time - before.time
        assert step.since_start == step.time - story.steps[0].time


def test_who_asked_for_whose_certificate_and_which_key_belongs_to_it() -> None:
    pair = TlsPair(mutual=True)
    story = explained(pair, ring([server_key()]))
    assert "server asks the client" in story.step("CertificateRequest").says
    assert story.fact("CertificateRequest", "issued by").startswith("no CA is named")
    mine = story.fact("Certificate", "your keys", "server")
    assert mine.startswith("server.key (RSA 2048")
    assert mine.endswith("belongs to it")
    assert "does not belong" in story.fact("Certificate", "your keys", "client")
    fingerprint = story.fact("Certificate", "SHA-256", "server")
    assert fingerprint == story.explanation.report.server_certificate


def test_the_key_of_the_wrong_end_is_told() -> None:
    pair = TlsPair(mutual=True)
    talk(pair)
    story = explained(pair, ring([key_of(certificates.client(), "client.key")]))
    assert "the key of the wrong end" in story.fact("Certificate", "your keys", "client")
    assert "the server's is needed" in story.step("Certificate", "client").says
    assert not story.given


def test_whether_a_chain_links_is_told() -> None:
    whole = certificates.issue(
        certificates.rsa_key(), ["sip.example.com"], certificates.intermediate()
    )
    chains = {
        "each is issued by the next, up to a root that signed itself": whole,
        "does not link: CN=Example Issuing CA": replace(whole, issuer=certificates.authority()),
        "CN=Example Issuing CA": replace(whole, issuer=None),
    }
    for says, identity in chains.items():
        story = explained(TlsPair(server_cert=identity), ring([server_key()]))
        assert story.fact("Certificate", "chain", "server").startswith(says)


def test_a_client_without_a_certificate() -> None:
    pair = TlsPair(mutual=True, without_client_cert=True)
    story = explained(pair, ring([server_key()]))
    assert "sends none" in story.step("Certificate", "client").says
    assert any(name.startswith("Alert ") for name in story.names)


def test_what_the_client_offered() -> None:
    pair = TlsPair(
        ciphers="ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA:AES256-SHA", alpn=("sip/2", "h2")
    )
    story = explained(pair, ring())
    hello = story.step("ClientHello")
    assert [(s.name, s.kind, s.chosen) for s in hello.suites] == [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "forward secret", True),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "forward secret", False),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "RSA", False),
        ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "signal", False),
    ]
    assert story.fact("ClientHello", "cipher suites") == (
        "3 suites: 2 forward secret, 1 with RSA key exchange (the first is choice 3)"
    )
    assert story.fact("ClientHello", "server name (SNI)") == "sip.example.com"
    assert story.fact("ClientHello", "protocols (ALPN)") == "sip/2, h2"
    assert "x25519" in story.fact("ClientHello", "groups")
    assert story.fact("ClientHello", "extended master secret") == "offered"


def test_whose_list_decided() -> None:
    offered = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA")
    assert "So the server's list decided" in explained(offered, ring()).step("ServerHello").says
    not_offered = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    says = explained(not_offered, ring()).step("ServerHello").says
    assert "the server could not choose one" in says


def test_an_ephemeral_session_says_why_no_key_opens_it() -> None:
    pair = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    talk(pair)
    story = explained(pair, ring([server_key()]))
    assert "private" in story.step("ServerKeyExchange").says
    assert story.fact("ServerKeyExchange", "curve") == "x25519"
    assert "only signs" in story.fact("Certificate", "your keys", "server")
    finished = [step for step in story.steps if step.name == "Finished (encrypted)"]
    assert [step.sender for step in finished] == ["client", "server"]
    assert not any(step.readable for step in finished)
    assert story.step("application data").says.endswith("It stays dark.")


def test_finite_field_diffie_hellman_says_its_group() -> None:
    pair = TlsPair(ciphers="DHE-RSA-AES128-GCM-SHA256")
    assert (
        explained(pair, ring()).fact("ServerKeyExchange", "group").startswith("a finite field of ")
    )


def test_tls13_in_the_clear_and_in_the_dark() -> None:
    pair = TlsPair(version=Version.TLSv1_3, mutual=True)
    talk(pair)
    pair.close()
    dark = explained(pair, ring())
    assert dark.names.count("encrypted handshake") == 2
    assert "application data" in dark.names
    clear = explained(pair, ring(keylog=pair.keylog_lines))
    inside = [step.name for step in clear.steps if step.encrypted and not step.data]
    assert inside[:9] == [
        "EncryptedExtensions",
        "CertificateRequest",
        "Certificate",
        "CertificateVerify",
        "Finished",
        "Certificate",
        "CertificateVerify",
        "Finished",
        "NewSessionTicket",
    ]
    assert "encrypted handshake" not in clear.names
    assert clear.fact("Finished", "check").startswith("verified")


def test_a_refused_client_certificate_names_the_alert_and_what_to_do() -> None:
    pair = TlsPair(mutual=True, client_cert=certificates.stranger())
    story = explained(pair, ring([server_key()]))
    alert = story.step("Alert unknown_ca", "server")
    assert "does not trust the issuer" in alert.says
    assert alert.look == "bad"


def test_a_resumption_names_the_session_that_it_resumes() -> None:
    first = TlsPair()
    talk(first)
    second = TlsPair(resume_from=first)
    talk(second)
    assert second.resumed
    stories = explain_packets(packets_of(first, second), ring([server_key()]))
    assert stories[2].fact("ServerHello", "resumed") == "session 1 of this capture, by ticket"
    assert "Certificate" not in stories[2].names
    assert stories[2].secret("master secret").how.startswith("taken over from session 1")
    assert stories[2].given == ["what opens session 1, which this one takes up"]


def test_a_resumption_by_session_id_too() -> None:
    first = TlsPair(options=Switch.NO_TICKET)
    second = TlsPair(resume_from=first)
    talk(second)
    stories = explain_packets(packets_of(first, second), ring([server_key()]))
    assert stories[2].fact("ServerHello", "resumed") == "session 1 of this capture, by session id"


def test_a_resumption_of_what_was_not_captured_says_so() -> None:
    first = TlsPair()
    second = TlsPair(resume_from=first)
    talk(second)
    story = explain_packets(packets_of(second), ring([server_key()]))[1]
    assert "not readable in this capture" in story.fact("ServerHello", "resumed")
    needed = [need.what for need in story.explanation.needs]
    assert needed[0].startswith("a capture that has the full handshake")


def test_a_tls13_resumption_is_found_by_the_ticket_inside_the_first_session() -> None:
    first = TlsPair(version=Version.TLSv1_3)
    talk(first)
    second = TlsPair(resume_from=first)
    talk(second)
    assert second.resumed
    keys = ring(keylog=[*first.keylog_lines, *second.keylog_lines])
    stories = explain_packets(packets_of(first, second), keys)
    assert stories[2].fact("ServerHello", "resumed") == "session 1 of this capture, by psk"
    assert "session 1" in stories[2].secret("pre-shared key").how


def test_missing_and_cut_bytes_have_their_place() -> None:
    pair = TlsPair()
    talk(pair)
    packets = packets_of(pair)
    lost = explain_packets(apply(packets, drop([with_payload(packets)[1]])), ring([server_key()]))[
        1
    ]
    assert "are missing here: packets are not in the capture" in lost.step("bytes missing").says
    cut = explain_packets(apply(packets, cut_snaplen(300)), ring([server_key()]))[1]
    assert "the capture cut packets off" in cut.step("bytes missing").says


def test_a_session_in_mid_connection_has_no_handshake_to_tell() -> None:
    pair = TlsPair()
    talk(pair)
    story = explain_packets(packets_of(pair)[12:], ring([server_key()]))[1]
    assert "ClientHello" not in story.names
    assert story.explanation.derivations == ()
    assert story.explanation.needs[0].what.startswith("a secrets store")


def test_what_is_no_tls_is_explained_without_a_handshake() -> None:
    packets = Conversation().open().send(True, b"\x05\x01\x00 what is this").close().packets
    story = explain_packets(packets, ring())[1]
    assert story.steps == ()
    assert story.explanation.needs == ()


@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1, Version.TLSv1_2])
def test_phases_add_up_and_name_who_took_the_time(version: Version) -> None:
    pair = TlsPair(version=version, ciphers="AES128-SHA")
    story = explained(pair, ring())
    phases = {phase.name: phase for phase in story.explanation.phases}
    assert phases["TCP connect"].nanoseconds == 1_000_000
    assert phases["ClientHello to ServerHello"].side == "server"
    assert phases["ServerHelloDone to ClientKeyExchange"].side == "client"
    whole = phases.pop("all of it").nanoseconds
    assert sum(phase.nanoseconds for phase in phases.values()) <= whole
    key = phases["ClientKeyExchange to server Finished"]
    assert "private-key operation" in key.note
