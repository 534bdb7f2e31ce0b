"""Why a media stream can be heard or not: one enum, and what each member means.

The texts live in a table, as those of TLS sessions do (:mod:`tqdecrypt.tls.verdict`);
``docs/reference/media.md`` has a section for each verdict, and a test holds the two together.

What is told from the signalling alone (``CLEAR``, ``PROTECTED``, ``NO_KEY_IN_SDP``, ``SIGNALLING_DARK``,
``DTLS_DARK``, ``UNASSIGNED``) is set when streams are assigned to calls; everything that needs the bytes of
packets is set by what decrypts them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["MEANINGS", "MediaMeaning", "MediaVerdict"]


class MediaVerdict(enum.Enum):
    """What became of a media stream; the value is the code in JSON."""

    CLEAR = "clear"
    DECRYPTED = "decrypted"
    AUTHENTICATED = "authenticated"
    UNAUTHENTICATED = "unauthenticated"
    PARTLY_DECRYPTED = "partly-decrypted"
    PROTECTED = "protected"
    NO_KEY_IN_SDP = "no-key-in-sdp"
    SIGNALLING_DARK = "signalling-dark"
    DTLS_DARK = "dtls-dark"
    OTHER_DIRECTION = "other-direction"
    AUTHENTICATION_FAILED = "authentication-failed"
    ROLLOVER_UNKNOWN = "rollover-unknown"
    UNSUPPORTED_SUITE = "unsupported-suite"
    KEY_MASKED = "key-masked"
    SNAP_LENGTH = "snap-length"
    UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class MediaMeaning:
    """What a verdict says to a person."""

    title: str
    """A few words for tables: ``no key in the SDP``."""
    clear: bool
    """Whether the payload of what was captured can be decoded."""
    advice: str
    """One sentence: what to do; empty where there is nothing to do."""


MEANINGS: dict[MediaVerdict, MediaMeaning] = {
    MediaVerdict.CLEAR: MediaMeaning("clear RTP", True, ""),
    MediaVerdict.DECRYPTED: MediaMeaning("decrypted", True, ""),
    MediaVerdict.AUTHENTICATED: MediaMeaning(
        "authenticated, not encrypted",
        True,
        "The SDP asked for UNENCRYPTED_SRTP or a NULL cipher; anybody on the path can listen.",
    ),
    MediaVerdict.UNAUTHENTICATED: MediaMeaning(
        "decrypted, not authenticated",
        True,
        "The SDP asked for UNAUTHENTICATED_SRTP: nothing proves that this is what was sent; have the "
        "device authenticate.",
    ),
    MediaVerdict.PARTLY_DECRYPTED: MediaMeaning(
        "partly decrypted",
        False,
        "Look for a re-INVITE or UPDATE with a new key that the capture lacks.",
    ),
    MediaVerdict.PROTECTED: MediaMeaning(
        "SRTP, key known",
        False,
        "The key stands in the SDP; install tqdecrypt[media], and the stream is opened.",
    ),
    MediaVerdict.NO_KEY_IN_SDP: MediaMeaning(
        "no key in the SDP",
        False,
        "The SDP announces SRTP without a=crypto and without a=fingerprint; ask the SBC for SDES.",
    ),
    MediaVerdict.SIGNALLING_DARK: MediaMeaning(
        "signalling dark",
        False,
        "The SDP with the key is in a TLS session that stayed dark; see what its verdict advises.",
    ),
    MediaVerdict.DTLS_DARK: MediaMeaning(
        "DTLS-SRTP, handshake dark",
        False,
        "Give the DTLS server's RSA key, or a key log (SSLKEYLOGFILE) of one of the two ends.",
    ),
    MediaVerdict.OTHER_DIRECTION: MediaMeaning(
        "key of the other direction",
        False,
        "Only the other side's SDP was captured; capture where both offer and answer pass.",
    ),
    MediaVerdict.AUTHENTICATION_FAILED: MediaMeaning(
        "authentication failed",
        False,
        "No packet verifies with the key in the SDP: whoever sends uses another key or suite, or "
        "something on the path changes packets.",
    ),
    MediaVerdict.ROLLOVER_UNKNOWN: MediaMeaning(
        "roll-over counter unknown",
        False,
        "The capture begins long after the stream; begin it before the call does.",
    ),
    MediaVerdict.UNSUPPORTED_SUITE: MediaMeaning(
        "unsupported suite",
        False,
        "Have the SBC offer AES_CM_128_HMAC_SHA1_80 or AEAD_AES_256_GCM.",
    ),
    MediaVerdict.KEY_MASKED: MediaMeaning(
        "key was masked",
        False,
        "The capture was written with masked keys; use the one that it was made from.",
    ),
    MediaVerdict.SNAP_LENGTH: MediaMeaning(
        "cut by snap length",
        False,
        "Capture whole packets: tcpdump -s 0.",
    ),
    MediaVerdict.UNASSIGNED: MediaMeaning(
        "no SDP announces it",
        False,
        "Whether it is RTP or SRTP is not known: capture its signalling, too.",
    ),
}
