"""Where the pre-master secret comes from, for each kind of key exchange, and whether it can be had.

It is found once more, from the recorded messages, and believed when the master secret comes out of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.explain.reading import Round
from tqdecrypt.explain.telling import digits
from tqdecrypt.keys import KeyRing
from tqdecrypt.tls.agreement import Shares, key_exchange_shares, psk_premaster
from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.derive import extended_master_secret, master_secret
from tqdecrypt.tls.exchange import CLIENT, SERVER
from tqdecrypt.tls.handshake import pull_encrypted_premaster
from tqdecrypt.tls.suites import Suite

__all__ = ["Premaster", "Stands", "find_premaster"]

RSA_LENGTH = 48
"""RFC 5246 section 7.4.7.1."""


class Stands(NamedTuple):
    """What stands in the capture for all to see."""

    name: str
    length: int
    how: str
    shown: str


class Premaster(NamedTuple):
    """The pre-master secret of a handshake."""

    stands: tuple[Stands, ...]
    length: int | None
    how: str
    secret: bytes | None
    note: str


def find_premaster(one: Round, ring: KeyRing) -> Premaster | None:
    """Return where the pre-master secret comes from; ``None`` when the suite is not known."""
    exchange = one.exchange
    suite = exchange.suite if exchange is not None else None
    if suite is None:
        return None
    if suite.key_exchange == "RSA":
        return _of_rsa(one, ring)
    if "PSK" in suite.key_exchange:
        return _of_psk(one, ring, suite)
    if "DH" in suite.key_exchange:
        return _of_diffie_hellman(one, ring, suite)
    return None


def _of_rsa(one: Round, ring: KeyRing) -> Premaster:
    how = "RSA decryption (PKCS #1 v1.5) with the private key of the server's certificate"
    message = one.first(CLIENT, HandshakeType.client_key_exchange)
    if message is None:
        note = "Not known: the ClientKeyExchange is not in the capture."
        return Premaster((), RSA_LENGTH, how, None, note)
    try:
        ciphertext = pull_encrypted_premaster(message.body, one.version)
    except Malformed:
        return Premaster((), RSA_LENGTH, how, None, "Not known: the ClientKeyExchange is empty.")
    where = f"in the ClientKeyExchange, frame {message.frame}, for all to see"
    stands = (Stands("encrypted pre-master secret", len(ciphertext), where, digits(ciphertext)),)
    secret, key = _decrypt(one, ring, ciphertext)
    if secret is not None:
        note = f"With {key}. 2 bytes of the client's version ({secret[:2].hex(' ')}), 46 that it made up."
        return Premaster(stands, RSA_LENGTH, how, secret, note)
    known = one.exchange is not None and one.exchange.master is not None
    note = "Not known, and not needed." if known else "Not known: that private key was not given."
    return Premaster(stands, RSA_LENGTH, how, None, note)


def _decrypt(one: Round, ring: KeyRing, ciphertext: bytes) -> tuple[bytes | None, str]:
    """Return the pre-master secret that makes the session's master secret, and the key it took."""
    assert one.exchange is not None
    if one.exchange.master is None:
        return None, ""
    certificate = one.exchange.certificates[SERVER]
    key = ring.match_certificate(certificate) if certificate is not None else None
    for candidate in [key] if key is not None else ring.rsa_keys_of_size(len(ciphertext)):
        secret = candidate.decrypt_premaster(ciphertext)
        if secret is not None and _fits(one, secret):
            return secret, candidate.describe()
    logged = ring.keylog.by_encrypted_premaster(ciphertext[:8]) if len(ring.keylog) else None
    if logged is not None and _fits(one, logged):
        return logged, "the key log"
    return None, ""


def _of_psk(one: Round, ring: KeyRing, suite: Suite) -> Premaster:
    other = {
        "PSK": "as many zeros as the key has bytes",
        "RSA_PSK": "46 bytes that the client made up, encrypted to the server's certificate",
    }.get(suite.key_exchange, "the Diffie-Hellman secret")
    how = f"length + {other}, length + the pre-shared key (RFC 4279)"
    shares = _shares(one, suite)
    if shares is None:
        return Premaster((), None, how, None, "Not known: key exchange messages are missing.")
    others: Iterable[bytes | None] = [None]
    if suite.key_exchange == "RSA_PSK":
        certificate = one.exchange.certificates[SERVER] if one.exchange else None
        key = ring.match_certificate(certificate) if certificate else None
        others = [key.decrypt_premaster(shares.encrypted_premaster) if key else None]
    elif suite.key_exchange != "PSK":
        secret, _ = _agree(one, ring, suite, shares)
        others = [secret]
    for first in others:
        if first is None and suite.key_exchange != "PSK":
            continue
        for psk in ring.psks_for(shares.identity):
            premaster = psk_premaster(first, psk.key)
            if _fits(one, premaster):
                note = "With a pre-shared key that was given."
                return Premaster((), len(premaster), how, premaster, note)
    known = one.exchange is not None and one.exchange.master is not None
    name = shares.identity.decode("utf-8", "backslashreplace")
    note = (
        "Not known, and not needed." if known else f"Not known: the key of {name!r} was not given."
    )
    if not known and suite.forward_secret:
        note = "Not known: one half of it is ephemeral, so that the pre-shared key alone is not enough."
    return Premaster((), None, how, None, note)


def _of_diffie_hellman(one: Round, ring: KeyRing, suite: Suite) -> Premaster:
    curve = suite.key_exchange.startswith("EC")
    kind = "elliptic-curve Diffie-Hellman" if curve else "Diffie-Hellman"
    how = f"{kind} of one end's private and the other's public half"
    shares = _shares(one, suite)
    stands = []
    for name, message, share in (
        ("server's public half", "ServerKeyExchange", shares.server if shares else b""),
        ("client's public half", "ClientKeyExchange", shares.client if shares else b""),
    ):
        if share:
            where = f"in the {message}, for all to see"
            stands.append(Stands(name, len(share), where, digits(share)))
    secret, key = _agree(one, ring, suite, shares) if shares is not None else (None, "")
    if secret is not None and _fits(one, secret):
        return Premaster(tuple(stands), len(secret), how, secret, f"With {key}.")
    known = one.exchange is not None and one.exchange.master is not None
    if known:
        note = "Not known, and not needed."
    elif suite.forward_secret:
        note = "Not known: both private halves were in the two ends' memory only, and are gone."
    else:
        note = "Not known: the private key of the server's certificate was not given."
    return Premaster(tuple(stands), None, how, None, note)


def _agree(one: Round, ring: KeyRing, suite: Suite, shares: Shares) -> tuple[bytes | None, str]:
    """Return what a given Diffie-Hellman key of the server agrees on: static, or used again and again."""
    certificate = one.exchange.certificates[SERVER] if one.exchange else None
    if shares.server:
        key = ring.match_share(shares.server)
    else:
        key = ring.match_certificate(certificate) if certificate else None
    secret = key.agree(shares.client) if key is not None else None
    if secret is not None and suite.key_exchange.startswith("DH"):
        secret = secret.lstrip(b"\0")  # RFC 5246 section 8.1.2
    return secret, key.describe() if key is not None else ""


def _shares(one: Round, suite: Suite) -> Shares | None:
    server = one.first(SERVER, HandshakeType.server_key_exchange)
    client = one.first(CLIENT, HandshakeType.client_key_exchange)
    if client is None:
        return None
    try:
        return key_exchange_shares(suite, server.body if server else b"", client.body)
    except Malformed:
        return None


def _fits(one: Round, premaster: bytes) -> bool:
    """Return whether the session's master secret is made of *premaster*."""
    exchange = one.exchange
    if exchange is None or exchange.master is None or exchange.suite is None:
        return False
    if one.client_hello is None or one.server_hello is None:
        return False
    digest = exchange.suite.prf_hash
    if exchange.extended_master_secret:
        messages = one.session_hash_messages()
        made = (
            extended_master_secret(one.version, digest, premaster, b"".join(messages))
            if messages is not None
            else b""
        )
    else:
        made = master_secret(
            one.version, digest, premaster, one.client_hello.random, one.server_hello.random
        )
    return made == exchange.master
