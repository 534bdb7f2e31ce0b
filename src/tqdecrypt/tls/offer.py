"""What a ClientHello offers, without what is different each time: the ground for "what if"."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import VERSION_NAMES, ExtensionType, Version
from tqdecrypt.tls.suites import is_grease

if TYPE_CHECKING:
    from tqdecrypt.tls.handshake import ClientHello

__all__ = ["Offer", "offer_of"]

RENEGOTIATION_SCSV = 0x00FF
FALLBACK_SCSV = 0x5600
"""Numbers that stand among the suites and are none (RFC 5746 section 3.3, RFC 7507)."""

_TLS_VERSIONS = (Version.TLS12, Version.TLS11, Version.TLS10, Version.SSL3)
_DTLS_VERSIONS = (Version.DTLS12, Version.DTLS10)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client is ready to speak.  Values of RFC 8701 (GREASE) are left out."""

    versions: tuple[int, ...]
    """Versions, the newest first.  Without ``supported_versions``, the one of the ClientHello and all
    that are older: how far down the client really goes it does not say."""
    suites: tuple[int, ...]
    """Suites in the client's order, without the signalling values among them."""
    groups: tuple[int, ...] | None = None
    """``supported_groups`` (RFC 8422 section 5.1.1); ``None`` when the client does not say."""
    signatures: tuple[int, ...] | None = None
    """``signature_algorithms`` (RFC 8446 section 4.2.3); ``None`` when the client does not say."""
    extended_master_secret: bool = False
    lists_versions: bool = False
    """Whether ``supported_versions`` names the versions one by one (RFC 8446 section 4.2.1)."""

    @property
    def newest(self) -> int:
        """The newest version offered; 0 when there is none."""
        return self.versions[0] if self.versions else 0


def offer_of(hello: ClientHello, *, dtls: bool = False) -> Offer:
    """Return what *hello* offers.  A client that offers the same again costs a look-up."""
    extensions = hello.extensions
    return _offer(
        hello.version,
        hello.cipher_suites,
        extensions.get(ExtensionType.supported_versions),
        extensions.get(ExtensionType.supported_groups),
        extensions.get(ExtensionType.signature_algorithms),
        ExtensionType.extended_master_secret in extensions,
        dtls,
    )


@functools.lru_cache(maxsize=1024)
def _offer(
    version: int,
    suites: tuple[int, ...],
    versions: bytes | None,
    groups: bytes | None,
    signatures: bytes | None,
    extended_master_secret: bool,
    dtls: bool,
) -> Offer:
    listed = [one for one in _numbers(versions, 1) if one in VERSION_NAMES]
    return Offer(
        tuple(sorted(listed, reverse=not dtls)) if listed else _at_most(version, dtls=dtls),
        tuple(
            number
            for number in suites
            if not is_grease(number) and number not in (RENEGOTIATION_SCSV, FALLBACK_SCSV)
        ),
        None if groups is None else _numbers(groups, 2),
        None if signatures is None else _numbers(signatures, 2),
        extended_master_secret,
        bool(listed),
    )


def _numbers(data: bytes | None, length_bytes: int) -> tuple[int, ...]:
    """Return the 16-bit numbers of a vector, without GREASE; what is cut off is left out."""
    if data is None:
        return ()
    end = length_bytes + int.from_bytes(data[:length_bytes], "big")
    numbers = (
        int.from_bytes(data[at : at + 2], "big")
        for at in range(length_bytes, min(end, len(data)) - 1, 2)
    )
    return tuple(number for number in numbers if not is_grease(number))


def _at_most(version: int, *, dtls: bool) -> tuple[int, ...]:
    if dtls:  # DTLS counts downwards (RFC 6347 section 4.1)
        return tuple(one for one in _DTLS_VERSIONS if one >= version)
    return tuple(one for one in _TLS_VERSIONS if one <= version)
