"""Opening protected records: one class a kind of protection, chosen by table.

An opener belongs to one direction and one set of keys.  ``open`` returns the plaintext only when its
MAC or tag verified, else ``None``; then the sequence number stays, for the caller knows best whether
the record was damaged or records in front of it are missing.  ``open_ahead`` looks for the sequence
number after a gap; every candidate is proven by the MAC or the tag.

Hot: one call a record.  Cipher contexts and keyed hash states are made once and reused.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from hmac import compare_digest
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from tqdecrypt.tls.ciphers import (
    Aead,
    CipherContext,
    UnsupportedCipher,
    invalid_tag,
    make_aead,
    make_cbc,
    make_rc4,
)
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derive import KeyBlock
from tqdecrypt.tls.suites import Protection, Suite

__all__ = ["Opener", "UnsupportedCipher", "make_openers"]

_ADDITIONAL_DATA = Struct(">QBHH")
"""seq_num + type + version + length (RFC 5246 sections 6.2.3.1, 6.2.3.3)."""


class Opener(Protocol):
    """Opens the records of one direction."""

    sequence: int
    """Number of the next record."""
    overhead: int
    """Least number of bytes that a record of this protection is longer than its plaintext."""

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        """Return the verified plaintext of the next record, or ``None``."""

    def open_ahead(
        self, content_type: int, version: int, fragment: bytes, most: int, missing: int
    ) -> bytes | None:
        """Likewise, when up to *most* records, of *missing* bytes, may be missing in front of it."""


class _SearchBySequence:
    """``open_ahead`` for protections that can try a record again and again."""

    __slots__ = ("sequence",)
    sequence: int

    if TYPE_CHECKING:

        def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None: ...

    def open_ahead(
        self, content_type: int, version: int, fragment: bytes, most: int, missing: int
    ) -> bytes | None:
        """See :meth:`Opener.open_ahead`."""
        start = self.sequence
        for self.sequence in range(start, start + most + 1):
            plaintext = self.open(content_type, version, fragment)
            if plaintext is not None:
                return plaintext
        self.sequence = start
        return None


class _ExplicitNonceOpener(_SearchBySequence):
    """GCM and CCM of TLS 1.2: nonce = salt + 8 bytes of the record (RFC 5288 3, RFC 6655 3)."""

    shared_as = "opener"
    __slots__ = ("_decrypt", "_invalid", "_salt", "overhead")

    def __init__(self, aead: Aead, salt: bytes, tag_length: int) -> None:
        self._decrypt = aead.decrypt
        self._invalid = invalid_tag()
        self._salt = salt
        self.overhead = 8 + tag_length
        self.sequence = 0

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        length = len(fragment) - self.overhead
        if length < 0:
            return None
        try:
            plaintext: bytes = self._decrypt(
                self._salt + fragment[:8],
                fragment[8:],
                _ADDITIONAL_DATA.pack(self.sequence, content_type, version, length),
            )
        except self._invalid:
            return None
        self.sequence += 1
        return plaintext


class _ImplicitNonceOpener(_SearchBySequence):
    """ChaCha20-Poly1305 of TLS 1.2: nonce = IV xor sequence number (RFC 7905 section 2)."""

    shared_as = "opener"
    __slots__ = ("_aead", "_invalid", "_iv", "overhead")

    def __init__(self, aead: Aead, iv: bytes, tag_length: int) -> None:
        self._aead = aead
        self._invalid = invalid_tag()
        self._iv = int.from_bytes(iv, "big")
        self.overhead = tag_length
        self.sequence = 0

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        length = len(fragment) - self.overhead
        if length < 0:
            return None
        try:
            plaintext: bytes = self._aead.decrypt(
                (self._iv ^ self.sequence).to_bytes(12, "big"),
                fragment,
                _ADDITIONAL_DATA.pack(self.sequence, content_type, version, length),
            )
        except self._invalid:
            return None
        self.sequence += 1
        return plaintext


class _RecordMac:
    """The MAC of stream and block ciphers (RFC 5246 6.2.3.1; SSL 3.0: RFC 6101 5.2.3.1)."""

    __slots__ = ("_inner", "_outer", "_ssl3", "size")

    def __init__(self, digest: str, key: bytes, version: int) -> None:
        new: Callable[[bytes], Any] = functools.partial(hashlib.new, digest, usedforsecurity=False)
        self.size: int = new(b"").digest_size
        self._ssl3 = version == Version.SSL3
        if self._ssl3:
            pad = 48 if digest == "md5" else 40
            self._inner = new(key + b"\x36" * pad)
            self._outer = new(key + b"\x5c" * pad)
        else:  # HMAC (RFC 2104), its two keyed states kept
            block = new(b"").block_size
            padded = key.ljust(block, b"\0")
            self._inner = new(bytes(b ^ 0x36 for b in padded))
            self._outer = new(bytes(b ^ 0x5C for b in padded))

    def compute(self, sequence: int, content_type: int, version: int, content: bytes) -> bytes:
        header = _ADDITIONAL_DATA.pack(sequence, content_type, version, len(content))
        if self._ssl3:
            header = header[:9] + header[11:]  # SSL 3.0 leaves the version out
        inner = self._inner.copy()
        inner.update(header + content)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return bytes(outer.digest())

    def find(
        self, start: int, most: int, content_type: int, version: int, content: bytes, mac: bytes
    ) -> int | None:
        """Return the sequence number from *start* on for which *mac* is right."""
        for sequence in range(start, start + most + 1):
            if compare_digest(self.compute(sequence, content_type, version, content), mac):
                return sequence
        return None


class _StreamOpener:
    """RC4 and NULL with a MAC (RFC 5246 section 6.2.3.1)."""

    shared_as = "opener"
    __slots__ = ("_cipher", "_held", "_mac", "overhead", "sequence")

    def __init__(self, cipher: CipherContext | None, mac: _RecordMac) -> None:
        self._cipher = cipher
        self._held = b""
        """Key stream that was drawn while searching, and not used."""
        self._mac = mac
        self.overhead = mac.size
        self.sequence = 0

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        if self._cipher is None:
            text = fragment
        elif self._held:
            text = self._with_held(fragment)
        else:
            text = self._cipher.update(fragment)
        return self._verified(content_type, version, text, 0)

    def open_ahead(
        self, content_type: int, version: int, fragment: bytes, most: int, missing: int
    ) -> bytes | None:
        """Search: each missing record took 5 bytes of *missing* that used no key stream."""
        if self._cipher is None:
            return self._verified(content_type, version, fragment, most)
        length = len(fragment)
        stream = self._held + self._cipher.update(bytes(max(0, missing + length - len(self._held))))
        for records in range(min(most, missing // 5) + 1):
            start = missing - 5 * records
            text = _xor(fragment, stream[start : start + length])
            plaintext = self._verified(content_type, version, text, most)
            if plaintext is not None:
                self._held = stream[start + length :]
                return plaintext
        self._held = stream
        return None

    def _with_held(self, fragment: bytes) -> bytes:
        held, self._held = self._held[: len(fragment)], self._held[len(fragment) :]
        text = _xor(fragment[: len(held)], held)
        return text + bytes(self._cipher.update(fragment[len(held) :])) if self._cipher else text

    def _verified(self, content_type: int, version: int, text: bytes, most: int) -> bytes | None:
        size = self._mac.size
        if len(text) < size:
            return None
        content = text[:-size]
        found = self._mac.find(self.sequence, most, content_type, version, content, text[-size:])
        if found is None:
            return None
        self.sequence = found + 1
        return content


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


class _BlockOpener:
    """CBC: MAC, then encrypt (RFC 5246 section 6.2.3.2), or the other way round (RFC 7366).

    One decryption context lives as long as the keys.  With an explicit IV (TLS 1.1 and later) the IV
    is simply the record's first block of ciphertext: decrypting it yields one block of rubbish, which
    is cut off, and leaves the context ready for the next block.  Without (TLS 1.0, SSL 3.0) the IV is
    the last block of the record before, which the context has seen.  Either way no context is made a
    record, and the chain heals itself after damage.

    Where the MAC is about the ciphertext (encrypt-then-MAC), it does not prove an IV that is not in the
    record: there, what follows something else than the record before it is not shown, for its first
    block is rubbish.
    """

    shared_as = "opener"
    __slots__ = (
        "_block",
        "_cipher",
        "_encrypt_then_mac",
        "_explicit",
        "_last",
        "_mac",
        "_ssl3",
        "overhead",
        "sequence",
    )

    def __init__(
        self,
        cipher: CipherContext,
        block: int,
        mac: _RecordMac,
        version: int,
        encrypt_then_mac: bool,
    ) -> None:
        self._cipher = cipher
        self._block = block
        self._mac = mac
        self._explicit = block if version >= Version.TLS11 else 0
        self._ssl3 = version == Version.SSL3
        self._encrypt_then_mac = encrypt_then_mac
        self.overhead = self._explicit + mac.size + 1
        self.sequence = 0
        self._last: int | None = -1
        """Number of the record that the context saw last; ``None``: of one that did not verify."""

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        return self.open_ahead(content_type, version, fragment, 0, 0)

    def open_ahead(
        self, content_type: int, version: int, fragment: bytes, most: int, missing: int
    ) -> bytes | None:
        """Decrypt once, then look for the sequence number that the MAC proves."""
        size = self._mac.size
        if self._encrypt_then_mac:
            fragment, mac = fragment[:-size], fragment[-size:]
            found = self._mac.find(self.sequence, most, content_type, version, fragment, mac)
        if len(fragment) < self._explicit + self._block or len(fragment) % self._block:
            return None
        text: bytes = self._cipher.update(fragment)
        padding = text[-1]
        end = len(text) - padding - 1
        if self._encrypt_then_mac:
            before, self._last = self._last, found
            if found is None:
                return None
            self.sequence = found + 1
            chained = self._explicit or before == found - 1
            if not chained or end < self._explicit:
                return None
            return text[self._explicit : end]
        start = self._explicit
        content_end = end - size
        if content_end < start:
            return None
        # RFC 5246: every byte of padding holds its length; SSL 3.0 leaves them open.
        if padding and not self._ssl3 and text[end:] != bytes([padding]) * (padding + 1):
            return None
        content = text[start:content_end]
        found = self._mac.find(
            self.sequence, most, content_type, version, content, text[content_end:end]
        )
        if found is None:
            return None
        self.sequence = found + 1
        return content


def _make_opener(
    suite: Suite, version: int, encrypt_then_mac: bool, mac_key: bytes, key: bytes, iv: bytes
) -> Opener:
    bulk = suite.bulk
    assert bulk is not None
    if bulk.protection is Protection.AEAD_EXPLICIT:
        return _ExplicitNonceOpener(make_aead(bulk, key), iv, bulk.tag_length)
    if bulk.protection is Protection.AEAD_IMPLICIT:
        return _ImplicitNonceOpener(make_aead(bulk, key), iv, bulk.tag_length)
    assert suite.mac is not None
    mac = _RecordMac(suite.mac, mac_key, version)
    if bulk.protection is Protection.BLOCK:
        context = make_cbc(bulk, key, iv)
        return _BlockOpener(context, bulk.block_length, mac, version, encrypt_then_mac)
    return _StreamOpener(make_rc4(key) if bulk.protection is Protection.STREAM else None, mac)


def make_openers(
    suite: Suite, version: int, encrypt_then_mac: bool, keys: KeyBlock
) -> tuple[Opener, Opener]:
    """Return what opens the client's and the server's records.

    Raises :class:`UnsupportedCipher` when the crypto library lacks the cipher.
    """
    if suite.bulk is None or (suite.mac is None and suite.bulk.tag_length == 0):
        raise UnsupportedCipher(suite.name)
    return (
        _make_opener(
            suite, version, encrypt_then_mac, keys.client_mac_key, keys.client_key, keys.client_iv
        ),
        _make_opener(
            suite, version, encrypt_then_mac, keys.server_mac_key, keys.server_key, keys.server_iv
        ),
    )
