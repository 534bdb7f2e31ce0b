"""Whole sessions between two ends of OpenSSL: what is read is what was said, and the verdict is true."""

from __future__ import annotations

from itertools import permutations

import pytest

from kit import Switch, TlsPair, Version, certificates
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.verdict import Verdict

from .passive import Passive, flat, key_of, listen, ring, server_key, talk

RSA_12 = (
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-CCM",
    "AES256-CCM8",
    "AES128-SHA",
    "AES256-SHA256",
    "CAMELLIA128-SHA",
    "CAMELLIA256-SHA256",
    "ARIA128-GCM-SHA256",
    "ARIA256-GCM-SHA384",
    "NULL-SHA256",
    "NULL-MD5",
)
CBC_OR_NULL = {
    "AES128-SHA",
    "AES256-SHA256",
    "CAMELLIA128-SHA",
    "CAMELLIA256-SHA256",
    "NULL-SHA256",
    "NULL-MD5",
}
"""Where OpenSSL agrees on encrypt-then-MAC (with NULL it changes nothing)."""


@pytest.mark.parametrize("mutual", [False, True], ids=["one-way", "mutual"])
@pytest.mark.parametrize(
    "options",
    [Switch(0), Switch.NO_EXTENDED_MASTER_SECRET, Switch.NO_ENCRYPT_THEN_MAC],
    ids=["all", "no-ems", "no-etm"],
)
@pytest.mark.parametrize("suite", RSA_12)
def test_the_servers_key_opens_rsa_key_exchange(suite: str, options: Switch, mutual: bool) -> None:
    pair = TlsPair(ciphers=suite, mutual=mutual, options=options, keylog=False)
    said = talk(pair)
    pair.close()
    heard = listen(pair.flights, ring([server_key()]))
    report = heard.report
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert (report.client_bytes, report.server_bytes) == (len(said[0]), len(said[1]))
    assert report.verdict is Verdict.DECRYPTED, report.why
    assert report.finished_verified is True
    assert report.secrets_from == "RSA key server.key"
    assert (report.version, report.key_exchange, report.handshakes) == ("TLS 1.2", "RSA", 1)
    assert report.mutual_tls is mutual
    assert report.extended_master_secret is not (options is Switch.NO_EXTENDED_MASTER_SECRET)
    assert report.encrypt_then_mac is (
        suite in CBC_OR_NULL and options is not Switch.NO_ENCRYPT_THEN_MAC
    )
    assert report.ending == "close_notify from the client and server; capture ended"
    assert report.alert is not None
    assert report.alert.startswith("close_notify (warning) from the client, frame ")
    assert report.notes == []


@pytest.mark.parametrize("options", [Switch(0), Switch.NO_ENCRYPT_THEN_MAC], ids=["etm", "mte"])
@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-SHA", "CAMELLIA256-SHA", "NULL-SHA"])
@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1], ids=["1.0", "1.1"])
def test_older_versions(version: Version, suite: str, options: Switch) -> None:
    pair = TlsPair(version=version, ciphers=suite, options=options)
    said = talk(pair)
    heard = listen(pair.flights, ring([server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.version == {"TLSv1": "TLS 1.0", "TLSv1_1": "TLS 1.1"}[version.name]
    assert heard.report.ending == "no close_notify; capture ended"


EPHEMERAL = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CAMELLIA128-SHA256",
    "ECDHE-ARIA256-GCM-SHA384",
    "ECDHE-RSA-AES256-SHA",
)


@pytest.mark.parametrize("suite", EPHEMERAL)
def test_a_key_log_opens_ephemeral_key_exchange(suite: str) -> None:
    pair = TlsPair(ciphers=suite)
    said = talk(pair)
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.secrets_from == "key log test.log"


def test_ecdsa_with_a_key_log() -> None:
    pair = TlsPair(ciphers="ECDHE-ECDSA-AES128-CCM8", server_cert=certificates.server("ec"))
    said = talk(pair)
    heard = listen(pair.flights, ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said


@pytest.mark.parametrize("bits", [1024, 3072, 4096])
def test_keys_of_other_sizes(bits: certificates.RsaBits) -> None:
    identity = certificates.server(bits)
    pair = TlsPair(server_cert=identity)
    said = talk(pair)
    heard = listen(pair.flights, ring([key_of(identity), server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES128-SHA"])
@pytest.mark.parametrize("mutual", [False, True])
def test_the_directions_may_come_in_any_order(suite: str, mutual: bool) -> None:
    pair = TlsPair(ciphers=suite, mutual=mutual)
    said = talk(pair)
    pair.close()
    packets = flat(pair.flights)
    for order in permutations((0, 1)):
        skewed = [packet for side in order for packet in packets if packet[0] == side]
        heard = listen(skewed, ring([server_key()]))
        assert (bytes(heard.client), bytes(heard.server)) == said
        assert heard.verdict == "decrypted"
        assert heard.report.finished_verified is True
        assert heard.report.mutual_tls is mutual


def test_the_ends_may_be_named_in_any_order() -> None:
    pair = TlsPair()
    said = talk(pair)
    heard = listen([(1 - side, data) for side, data in flat(pair.flights)], ring([server_key()]))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.report.client == heard.ends[1]


def test_large_messages_and_small_records() -> None:
    pair = TlsPair(ciphers="AES128-SHA")
    large = bytes(range(256)) * 300
    pair.say(True, large)
    pair.say(False, large[:5000], 1)
    heard = listen(pair.flights, ring([server_key()]))
    assert bytes(heard.client) == large
    assert bytes(heard.server) == large[:5000]


def test_facts_of_the_hellos() -> None:
    pair = TlsPair(server_name="sip.example.com", alpn=("sip",), mutual=True)
    report = listen(pair.flights, ring([server_key()])).report
    assert report.sni == "sip.example.com"
    assert report.alpn == "sip"
    assert report.cipher_suite == "TLS_RSA_WITH_AES_128_GCM_SHA256"
    assert "TLS_RSA_WITH_AES_128_GCM_SHA256" in report.offered_suites
    assert report.server_subject is not None
    assert "sip.example.com" in report.server_subject
    assert report.client_subject is not None
    assert "pbx.example.net" in report.client_subject
    assert report.resumed == "no"


def test_a_session_begins_and_ends_with_its_packets_whichever_side_is_told_first() -> None:
    heard = Passive(SecretFinder(ring()))
    for side, frames in ((1, [5, 9]), (0, [4, 12]), (1, [10])):
        size = len(frames)
        times = [frame * 1000 for frame in frames]
        heard.session.receive(side, b"x" * size, list(range(1, size + 1)), frames, times)
    report = heard.finish()
    assert (report.first_frame, report.last_frame) == (4, 12)
    assert (report.started, report.ended) == (4_000, 12_000)
