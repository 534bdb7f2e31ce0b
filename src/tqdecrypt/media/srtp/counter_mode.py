"""AES-192 in counter mode with HMAC-SHA1, by the ciphers of ``cryptography`` (RFC 3711, RFC 6188).

libsrtp up to 2.7 derives the session keys of AES-192 wrongly: with the 256-bit function, from a master key
that it takes eight bytes of the salt for (cisco/libsrtp issue 763).  Later versions do what RFC 6188 says.
Both kinds of sender are met, and a libsrtp opens only what its own kind sends; so this suite alone is opened
here, in both ways.  It takes ten times as long as libsrtp does, for a suite that is rare.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.library import (
    AUTHENTICATION_FAILURE,
    OK,
    REPLAYED,
    TOO_OLD,
    WINDOW,
)
from tqdecrypt.media.srtp.suites import SrtpSuite

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

__all__ = ["CounterModeContext"]

_FIRST_LABEL = 3
"""Labels 0 to 2 derive the keys of SRTP, 3 to 5 those of SRTCP (RFC 3711 section 4.3)."""


class CounterModeContext:
    """What :class:`~tqdecrypt.media.srtp.library.Context` is, for one suite."""

    __slots__ = (
        "_authentication_key",
        "_encrypted",
        "_highest",
        "_key",
        "_rtcp",
        "_salt",
        "_seen",
        "_tag",
        "rollovers",
        "status",
    )

    def __init__(self, key: MasterKey, suite: SrtpSuite, *, rtcp: bool, encrypted: bool) -> None:
        assert key.material is not None
        material = key.material[: suite.material_length]
        if suite.padded_derivation:
            material += bytes(8)
            master, salt = material[:32], material[32:]
        else:
            master, salt = material[: suite.key_length], material[suite.key_length :]
        first = _FIRST_LABEL if rtcp else 0
        self._key = _derive(master, salt, first, suite.key_length)
        self._authentication_key = _derive(master, salt, first + 1, 20)
        self._salt = int.from_bytes(_derive(master, salt, first + 2, 14), "big") << 16
        self._rtcp = rtcp
        self._encrypted = encrypted
        if rtcp:
            self._tag = suite.rtcp_tag
        else:
            self._tag = suite.rtp_tag if key.proves else 0
        self._highest: int | None = None
        self._seen: dict[int, None] = {}
        self.rollovers = 0
        self.status = OK

    def place(self, rollovers: int) -> None:
        """See :meth:`Context.place`."""
        self.rollovers = rollovers

    def open(self, packet: bytes) -> bytes | None:
        """See :meth:`Context.open`."""
        end = len(packet) - self._tag
        covered, tag = packet[:end], packet[end:]
        if self._rtcp:
            index = int.from_bytes(covered[-4:], "big") & 0x7FFFFFFF
            start, end, place = 8, end - 4, 4
        else:
            index = self._guess(int.from_bytes(packet[2:4], "big"))
            start, place = _payload_start(packet), 8
            covered += (index >> 16).to_bytes(4, "big")
        if index in self._seen:
            self.status = REPLAYED
            return None
        if self._highest is not None and index <= self._highest - WINDOW:
            self.status = TOO_OLD
            return None
        if not self._authentic(covered, tag) or start > end:
            self.status = AUTHENTICATION_FAILURE
            return None
        self._remember(index)
        self.status = OK
        if not self._encrypted:
            return packet[:end]
        ssrc = int.from_bytes(packet[place : place + 4], "big")
        # Section 4.1.1: (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)
        stream = _counter_mode(self._key, self._salt ^ (ssrc << 64) ^ (index << 16))
        return packet[:start] + stream.update(packet[start:end])

    def _authentic(self, covered: bytes, tag: bytes) -> bool:
        if not self._tag:
            return True
        expected = hmac.digest(self._authentication_key, covered, hashlib.sha1)[: self._tag]
        return hmac.compare_digest(expected, tag)

    def _guess(self, sequence: int) -> int:
        """Return the packet index that is closest to the highest one (section 3.3.1)."""
        if self._highest is None:
            return self.rollovers << 16 | sequence
        around = self._highest >> 16
        candidates = (max(0, around - 1), around, around + 1)
        return min(
            (rollovers << 16 | sequence for rollovers in candidates),
            key=lambda index: abs(index - (self._highest or 0)),
        )

    def _remember(self, index: int) -> None:
        self._seen[index] = None
        if len(self._seen) > 2 * WINDOW:
            del self._seen[next(iter(self._seen))]
        if self._highest is None or index > self._highest:
            self._highest = index
            self.rollovers = 0 if self._rtcp else index >> 16


def _payload_start(packet: bytes) -> int:
    """Return where the encrypted portion of an RTP packet begins (RFC 3550 section 5.1)."""
    start = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return start


def _derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """Return a session key (section 4.3.3, RFC 6188 section 3.1)."""
    start = (int.from_bytes(salt, "big") ^ (label << 48)) << 16
    return _counter_mode(key, start).update(bytes(length))


def _counter_mode(key: bytes, start: int) -> CipherContext:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
