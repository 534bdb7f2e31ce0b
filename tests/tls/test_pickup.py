"""Secrets from elsewhere: a store of earlier runs, and sessions in mid-connection."""

from __future__ import annotations

import pytest

from kit import Switch, TlsPair, Version
from tqdecrypt.errors import SecretsError
from tqdecrypt.keys import SecretsStore
from tqdecrypt.tls import SecretFinder

from .passive import Passive, flat, listen, ring, server_key, store, talk

KINDS = {
    "gcm": (Version.TLSv1_2, "AES128-GCM-SHA256", Switch(0)),
    "cbc": (Version.TLSv1_2, "AES128-SHA", Switch.NO_ENCRYPT_THEN_MAC),
    "cbc-etm": (Version.TLSv1_1, "AES128-SHA", Switch(0)),
    "cbc-tls10": (Version.TLSv1, "AES128-SHA", Switch.NO_ENCRYPT_THEN_MAC),
    "chacha": (Version.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305", Switch(0)),
    "tls13": (Version.TLSv1_3, "AES128-GCM-SHA256", Switch(0)),
}


def kept(pair: TlsPair, secrets: SecretsStore) -> None:
    """Let a first run see the session so far, and keep its secrets."""
    finder = SecretFinder(ring([server_key()], pair.keylog_lines), store=secrets)
    heard = listen(pair.flights, finder)
    finder.keep(heard.session, *heard.ends)


@pytest.mark.parametrize("passphrase", [None, b"secret"], ids=["plain", "encrypted"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_goes_on_in_the_next_capture(kind: str, passphrase: bytes | None) -> None:
    version, suite, options = KINDS[kind]
    pair = TlsPair(version=version, ciphers=suite, options=options)
    talk(pair)
    secrets = store(passphrase)
    kept(pair, secrets)
    secrets.save()
    seen = len(pair.flights)
    talk(pair, 5)  # said while nobody listened
    unheard = len(pair.flights)
    said = talk(pair, 4)
    again = SecretsStore(secrets.path, passphrase)
    again.load()
    heard = listen(flat(pair.flights)[unheard:], SecretFinder(ring(), store=again))
    assert seen < unheard
    if kind == "cbc-tls10":  # its first record has no IV
        for text, whole in zip((heard.client, heard.server), said, strict=True):
            assert whole.endswith(bytes(text))
            assert len(text) > len(whole) // 2
        assert heard.verdict == "packets-missing"
    else:
        assert (bytes(heard.client), bytes(heard.server)) == said
        assert heard.verdict == "decrypted"
    assert heard.report.secrets_from is not None
    assert heard.report.secrets_from.startswith("secrets store")


def test_an_encrypted_store_needs_its_passphrase() -> None:
    secrets = store(b"secret")
    kept(TlsPair(), secrets)
    secrets.save()
    for passphrase in (None, b"other"):
        with pytest.raises(SecretsError):
            SecretsStore(secrets.path, passphrase).load()


def test_a_store_resumes_what_an_earlier_run_saw() -> None:
    first = TlsPair()
    secrets = store()
    kept(first, secrets)
    second = TlsPair(resume_from=first)
    assert second.resumed
    said = talk(second)
    heard = listen(second.flights, SecretFinder(ring(), store=secrets))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"


def test_other_ends_secrets_open_nothing() -> None:
    pair = TlsPair()
    secrets = store()
    kept(pair, secrets)
    start = len(pair.flights)
    talk(pair)
    heard = Passive(SecretFinder(ring(), store=secrets), ends=("10.0.0.1:1", "10.0.0.2:2"))
    for side, data in flat(pair.flights)[start:]:
        heard.hear(side, data)
    assert heard.finish().verdict.value == "handshake-not-captured"
    assert not heard.records


def test_a_key_log_opens_tls13_in_mid_connection() -> None:
    pair = TlsPair(version=Version.TLSv1_3)
    talk(pair, 20)
    start = len(pair.flights)
    said = talk(pair)
    heard = listen(flat(pair.flights)[start:], ring(keylog=pair.keylog_lines))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
