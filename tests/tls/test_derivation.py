"""What is derived where the private key is: the same as here, and used only where it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kit import Switch, TlsPair, Version, certificates
from tqdecrypt.keys import PrivateKey
from tqdecrypt.tls import SecretFinder
from tqdecrypt.tls import exchange as exchange_module
from tqdecrypt.tls import keying as keying_module
from tqdecrypt.tls.derivation import Derived, ask_for_premaster, derive, read_answer
from tqdecrypt.tls.premaster import run_at_once

from .datagrams import listen_datagrams as hear_datagrams
from .datagrams import recorded_key, recording
from .passive import Passive, flat, listen, ring, server_key, talk

Done = Callable[[list[bytes | None]], None]
SPOKEN = {
    "TLS 1.2": (Version.TLSv1_2, "AES128-GCM-SHA256", Switch(0)),
    "TLS 1.2, SHA-384": (Version.TLSv1_2, "AES256-GCM-SHA384", Switch(0)),
    "TLS 1.2, no extended master secret": (
        Version.TLSv1_2,
        "AES128-SHA256",
        Switch.NO_EXTENDED_MASTER_SECRET,
    ),
    "TLS 1.1": (Version.TLSv1_1, "AES128-SHA", Switch(0)),
    "TLS 1.0": (Version.TLSv1, "AES128-SHA", Switch(0)),
}


@dataclass
class Answered:
    """Answers at once and remembers the answers."""

    answers: list[Derived] = field(default_factory=list)

    def __call__(self, keys: Sequence[PrivateKey], question: bytes, done: Done) -> None:
        found = [derive(key, question) for key in keys]
        self.answers += [read_answer(answer) for answer in found if answer is not None]
        done(found)


def without_deriving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody derive here."""

    def never(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(exchange_module, "verify_data", never)
    monkeypatch.setattr(exchange_module, "master_secret", never)
    monkeypatch.setattr(exchange_module, "extended_master_secret", never)
    monkeypatch.setattr(keying_module, "partition_key_block", never)


@pytest.mark.parametrize("spoken", SPOKEN)
def test_one_answer_brings_everything(spoken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version, suite, options = SPOKEN[spoken]
    pair = TlsPair(version=version, ciphers=suite, options=options | Switch.NO_TICKET)
    said = talk(pair)
    without_deriving(monkeypatch)
    heard = listen(pair.flights, SecretFinder(ring([server_key()]), run_at_once))
    assert (bytes(heard.client), bytes(heard.server)) == said
    assert heard.verdict == "decrypted"
    assert heard.report.finished_verified is True
    assert heard.report.handshakes == 1


def test_a_finished_behind_other_messages_is_worked_out_here() -> None:
    """The server's ticket and the client's CertificateVerify come after the question."""
    answered = Answered()
    pair = TlsPair(mutual=True)
    talk(pair)
    heard = listen(pair.flights, SecretFinder(ring([server_key()]), answered))
    assert heard.report.finished_verified is True
    assert heard.report.mutual_tls is True
    (derived,) = answered.answers
    (exchange,) = heard.session.exchanges
    assert derived.master == exchange.master


def test_what_was_derived_of_another_handshake_is_not_used() -> None:
    """A Finished is proof of the messages that were seen, not of those that were asked about."""
    pair = TlsPair(options=Switch.NO_TICKET)
    talk(pair)
    kept: list[tuple[Sequence[PrivateKey], bytes, Done]] = []
    finder = SecretFinder(ring([server_key()]), lambda *question: kept.append(question))
    heard = Passive(finder)
    for side, data in flat(pair.flights):
        heard.hear(side, data)
    (exchange,) = heard.session.exchanges
    ((keys, question, done),) = kept
    exchange.messages[1][0] = exchange.messages[1][0][:-1] + b"?"
    exchange.done = (exchange.done or 0) - 1
    done([derive(key, question) for key in keys])
    assert exchange.derived is None
    heard.finish()
    assert heard.report.finished_verified is not True


def test_only_the_premaster() -> None:
    public = certificates.server().certificate.public_key()
    assert isinstance(public, RSAPublicKey)
    secret = b"\3\3" + bytes(range(46))
    ciphertext = public.encrypt(secret, PKCS1v15())
    answer = derive(server_key(), ask_for_premaster(ciphertext))
    assert answer is not None
    assert read_answer(answer) == Derived(secret)
    assert derive(server_key(), ask_for_premaster(ciphertext[:-1])) is None


def test_datagrams_have_their_keys_derived_and_their_finished_worked_out() -> None:
    answered = Answered()
    heard = hear_datagrams(
        recording("rsa").datagrams, SecretFinder(ring([recorded_key()]), answered)
    )
    assert heard.report.finished_verified is True
    assert answered.answers[0].key_block
    assert answered.answers[0].finished == (b"", b"")


def test_secrets_do_not_show() -> None:
    derived = Derived(b"premaster", b"master", b"block", (b"client", b"server"))
    assert repr(derived) == "<Derived keys>"
    assert repr(Derived(b"premaster")) == "<Derived pre-master secret>"
