"""What a server with given settings would choose from a client's offer, without any connection.

Version first (RFC 8446 section 4.2.1), then the suite: the first of the server's list, or of the
client's, that both have and that the version, the server's certificates and the groups allow (RFC 5246
section 7.4.1.2, RFC 8422 section 5.1, RFC 8446 section 4.1.1).  ``tests/tls/test_negotiation.py`` holds
it to what OpenSSL and GnuTLS choose.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.offer import Offer
from tqdecrypt.tls.suites import Suite, find_suite

__all__ = [
    "DEFAULT_GROUPS",
    "TLS13_SUITES",
    "Agreement",
    "Disagreement",
    "ServerKey",
    "ServerSettings",
    "least_version",
    "negotiate",
    "usable_suites",
]

TLS13_SUITES = (0x1302, 0x1303, 0x1301)
"""What OpenSSL has where nobody lists any."""
DEFAULT_GROUPS = (0x001D, 0x0017, 0x001E, 0x0019, 0x0018)
"""x25519, secp256r1, x448, secp521r1, secp384r1: what OpenSSL 1.1.1 and later have."""

_CURVES = {256: 0x0017, 384: 0x0018, 521: 0x0019}
"""The curve of an EC key by its size in bits, as a number of the supported groups registry."""
_SIGNATURES_OF_CURVES = {256: 0x0403, 384: 0x0503, 521: 0x0603}
"""TLS 1.3 ties the hash to the curve (RFC 8446 section 4.2.3)."""
_RSA_PSS = frozenset({0x0804, 0x0805, 0x0806})
_SIGNATURES = {
    "RSA": _RSA_PSS | {0x0201, 0x0301, 0x0401, 0x0501, 0x0601},
    "EC": frozenset({0x0203, 0x0303, 0x0403, 0x0503, 0x0603}),
    "DSA": frozenset({0x0202, 0x0302, 0x0402, 0x0502, 0x0602}),
    "Ed25519": frozenset({0x0807}),
    "Ed448": frozenset({0x0808}),
}
"""What TLS 1.2 lets each kind of key sign with (signature_algorithms, RFC 8446 section 4.2.3)."""


class Disagreement(enum.Enum):
    """Why no connection comes about."""

    PROTOCOL_VERSION = "no shared protocol version"
    NO_SHARED_SUITE = "no shared suite"
    NO_SHARED_GROUP = "no shared group for the key exchange"
    NO_SIGNATURE = "no signature algorithm that the client takes from this certificate"


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A key that the server has a certificate for."""

    kind: str
    """``RSA``, ``EC``, ``Ed25519`` … as :class:`~tqdecrypt.keys.CertificateFacts` has it."""
    size: int = 2048
    """In bits; of an EC key it tells the curve."""

    @property
    def name(self) -> str:
        """``RSA``, ``ECDSA`` or ``DSS``, as suites call it; Ed25519 goes as ECDSA (RFC 8422 section 5.2)."""
        named = {"EC": "ECDSA", "DSA": "DSS", "Ed25519": "ECDSA", "Ed448": "ECDSA"}
        return named.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server is set up."""

    suites: tuple[int, ...]
    """Up to TLS 1.2, in the server's order."""
    versions: frozenset[int] = frozenset({Version.TLS12})
    keys: tuple[ServerKey, ...] = (ServerKey("RSA"),)
    tls13_suites: tuple[int, ...] = TLS13_SUITES
    server_order: bool = True
    """Whether the server's order counts, else the client's."""
    groups: tuple[int, ...] = DEFAULT_GROUPS

    @property
    def tls13(self) -> bool:
        """Whether TLS 1.3 is on."""
        return Version.TLS13 in self.versions

    def without_tls13(self) -> ServerSettings:
        """Return the same with TLS 1.3 off, and TLS 1.2 on when nothing else was."""
        versions = self.versions - {Version.TLS13} or frozenset({Version.TLS12})
        return replace(self, versions=frozenset(versions))


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the two would speak."""

    version: int
    suite: Suite

    @property
    def rsa_key_exchange(self) -> bool:
        """Whether the server's RSA key opens it."""
        return self.suite.rsa_key_exchange and self.version != Version.TLS13

    def __str__(self) -> str:
        return f"{VERSION_NAMES[self.version]} {self.suite.name}"


def negotiate(offer: Offer, server: ServerSettings) -> Agreement | Disagreement:
    """Return what a full handshake would agree on."""
    shared = [version for version in offer.versions if version in server.versions]
    if not shared:
        return Disagreement.PROTOCOL_VERSION
    version = max(shared)
    if version == Version.TLS13:
        return _negotiate13(offer, server)
    chosen = next(usable_suites(offer, server, version), None)
    if chosen is None:
        return Disagreement.NO_SHARED_SUITE
    if version == Version.TLS12 and not _can_sign(chosen, offer, server):
        return Disagreement.NO_SIGNATURE
    return Agreement(version, chosen)


def usable_suites(offer: Offer, server: ServerSettings, version: int) -> Iterator[Suite]:
    """Yield what both have and could speak in *version*, in the order that counts."""
    first, second = offer.suites, server.suites
    if server.server_order:
        first, second = second, first
    others = frozenset(second)
    for number in first:
        if number in others:
            suite = find_suite(number)
            if _fits(suite, offer, server, version):
                yield suite


def least_version(suite: Suite) -> int:
    """Return the oldest version that has the suite (RFC 5246 appendix A.5, RFC 5289, RFC 8422)."""
    if suite.tls13:
        return Version.TLS13
    if suite.mac is None or (suite.mac in ("sha256", "sha384") and "PSK" not in suite.key_exchange):
        return Version.TLS12
    return Version.TLS10 if suite.key_exchange.startswith("EC") else Version.SSL3


def _negotiate13(offer: Offer, server: ServerSettings) -> Agreement | Disagreement:
    first, second = offer.suites, server.tls13_suites
    if server.server_order:
        first, second = second, first
    for number in first:
        suite = find_suite(number)
        if suite.tls13 and number in second:
            break
    else:
        return Disagreement.NO_SHARED_SUITE
    if not _shares_group(offer, server):
        return Disagreement.NO_SHARED_GROUP
    signatures = offer.signatures or ()
    if not any(_signs13(key, signatures) for key in server.keys):
        return Disagreement.NO_SIGNATURE
    return Agreement(Version.TLS13, suite)


def _fits(suite: Suite, offer: Offer, server: ServerSettings, version: int) -> bool:
    if suite.tls13 or version < least_version(suite):
        return False
    exchange, authentication = suite.key_exchange, suite.authentication
    if exchange in ("ECDHE", "ECDH_anon") and not _shares_group(offer, server):
        return False
    if exchange not in ("RSA", "DHE", "ECDHE", "DH_anon", "ECDH_anon"):
        return False  # pre-shared keys, Kerberos, static Diffie-Hellman: not by a certificate alone
    if authentication == "anon":
        return True
    return any(
        key.name == authentication and (key.kind != "EC" or _takes_curve(key, offer))
        for key in server.keys
    )


def _shares_group(offer: Offer, server: ServerSettings) -> bool:
    """Return whether there is a group for both; a client that names none takes any of TLS 1.2's."""
    return offer.groups is None or not set(offer.groups).isdisjoint(server.groups)


def _takes_curve(key: ServerKey, offer: Offer) -> bool:
    """Return whether the client takes a certificate of that curve (RFC 8422 section 5.1)."""
    return offer.groups is None or _CURVES.get(key.size) in offer.groups


def _can_sign(suite: Suite, offer: Offer, server: ServerSettings) -> bool:
    if offer.signatures is None or suite.key_exchange not in ("DHE", "ECDHE"):
        return True
    return any(
        not _SIGNATURES[key.kind].isdisjoint(offer.signatures)
        for key in server.keys
        if key.name == suite.authentication and key.kind in _SIGNATURES
    )


def _signs13(key: ServerKey, signatures: tuple[int, ...]) -> bool:
    if key.kind == "EC":
        return _SIGNATURES_OF_CURVES.get(key.size) in signatures
    able = _RSA_PSS if key.kind == "RSA" else _SIGNATURES.get(key.kind, frozenset())
    return key.kind != "DSA" and not able.isdisjoint(signatures)
