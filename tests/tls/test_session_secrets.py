"""What a session gives away when it is over: what OpenSSL's own key log says, if anything proved it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kit import Flight, TlsPair, Version
from tqdecrypt.keys.keylog_lines import render_key_log
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls.session_secrets import SessionSecrets, session_secrets

from .datagrams import listen_datagrams, recordings
from .passive import listen, ring, server_key, talk


def secrets_of(flights: Sequence[Flight], finder: SecretFinder) -> SessionSecrets | None:
    return session_secrets(listen(flights, finder).session)


def lines(secrets: SessionSecrets | None) -> set[str]:
    assert secrets is not None
    return set(render_key_log(secrets.lines).decode().splitlines())


def master_line(pair: TlsPair) -> str:
    (line,) = (line for line in pair.keylog_lines if line.startswith("CLIENT_RANDOM"))
    return line


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-SHA", "NULL-SHA256"])
def test_the_master_secret_is_that_of_openssl(suite: str) -> None:
    pair = TlsPair(ciphers=suite)
    talk(pair)
    secrets = secrets_of(pair.flights, SecretFinder(ring([server_key()])))
    assert lines(secrets) == {master_line(pair)}
    assert secrets is not None
    assert secrets.handshake_seen


def test_the_traffic_secrets_of_tls_1_3_come_whole() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    found = lines(secrets_of(pair.flights, SecretFinder(ring(keylog=pair.keylog_lines))))
    assert found == {line for line in pair.keylog_lines if not line.startswith("EXPORTER")}
    assert len(found) == 4


def test_a_resumed_session_has_the_same_secret_under_its_own_name() -> None:
    first = TlsPair()
    talk(first)
    again = TlsPair(resume_from=first)
    talk(again)
    finder = SecretFinder(ring([server_key()]))
    one = secrets_of(first.flights, finder)
    other = secrets_of(again.flights, finder)
    assert one is not None
    assert other is not None
    assert one.lines[0].secret == other.lines[0].secret
    assert one.lines[0].client_random != other.lines[0].client_random


def test_a_dark_session_has_none() -> None:
    pair = TlsPair()
    talk(pair)
    assert secrets_of(pair.flights, SecretFinder(ring())) is None


def test_secrets_that_opened_nothing_are_not_its_own() -> None:
    pair, other = TlsPair(), TlsPair()
    talk(pair)
    random, secret = master_line(pair).split()[1], master_line(other).split()[2]
    wrong = f"CLIENT_RANDOM {random} {secret}"
    assert secrets_of(pair.flights, SecretFinder(ring(keylog=[wrong]))) is None


def test_a_session_whose_handshake_was_not_seen_says_so() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    shaken = len(pair.flights)
    talk(pair)
    secrets = secrets_of(pair.flights[shaken:], SecretFinder(ring(keylog=pair.keylog_lines)))
    assert secrets is not None
    assert not secrets.handshake_seen
    assert lines(secrets) < set(pair.keylog_lines)


def test_one_direction_alone_says_so_too() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair)
    client = [flight for flight in pair.flights if flight.from_client]
    secrets = secrets_of(client, SecretFinder(ring(keylog=pair.keylog_lines)))
    assert secrets is not None
    assert not secrets.handshake_seen


@pytest.mark.parametrize("name", ["rsa", "renegotiated", "resumed"])
def test_dtls_has_a_line_for_each_handshake(name: str) -> None:
    for recording in recordings(name):
        heard = listen_datagrams(recording.datagrams, ring(keylog=recording.keylog))
        expected = {line for line in recording.keylog if line.startswith("CLIENT_RANDOM")}
        assert lines(session_secrets(heard.session)) == expected


def test_secrets_do_not_show() -> None:
    pair = TlsPair()
    talk(pair)
    secrets = secrets_of(pair.flights, SecretFinder(ring([server_key()])))
    assert master_line(pair).split()[2][:8] not in repr(secrets)
