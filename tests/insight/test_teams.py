"""Microsoft Teams: what it demands of an SBC, and who breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from calls.script import SECOND
from insight.found import found, report
from kit import certificates
from tqdecrypt.insight import Finding, Severity
from tqdecrypt.insight.teams import SUITES, is_teams_address, is_teams_name, teams_role
from tqdecrypt.keys import CertificateFacts, read_certificate
from tqdecrypt.tls import SessionReport, Verdict

SBC = "192.0.2.20:41000"
TEAMS = "52.114.75.24:5061"


def facts(**other: Any) -> CertificateFacts:
    return replace(read_certificate(certificates.server().certificate_der()), **other)


def to_teams(**more: Any) -> SessionReport:
    """A session that the SBC opened, as Teams likes it, unless *more* says otherwise."""
    mine = facts()
    values: dict[str, Any] = {
        "offered_suites": SUITES,
        "client_certificate_requested": True,
        "client_facts": mine,
        "client_names": mine.names,
        "handshake_frames": (4, 6),
    } | more
    return report(1, SBC, TEAMS, 0, 60 * SECOND, **values)


def from_teams(**more: Any) -> SessionReport:
    """One that Teams opened."""
    mine = facts()
    values: dict[str, Any] = {
        "offered_suites": SUITES,
        "client_certificate_requested": True,
        "client_names": ("sip.pstnhub.microsoft.com",),
        "client_facts": facts(extended_key_usages=("serverAuth", "clientAuth")),
        "server_facts": mine,
        "server_names": mine.names,
        "handshake_frames": (4, 6),
    } | more
    return report(1, "52.114.75.24:40000", "192.0.2.20:5061", 0, 60 * SECOND, **values)


def teams(session: SessionReport, script: str = "") -> list[Finding]:
    return [one for one in found(script, session) if one.name.startswith("teams-")]


def the(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


@pytest.mark.parametrize("session", [to_teams(), from_teams()])
def test_nothing_is_wrong_with_a_trunk_as_teams_likes_it(session: SessionReport) -> None:
    assert teams(session) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [("52.112.0.1", True), ("52.123.9.9", True), ("52.116.0.1", False), ("sip", False)],
)
def test_its_addresses(address: str, expected: bool) -> None:
    assert is_teams_address(address) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sip2.pstnhub.microsoft.com", True),
        ("*.pstnhub.microsoft.com", True),
        ("SIP.pstnhub.gov.teams.microsoft.us.", True),
        ("notpstnhub.microsoft.com", False),
        ("pstnhub.microsoft.com.example.org", False),
    ],
)
def test_its_names(name: str, expected: bool) -> None:
    assert is_teams_name(name) is expected


def test_it_is_known_by_the_name_that_was_asked_for_too() -> None:
    session = report(1, SBC, "203.0.113.5:5061", sni="sip.pstnhub.microsoft.com")
    assert teams_role(session) == "server"
    assert teams_role(report(1, SBC, "203.0.113.5:5061", sni="sip.example.com")) is None


def test_an_sbc_that_offers_none_of_the_four_suites() -> None:
    session = to_teams(offered_suites=("TLS_RSA_WITH_AES_128_GCM_SHA256",))
    finding = the(teams(session))
    assert (finding.name, finding.severity) == ("teams-suites", Severity.CRITICAL)
    assert "offered Teams 1 suites, and none of the four" in finding.sentence
    assert all(suite in finding.advice[0] for suite in SUITES)
    assert (finding.hosts, finding.frames) == (("192.0.2.20",), (4, 6))


def test_an_sbc_that_takes_none_of_what_teams_offers() -> None:
    refused = from_teams(
        verdict=Verdict.HANDSHAKE_FAILED, alert="handshake_failure (fatal) from the server, frame 9"
    )
    assert the(teams(refused)).sentence == "192.0.2.20 took none of the suites that Teams offered."


def test_an_old_version() -> None:
    session = to_teams(
        verdict=Verdict.HANDSHAKE_FAILED, alert="protocol_version (fatal) from the server, frame 9"
    )
    assert "did not agree on a TLS version" in the(teams(session)).sentence


def test_an_sbc_without_a_certificate() -> None:
    finding = the(teams(to_teams(client_facts=None, client_names=())))
    assert (finding.name, finding.severity) == ("teams-mutual-tls", Severity.ERROR)
    assert finding.sentence == "Teams asked 192.0.2.20 for its certificate, and it sent none."


def test_an_sbc_that_does_not_ask_teams() -> None:
    finding = the(teams(from_teams(client_certificate_requested=False)))
    assert (finding.name, finding.severity) == ("teams-mutual-tls", Severity.WARNING)


@pytest.mark.parametrize(
    ("other", "names", "words"),
    [
        ({"self_signed": True}, ("sbc.example.com",), "is self-signed"),
        ({}, ("192.0.2.20", "sbc"), "has no domain name in it"),
        (
            {"extended_key_usages": ("clientAuth",)},
            ("sbc.example.com",),
            "not meant for server authentication",
        ),
    ],
)
def test_certificates_that_teams_does_not_accept(
    other: dict[str, Any], names: tuple[str, ...], words: str
) -> None:
    finding = the(teams(to_teams(client_facts=facts(**other), client_names=names)))
    assert finding.name == "teams-certificate"
    assert words in finding.sentence


def test_real_certificates_say_what_they_are_for() -> None:
    assert facts().extended_key_usages == ("serverAuth",)
    client = read_certificate(certificates.client().certificate_der())
    assert client.extended_key_usages == ("clientAuth",)
    assert read_certificate(certificates.authority().certificate_der()).extended_key_usages == ()


def test_an_sbc_that_lacks_an_authority() -> None:
    session = to_teams(
        verdict=Verdict.HANDSHAKE_FAILED,
        alert="unknown_ca (fatal) from the client, frame 9",
        server_facts=facts(issuer="CN=DigiCert TLS RSA 4096 Root G5"),
    )
    finding = the(teams(session))
    assert (finding.name, finding.severity) == ("teams-roots", Severity.CRITICAL)
    assert "issued by CN=DigiCert TLS RSA 4096 Root G5" in finding.sentence
    assert "Microsoft RSA Root Certificate Authority 2017" in finding.advice[0]


def test_an_alert_of_teams_about_the_sbc_is_not_about_its_authorities() -> None:
    session = to_teams(
        verdict=Verdict.HANDSHAKE_FAILED, alert="unknown_ca (fatal) from the server, frame 9"
    )
    assert teams(session) == []


@pytest.mark.parametrize(
    ("verdict", "alert", "severity"),
    [
        (Verdict.DECRYPTED, None, Severity.NOTICE),
        (
            Verdict.HANDSHAKE_FAILED,
            "unsupported_certificate (fatal) from the server, frame 9",
            Severity.CRITICAL,
        ),
    ],
)
def test_teams_without_client_authentication(
    verdict: Verdict, alert: str | None, severity: Severity
) -> None:
    session = from_teams(
        client_facts=facts(extended_key_usages=("serverAuth",)), verdict=verdict, alert=alert
    )
    finding = the(teams(session))
    assert (finding.name, finding.severity) == ("teams-client-usage", severity)


def test_a_session_without_options() -> None:
    quiet = to_teams()
    quiet.ended = 400 * SECOND
    finding = the(teams(quiet))
    assert finding.name == "teams-options"
    assert (
        finding.sentence == "192.0.2.20 had a TLS session with Teams for 400 s and sent no OPTIONS."
    )
    quiet.verdict = Verdict.FORWARD_SECRECY  # nobody knows what is in it
    assert teams(quiet) == []


def pings(every: str, count: int) -> str:
    lines = []
    for number in range(1, count + 1):
        lines += [
            f"192.0.2.20:5061 -> {TEAMS}: OPTIONS {number} id=ping{number} from=p{number}",
            f"{TEAMS} -> 192.0.2.20:5061: 200 OPTIONS {number} id=ping{number} from=p{number}",
            f"wait {every}",
        ]
    return "\n".join(lines)


@pytest.mark.parametrize(("every", "expected"), [("60 s", 0), ("175 s", 0), ("10 min", 1)])
def test_options_that_come_too_seldom(every: str, expected: int) -> None:
    findings = found(pings(every, 6), name="teams-options")
    assert len(findings) == expected
    for finding in findings:
        assert "sends OPTIONS to Teams (52.114.75.24) every 600 s" in finding.sentence


def test_who_sends_options_is_not_said_to_send_none() -> None:
    long = to_teams()
    long.ended = 400 * SECOND
    assert found(pings("60 s", 6), long, name="teams-options") == []


@pytest.mark.parametrize(
    ("contact", "expected"), [("sip:a@192.0.2.20;transport=tls", 1), ("sip:a@sbc.example.com", 0)]
)
def test_a_contact_with_an_address(contact: str, expected: int) -> None:
    script = f"""
        192.0.2.20:5061 -> {TEAMS}: INVITE 1 | Contact: <{contact}> | offer 4000
        {TEAMS} -> 192.0.2.20:5061: 403 INVITE 1
        192.0.2.20:5061 -> {TEAMS}: ACK 1 to=b1
        wait 40 s
    """
    findings = found(script, name="teams-contact")
    assert len(findings) == expected
    for finding in findings:
        assert finding.sentence == "192.0.2.20 sent Teams the Contact 192.0.2.20, an address."
        assert finding.hosts == ("192.0.2.20",)
