"""The audit of a capture whose truth is known: see :mod:`insight.audit.town`."""

from __future__ import annotations

import copy
import re
import tracemalloc
from pathlib import Path

import pytest

from insight.audit import town
from insight.found import report
from kit import certificates
from tqdecrypt.calls import fields
from tqdecrypt.export import format_time
from tqdecrypt.insight import context
from tqdecrypt.insight.audit import Auditor, AuditResult, Role
from tqdecrypt.insight.audit.audit import Peer
from tqdecrypt.insight.audit.baseline import Weight, changes
from tqdecrypt.insight.trunks import Trunks, read_trunks
from tqdecrypt.keys import KeyRing, load_private_keys, read_certificate
from tqdecrypt.pipeline import ReadOptions, read_captures
from tqdecrypt.tls import Verdict
from tqdecrypt.views.audit_timing import failures_table
from views.scenes import drawn

SECOND = 1_000_000_000


def audit(path: Path, ring: KeyRing, trunks: Trunks | None = None) -> AuditResult:
    auditor = Auditor(ring, trunks)
    read_captures([str(path)], ReadOptions(ring, analysis=auditor.analysis), auditor)
    return auditor.finish(format_time)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.fixture(scope="module")
def ring(folder: Path) -> KeyRing:
    return KeyRing(load_private_keys([str(town.server_key(folder))]).keys)


@pytest.fixture(scope="module")
def trunks(folder: Path) -> Trunks:
    path = folder / "trunks.toml"
    path.write_text(town.TRUNKS)
    return read_trunks(str(path))


@pytest.fixture(scope="module")
def result(folder: Path, ring: KeyRing, trunks: Trunks) -> AuditResult:
    return audit(town.capture(folder), ring, trunks)


@pytest.fixture(scope="module")
def peers(result: AuditResult) -> dict[str, Peer]:
    return {peer.name: peer for peer in result.audited.peers}


def test_shares_of_the_whole(result: AuditResult) -> None:
    total = result.audited.total
    assert (total.sessions, total.clear_sessions, total.dark_sessions) == (10, 4, 4)
    assert (total.failed_sessions, total.empty_sessions) == (2, 0)
    assert total.messages == 25
    assert total.session_share == 0.5
    assert total.causes.as_dict() == {
        "forward-secrecy": 2,
        "no-matching-key": 1,
        "handshake-not-captured": 1,
    }
    assert total.calls == 5


def test_a_trunk_is_its_hosts_and_we_are_their_server(peers: dict[str, Peer]) -> None:
    acme = peers["acme"]
    assert acme.trunk
    assert sorted(acme.hosts) == ["198.51.100.1", "198.51.100.2", "198.51.100.3"]
    assert acme.role is Role.SERVER
    assert acme.labels[0] == "pbx.example.net"
    assert (acme.decryptability.clear_sessions, acme.decryptability.dark_sessions) == (4, 3)


def test_a_peer_whose_server_we_use_has_the_key_that_counts(peers: dict[str, Peer]) -> None:
    carrier = peers["203.0.113.9"]
    assert not carrier.trunk
    assert carrier.role is Role.CLIENT
    assert carrier.decryptability.causes.as_dict() == {"no-matching-key": 1}
    assert "carrier.example.net" in carrier.labels
    assert not carrier.properties.keys_given


def test_calls_run_against_the_connection_when_it_is_reused(peers: dict[str, Peer]) -> None:
    acme = peers["acme"].decryptability
    assert (acme.calls, acme.calls_from_client, acme.calls_from_server) == (5, 4, 1)


def test_what_was_offered_agreed_and_asked_for(peers: dict[str, Peer]) -> None:
    properties = peers["acme"].properties
    assert properties.suites.as_dict() == {
        "TLS_RSA_WITH_AES_128_GCM_SHA256": 4,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 2,
    }
    assert properties.offers_of_rsa.as_dict() == {"yes": 6}
    assert properties.mutual_tls.as_dict() == {"yes": 6}
    assert properties.client_certificate_requested.as_dict() == {"yes": 6}
    assert properties.sides.as_dict() == {"server": 2, "observer": 1}
    [(key, count)] = properties.keys_given.as_dict().items()
    assert (key.partition(" ")[0], count) == ("sbc.key", 6)


def test_a_refused_stranger_counts_for_no_share(peers: dict[str, Peer]) -> None:
    stranger = peers["203.0.113.66"]
    assert stranger.decryptability.failed_sessions == 1
    assert stranger.decryptability.session_share is None
    assert list(stranger.properties.alerts) == ["unknown_ca (fatal) from the server"]


def test_failures_are_told_by_cause_and_by_who_has_to_change(result: AuditResult) -> None:
    assert result.audited.properties.failures.as_dict() == {
        "server: unknown_ca (fatal) from the client": 1,
        "client: unknown_ca (fatal) from the server": 1,
    }


def test_a_failure_without_an_alert_is_told_too() -> None:
    auditor = Auditor()
    auditor.session(
        report(
            *(1, "192.0.2.1:1", "192.0.2.2:5061"),
            verdict=Verdict.HANDSHAKE_FAILED,
            side="server",
            ending="no close_notify; reset",
        )
    )
    audited = auditor.finish(format_time, findings=[]).audited
    assert audited.properties.failures.as_dict() == {"server: no alert; no close_notify; reset": 1}
    assert not audited.properties.alerts
    text = drawn(failures_table(audited), width=120)
    assert re.search(r"192\.0\.2\.1 +1 +1 +no alert; no close_notify; reset +the server", text)


def test_dtls_that_agrees_on_keys_of_media_is_no_signalling() -> None:
    auditor = Auditor()
    hosts = "192.0.2.1:40000", "192.0.2.2:40002"
    auditor.session(report(1, *hosts, version="DTLS 1.2"))
    auditor.session(report(2, *hosts, version="DTLS 1.2", client_bytes=400))  # SIP may be in it
    audited = auditor.finish(format_time, findings=[]).audited
    assert audited.total.sessions == 1
    assert audited.counters["dtls_sessions_without_data"] == 1


def test_churn_of_a_server_is_counted(result: AuditResult) -> None:
    servers = {server.endpoint: server for server in result.audited.servers}
    ours = servers["192.0.2.20:5061"]
    # All but the one that was open before, and goes on.
    assert (ours.timing.connections, ours.timing.slices.closed, ours.lifetimes.count) == (8, 7, 7)


def test_servers_have_their_certificates(result: AuditResult) -> None:
    servers = {server.endpoint: server for server in result.audited.servers}
    assert servers["192.0.2.20:5061"].ours
    assert not servers["203.0.113.9:5061"].ours
    [facts] = servers["203.0.113.9:5061"].certificates.values()
    assert facts.names == ("carrier.example.net",)
    assert servers["192.0.2.20:5061"].clients == 4


def test_a_chain_is_told_as_it_was_sent(result: AuditResult) -> None:
    found = {
        facts["names"][0]: facts["chains"]
        for facts in result.document["certificates"].values()
        if facts["chains"]
    }
    assert {name: len(chains) for name, chains in found.items()} == {
        "sip.example.com": 1,
        "pbx.example.net": 1,
        "carrier.example.net": 1,
        "newcomer.example.net": 1,
        "stranger.example.org": 1,
    }
    [whole] = found["carrier.example.net"]
    assert (whole["length"], whole["linking"], whole["sessions"]) == (3, "root sent", 1)
    assert not whole["intermediate_missing"]
    certificates = result.document["certificates"]
    assert [certificates[one]["names"] for one in whole["certificates"]] == [
        ("carrier.example.net",),
        ("Example Issuing CA",),
        ("Example Test CA",),
    ]
    [broken] = found["newcomer.example.net"]
    assert (broken["length"], broken["linking"]) == (2, "does not link")
    assert broken["intermediate_missing"]
    assert broken["issuer_not_sent"].startswith("CN=Example Issuing CA")
    [ours] = found["sip.example.com"]
    # Not the connection whose handshake was not captured.
    assert (ours["length"], ours["sessions"]) == (2, 7)
    assert found["pbx.example.net"][0]["sessions"] == 6


def test_dark_peers_are_told_what_would_make_them_readable(result: AuditResult) -> None:
    advice = {one.peer: one for one in result.advice}
    assert set(advice) == {"acme", "203.0.113.9"}
    by_list, by_bounce = advice["acme"].sentences
    assert advice["acme"].dark == 3
    assert by_list.startswith(
        "192.0.2.20:5061 agreed on TLS_RSA_WITH_AES_128_GCM_SHA256 with others who offered the same"
    )
    assert "give 198.51.100.3 the list that its other clients get" in by_list
    assert by_bounce.startswith("Its handshakes were not captured")
    [theirs] = advice["203.0.113.9"].sentences
    assert theirs.startswith(
        "It is the private key of 203.0.113.9:5061 that counts, and that is the"
    )


def test_the_host_that_differs_is_named_with_what_it_does(result: AuditResult) -> None:
    found = {(one.client, one.property): one for one in result.differences}
    different = found["198.51.100.3", "key_exchanges"]
    assert (different.value, different.usual, different.sessions) == ("ECDHE", "RSA", 2)
    assert not different.mixed
    assert {client for client, _ in found} == {"198.51.100.3"}


def test_without_names_the_hub_is_ours(tmp_path: Path) -> None:
    result = audit(town.capture(tmp_path), KeyRing())
    assert {peer.name for peer in result.audited.peers} == {
        "198.51.100.1",
        "198.51.100.2",
        "198.51.100.3",
        "203.0.113.9",
        "203.0.113.10",
        "203.0.113.66",
    }
    assert result.audited.total.session_share == 0


def test_a_connection_that_was_open_before_is_planned(result: AuditResult) -> None:
    [plan] = result.reconnects
    assert plan.connection.client == "198.51.100.1:49999"
    assert plan.peer == "acme"
    assert plan.helps is True
    assert (plan.clear, plan.seen) == (2, 2)
    assert plan.usual_lifetime is not None
    assert 0 < plan.usual_lifetime < 5_000_000_000


def test_it_may_be_asked_again(folder: Path, ring: KeyRing, trunks: Trunks) -> None:
    auditor = Auditor(ring, trunks)
    options = ReadOptions(ring, analysis=auditor.analysis)
    read_captures([str(town.capture(folder))], options, auditor)
    assert auditor.finish(format_time).document == auditor.finish(format_time).document


def test_memory_is_that_of_peers_and_not_of_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MOST_SESSIONS", 1_000)
    monkeypatch.setattr(fields, "MOST_HOSTS", 1_000)
    auditor = Auditor()
    facts = read_certificate(certificates.server().certificate_der())

    def feed(first: int) -> int:
        for number in range(first, first + 4_000):
            one = report(
                *(number, f"192.0.2.{number % 50}:{number}", "198.51.100.1:5061"),
                *(number * SECOND, number * SECOND),
                server_facts=facts,
                server_chain=(facts,),
                server_certificate=facts.fingerprint_sha256,
                client_bytes=number,
            )
            auditor.analysis.session(one)
            auditor.session(one)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        feed(1)
        before = feed(4_001)
        grown = feed(8_001) - before
    finally:
        tracemalloc.stop()
    assert grown < 4_000 * 16, "of a session, only whose it was is kept, until its calls are over"


def test_an_audit_is_its_own_baseline_without_changes(result: AuditResult) -> None:
    assert changes(result.document, result.document) == []


def test_a_trunk_that_goes_dark_is_an_alarm(
    result: AuditResult,
    folder: Path,
    ring: KeyRing,
    trunks: Trunks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(town, "RSA", town.ECDHE)
    (folder / "later").mkdir()
    later = audit(town.capture(folder / "later"), ring, trunks)
    found = changes(result.document, later.document)
    alarms = {(one.peer, one.what): one for one in found if one.weight is Weight.ALARM}
    share = alarms["acme", "share of sessions decrypted"]
    assert (share.before, share.now) == ("57%", "0%")
    assert ("203.0.113.9", "new key exchange") in alarms


def test_peers_that_come_and_go_are_changes(result: AuditResult) -> None:
    fewer = dict(result.document, peers=result.document["peers"][1:])
    gone = result.document["peers"][0]["name"]
    assert [(one.peer, one.what) for one in changes(result.document, fewer)] == [
        (gone, "peer is gone")
    ]
    assert [(one.peer, one.what) for one in changes(fewer, result.document)] == [(gone, "new peer")]


@pytest.mark.parametrize(
    ("property_", "value", "what", "weight"),
    [
        ("suites", "TLS_RSA_WITH_NULL_SHA", "new cipher suite", Weight.NOTICE),
        ("versions", "TLS 1.3", "new TLS version", Weight.ALARM),
        ("server_certificates", "ab" * 32, "new server certificate", Weight.NOTICE),
        ("client_certificates", "ab" * 32, "new client certificate", Weight.NOTICE),
        ("mutual_tls", "no", "new mutual TLS", Weight.NOTICE),
        ("alerts", "bad_certificate (fatal) from the client", "new alert", Weight.ALARM),
    ],
)
def test_what_was_not_there_before_is_a_change(
    result: AuditResult, property_: str, value: str, what: str, weight: Weight
) -> None:
    later = copy.deepcopy(result.document)
    [acme] = [peer for peer in later["peers"] if peer["name"] == "acme"]
    acme["properties"][property_] = {value: 1} | acme["properties"][property_]
    [change] = changes(result.document, later)
    assert (change.peer, change.what, change.weight) == ("acme", what, weight)
    assert change.now.startswith(value[:16])


def test_rsa_that_is_no_longer_offered_is_an_alarm(result: AuditResult) -> None:
    later = copy.deepcopy(result.document)
    [acme] = [peer for peer in later["peers"] if peer["name"] == "acme"]
    acme["properties"]["offers_of_rsa"] = {"no": 6}
    [change] = changes(result.document, later)
    assert change.weight is Weight.ALARM
    assert change.what == "RSA key exchange is no longer offered"
