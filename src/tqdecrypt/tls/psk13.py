"""Pre-shared keys of TLS 1.3 (RFC 8446 sections 2.2 and 4.2.11): resumption, or agreed on elsewhere.

Both look the same on the wire.  The binder in the ClientHello tells them apart: it is made with the key,
and with another label for each.  So whoever holds the key can prove that a session used it; and where
the two ends exchanged no key shares (psk_ke), the key opens the session.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.constants import ExtensionType, HandshakeType
from tqdecrypt.tls.derive import hkdf_expand_label
from tqdecrypt.tls.exchange import Exchange
from tqdecrypt.wire import Cursor

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyRing, PreSharedKey

__all__ = ["PskOffer", "external_psk", "pull_psk_offer", "without_key_shares"]


class PskOffer(NamedTuple):
    """The pre_shared_key extension of a ClientHello."""

    identities: tuple[bytes, ...]
    binders: tuple[bytes, ...]
    binders_length: int
    """Bytes of the list of binders, its own length included: the end of the ClientHello."""


def external_psk(exchange: Exchange, ring: KeyRing) -> PreSharedKey | None:
    """Return the pre-shared key that the server took, if the binder proves that it is one of ours."""
    hello, answer = exchange.client_hello, exchange.server_hello
    if not ring.psks or hello is None or answer is None or exchange.suite is None:
        return None
    chosen = answer.extensions.get(ExtensionType.pre_shared_key, b"")
    index = int.from_bytes(chosen, "big")
    try:
        offer = pull_psk_offer(hello.extensions.get(ExtensionType.pre_shared_key, b""))
    except Malformed:
        return None
    if len(chosen) != 2 or index >= min(len(offer.identities), len(offer.binders)):
        return None
    transcript = _truncated_hello(exchange, offer.binders_length)
    if transcript is None:
        return None
    candidates = ring.psks_for(offer.identities[index])
    return _proven(candidates, offer.binders[index], transcript, exchange.suite.prf_hash)


def without_key_shares(exchange: Exchange) -> bool:
    """Return whether the two ends use the pre-shared key alone (psk_ke, section 4.2.9)."""
    answer = exchange.server_hello
    return (
        answer is not None
        and ExtensionType.pre_shared_key in answer.extensions
        and ExtensionType.key_share not in answer.extensions
    )


def pull_psk_offer(data: bytes) -> PskOffer:
    """Parse the pre_shared_key extension of a ClientHello.  Raises ``Malformed``."""
    cursor = Cursor(data)
    identities: list[bytes] = []
    binders: list[bytes] = []
    with cursor.block(2):
        while not cursor.at_end:
            identities.append(cursor.pull_opaque(2))
            cursor.pull_uint32()  # the obfuscated age of a ticket
    length = len(data) - 2 - sum(len(identity) + 6 for identity in identities)
    with cursor.block(2):
        while not cursor.at_end:
            binders.append(cursor.pull_opaque(1))
    return PskOffer(tuple(identities), tuple(binders), length)


def _truncated_hello(exchange: Exchange, binders_length: int) -> bytes | None:
    """Return what binders are made over (section 4.2.11.2): all up to the list of binders."""
    client, server = exchange.messages
    if any(exchange.incomplete) or not client or exchange.suite is None:
        return None
    if not exchange.retried:
        return client[0][:-binders_length]
    if len(client) < 2 or not server:
        return None
    digest = hashlib.new(exchange.suite.prf_hash, client[0], usedforsecurity=False).digest()
    first = bytes([HandshakeType.message_hash, 0, 0, len(digest)]) + digest
    return first + server[0] + client[1][:-binders_length]


def _proven(
    psks: Iterable[PreSharedKey], binder: bytes, transcript: bytes, digest: str
) -> PreSharedKey | None:
    empty = hashlib.new(digest, usedforsecurity=False).digest()
    hashed = hashlib.new(digest, transcript, usedforsecurity=False).digest()
    size = len(empty)
    for psk in psks:
        early = hmac.digest(bytes(size), psk.key, digest)
        key = hkdf_expand_label(digest, early, b"ext binder", empty, size)
        finished = hkdf_expand_label(digest, key, b"finished", b"", size)
        if hmac.compare_digest(hmac.digest(finished, hashed, digest), binder):
            return psk
    return None
