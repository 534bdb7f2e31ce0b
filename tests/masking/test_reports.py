"""TLS sessions: persons in certificates go, hosts and organisations stay."""

from __future__ import annotations

from dataclasses import replace

from kit import certificates
from masking.people import KEY
from tqdecrypt.keys import read_certificate
from tqdecrypt.masking import Masker, Profile
from tqdecrypt.tls.report import SessionReport


def report(**facts: object) -> SessionReport:
    return SessionReport(1, "192.0.2.1:1", "192.0.2.2:5061", 0, 1, 1, 2, **facts)  # type: ignore[arg-type]


def masked(**facts: object) -> SessionReport:
    return Masker(Profile.PEOPLE, KEY).session(report(**facts))


def test_hosts_and_organisations_stay() -> None:
    facts = {
        "sni": "sip.example.com",
        "server_subject": "CN=*.example.com,OU=Voice,O=Example Ltd,C=GB",
        "server_names": ("sip.example.com", "192.0.2.2", "2001:db8::2"),
        "why": "Decrypted with RSA key server.key.",
    }
    assert masked(**facts) == report(**facts)


def test_persons_go() -> None:
    found = masked(
        client_subject="CN=Alice Smith,1.2.840.113549.1.9.1=alice@example.com,O=Example Ltd",
        client_names=("alice@example.com", "sip:alice@example.com"),
        why="The certificate is for CN=Alice Smith,1.2.840.113549.1.9.1=alice@example.com,O=Example Ltd.",
        notes=["seen: alice@example.com"],
        advice=["Ask sip:alice@example.com."],
    )
    text = repr(found).lower()
    assert "alice" not in text
    assert "smith" not in text
    assert found.client_subject is not None
    assert found.client_subject.endswith("O=Example Ltd")
    assert all("@example.com" in name for name in found.client_names)


def test_persons_go_from_certificates_too_and_authorities_stay() -> None:
    authority = read_certificate(certificates.authority().certificate_der())
    own = replace(
        read_certificate(certificates.client().certificate_der()),
        subject="CN=Alice Smith,O=Example Ltd",
        issuer="CN=Alice Smith,O=Example Ltd",
        names=("alice@example.com",),
        self_signed=True,
    )
    found = masked(client_facts=own, client_chain=(own, authority), server_chain=())
    text = repr((found.client_facts, found.client_chain)).lower()
    assert "alice" not in text
    assert "smith" not in text
    assert found.client_chain[1] is authority
    assert found.client_chain[0] == found.client_facts
    assert found.server_chain == ()
    assert found.client_facts is not None
    assert found.client_facts.fingerprint_sha256 == own.fingerprint_sha256


def test_numbers_in_names_go() -> None:
    found = masked(sni="442079460123.example.com", server_names=("442079460123.example.com",))
    assert "442079460123" not in repr(found)
    assert found.server_names == (found.sni,)


def test_the_first_bytes_of_what_is_no_tls_are_cut() -> None:
    found = masked(
        why="Neither TLS nor SIP: frame 4 begins with the bytes 31 32 33 34 35 36 37 38."
    )
    assert found.why.endswith("begins with the bytes 31 32 xx xx xx xx xx xx.")


def test_the_profile_keys_leaves_reports_alone() -> None:
    given = report(client_subject="CN=Alice Smith")
    assert Masker(Profile.KEYS, KEY).session(given) is given
