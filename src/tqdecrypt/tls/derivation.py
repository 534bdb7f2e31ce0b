"""All that follows from an RSA-encrypted pre-master secret, in one step that may run elsewhere.

Whoever has the private key opens the pre-master secret, and can go on at once with the formulas of
:mod:`~tqdecrypt.tls.derive`: master secret, key block, and what both Finished messages must hold.  So one
question to another process (:mod:`tqdecrypt.workers`) brings everything that a handshake needs, and the
reader only has to compare.
"""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, NamedTuple

from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.derive import (
    extended_master_secret,
    key_block,
    key_block_sizes,
    master_secret,
    verify_data,
)

if TYPE_CHECKING:
    from tqdecrypt.keys import PrivateKey
    from tqdecrypt.tls.exchange import Exchange

__all__ = [
    "PREMASTER_LENGTH",
    "Derived",
    "ask_for_keys",
    "ask_for_premaster",
    "derive",
    "read_answer",
]

PREMASTER_LENGTH = 48
"""RFC 5246 section 7.4.7.1."""

_Recipe = tuple[int, str, bool, bytes, bytes, int, bytes, bool]
"""Version, hash of the PRF, whether the master secret is extended, both randoms, length of the key block,
the handshake up to ClientKeyExchange (empty: not all of it is known), whether Finished is wanted."""


class Derived(NamedTuple):
    """What follows from one pre-master secret.  Secret, so that its repr says nothing."""

    premaster: bytes
    master: bytes = b""
    """Empty when only the pre-master secret was asked for, or it has not the length of one."""
    key_block: bytes = b""
    finished: tuple[bytes, bytes] = (b"", b"")
    """What the Finished of each role must hold, when the client's follows its ClientKeyExchange and the
    server's its ServerHelloDone and the client's Finished; empty when that was not asked for."""

    def __repr__(self) -> str:
        return f"<Derived {'keys' if self.master else 'pre-master secret'}>"


def ask_for_premaster(ciphertext: bytes) -> bytes:
    """Return the question for nothing but the pre-master secret."""
    return marshal.dumps((ciphertext, None))


def ask_for_keys(exchange: Exchange, ciphertext: bytes) -> bytes:
    """Return the question for everything that follows from it in *exchange*.

    Without the whole handshake, Finished is left out, and an extended master secret cannot be had.
    """
    hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
    if hello is None or answer is None or suite is None or suite.bulk is None:
        return ask_for_premaster(ciphertext)
    extended = exchange.extended_master_secret
    messages = exchange.session_hash_messages() or b""
    if extended and not messages:
        return ask_for_premaster(ciphertext)
    recipe: _Recipe = (
        int(answer.version),
        suite.prf_hash,
        extended,
        hello.random,
        answer.random,
        sum(key_block_sizes(suite, answer.version)),
        messages,
        bool(messages) and not exchange.dtls,
    )
    return marshal.dumps((ciphertext, recipe))


def derive(key: PrivateKey, question: bytes) -> bytes | None:
    """Answer one of the questions with *key*; ``None`` when it cannot open the ciphertext."""
    ciphertext, recipe = marshal.loads(question)  # noqa: S302 - written above, in the same program
    premaster = key.decrypt_premaster(ciphertext)
    if premaster is None:
        return None
    if recipe is None or len(premaster) != PREMASTER_LENGTH:
        return marshal.dumps((premaster,))
    return marshal.dumps(tuple(_follow(premaster, *recipe)))


def read_answer(answer: bytes) -> Derived:
    """Return what :func:`derive` answered."""
    return Derived(*marshal.loads(answer))  # noqa: S302 - written above, in the same program


def _follow(
    premaster: bytes,
    version: int,
    digest: str,
    extended: bool,
    client_random: bytes,
    server_random: bytes,
    length: int,
    messages: bytes,
    finished: bool,
) -> Derived:
    if extended:
        master = extended_master_secret(version, digest, premaster, messages)
    else:
        master = master_secret(version, digest, premaster, client_random, server_random)
    block = key_block(version, digest, master, client_random, server_random, length)
    if not finished:
        return Derived(premaster, master, block)
    client = verify_data(version, digest, master, True, messages)
    header = bytes([HandshakeType.finished]) + len(client).to_bytes(3, "big")
    server = verify_data(version, digest, master, False, messages + header + client)
    return Derived(premaster, master, block, (client, server))
