"""Cipher suites, sorted by the one question that matters here: what opens a session that uses them."""

from __future__ import annotations

from collections.abc import Sequence

from tqdecrypt.explain.model import OfferedSuite, SuiteKind
from tqdecrypt.tls.suites import Suite, find_suite, is_grease

__all__ = ["kind_of", "offered_suites", "place_of", "summary"]

_SIGNALS = {0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", 0x5600: "TLS_FALLBACK_SCSV"}
"""Values that are no suites, but say something (RFC 5746 section 3.3, RFC 7507)."""
_WORDS: dict[SuiteKind, str] = {
    "TLS 1.3": "of TLS 1.3",
    "forward secret": "forward secret",
    "RSA": "with RSA key exchange",
    "PSK": "with a pre-shared key",
    "static": "with a static Diffie-Hellman key",
    "unknown": "unknown here",
}


def kind_of(suite: Suite) -> SuiteKind:
    """Return what opens a session with *suite*."""
    if suite.number in _SIGNALS or is_grease(suite.number):
        return "signal"
    if suite.tls13:
        return "TLS 1.3"
    if suite.forward_secret:
        return "forward secret"
    if suite.key_exchange in ("RSA", "RSA_EXPORT", "RSA_EXPORT1024"):
        return "RSA"
    if "PSK" in suite.key_exchange:
        return "PSK"
    if suite.key_exchange in ("DH", "ECDH"):
        return "static"
    return "unknown"


def offered_suites(numbers: Sequence[int], chosen: int | None) -> tuple[OfferedSuite, ...]:
    """Return the suites of a ClientHello in its order."""
    found = []
    for number in numbers:
        suite = find_suite(number)
        name = "GREASE" if is_grease(number) else _SIGNALS.get(number, suite.name)
        found.append(OfferedSuite(number, name, kind_of(suite), number == chosen))
    return tuple(found)


def place_of(suites: Sequence[OfferedSuite], number: int) -> int | None:
    """Return the place of a suite among those that are suites, from 1."""
    real = [suite for suite in suites if suite.kind != "signal"]
    return next((place for place, suite in enumerate(real, 1) if suite.number == number), None)


def summary(suites: Sequence[OfferedSuite]) -> str:
    """Return ``31 suites: 3 of TLS 1.3, 20 forward secret, 8 with RSA key exchange (first: choice 24)``."""
    real = [suite for suite in suites if suite.kind != "signal"]
    if len(real) == 1:
        return f"1 suite, {_WORDS[real[0].kind]}"
    parts = []
    for kind, words in _WORDS.items():
        places = [place for place, suite in enumerate(real, 1) if suite.kind == kind]
        if places:
            first = f" (the first is choice {places[0]})" if kind == "RSA" else ""
            parts.append(f"{len(places)} {words}{first}")
    text = f"{len(real)} suites: {', '.join(parts)}" if parts else "no suite"
    return (
        text
        if any(suite.kind == "RSA" for suite in real)
        else f"{text}; none with RSA key exchange"
    )
