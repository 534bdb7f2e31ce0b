"""What one client would get from one server, in words."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.negotiation import (
    Agreement,
    Disagreement,
    ServerSettings,
    negotiate,
    usable_suites,
)
from tqdecrypt.tls.suites import find_suite, suite_name

if TYPE_CHECKING:
    from tqdecrypt.insight.what_if.offers import SeenOffer
    from tqdecrypt.tls.offer import Offer

__all__ = ["Forecast", "Outcome", "decrypts", "forecast", "outcome_of", "rsa_suites"]

MOST_NAMED = 4
"""Suites that a sentence names."""


class Outcome(enum.Enum):
    """What becomes of a client's sessions."""

    DECRYPTS = "decrypts"
    DARK = "stays dark"
    FAILS = "fails to connect"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of one client's offer."""

    seen: SeenOffer
    trunk: str | None
    """Name of the peer's trunk."""
    product: str | None
    """What the peer calls itself in User-Agent or Server, where that is known."""
    result: Agreement | Disagreement
    outcome: Outcome
    why: str
    """One sentence."""
    otherwise: Outcome | None = None
    """The outcome if the other end's order counted, where it differs."""
    was_forward_secret: bool = False
    """Whether what is agreed on now has forward secrecy."""


def forecast(
    seen: SeenOffer,
    server: ServerSettings,
    key: str,
    *,
    trunk: str | None = None,
    product: str | None = None,
) -> Forecast:
    """Return what would become of *seen*.

    :param key: what opens RSA key exchange with this server, in words.
    """
    result = negotiate(seen.offer, server)
    outcome = outcome_of(result)
    other = outcome_of(negotiate(seen.offer, replace(server, server_order=not server.server_order)))
    return Forecast(
        seen,
        trunk,
        product,
        result,
        outcome,
        _why(seen.offer, server, result, key),
        None if other is outcome else other,
        _was_forward_secret(seen),
    )


def outcome_of(result: Agreement | Disagreement) -> Outcome:
    """Return what an observer with the server's RSA key gets."""
    if isinstance(result, Disagreement):
        return Outcome.FAILS
    return Outcome.DECRYPTS if decrypts(result) else Outcome.DARK


def decrypts(result: Agreement) -> bool:
    """Return whether the server's RSA key opens it, and the cipher is one that can be decrypted."""
    return result.rsa_key_exchange and result.suite.bulk is not None


def rsa_suites(offer: Offer) -> tuple[int, ...]:
    """Return the suites of an offer that an RSA key would open."""
    return tuple(
        number
        for number in offer.suites
        if find_suite(number).rsa_key_exchange and find_suite(number).bulk is not None
    )


def _why(offer: Offer, server: ServerSettings, result: Agreement | Disagreement, key: str) -> str:
    if isinstance(result, Disagreement):
        return _why_not(offer, server, result)
    if decrypts(result):
        sentence = f"{result}: opened by {key}."
    elif result.rsa_key_exchange:
        sentence = f"{result}: this cipher cannot be decrypted here."
    elif result.version == Version.TLS13:
        sentence = f"{result}: no private key opens TLS 1.3; {_no_rsa(offer, server)}."
    else:
        sentence = f"{result}: an ephemeral key exchange; {_no_rsa(offer, server)}."
    if result.version < offer.newest and not offer.lists_versions:
        sentence += (
            f" If the client takes so old a version: its ClientHello names {_version(offer.newest)} and "
            "does not say how far down it goes."
        )
    return sentence


def _no_rsa(offer: Offer, server: ServerSettings) -> str:
    """Say why it is not RSA key exchange."""
    offered = rsa_suites(offer)
    if not offered:
        return "the client offers no suite with RSA key exchange"
    if all(version == Version.TLS13 for version in offer.versions):
        return "the client offers TLS 1.3 alone"
    if all(key.kind != "RSA" for key in server.keys):
        return "the server's certificate has no RSA key"
    named = f"the client offers {_some(offered)} too"
    if server.tls13 and offer.newest == Version.TLS13:
        return f"{named}, which TLS 1.3 has not"
    if set(offered).isdisjoint(server.suites):
        return f"{named}, which the server's list has not"
    whose = "the server's" if server.server_order else "the client's"
    return f"{named}, but {whose} order puts something else first"


def _why_not(offer: Offer, server: ServerSettings, result: Disagreement) -> str:
    if result is Disagreement.PROTOCOL_VERSION:
        offered = ", ".join(_version(version) for version in offer.versions) or "none that is known"
        if not offer.lists_versions:
            offered = f"{_version(offer.newest)} at most"
        takes = ", ".join(_version(version) for version in sorted(server.versions))
        return f"No shared protocol version: the client offers {offered}, the server takes {takes}."
    if result is Disagreement.NO_SHARED_GROUP:
        return "No shared group for the key exchange of TLS 1.3."
    if result is Disagreement.NO_SIGNATURE:
        kinds = " or ".join(key.name for key in server.keys)
        return f"The client takes no signature of an {kinds} key in this version."
    version = max(one for one in offer.versions if one in server.versions)
    both = [suite for suite in offer.suites if suite in (*server.suites, *server.tls13_suites)]
    if both and version != Version.TLS13:
        kinds = " or ".join(key.name for key in server.keys)
        return (
            f"No shared suite: both have {_some(both)}, but {_version(version)}, the server's {kinds} "
            "certificate or the client's groups do not allow it."
        )
    kind = [
        suite for suite in offer.suites if find_suite(suite).tls13 == (version == Version.TLS13)
    ]
    return (
        f"No shared suite in {_version(version)}: the client offers {_some(kind)}, of which the server's "
        "list has none."
    )


def _was_forward_secret(seen: SeenOffer) -> bool:
    today = seen.today
    if today is None:
        return False
    return today[0] == "TLS 1.3" or "DHE_" in today[1]


def _some(numbers: tuple[int, ...] | list[int]) -> str:
    if not numbers:
        return "nothing"
    names = ", ".join(suite_name(number) for number in numbers[:MOST_NAMED])
    left = len(numbers) - MOST_NAMED
    return f"{names} and {left} more" if left > 0 else names


def _version(version: int) -> str:
    return VERSION_NAMES.get(version, f"0x{version:04X}")


def can_use(offer: Offer, server: ServerSettings, number: int) -> bool:
    """Return whether client and server could speak a suite if the server listed it, in any version."""
    shared = [one for one in offer.versions if one in server.versions and one != Version.TLS13]
    alone = replace(server, suites=(number,))
    return bool(shared) and next(usable_suites(offer, alone, max(shared)), None) is not None
