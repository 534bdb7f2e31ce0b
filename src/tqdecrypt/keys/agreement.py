"""Diffie-Hellman with a private key that a server uses again and again.

Static ECDH suites, servers that never renew their "ephemeral" key, and ETSI TS 103 523-3 (TLS 1.3
for passive inspection) all come to this: whoever holds the server's Diffie-Hellman key and sees both
public values has the secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

__all__ = ["agree", "public_share"]


def public_share(key: PublicKeyTypes) -> bytes:
    """Return a public key as TLS sends it in a key exchange; empty when it is for none."""
    from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, x25519.X25519PublicKey | x448.X448PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if _is_finite_field(key):
        number: int = key.public_numbers().y  # type: ignore[union-attr]
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return b""


def agree(key: PrivateKeyTypes, peer_share: bytes) -> bytes | None:
    """Return the secret of *key* with a peer's public value; ``None`` when they do not fit."""
    try:
        return _agree(key, peer_share)
    except ValueError:
        return None


def _agree(key: Any, peer_share: bytes) -> bytes | None:
    from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519

    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, peer_share)
        return key.exchange(ec.ECDH(), point)
    if isinstance(key, x25519.X25519PrivateKey):
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(peer_share))
    if isinstance(key, x448.X448PrivateKey):
        return key.exchange(x448.X448PublicKey.from_public_bytes(peer_share))
    if _is_finite_field(key):
        return _agree_finite_field(key, int.from_bytes(peer_share, "big"))
    return None


def _is_finite_field(key: object) -> bool:
    """Return whether *key* is for Diffie-Hellman over a finite field.

    By name: cryptography has announced the removal of these classes, and warns when they are named.
    """
    return type(key).__name__.strip("_").startswith("DHP")


def _agree_finite_field(key: Any, peer: int) -> bytes | None:
    """``peer ^ x mod p`` (RFC 2631 section 2.1.1): cryptography is about to give this up."""
    numbers = key.private_numbers()
    p: int = numbers.public_numbers.parameter_numbers.p
    if not 1 < peer < p - 1:
        return None
    return pow(peer, numbers.x, p).to_bytes((p.bit_length() + 7) // 8, "big")
