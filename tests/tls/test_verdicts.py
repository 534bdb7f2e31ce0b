"""Each verdict is reached, with its evidence, and none claims more than is true."""

from __future__ import annotations

import pytest

from kit import Switch, TlsPair, Version, certificates
from tqdecrypt.tls import MEANINGS, SecretFinder, Verdict
from tqdecrypt.tls.exchange import Refusal
from tqdecrypt.tls.judging.refusals import REFUSALS
from tqdecrypt.tls.premaster import run_at_once

from .passive import (
    Passive,
    flat,
    key_of,
    listen,
    records_of,
    ring,
    server_key,
    talk,
)


def test_every_verdict_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)
    assert len({meaning.title for meaning in MEANINGS.values()}) == len(Verdict)


def test_every_refusal_has_a_judgement() -> None:
    assert set(REFUSALS) == set(Refusal)


def test_no_key() -> None:
    pair = TlsPair()
    talk(pair)
    heard = listen(pair.flights, ring())
    assert heard.verdict == "no-matching-key"
    assert "sip.example.com" in heard.report.why
    assert not heard.records
    assert heard.report.client_encrypted_bytes > 0
    assert heard.report.side == "observer"


def test_another_servers_key() -> None:
    pair = TlsPair()
    talk(pair)
    heard = listen(pair.flights, ring([key_of(certificates.server(3072), "other.key")]))
    assert heard.verdict == "no-matching-key"
    assert not heard.records


def test_the_clients_key() -> None:
    pair = TlsPair(mutual=True)
    talk(pair)
    heard = listen(pair.flights, ring([key_of(certificates.client(), "client.key")]))
    assert heard.verdict == "client-key"
    assert "pbx.example.net" in heard.report.why
    assert not heard.records


@pytest.mark.parametrize(
    ("suites", "side"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", "server"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "client"),
    ],
)
def test_forward_secrecy_says_whose_list_must_change(suites: str, side: str) -> None:
    pair = TlsPair(ciphers=suites)
    talk(pair)
    heard = listen(pair.flights, ring([server_key()]))
    assert heard.verdict == "forward-secrecy"
    assert heard.report.side == side
    offered = "offered a suite with RSA" if side == "server" else "offered no suite"
    assert offered in heard.report.advice[0]
    assert not heard.records


def test_an_ecdsa_certificate_makes_rsa_key_exchange_impossible() -> None:
    pair = TlsPair(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", server_cert=certificates.server("ec"))
    talk(pair, 1)
    heard = listen(pair.flights, ring())
    assert heard.verdict == "forward-secrecy"
    assert "RSA certificate" in heard.report.advice[0]


@pytest.mark.parametrize("version", [Version.TLSv1_2, Version.TLSv1_3])
def test_secrets_of_another_session(version: Version) -> None:
    pair = TlsPair(version=version)
    talk(pair, 8)
    lines = []
    for line in pair.keylog_lines:
        label, random, secret = line.split()
        lines.append(f"{label} {random} {bytes(len(secret) // 2).hex()}")
    heard = listen(pair.flights, ring(keylog=lines))
    assert heard.verdict == "wrong-secrets"
    assert not heard.records


FAILURES = {
    "unknown_ca": TlsPair(client_trusts=certificates.stranger_authority()),
    "handshake_failure": TlsPair(ciphers="AES128-SHA", server_ciphers="AES256-SHA"),
    "certificate_expired": TlsPair(server_cert=certificates.expired_server()),
}


@pytest.mark.parametrize("alert", FAILURES)
def test_alerts_end_the_handshake(alert: str) -> None:
    pair = FAILURES[alert]
    assert pair.failure
    heard = listen(pair.flights, ring([server_key()]))
    assert heard.verdict == "handshake-failed"
    assert alert in heard.report.why
    assert heard.report.alert is not None
    assert alert in heard.report.alert
    assert heard.report.advice


def test_an_expired_certificate_is_named() -> None:
    pair = FAILURES["certificate_expired"]
    heard = Passive(SecretFinder(ring()))
    for side, data in flat(pair.flights):
        heard.session.receive(side, data, [len(data)], [1], [1_750_000_000 * 10**9])
    assert any("expired on 2021-01-01" in sentence for sentence in heard.finish().advice)


def test_a_name_that_the_certificate_lacks() -> None:
    pair = TlsPair(server_name="proxy.example.com")
    assert pair.failure
    heard = listen(pair.flights, ring())
    assert heard.verdict == "handshake-failed"
    assert any("asked for proxy.example.com" in sentence for sentence in heard.report.advice)


def test_a_missing_client_certificate() -> None:
    pair = TlsPair(mutual=True, without_client_cert=True)
    heard = listen(pair.flights, ring([server_key()]))
    assert heard.verdict == "handshake-failed"
    assert heard.report.side == "client"
    assert heard.report.mutual_tls is None
    assert any("sent none" in sentence for sentence in heard.report.advice)


def test_the_version_alert() -> None:
    pair = TlsPair()
    hello = pair.flights[0].data
    heard = listen([(0, hello), (1, bytes([21, 3, 3, 0, 2, 2, 70]))], ring())
    assert heard.verdict == "handshake-failed"
    assert "TLS versions" in heard.report.advice[0]


def test_a_failure_inside_tls13_shows_with_the_key_log() -> None:
    pair = TlsPair(version=Version.TLSv1_3, client_trusts=certificates.stranger_authority())
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    assert heard.verdict == "handshake-failed"
    assert "unknown_ca" in heard.report.why


def test_a_lone_client_hello() -> None:
    heard = listen(flat(TlsPair().flights)[:1], ring([server_key()]))
    assert heard.verdict == "handshake-incomplete"
    assert "ClientHello in frame 1" in heard.report.why


def test_only_the_servers_direction() -> None:
    pair = TlsPair()
    talk(pair)
    heard = listen(
        [(side, data) for side, data in flat(pair.flights) if side], ring([server_key()])
    )
    assert heard.verdict == "handshake-incomplete"
    assert "Only what the server sent" in heard.report.why


def test_the_middle_of_a_session() -> None:
    pair = TlsPair()
    start = len(pair.flights)
    talk(pair)
    heard = listen(flat(pair.flights)[start:], ring([server_key()]), ("key log with 1 secret",))
    assert heard.verdict == "handshake-not-captured"
    assert "key log" in heard.report.why
    assert not heard.report.roles_known
    assert heard.report.client_encrypted_bytes > 0


@pytest.mark.parametrize("snapped", [False, True])
@pytest.mark.parametrize("lost", [1, 2])
def test_a_hole_in_the_handshake(lost: int, snapped: bool) -> None:
    pair = TlsPair()
    talk(pair)
    heard = Passive(SecretFinder(ring([server_key()])))
    for number, (side, data) in enumerate(flat(pair.flights)):
        if number == lost:
            heard.miss(side, len(data), snapped=snapped)
        else:
            heard.hear(side, data)
    heard.finish()
    assert heard.verdict == ("snap-length" if snapped else "packets-missing")
    assert heard.report.missing_bytes == len(pair.flights[lost].data)
    assert not heard.records


def test_the_client_hello_is_missing() -> None:
    pair = TlsPair()
    talk(pair)
    heard = Passive(SecretFinder(ring([server_key()])))
    heard.miss(0, len(pair.flights[0].data))
    for side, data in flat(pair.flights)[1:]:
        heard.hear(side, data)
    heard.finish()
    assert heard.verdict == "packets-missing"


@pytest.mark.parametrize("snapped", [False, True])
def test_a_hole_in_the_data(snapped: bool) -> None:
    pair = TlsPair()
    talk(pair)
    packets = flat(pair.flights)
    heard = Passive(SecretFinder(ring([server_key()])))
    for number, (side, data) in enumerate(packets):
        if number == len(packets) - 3:
            heard.miss(side, len(data), snapped=snapped)
        else:
            heard.hear(side, data)
    heard.finish()
    assert heard.verdict == ("snap-length" if snapped else "packets-missing")
    assert len(heard.records) == 5
    assert heard.gaps == 1


def test_a_damaged_record() -> None:
    pair = TlsPair()
    talk(pair)
    packets = flat(pair.flights)
    side, data = packets[-3]
    packets[-3] = (side, data[:-1] + bytes([data[-1] ^ 1]))
    heard = listen(packets, ring([server_key()]))
    assert heard.verdict == "corrupt-records"
    assert len(heard.records) == 5
    assert f"frames {len(packets) - 2}" in heard.report.why


def test_a_damaged_record_header() -> None:
    """The boundary is lost, and with it one record: that is not "decrypted"."""
    pair = TlsPair()
    talk(pair)
    packets = flat(pair.flights)
    side, data = packets[-3]
    packets[-3] = (side, b"\x57" + data[1:])
    heard = listen(packets, ring([server_key()]))
    assert heard.verdict == "corrupt-records"
    assert len(heard.records) == 5


def test_a_cipher_that_no_library_has() -> None:
    """RC2 was never made; a ServerHello that names it cannot be decrypted."""
    pair = TlsPair(options=Switch.NO_EXTENDED_MASTER_SECRET)
    talk(pair, 1)
    packets = flat(pair.flights)
    first, *rest = records_of(packets[1][1])
    place = 5 + 4 + 2 + 32 + 1 + first[5 + 4 + 2 + 32]
    forged = first[:place] + bytes([0x00, 0x06]) + first[place + 2 :]
    packets[1] = (1, forged + b"".join(rest))
    heard = listen(packets, ring([server_key()], pair.keylog_lines))
    assert heard.verdict == "unsupported-suite"


def test_too_many_bytes_waited() -> None:
    """What was given up while secrets were sought is not called decrypted."""
    pair = TlsPair()
    pair.say(True, bytes(1 << 21))
    waiting = []
    finder = SecretFinder(ring([server_key()]), lambda *task: waiting.append(task))
    heard = Passive(finder)
    for side, data in flat(pair.flights):
        heard.hear(side, data)
    assert heard.session.budget.used < 100  # what the server's Finished takes
    for task in waiting:
        run_at_once(*task)
    heard.finish()
    assert heard.verdict == "evicted"
    assert not heard.records
    assert heard.report.client_encrypted_bytes > 1 << 21


def test_nothing_was_said() -> None:
    pair = TlsPair(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    pair.close()
    heard = listen(pair.flights, ring())
    assert heard.verdict == "no-data"
    assert MEANINGS[heard.report.verdict].clear
