"""What kind of key a key is, and its identity: the same for private keys and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["PublicFacts", "public_facts"]

_FIXED_BITS = {"X25519": 256, "Ed25519": 256, "X448": 448, "Ed448": 456}
"""Curves whose name says everything; the length of the encoded key (RFC 7748, RFC 8032)."""


class PublicFacts(NamedTuple):
    """What is public about a key."""

    kind: str
    """``RSA``, ``EC``, ``DSA``, ``DH``, ``Ed25519``, ``X25519`` …"""
    size: int
    """In bits; 0 when the kind has none."""
    spki_sha256: bytes
    """SHA-256 of its SubjectPublicKeyInfo in the usual encoding."""


def public_facts(key: PublicKeyTypes) -> PublicFacts:
    """Return what is public about *key*.

    The SubjectPublicKeyInfo is encoded anew.  Certificates may spell the same key otherwise (an
    RSA key without the NULL parameters, or under id-RSASSA-PSS; a compressed point), and then
    hashing their bytes would miss the private key that belongs to them.
    """
    from hashlib import sha256

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    # The classes are named, not imported: which ones exist depends on cryptography's version.
    name = type(key).__name__.removesuffix("PublicKey").removeprefix("_")
    kind = {"EllipticCurve": "EC"}.get(name, name)
    size: int = getattr(key, "key_size", _FIXED_BITS.get(kind, 0))
    encoding = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicFacts(kind, size, sha256(encoding).digest())
