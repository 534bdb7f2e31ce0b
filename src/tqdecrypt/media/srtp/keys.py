"""Master keys that may protect a stream, and how a packet under one of them is laid out."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tqdecrypt.media.srtp.suites import NULL_CIPHER, SrtpSuite, find_suite

__all__ = ["MasterKey", "Unusable"]

_INDEX = 4
"""Bytes of E flag and SRTCP index (RFC 3711 section 3.4)."""


class Unusable(enum.Enum):
    """Why nothing can be opened with a key."""

    SUITE = "libsrtp does not have the suite"
    UNREADABLE = "the key is no Base64"
    LENGTH = "the key is too short for the suite"


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """A master key and salt with what was agreed on for their use (RFC 4568, RFC 5764).  Secret."""

    suite_name: str
    material: bytes | None
    """Master key, then salt; ``None`` when the SDP has something unreadable there."""
    origin: str = ""
    """Where it comes from, for a person: ``a=crypto:1 of the answer``."""
    mki: bytes = b""
    """Master key identifier that every packet carries; empty without one."""
    lifetime: int | None = None
    """Most packets under this key."""
    unencrypted_rtp: bool = False
    unencrypted_rtcp: bool = False
    unauthenticated_rtp: bool = False
    """UNAUTHENTICATED_SRTP: no packet carries a tag, so that nothing proves what comes out."""
    derivation_rate: int = 0
    """KDR as an exponent of two; 0: session keys are derived once."""
    since: int | None = None
    """From when on the key may be used, ns; the order of trials depends on it, no result does."""
    until: int | None = None
    """When another took its place, ns."""

    def __repr__(self) -> str:
        return f"<MasterKey for {self.suite_name}, {self.origin or 'of unknown origin'}>"

    @property
    def suite(self) -> SrtpSuite | None:
        """What protects; ``None`` when libsrtp has it not."""
        return find_suite(self.suite_name)

    @property
    def unusable(self) -> Unusable | None:
        """Why nothing can be opened with it, if so."""
        suite = self.suite
        if suite is None:
            return Unusable.SUITE
        if self.material is None:
            return Unusable.UNREADABLE
        return Unusable.LENGTH if len(self.material) < suite.material_length else None

    @property
    def encrypts(self) -> bool:
        """Whether SRTP under it hides anything."""
        suite = self.suite
        return not self.unencrypted_rtp and (suite is None or suite.cipher != NULL_CIPHER)

    @property
    def proves(self) -> bool:
        """Whether SRTP under it carries tags; AEAD always does (RFC 7714 section 8.1)."""
        suite = self.suite
        return not self.unauthenticated_rtp or suite is None or suite.aead

    def valid_at(self, time: int) -> bool:
        """Return whether the signalling has the key in use at *time*, ns."""
        return (self.since is None or self.since <= time) and (
            self.until is None or time < self.until
        )

    def without_mki(self, packet: bytes, suite: SrtpSuite, *, rtcp: bool) -> bytes | None:
        """Return *packet* as it would be without the identifier; ``None`` when it has another one.

        The identifier is not authenticated (RFC 3711 section 3.1).  It stands in front of the tag, and
        with AEAD, where the tag belongs to the ciphertext, at the very end (RFC 7714 sections 8.2, 9.2).
        """
        mki = self.mki
        if not mki:
            return packet
        tag = 0 if suite.aead else self._tag(suite, rtcp=rtcp)
        end = len(packet) - tag
        start = end - len(mki)
        if start < 8 or packet[start:end] != mki:
            return None
        return packet[:start] + packet[end:]

    def says_encrypted(self, packet: bytes, suite: SrtpSuite) -> bool:
        """Return the E flag of an SRTCP packet without identifier (RFC 3711 section 3.4)."""
        tag = 0 if suite.aead else suite.rtcp_tag
        return len(packet) >= tag + _INDEX and packet[-tag - _INDEX] & 0x80 != 0

    def shortest(self, suite: SrtpSuite, *, rtcp: bool) -> int:
        """Bytes that a packet under it has at least, without identifier."""
        tag = self._tag(suite, rtcp=rtcp)
        return 8 + _INDEX + tag if rtcp else 12 + tag

    def _tag(self, suite: SrtpSuite, *, rtcp: bool) -> int:
        if rtcp:
            return suite.rtcp_tag
        return suite.rtp_tag if self.proves else 0
