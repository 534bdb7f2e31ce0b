"""What a ClientKeyExchange holds, and what a pre-master secret that was opened must look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.agreement import Shares, key_exchange_shares
from tqdecrypt.tls.derivation import PREMASTER_LENGTH, derive
from tqdecrypt.tls.handshake import pull_encrypted_premaster

if TYPE_CHECKING:
    from tqdecrypt.keys import PrivateKey
    from tqdecrypt.tls.exchange import Exchange

__all__ = [
    "Submit",
    "ciphertext_of",
    "is_premaster",
    "run_at_once",
    "shares_of",
    "versions_in_premaster",
]

Submit = Callable[["Sequence[PrivateKey]", bytes, Callable[["list[bytes | None]"], None]], None]
"""Asks each of some keys a question, somewhere, and later calls the function with what
:func:`~tqdecrypt.tls.derivation.derive` answered, in the order of the keys."""


def run_at_once(
    keys: Sequence[PrivateKey], question: bytes, done: Callable[[list[bytes | None]], None]
) -> None:
    """Answer here and now."""
    done([derive(key, question) for key in keys])


def ciphertext_of(exchange: Exchange) -> bytes:
    """Return the EncryptedPreMasterSecret of a ClientKeyExchange; empty when it is malformed."""
    assert exchange.encrypted_premaster is not None
    try:
        return pull_encrypted_premaster(exchange.encrypted_premaster, exchange.version or 0)
    except Malformed:
        return b""


def versions_in_premaster(exchange: Exchange) -> set[bytes]:
    """Return the first two bytes of a pre-master secret: the version offered (RFC 5246 7.4.7.1).

    Some clients put the negotiated version there instead.
    """
    versions = {exchange.version or 0}
    if exchange.client_hello is not None:
        versions.add(exchange.client_hello.version)
    return {version.to_bytes(2, "big") for version in versions}


def is_premaster(secret: bytes, versions: set[bytes] | None) -> bool:
    """Return whether *secret* has the shape of a pre-master secret.

    OpenSSL 3.2 and later answer a wrong key with random bytes instead of an error, so the shape is
    all there is to see here; the record's MAC or tag proves it later.
    """
    return len(secret) == PREMASTER_LENGTH and (versions is None or secret[:2] in versions)


def shares_of(exchange: Exchange) -> Shares | None:
    """Return what the key exchange messages hold; ``None`` when they are missing or malformed."""
    if exchange.suite is None or exchange.encrypted_premaster is None:
        return None
    try:
        return key_exchange_shares(
            exchange.suite, exchange.server_key_exchange or b"", exchange.encrypted_premaster
        )
    except Malformed:
        return None
