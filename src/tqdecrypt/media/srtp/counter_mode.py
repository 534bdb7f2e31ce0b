"""AES-192 in counter mode with HMAC-SHA1, by the ciphers of ``cryptography`` (RFC 3711, RFC 6188).

libsrtp up to 2.7 derives the session keys of AES-192 wrongly: with the 256-bit function, from a master key
that it takes eight bytes of the salt for (cisco/libsrtp issue 763).  Later versions do what RFC 6188 says.
Both kinds of sender are met, and a libsrtp opens only what its own kind sends; so this suite alone is opened
here, in both ways, in half of libsrtp's speed.  A test holds this to what libsrtp does with the other key
lengths.
"""

from __future__ import annotations

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
    from cryptography.hazmat.primitives.hmac import HMAC

__all__ = ["CounterModeContext"]

_FIRST_LABEL = 3
"""Labels 0 to 2 derive the keys of SRTP, 3 to 5 those of SRTCP (RFC 3711 section 4.3)."""
_HALF = 1 << 15
"""Half of the sequence numbers: a packet is no farther away from the highest one (appendix A)."""


class CounterModeContext:
    """What :class:`~tqdecrypt.media.srtp.library.Context` is, for AES in counter mode of any key length."""

    __slots__ = (
        "_authenticator",
        "_cipher",
        "_encrypted",
        "_highest",
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
        # Both are made once: a key schedule costs more than all else that is done for a packet.
        self._cipher = _counter_mode(_derive(master, salt, first, suite.key_length), 0)
        self._authenticator = _authenticator(_derive(master, salt, first + 1, 20))
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
        covered = packet[:end]
        if self._rtcp:
            index = int.from_bytes(covered[-4:], "big") & 0x7FFFFFFF
            start, trailer, ssrc = 8, b"", packet[4:8]
            end -= 4
        else:
            index = self._guess(packet[2] << 8 | packet[3])
            start, trailer, ssrc = 12, (index >> 16).to_bytes(4, "big"), packet[8:12]
            if packet[0] & 0x1F:
                start = _payload_start(packet)
        highest = self._highest
        if highest is not None and index <= highest - WINDOW:
            self.status = TOO_OLD
            return None
        if index in self._seen:
            self.status = REPLAYED
            return None
        if start > end or not self._authentic(covered, trailer, packet[len(covered) :]):
            self.status = AUTHENTICATION_FAILURE
            return None
        self._remember(index)
        self.status = OK
        if not self._encrypted:
            return packet[:end]
        # Section 4.1.1: (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)
        counter = self._salt ^ int.from_bytes(ssrc, "big") << 64 ^ index << 16
        self._cipher.reset_nonce(counter.to_bytes(16, "big"))
        return packet[:start] + self._cipher.update(packet[start:end])

    def _authentic(self, covered: bytes, trailer: bytes, tag: bytes) -> bool:
        if not self._tag:
            return True
        authenticator = self._authenticator.copy()
        authenticator.update(covered)
        authenticator.update(trailer)
        return hmac.compare_digest(authenticator.finalize()[: self._tag], tag)

    def _guess(self, sequence: int) -> int:
        """Return the packet index that is closest to the highest one (section 3.3.1, appendix A)."""
        highest = self._highest
        if highest is None:
            return self.rollovers << 16 | sequence
        index = highest & ~0xFFFF | sequence
        ahead = index - highest
        if ahead > _HALF:
            return max(index - 0x10000, sequence)
        return index + 0x10000 if ahead < -_HALF else index

    def _remember(self, index: int) -> None:
        self._seen[index] = None
        if len(self._seen) > 2 * WINDOW:  # as many come behind one that is not too old, at most
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


def _authenticator(key: bytes) -> HMAC:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.hmac import HMAC

    return HMAC(key, hashes.SHA1())  # noqa: S303 - what RFC 3711 section 4.2.1 has
