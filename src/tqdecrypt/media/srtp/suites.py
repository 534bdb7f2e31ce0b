"""The protections of SRTP: what each is made of, and what libsrtp can do of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["PROFILES", "SUITES", "SrtpSuite", "find_suite", "variants"]

NULL_CIPHER, AES_CM_128, AES_CM_192, AES_CM_256, AES_GCM_128, AES_GCM_256 = 0, 1, 4, 5, 6, 7
NO_AUTHENTICATION, HMAC_SHA1 = 0, 3
"""libsrtp's numbers of ciphers and authentication functions (``crypto_types.h``)."""


@dataclass(frozen=True, slots=True)
class SrtpSuite:
    """A crypto suite of SDES (RFC 4568), or a protection profile of DTLS-SRTP (RFC 5764)."""

    name: str
    cipher: int
    """libsrtp's number."""
    key_length: int
    """Of the master key, bytes."""
    salt_length: int
    """Of the master salt, bytes."""
    rtp_tag: int
    """Bytes of the authentication tag of SRTP."""
    rtcp_tag: int
    """Likewise of SRTCP, which has the long one mostly (RFC 4568 section 6.2.2, RFC 6188 section 4)."""
    padded_derivation: bool = False
    """Whether session keys are derived as libsrtp up to 2.7 does for AES-192
    (see :mod:`~tqdecrypt.media.srtp.counter_mode`)."""

    @property
    def aead(self) -> bool:
        """Whether the tag is part of what the cipher makes (RFC 7714)."""
        return self.cipher in (AES_GCM_128, AES_GCM_256)

    @property
    def material_length(self) -> int:
        """Bytes of master key and salt together."""
        return self.key_length + self.salt_length

    @property
    def authentication(self) -> int:
        """libsrtp's number of what authenticates."""
        return NO_AUTHENTICATION if self.aead else HMAC_SHA1


SUITES = {
    suite.name: suite
    for suite in (
        SrtpSuite("AES_CM_128_HMAC_SHA1_80", AES_CM_128, 16, 14, 10, 10),
        SrtpSuite("AES_CM_128_HMAC_SHA1_32", AES_CM_128, 16, 14, 4, 10),
        SrtpSuite("AES_192_CM_HMAC_SHA1_80", AES_CM_192, 24, 14, 10, 10),
        SrtpSuite("AES_192_CM_HMAC_SHA1_32", AES_CM_192, 24, 14, 4, 10),
        SrtpSuite("AES_256_CM_HMAC_SHA1_80", AES_CM_256, 32, 14, 10, 10),
        SrtpSuite("AES_256_CM_HMAC_SHA1_32", AES_CM_256, 32, 14, 4, 10),
        SrtpSuite("AEAD_AES_128_GCM", AES_GCM_128, 16, 12, 16, 16),
        SrtpSuite("AEAD_AES_256_GCM", AES_GCM_256, 32, 12, 16, 16),
        SrtpSuite("NULL_HMAC_SHA1_80", NULL_CIPHER, 16, 14, 10, 10),
        SrtpSuite("NULL_HMAC_SHA1_32", NULL_CIPHER, 16, 14, 4, 10),
    )
}
"""By the name in SDP; the NULL ones are known to DTLS-SRTP only."""

_DRAFT_NAMES = {
    "AES_CM_192_HMAC_SHA1_80": "AES_192_CM_HMAC_SHA1_80",
    "AES_CM_192_HMAC_SHA1_32": "AES_192_CM_HMAC_SHA1_32",
    "AES_CM_256_HMAC_SHA1_80": "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_256_HMAC_SHA1_32": "AES_256_CM_HMAC_SHA1_32",
}
"""As the drafts of RFC 6188 wrote them, and products still do."""

PROFILES = {
    0x0001: "AES_CM_128_HMAC_SHA1_80",
    0x0002: "AES_CM_128_HMAC_SHA1_32",
    0x0005: "NULL_HMAC_SHA1_80",
    0x0006: "NULL_HMAC_SHA1_32",
    0x0007: "AEAD_AES_128_GCM",
    0x0008: "AEAD_AES_256_GCM",
}
"""Profile of use_srtp → suite (RFC 5764 section 4.1.2, RFC 7714 section 14.2)."""


def find_suite(name: str) -> SrtpSuite | None:
    """Return the suite of this name; ``None`` when libsrtp has it not (F8, SEED)."""
    return SUITES.get(_DRAFT_NAMES.get(name, name))


def variants(suite: SrtpSuite, *, rtcp: bool) -> tuple[SrtpSuite, ...]:
    """Return all that senders may mean by *suite*, the specified one first.

    Of SRTCP some keep the short tag that only SRTP is to have (RFC 4568 section 6.2.2).
    """
    found: tuple[SrtpSuite, ...] = (suite,)
    if suite.cipher == AES_CM_192:
        found = suite, replace(suite, padded_derivation=True)
    if rtcp and suite.rtp_tag < suite.rtcp_tag:
        found += tuple(replace(one, rtcp_tag=suite.rtp_tag) for one in found)
    return found
