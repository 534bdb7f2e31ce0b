"""SRTP and SRTCP written out from RFC 3711, RFC 6188 and RFC 7714 with the ciphers of ``cryptography``.

Slow and plain, and independent of libsrtp: it protects at any roll-over counter and index, with or
without encryption, tag and master key identifier.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Protector", "derive", "packet_number", "rtcp_packet", "rtp_packet"]

_SHAPES = {
    "AES_CM_128_HMAC_SHA1_80": (16, 14, 10, 10),
    "AES_CM_128_HMAC_SHA1_32": (16, 14, 4, 10),
    "AES_192_CM_HMAC_SHA1_80": (24, 14, 10, 10),
    "AES_192_CM_HMAC_SHA1_32": (24, 14, 4, 10),
    "AES_256_CM_HMAC_SHA1_80": (32, 14, 10, 10),
    "AES_256_CM_HMAC_SHA1_32": (32, 14, 4, 10),
    "AEAD_AES_128_GCM": (16, 12, 16, 16),
    "AEAD_AES_256_GCM": (32, 12, 16, 16),
    "NULL_HMAC_SHA1_80": (16, 14, 10, 10),
    "NULL_HMAC_SHA1_32": (16, 14, 4, 10),
}
"""Bytes of key, salt, tag of SRTP, tag of SRTCP."""


def _counter_mode(key: bytes, start: int, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big")))
    return bytes(cipher.encryptor().update(data))


def derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """Return a session key (RFC 3711 section 4.3.3, with a key derivation rate of zero)."""
    whole = salt.ljust(14, b"\0")  # AEAD has 12 bytes (RFC 7714 section 11)
    start = (int.from_bytes(whole, "big") ^ (label << 48)) << 16
    return _counter_mode(key, start, bytes(length))


class Protector:
    """One end's keys."""

    def __init__(self, suite: str, material: bytes, mki: bytes = b"") -> None:
        key_length, salt_length, *self.tags = _SHAPES[suite]
        key, salt = material[:key_length], material[key_length:]
        assert len(salt) == salt_length
        self.aead, self.null, self.mki = "GCM" in suite, "NULL" in suite, mki
        self.keys = [derive(key, salt, label, key_length) for label in (0, 3)]
        self.authentication = [derive(key, salt, label, 20) for label in (1, 4)]
        self.salts = [derive(key, salt, label, salt_length) for label in (2, 5)]

    def _crypt(self, rtcp: int, ssrc: int, index: int, data: bytes) -> bytes:
        """Section 4.1.1."""
        salt = int.from_bytes(self.salts[rtcp], "big") << 16
        return _counter_mode(self.keys[rtcp], salt ^ (ssrc << 64) ^ (index << 16), data)

    def _nonce(self, rtcp: int, ssrc: int, index: int) -> bytes:
        """RFC 7714 sections 8.1 and 9.1."""
        salt = int.from_bytes(self.salts[rtcp], "big")
        return (salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")

    def rtp(
        self,
        packet: bytes,
        rollovers: int,
        *,
        start: int = 12,
        encrypt: bool = True,
        authenticate: bool = True,
    ) -> bytes:
        """Protect an RTP packet, whose payload begins at *start*: further with CSRCs or an extension."""
        sequence, ssrc = struct.unpack_from(">HxxxxI", packet, 2)
        index = rollovers << 16 | sequence
        head, payload = packet[:start], packet[start:]
        if self.aead:
            sealed = AESGCM(self.keys[0]).encrypt(self._nonce(0, ssrc, index), payload, head)
            return head + sealed + self.mki
        if encrypt and not self.null:
            payload = self._crypt(0, ssrc, index, payload)
        if not authenticate:
            return head + payload + self.mki
        covered = head + payload + rollovers.to_bytes(4, "big")
        tag = hmac.digest(self.authentication[0], covered, hashlib.sha1)[: self.tags[0]]
        return head + payload + self.mki + tag

    def rtcp(self, packet: bytes, index: int, *, encrypt: bool = True) -> bytes:
        """Protect an RTCP packet."""
        ssrc = int.from_bytes(packet[4:8], "big")
        head, payload = packet[:8], packet[8:]
        encrypted = encrypt and not self.null
        trailer = (encrypted << 31 | index).to_bytes(4, "big")
        if self.aead:
            nonce = self._nonce(1, ssrc, index)
            seal = AESGCM(self.keys[1])
            if not encrypted:  # RFC 7714 section 9.3
                return packet + seal.encrypt(nonce, b"", packet + trailer) + trailer + self.mki
            return head + seal.encrypt(nonce, payload, head + trailer) + trailer + self.mki
        if encrypted:
            payload = self._crypt(1, ssrc, index, payload)
        covered = head + payload + trailer
        tag = hmac.digest(self.authentication[1], covered, hashlib.sha1)[: self.tags[1]]
        return covered + self.mki + tag


def rtp_packet(number: int, ssrc: int = 0x1234ABCD, payload: bytes | None = None) -> bytes:
    """Return the RTP packet with this number, which may be beyond the 16 bits of a sequence number."""
    header = struct.pack(">BBHII", 0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, ssrc)
    return header + (number.to_bytes(8, "big") * 4 if payload is None else payload)


def packet_number(packet: bytes) -> int:
    """Return what was given to :func:`rtp_packet`."""
    return int.from_bytes(packet[12:20], "big")


def rtcp_packet(number: int, ssrc: int = 0x1234ABCD) -> bytes:
    """Return a sender report with *number* as its count of packets."""
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, number, number, number, number)
