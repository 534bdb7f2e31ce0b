"""Cipher suites: what a name says about key exchange, cipher and MAC.

The IANA name *is* the specification (``TLS_<key exchange>_WITH_<cipher>_<hash>``), so the suite is
read out of its name by three tables instead of being listed 300 times.
"""

from __future__ import annotations

import enum
import functools
import re
from dataclasses import dataclass

from tqdecrypt.tls.suite_names import SUITE_NAMES

__all__ = ["CIPHERS", "Bulk", "Protection", "Suite", "find_suite", "is_grease", "suite_name"]


class Protection(enum.Enum):
    """How a record is protected."""

    AEAD_EXPLICIT = "AEAD with an explicit nonce"
    """GCM and CCM in TLS 1.2 (RFC 5288, 6655): 4 bytes of salt, 8 bytes in the record."""
    AEAD_IMPLICIT = "AEAD with an implicit nonce"
    """ChaCha20-Poly1305 (RFC 7905), and everything in TLS 1.3: nonce = IV xor sequence number."""
    BLOCK = "CBC"
    STREAM = "stream"
    NULL = "none"


@dataclass(frozen=True, slots=True)
class Bulk:
    """A bulk cipher (RFC 5246 section 6.2.3 and its successors).  Lengths in bytes."""

    name: str
    protection: Protection
    key_length: int
    fixed_iv_length: int = 0
    """IV taken from the key block: the AEAD's salt; for CBC the block length (TLS 1.0 uses it)."""
    block_length: int = 0
    tag_length: int = 0


def _aead(name: str, key: int, tag: int = 16) -> Bulk:
    return Bulk(name, Protection.AEAD_EXPLICIT, key, 4, 0, tag)


def _cbc(name: str, key: int, block: int) -> Bulk:
    return Bulk(name, Protection.BLOCK, key, block, block)


CIPHERS: dict[str, Bulk] = {
    bulk.name: bulk
    for bulk in (
        Bulk("NULL", Protection.NULL, 0),
        Bulk("RC4_128", Protection.STREAM, 16),
        _cbc("DES_CBC", 8, 8),
        _cbc("3DES_EDE_CBC", 24, 8),
        _cbc("IDEA_CBC", 16, 8),
        _cbc("SEED_CBC", 16, 16),
        _cbc("AES_128_CBC", 16, 16),
        _cbc("AES_256_CBC", 32, 16),
        _cbc("CAMELLIA_128_CBC", 16, 16),
        _cbc("CAMELLIA_256_CBC", 32, 16),
        _cbc("ARIA_128_CBC", 16, 16),
        _cbc("ARIA_256_CBC", 32, 16),
        _aead("AES_128_GCM", 16),
        _aead("AES_256_GCM", 32),
        _aead("CAMELLIA_128_GCM", 16),
        _aead("CAMELLIA_256_GCM", 32),
        _aead("ARIA_128_GCM", 16),
        _aead("ARIA_256_GCM", 32),
        _aead("AES_128_CCM", 16),
        _aead("AES_256_CCM", 32),
        _aead("AES_128_CCM_8", 16, 8),
        _aead("AES_256_CCM_8", 32, 8),
        Bulk("CHACHA20_POLY1305", Protection.AEAD_IMPLICIT, 32, 12, 0, 16),
        Bulk("CHACHA20_POLY1305_DRAFT", Protection.AEAD_IMPLICIT, 32, 0, 0, 16),
    )
}

_HASHES = {"MD5": "md5", "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}

_FORWARD_SECRET = re.compile(r"(EC)?DHE_|(EC)?DH_anon|PSK_DHE|ECCPWD|ECJPAKE|SRP_")


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite."""

    number: int
    name: str
    """IANA name."""
    key_exchange: str
    """``RSA``, ``ECDHE``, ``DHE``, ``DH``, ``ECDH``, ``PSK``, ``RSA_PSK`` …; for TLS 1.3
    ``ECDHE``, until the ServerHello says otherwise."""
    authentication: str
    """``RSA``, ``ECDSA``, ``DSS``, ``PSK``, ``anon`` …"""
    cipher: str
    """``AES_128_CBC`` …"""
    bulk: Bulk | None
    """``None`` when this product has no such cipher."""
    mac: str | None
    """Hash of the record's HMAC as :mod:`hashlib` calls it; ``None`` for AEAD."""
    prf_hash: str
    """Hash of the TLS 1.2 PRF, or of HKDF in TLS 1.3."""
    tls13: bool
    forward_secret: bool
    """Whether the server's long-term key does not open the session."""

    @property
    def rsa_key_exchange(self) -> bool:
        """Whether the client encrypts the pre-master secret to the server's RSA key."""
        return self.key_exchange == "RSA"


_NAME = re.compile(r"TLS_(?:(?P<exchange>\w+?)_WITH_)?(?P<cipher>\w+?)_(?P<hash>MD5|SHA\d*)$")
_NAME_CCM = re.compile(r"TLS_(?P<exchange>\w+?)_WITH_(?P<cipher>AES_\d+_CCM(?:_8)?)$")


@functools.cache
def find_suite(number: int) -> Suite:
    """Return the suite with an IANA *number*; an unknown one has no ``bulk``."""
    name = suite_name(number)
    match = _NAME_CCM.match(name) or _NAME.match(name)
    if match is None:
        unknown = ("unknown",) * 3
        return Suite(number, name, *unknown, None, None, "sha256", False, _is_ephemeral(name))
    exchange = match["exchange"]
    tls13 = exchange is None and name.startswith(("TLS_AES", "TLS_CHACHA20", "TLS_SM4"))
    key_exchange, _, authentication = (exchange or "ECDHE").partition("_")
    if exchange in ("RSA_PSK", "DHE_PSK", "ECDHE_PSK"):
        key_exchange = exchange
        authentication = "PSK"
    elif authentication == "anon":  # ephemeral, and nobody signs (RFC 5246 section 7.4.3)
        key_exchange = f"{key_exchange}_anon"
    elif authentication.startswith("EXPORT") or key_exchange not in (
        "RSA",
        "DHE",
        "ECDHE",
        "DH",
        "ECDH",
        "PSK",
        "NULL",
    ):
        key_exchange = exchange or "unknown"
    hash_name = match.groupdict().get("hash") or "SHA256"
    bulk = CIPHERS.get(match["cipher"])
    aead = bulk is not None and bulk.protection in (
        Protection.AEAD_EXPLICIT,
        Protection.AEAD_IMPLICIT,
    )
    digest = _HASHES.get(hash_name)
    return Suite(
        number,
        name,
        key_exchange,
        authentication or key_exchange,
        match["cipher"],
        None if digest is None else bulk,
        None if aead else digest,
        "sha384" if hash_name == "SHA384" else "sha256",
        tls13,
        tls13 or _is_ephemeral(name),
    )


def _is_ephemeral(name: str) -> bool:
    """Return whether the key exchange of the suite *name* takes keys that are made for it alone."""
    return _FORWARD_SECRET.search(name) is not None


def suite_name(number: int) -> str:
    """Return the IANA name of a suite, or its number in hexadecimal."""
    return SUITE_NAMES.get(number) or f"0x{number:04X}"


def is_grease(number: int) -> bool:
    """Return whether *number* is one of the reserved values of RFC 8701."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
