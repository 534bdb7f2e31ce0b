"""From a pre-master secret to keys: one function a formula, named as in the specification.

SSL 3.0: RFC 6101 section 6.  TLS 1.0 and 1.1: RFC 2246 section 5, 4346 section 5.  TLS 1.2: RFC 5246
sections 5, 6.3, 8.1; extended master secret: RFC 7627.  TLS 1.3: RFC 8446 section 7.1.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
from typing import Any, NamedTuple

from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.suites import Protection, Suite

__all__ = [
    "KeyBlock",
    "cut_key_block",
    "extended_master_secret",
    "hkdf_expand_label",
    "key_block",
    "key_block_sizes",
    "master_secret",
    "partition_key_block",
    "prf",
    "verify_data",
]


@functools.lru_cache(maxsize=4)
def _keyed_hashes(digest: str, key: bytes) -> tuple[Any, Any]:
    """Return the inner and the outer hash of HMAC (RFC 2104) with *key* in them, to be copied.

    :func:`hmac.digest` takes some 4 µs a call with OpenSSL 3, most of it for looking the hash up; from
    two kept states it is half of that.  A handshake takes a dozen, most of them under its master
    secret, one after the other.
    """
    new = getattr(hashlib, digest)
    inner = new(usedforsecurity=False)
    size = inner.block_size
    if len(key) > size:
        key = new(key, usedforsecurity=False).digest()
    padded = key.ljust(size, b"\0")
    inner.update(padded.translate(_INNER_KEY))
    return inner, new(padded.translate(_OUTER_KEY), usedforsecurity=False)


_INNER_KEY = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_KEY = bytes(byte ^ 0x5C for byte in range(256))


def p_hash(digest: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """``P_hash`` (RFC 5246 section 5): ``HMAC(A(1) + seed) + …``, where ``A(i) = HMAC(A(i-1))``."""
    keyed_inner, keyed_outer = _keyed_hashes(digest, secret)
    out = b""
    inner = keyed_inner.copy()
    inner.update(seed)
    while True:
        outer = keyed_outer.copy()
        outer.update(inner.digest())
        a = outer.digest()
        # Both HMACs of A(i) begin alike: that of A(i) + seed goes on from where the other ends.
        inner = keyed_inner.copy()
        inner.update(a)
        longer, outer = inner.copy(), keyed_outer.copy()
        longer.update(seed)
        outer.update(longer.digest())
        out += outer.digest()
        if len(out) >= length:
            return bytes(out[:length])


def prf(version: int, digest: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """``PRF(secret, label, seed)``: of TLS 1.2 with *digest*, of TLS 1.0/1.1 with MD5 and SHA-1."""
    if version >= Version.TLS12 and version != Version.DTLS10:
        return p_hash(digest, secret, label + seed, length)
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], label + seed, length)
    sha1 = p_hash("sha1", secret[len(secret) - half :], label + seed, length)
    return (int.from_bytes(md5, "big") ^ int.from_bytes(sha1, "big")).to_bytes(length, "big")


def _ssl3_expand(secret: bytes, seed: bytes, length: int) -> bytes:
    """``MD5(secret + SHA('A' + secret + seed)) + …`` (RFC 6101 sections 6.1, 6.2.2)."""
    out = bytearray()
    for i in range((length + 15) // 16):
        salt = bytes([ord("A") + i]) * (i + 1)
        inner = hashlib.sha1(salt + secret + seed, usedforsecurity=False).digest()
        out += hashlib.md5(secret + inner, usedforsecurity=False).digest()
    return bytes(out[:length])


def master_secret(
    version: int, digest: str, pre_master_secret: bytes, client_random: bytes, server_random: bytes
) -> bytes:
    """Return the 48 bytes of the master secret (RFC 5246 section 8.1)."""
    seed = client_random + server_random
    if version == Version.SSL3:
        return _ssl3_expand(pre_master_secret, seed, 48)
    return prf(version, digest, pre_master_secret, b"master secret", seed, 48)


def extended_master_secret(
    version: int, digest: str, pre_master_secret: bytes, handshake_messages: bytes
) -> bytes:
    """Return the master secret bound to the handshake up to ClientKeyExchange (RFC 7627 4)."""
    session_hash = _handshake_hash(version, digest, handshake_messages)
    return prf(version, digest, pre_master_secret, b"extended master secret", session_hash, 48)


def _handshake_hash(version: int, digest: str, handshake_messages: bytes) -> bytes:
    if version >= Version.TLS12 and version != Version.DTLS10:
        hashed: bytes = getattr(hashlib, digest)(handshake_messages, usedforsecurity=False).digest()
        return hashed
    return (
        hashlib.md5(handshake_messages, usedforsecurity=False).digest()
        + hashlib.sha1(handshake_messages, usedforsecurity=False).digest()
    )


def key_block(
    version: int,
    digest: str,
    master: bytes,
    client_random: bytes,
    server_random: bytes,
    length: int,
) -> bytes:
    """Return *length* bytes of key material (RFC 5246 section 6.3)."""
    seed = server_random + client_random
    if version == Version.SSL3:
        return _ssl3_expand(master, seed, length)
    return prf(version, digest, master, b"key expansion", seed, length)


class KeyBlock(NamedTuple):
    """The key block's parts in its order (RFC 5246 section 6.3).  Secret."""

    client_mac_key: bytes
    server_mac_key: bytes
    client_key: bytes
    server_key: bytes
    client_iv: bytes
    server_iv: bytes

    def __repr__(self) -> str:
        return f"<KeyBlock of {'+'.join(str(len(part)) for part in self)} bytes>"


def partition_key_block(
    suite: Suite, version: int, master: bytes, client_random: bytes, server_random: bytes
) -> KeyBlock:
    """Derive the key block of *suite* and cut it into its parts."""
    length = sum(key_block_sizes(suite, version))
    block = key_block(version, suite.prf_hash, master, client_random, server_random, length)
    return cut_key_block(suite, version, block)


def cut_key_block(suite: Suite, version: int, block: bytes) -> KeyBlock:
    """Cut a key block into its parts."""
    sizes = key_block_sizes(suite, version)
    ends = itertools.accumulate(sizes)
    return KeyBlock(*[block[end - size : end] for size, end in zip(sizes, ends, strict=True)])


@functools.lru_cache(maxsize=256)
def key_block_sizes(suite: Suite, version: int) -> tuple[int, ...]:
    """Return the lengths of a key block's parts, in its order."""
    bulk = suite.bulk
    assert bulk is not None
    mac = _MAC_LENGTHS[suite.mac] if suite.mac else 0
    # TLS 1.1 and later send the CBC IV in each record and take none from the key block.
    cbc_with_iv = bulk.protection is Protection.BLOCK and _later_than_tls10(version)
    iv = 0 if cbc_with_iv else bulk.fixed_iv_length
    return mac, mac, bulk.key_length, bulk.key_length, iv, iv


_MAC_LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48}
"""Of the hashes that HMACs of records use (RFC 5246 appendix C)."""


def _later_than_tls10(version: int) -> bool:
    return version >= Version.TLS11


def verify_data(
    version: int, digest: str, master: bytes, from_client: bool, handshake_messages: bytes
) -> bytes:
    """Return what a Finished message must hold (RFC 5246 section 7.4.9; RFC 6101 5.6.9)."""
    if version == Version.SSL3:
        sender = b"CLNT" if from_client else b"SRVR"
        out = b""
        for name, pad in (("md5", 48), ("sha1", 40)):
            inner = hashlib.new(
                name, handshake_messages + sender + master + b"\x36" * pad, usedforsecurity=False
            ).digest()
            out += hashlib.new(name, master + b"\x5c" * pad + inner, usedforsecurity=False).digest()
        return out
    label = b"client finished" if from_client else b"server finished"
    transcript = _handshake_hash(version, digest, handshake_messages)
    return prf(version, digest, master, label, transcript, 12)


def hkdf_expand_label(
    digest: str, secret: bytes, label: bytes, context: bytes, length: int
) -> bytes:
    """``HKDF-Expand-Label`` (RFC 8446 section 7.1; HKDF-Expand: RFC 5869 section 2.3)."""
    full_label = b"tls13 " + label
    info = (
        length.to_bytes(2, "big")
        + bytes([len(full_label)])
        + full_label
        + bytes([len(context)])
        + context
    )
    out = b""
    block = b""
    counter = 1
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), digest)
        out += block
        counter += 1
    return out[:length]
