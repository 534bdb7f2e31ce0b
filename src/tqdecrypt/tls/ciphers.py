"""Which library makes which cipher.

``cryptography`` has nearly all.  ARIA comes from the system's libcrypto, where there is one; GCM for
ciphers whose library offers no such mode (Camellia, ARIA) is put together from single blocks
(NIST SP 800-38D).  What no library of this machine has is :class:`UnsupportedCipher`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Protocol

from tqdecrypt.tls.suites import Bulk

__all__ = [
    "Aead",
    "CipherContext",
    "UnsupportedCipher",
    "invalid_tag",
    "make_aead",
    "make_cbc",
    "make_rc4",
]


class UnsupportedCipher(Exception):  # noqa: N818 - a fact about this machine's libraries
    """The crypto libraries of this machine cannot do the cipher."""


class Aead(Protocol):
    """Authenticated decryption as ``cryptography`` offers it."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the plaintext; raises ``InvalidTag``."""


class CipherContext(Protocol):
    """A cipher that goes on where it left off."""

    def update(self, data: bytes) -> bytes:
        """Decrypt the next bytes."""


def make_aead(bulk: Bulk, key: bytes) -> Aead:
    """Return the AEAD cipher *bulk* with *key*."""
    return _aead_maker(bulk.name, bulk.tag_length)(key)


@functools.cache
def _aead_maker(bulk: str, tag_length: int) -> Callable[[bytes], Aead]:
    """Return what makes an AEAD cipher of a key; a handshake asks twice."""
    from cryptography.hazmat.primitives.ciphers import aead

    name = bulk.partition("_")[0]
    if name == "AES" and "GCM" in bulk:
        return aead.AESGCM
    if name == "AES" and "CCM" in bulk:
        return functools.partial(aead.AESCCM, tag_length=tag_length)
    if bulk == "CHACHA20_POLY1305_DRAFT":
        return _ChaChaDraft
    if name == "CHACHA20":
        return aead.ChaCha20Poly1305
    if "GCM" in bulk:
        return lambda key: _Gcm(_block_encryptor(name, key))
    raise UnsupportedCipher(bulk)


@functools.cache
def invalid_tag() -> type[Exception]:
    """Return what :meth:`Aead.decrypt` raises."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def make_cbc(bulk: Bulk, key: bytes, iv: bytes) -> CipherContext:
    """Return the CBC decryption of *bulk*; without *iv* the first block comes out as rubbish."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    name = bulk.name.partition("_")[0]
    iv = iv or bytes(bulk.block_length)
    if name == "ARIA":
        from tqdecrypt.tls.libcrypto import LibcryptoCipher

        return LibcryptoCipher(f"ARIA-{len(key) * 8}-CBC", key, iv, encrypt=False)
    try:
        return Cipher(_algorithm(name, key), modes.CBC(iv)).decryptor()
    except UnsupportedAlgorithm as error:
        raise UnsupportedCipher(bulk.name) from error


def make_rc4(key: bytes) -> CipherContext:
    """Return RC4's key stream as a context."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher

    try:
        return Cipher(_decrepit("ARC4")(key), None).decryptor()
    except UnsupportedAlgorithm as error:
        raise UnsupportedCipher("RC4_128") from error


_CLASSES = {
    "3DES": "TripleDES",
    "AES": "AES",
    "CAMELLIA": "Camellia",
    "IDEA": "IDEA",
    "SEED": "SEED",
}


def _algorithm(name: str, key: bytes) -> Any:
    if name == "DES":  # triple DES with three equal keys is DES
        name, key = "3DES", key * 3
    return _decrepit(_CLASSES[name])(key)


@functools.cache
def _decrepit(name: str) -> Any:
    """Return a cipher class of ``cryptography``, from where this release keeps it."""
    from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
    from cryptography.hazmat.primitives.ciphers import algorithms

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(decrepit, name, None) or getattr(algorithms, name, None)
    if found is None:
        raise UnsupportedCipher(name)
    return found


def _block_encryptor(name: str, key: bytes) -> Callable[[bytes], bytes]:
    """Return what encrypts whole blocks, each for itself."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    if name == "ARIA":
        from tqdecrypt.tls.libcrypto import LibcryptoCipher

        return LibcryptoCipher(f"ARIA-{len(key) * 8}-ECB", key, b"", encrypt=True).update
    try:
        # Single blocks only, as the base of a mode.
        ecb = modes.ECB()  # noqa: S305
        encrypt: Callable[[bytes], bytes] = Cipher(_algorithm(name, key), ecb).encryptor().update
    except (UnsupportedAlgorithm, KeyError) as error:
        raise UnsupportedCipher(name) from error
    return encrypt


class _ChaChaDraft:
    """ChaCha20-Poly1305 as in draft-agl-tls-chacha20poly1305-04, before RFC 7905; decryption only.

    ChaCha20 has a nonce of 8 bytes there, the sequence number, and a counter of 8; Poly1305 takes
    additional data and ciphertext without padding, the length of each behind it (section 5).
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the plaintext of *data* (ciphertext and a tag of 16 bytes).

        :param nonce: 12 bytes as in RFC 7905, of which the last eight count.
        """
        from cryptography.exceptions import InvalidSignature, InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
        from cryptography.hazmat.primitives.poly1305 import Poly1305

        text, tag, additional = data[:-16], data[-16:], associated_data or b""
        stream = Cipher(algorithms.ChaCha20(self._key, bytes(8) + nonce[-8:]), None).decryptor()
        mac_key = stream.update(bytes(64))[:32]
        authentic = b"".join(part + len(part).to_bytes(8, "little") for part in (additional, text))
        try:
            Poly1305.verify_tag(mac_key, authentic, tag)
        except InvalidSignature:
            raise InvalidTag from None
        return stream.update(text)


class _Gcm:
    """GCM over any cipher of 16-byte blocks (NIST SP 800-38D), decryption only."""

    __slots__ = ("_encrypt", "_table")

    def __init__(self, encrypt: Callable[[bytes], bytes]) -> None:
        self._encrypt = encrypt
        self._table = _multiples(int.from_bytes(encrypt(bytes(16)), "big"))

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the plaintext of *data* (ciphertext and a tag of 16 bytes)."""
        from cryptography.exceptions import InvalidTag

        text, tag = data[:-16], data[-16:]
        blocks = (len(text) + 15) // 16
        stream = self._encrypt(
            b"".join(nonce + (i + 1).to_bytes(4, "big") for i in range(blocks + 1))
        )
        expected = self._hash(associated_data or b"", text) ^ int.from_bytes(stream[:16], "big")
        if len(tag) != 16 or not compare_digest(expected.to_bytes(16, "big"), tag):
            raise InvalidTag
        length = len(text)
        mask = int.from_bytes(stream[16 : 16 + length], "big")
        return (int.from_bytes(text, "big") ^ mask).to_bytes(length, "big")

    def _hash(self, additional: bytes, text: bytes) -> int:
        """``GHASH`` (section 6.4)."""
        lengths = (len(additional) * 8).to_bytes(8, "big") + (len(text) * 8).to_bytes(8, "big")
        total = 0
        for part in (additional, text, lengths):
            for start in range(0, len(part), 16):
                total ^= int.from_bytes(part[start : start + 16].ljust(16, b"\0"), "big")
                total = self._multiply(total)
        return total

    def _multiply(self, value: int) -> int:
        """Multiply by the hash key in GF(2¹²⁸), four bits a step."""
        table = self._table
        result = 0
        for shift in range(0, 128, 4):
            result = (result >> 4) ^ _REDUCTION[result & 15]
            result ^= table[(value >> shift) & 15]
        return result


_POLYNOMIAL = 0xE1 << 120


def _halve(value: int) -> int:
    """Multiply by x in GF(2¹²⁸), bits reflected (section 6.3)."""
    return (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)


def _multiples(key: int) -> list[int]:
    """Return the products of *key* with all polynomials of four bits."""
    powers = [key]
    for _ in range(3):
        powers.append(_halve(powers[-1]))
    return [
        functools.reduce(int.__xor__, (powers[3 - bit] for bit in range(4) if index >> bit & 1), 0)
        for index in range(16)
    ]


def _reduce(low: int) -> int:
    """Return what four bits that fall out at the low end come back as."""
    value = low
    for _ in range(4):
        value = _halve(value)
    return value


_REDUCTION = [_reduce(low) for low in range(16)]
