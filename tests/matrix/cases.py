"""What is tried: suites, properties and features, for each implementation with itself and others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product

from matrix.model import Case
from matrix.peers import PEERS
from tqdecrypt.tls.suite_names import SUITE_NAMES

__all__ = ["CASES", "ORDINARY"]

NAMES = frozenset(SUITE_NAMES.values())

NULL = ("NULL_MD5", "NULL_SHA", "NULL_SHA256", "NULL_SHA384")
RC4 = ("RC4_128_MD5", "RC4_128_SHA")
OLD = ("3DES_EDE_CBC_SHA", "SEED_CBC_SHA", "IDEA_CBC_SHA")
AES_CBC = (
    *("AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_CBC_SHA256"),
    *("AES_256_CBC_SHA256", "AES_256_CBC_SHA384"),
)
AES_GCM = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384")
CCM = ("AES_128_CCM", "AES_256_CCM", "AES_128_CCM_8", "AES_256_CCM_8")
CAMELLIA_CBC = (
    *("CAMELLIA_128_CBC_SHA", "CAMELLIA_256_CBC_SHA", "CAMELLIA_128_CBC_SHA256"),
    *("CAMELLIA_256_CBC_SHA256", "CAMELLIA_256_CBC_SHA384"),
)
CAMELLIA_GCM = ("CAMELLIA_128_GCM_SHA256", "CAMELLIA_256_GCM_SHA384")
ARIA_CBC = ("ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384")
ARIA_GCM = ("ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384")
CHACHA = ("CHACHA20_POLY1305_SHA256",)

_OPENSSL = (*NULL, *RC4, *OLD, *AES_CBC, *AES_GCM, *CCM, *CAMELLIA_CBC, *ARIA_GCM, *CHACHA)

BULKS: dict[str, tuple[str, ...]] = {
    "openssl": _OPENSSL,
    "python": (*AES_CBC, *AES_GCM, *CCM, *CAMELLIA_CBC, *ARIA_GCM, *CHACHA),
    "node": (*AES_CBC, *AES_GCM, *CCM, *CAMELLIA_CBC, *ARIA_GCM, *CHACHA),
    "gnutls": (
        *(*NULL, *RC4, OLD[0], *AES_CBC, *AES_GCM, *CCM),
        *(*CAMELLIA_CBC, *CAMELLIA_GCM, *CHACHA),
    ),
    "nss": (
        *(*NULL[:3], *RC4, *OLD[:2], "DES_CBC_SHA", *AES_CBC, *AES_GCM),
        *(*CAMELLIA_CBC[:2], *CHACHA),
    ),
    "java": (*NULL[:3], *RC4, OLD[0], "DES_CBC_SHA", *AES_CBC, *AES_GCM, *CHACHA),
    "go": (RC4[1], OLD[0], *AES_CBC[:3], *AES_GCM, *CHACHA),
    "tlslite": (*NULL[:3], *RC4, OLD[0], *AES_CBC, *AES_GCM, *CCM, *CHACHA),
    "mbedtls": (
        *(*AES_CBC, *AES_GCM, *CCM, *CAMELLIA_CBC, *CAMELLIA_GCM),
        *(*ARIA_CBC, *ARIA_GCM, *CHACHA),
    ),
}
"""What each can encrypt with, as far as builds go; what is not in the one at hand is skipped."""

SUITES13: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("openssl", "python", "node", "gnutls"),
        (
            *("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"),
            *("AES_128_CCM_SHA256", "AES_128_CCM_8_SHA256"),
        ),
    ),
    **dict.fromkeys(
        ("nss", "java", "tlslite"),
        ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"),
    ),
    "go": ("AES_128_GCM_SHA256",),
    "mbedtls": (),
}

_SIGNED = ("RSA", "DHE_RSA", "ECDHE_RSA", "ECDHE_ECDSA")
_PSK = ("PSK", "RSA_PSK", "DHE_PSK", "ECDHE_PSK")
EXCHANGES: dict[str, tuple[str, ...]] = {
    "openssl": _SIGNED + _PSK,
    "gnutls": _SIGNED + _PSK,
    "go": ("RSA", "ECDHE_RSA", "ECDHE_ECDSA"),
    **dict.fromkeys(("python", "node", "nss", "java", "tlslite", "mbedtls"), _SIGNED),
}

_OLDER = ("TLS 1.0", "TLS 1.1")
VERSIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("openssl", "python", "node", "gnutls", "go"), (*_OLDER, "TLS 1.2", "TLS 1.3")),
    **dict.fromkeys(("nss", "java", "tlslite"), ("SSL 3.0", *_OLDER, "TLS 1.2", "TLS 1.3")),
    "mbedtls": (*_OLDER, "TLS 1.2"),
}

EMS_SWITCH = {"openssl", "python", "node", "gnutls", "java", "tlslite"}
ETM = {"openssl", "python", "node", "gnutls", "tlslite", "mbedtls"}
ETM_SWITCH = ETM - {"mbedtls"}
RESUMES = {  # client and server
    "session id": (
        {"openssl", "python", "node", "gnutls", "java", "tlslite"},
        {"openssl", "python", "node", "gnutls", "java", "tlslite", "nss"},
    ),
    "ticket": (
        {"openssl", "python", "node", "gnutls", "java", "go", "tlslite"},
        {"openssl", "python", "node", "gnutls", "java", "go", "tlslite", "nss"},
    ),
    "psk": (
        {"openssl", "python", "node", "gnutls", "java", "go"},
        {"openssl", "python", "node", "gnutls", "java", "go"},
    ),
}
PAGE_READERS = {"openssl", "gnutls", "nss"}
"""Clients that show an answer of several lines, as NSS's server gives it."""

SAME = [(name, name) for name in PEERS]
WITH_OPENSSL = [
    pair for name in PEERS if name != "openssl" for pair in (("openssl", name), (name, "openssl"))
]
OTHERS = [
    pair
    for name in ("nss", "go", "tlslite", "mbedtls", "node")
    for pair in (("gnutls", name), (name, "gnutls"))
] + [("nss", "java"), ("nss", "tlslite"), ("java", "tlslite"), ("tlslite", "java")]

FEW = frozenset(
    {
        *("AES_128_CBC_SHA", "AES_256_CBC_SHA256", "AES_256_CBC_SHA384", "AES_128_GCM_SHA256"),
        *("AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "RC4_128_SHA", "3DES_EDE_CBC_SHA"),
        *("CAMELLIA_128_GCM_SHA256", "AES_128_CCM_8", "NULL_SHA"),
    }
)
"""The suites of pairs that share a library, or that others cover."""

_CBC = "TLS_RSA_WITH_AES_128_CBC_SHA"
_GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
_13 = "TLS_AES_128_GCM_SHA256"

ORDINARY = frozenset({_CBC, _GCM, _13})
"""Suites that every implementation has: there, two that do not get to talk are a failure."""


LIKE_ITS_NEIGHBOURS = FEW | {"AES_256_CBC_SHA", "CAMELLIA_256_CBC_SHA"}
"""The suites of TLS 1.1, whose keys are those of TLS 1.0 and whose records those of TLS 1.2."""


def _works(client: str, server: str) -> bool:
    return server != "nss" or client in PAGE_READERS


def _keylog(client: str, server: str) -> bool:
    return PEERS[client].keylog or PEERS[server].keylog


def _in_version(bulk: str, version: str) -> bool:
    """Return whether a suite may be used: SHA-2 and AEAD came with TLS 1.2, DES and IDEA went."""
    if version == "TLS 1.2":
        return bulk not in ("DES_CBC_SHA", "IDEA_CBC_SHA")
    return bulk.endswith(("_SHA", "_MD5")) and not (
        version == "SSL 3.0" and bulk.startswith("CAMELLIA")
    )


def _suite_cases(client: str, server: str, *, few: bool) -> Iterator[Case]:
    """Every suite that both know, in every version that both know."""
    exchanges = [e for e in EXCHANGES[client] if e in EXCHANGES[server]]
    bulks = [b for b in BULKS[client] if b in BULKS[server] and (not few or b in FEW)]
    versions = [v for v in VERSIONS[client] if v in VERSIONS[server]]
    for version, exchange, bulk in product(versions, exchanges, bulks):
        suite = f"TLS_{exchange}_WITH_{bulk}"
        if version == "TLS 1.3" or suite not in NAMES or not _in_version(bulk, version):
            continue
        if version == "SSL 3.0" and exchange.startswith("ECDHE"):
            continue  # needs an extension of the hello
        if version == "SSL 3.0" and (client, server) == ("java", "tlslite"):
            continue  # the two do not get along
        if server == "mbedtls" and exchange == "DHE_RSA":
            continue  # its Python binding sets no group
        if "go" in (client, server) and exchange == "ECDHE_ECDSA" and bulk.startswith("3DES"):
            continue  # Go never had it
        if version == "TLS 1.1" and bulk not in LIKE_ITS_NEIGHBOURS:
            continue
        identity = "ec" if exchange == "ECDHE_ECDSA" else "rsa2048"
        case = Case(client, server, version, suite, identity)
        if not case.needs_keylog or _keylog(client, server):
            yield case
    if "TLS 1.3" in versions and _keylog(client, server):
        for bulk in SUITES13[client]:
            if bulk in SUITES13[server] and (not few or bulk in FEW):
                yield Case(client, server, "TLS 1.3", f"TLS_{bulk}")


def _property_cases(client: str, server: str) -> Iterator[Case]:
    """Extended master secret, encrypt-then-MAC, mutual TLS, resumption, certificates."""
    keylog = _keylog(client, server)
    base = Case(client, server, "TLS 1.2", _CBC)
    older = dataclasses.replace(base, version="TLS 1.0")
    ephemeral = dataclasses.replace(base, suite=_GCM)
    newest = Case(client, server, "TLS 1.3", _13)
    tls13 = keylog and bool(SUITES13[client]) and bool(SUITES13[server])
    both = {client, server}
    on_off_ems = [True, False] if both & EMS_SWITCH else [True]
    if "go" in both:
        on_off_ems = [False]
    on_off_etm = [True, False] if both & ETM_SWITCH else [True]
    if not both <= ETM:
        on_off_etm = [False]
    for start in (base, older):
        for ems, etm in product(on_off_ems, on_off_etm):
            yield dataclasses.replace(start, extended_master_secret=ems, encrypt_then_mac=etm)
    for start in (base, older, *([ephemeral] if keylog else []), *([newest] if tls13 else [])):
        if not (start.tls13 and client == "tlslite"):  # sends its messages in an order of its own
            yield dataclasses.replace(start, mutual=True)
        for how, (clients, servers) in RESUMES.items():
            if client in clients and server in servers and (how == "psk") is start.tls13:
                yield dataclasses.replace(start, resume=how)
                if start is base and False in on_off_ems:
                    yield dataclasses.replace(start, resume=how, extended_master_secret=False)
    for identity in ("rsa1024", "rsa3072", "rsa4096"):
        yield dataclasses.replace(base, identity=identity)
    if tls13 and client != "tlslite":
        yield dataclasses.replace(newest, identity="ec")


_TWO = ("openssl", "gnutls")


def _feature_cases() -> Iterator[Case]:
    """What only some programs can be made to do."""
    own = Case("openssl", "openssl", "TLS 1.2", _CBC)
    newest = dataclasses.replace(own, version="TLS 1.3", suite=_13)
    for start in (
        own,
        dataclasses.replace(own, version="TLS 1.0"),
        dataclasses.replace(own, suite=_GCM),
    ):
        for feature in (
            *("client renegotiates", "server renegotiates"),
            "renegotiation asks for a certificate",
        ):
            yield dataclasses.replace(start, feature=feature)
    for version, suite in (("TLS 1.2", _CBC), ("TLS 1.0", _CBC), ("TLS 1.2", _GCM)):
        yield Case("gnutls", "gnutls", version, suite, feature="rehandshake")
    for feature in (
        *("key update", "post-handshake authentication", "hello retry"),
        *("record padding", "external PSK", "PSK alone"),
    ):
        yield dataclasses.replace(newest, feature=feature)
    yield dataclasses.replace(newest, resume="psk", feature="early data")
    for version in ("SSL 3.0", "TLS 1.0", "TLS 1.2"):
        feature = "renegotiation asks for a certificate"
        yield Case("nss", "nss", version, _CBC, feature=feature)
    for pair in (("go", "go"), ("gnutls", "openssl"), ("node", "node"), ("openssl", "go")):
        yield Case(*pair, "TLS 1.3", _13, feature="hello retry")
    for client, server in product(_TWO, _TWO):
        for version, suite in (
            ("TLS 1.0", _CBC),
            ("TLS 1.2", _CBC),
            ("TLS 1.2", _GCM),
            ("TLS 1.3", _13),
        ):
            yield Case(client, server, version, suite, feature="large")
            yield Case(client, server, version, suite, "chain")
    for name in ("java", "go", "node", "python"):
        yield Case(name, name, "TLS 1.0", _CBC, feature="large")
        if PEERS[name].keylog:
            yield Case(name, name, "TLS 1.3", _13, feature="large")
    for version, suite in (("TLS 1.2", _CBC), ("TLS 1.2", _GCM), ("TLS 1.3", _13)):
        yield Case("gnutls", "openssl", version, suite, feature="record size limit")
        yield Case("openssl", "openssl", version, suite, feature="max fragment length")
        yield Case("openssl", "openssl", version, suite, feature="small records")


_DATAGRAM_SUITES = (
    *("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    *("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_RSA_WITH_AES_128_CCM_8"),
    *("TLS_PSK_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"),
)


def _datagram_cases() -> Iterator[Case]:
    """DTLS: suites in both versions, and the properties."""
    for client, server in product(_TWO, _TWO):
        for version, suite in product(("DTLS 1.0", "DTLS 1.2"), _DATAGRAM_SUITES):
            if version == "DTLS 1.0" and not suite.endswith("_SHA"):
                continue
            identity = "ec" if "ECDSA" in suite else "rsa2048"
            yield Case(client, server, version, suite, identity)
        base = Case(client, server, "DTLS 1.2", _CBC)
        yield dataclasses.replace(base, mutual=True)
        yield dataclasses.replace(base, identity="chain")
        yield dataclasses.replace(base, extended_master_secret=False, encrypt_then_mac=False)
        yield dataclasses.replace(base, extended_master_secret=True, encrypt_then_mac=True)
        for how in ("session id", "ticket"):
            yield dataclasses.replace(base, resume=how)


def _fair(case: Case) -> bool:
    """Return whether a case belongs to the share that runs every time: one to two minutes."""
    plain = case == Case(case.client, case.server, case.version, case.suite, case.identity)
    if "tlslite" in (case.client, case.server) and case.client != case.server:
        return False
    if case.feature:
        return case.client == case.server and case.identity != "chain"
    if case.dtls:
        return case.client == case.server or case.bulk.endswith("GCM_SHA384")
    if plain:
        same = case.client == case.server
        if case.client in _TWO and case.server in _TWO and case.version == "TLS 1.2":
            return same and case.exchange in ("RSA", "ECDHE_RSA", "PSK")
        return case.suite in (_CBC, _13) and (same or "openssl" in (case.client, case.server))
    return case.client == case.server and case.suite in (_CBC, _13) and case.version != "TLS 1.0"


def _make() -> Iterator[Case]:
    for client, server in SAME + WITH_OPENSSL + OTHERS:
        if not _works(client, server):
            continue
        shared = {client, server} <= {"openssl", "python", "node"} and client != "openssl"
        few = shared or (client, server) in OTHERS
        yield from _suite_cases(client, server, few=few)
        if (client, server) not in OTHERS:
            yield from _property_cases(client, server)
    yield from _feature_cases()
    yield from _datagram_cases()


CASES: tuple[Case, ...] = tuple(
    dataclasses.replace(case, fair=_fair(case)) for case in dict.fromkeys(_make())
)
