"""The whole answer: server by server, client by client, with what was taken for granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tqdecrypt.insight.what_if.forecast import Forecast, Outcome, forecast
from tqdecrypt.insight.what_if.offers import OfferTable, SeenOffer, SeenServer, Whose
from tqdecrypt.insight.what_if.proposal import Demand, Proposal, propose
from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.negotiation import ServerKey, ServerSettings

if TYPE_CHECKING:
    from tqdecrypt.insight.trunks import Trunks
    from tqdecrypt.tls.cipher_lists import CipherList

__all__ = ["ServerAnswer", "WhatIf", "Wish", "answer"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked."""

    ciphers: CipherList | None = None
    """``None``: what the server was seen to choose."""
    versions: frozenset[int] | None = None
    """``None``: what the server was seen to speak."""
    servers: tuple[str, ...] = ()
    """Addresses, with or without a port, that count as ours; empty: all servers of the capture."""
    server_order: bool = True
    keys: tuple[ServerKey, ...] | None = None
    """``None``: the keys of the certificates that were seen."""
    trunks: frozenset[str] = frozenset()
    """Whose clients a proposal is to make decryptable: names of trunks, or addresses; empty: all."""
    propose: bool = False


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What would become of one server's clients."""

    server: SeenServer
    whose: Whose
    product: str | None
    settings: ServerSettings
    forecasts: tuple[Forecast, ...]
    proposal: Proposal | None
    after: tuple[Forecast, ...]
    """With the proposal, in the same order; empty without one."""
    assumptions: tuple[str, ...]
    """One sentence each: what the capture does not show."""

    def count(self, outcome: Outcome, *, after: bool = False) -> int:
        """Return how many clients get that."""
        return sum(one.outcome is outcome for one in (self.after if after else self.forecasts))


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer."""

    wish: Wish
    servers: tuple[ServerAnswer, ...]
    notes: tuple[str, ...]
    """What the list left out."""
    counters: Mapping[str, int] = field(default_factory=dict)


def answer(
    table: OfferTable,
    wish: Wish,
    *,
    key_of: Callable[[bytes], str | None] = lambda spki: None,
    trunks: Trunks | None = None,
    product_of: Callable[[str], str | None] = lambda host: None,
) -> WhatIf:
    """Return what would become of everybody in *table*.

    :param key_of: names the private key that was given for a public one, by its SHA-256.
    :param product_of: names the product at an address, where its messages say it.
    """
    answers = []
    for server in table.servers.values():
        if wish.servers and not any(_is_at(server.endpoint, one) for one in wish.servers):
            continue
        seen = list(server.offers.values())
        if seen:
            answers.append(_Answering(server, seen, wish, key_of, trunks, product_of).answer())
    answers.sort(key=lambda one: -one.server.sessions)
    notes = wish.ciphers.notes if wish.ciphers is not None else ()
    return WhatIf(wish, tuple(answers), notes, dict(table.counters))


def _is_at(endpoint: str, wanted: str) -> bool:
    host = endpoint.rpartition(":")[0]
    return wanted in (endpoint, host, host.strip("[]"))


class _Answering:
    """One server's part."""

    def __init__(
        self,
        server: SeenServer,
        seen: list[SeenOffer],
        wish: Wish,
        key_of: Callable[[bytes], str | None],
        trunks: Trunks | None,
        product_of: Callable[[str], str | None],
    ) -> None:
        self._server = server
        self._seen = seen
        self._wish = wish
        self._trunks = trunks
        self._product_of = product_of
        self._given = [
            name
            for facts in server.certificates.values()
            if facts.key_kind == "RSA" and (name := key_of(facts.spki_sha256))
        ]
        self._whose = self._who_sets_it()

    def answer(self) -> ServerAnswer:
        """Put it together."""
        settings = self._settings()
        forecasts = tuple(self._forecasts(settings))
        proposal: Proposal | None = None
        after: tuple[Forecast, ...] = ()
        if self._wish.propose:
            proposal = propose(settings, self._demands(forecasts))
            after = tuple(self._forecasts(proposal.settings))
        return ServerAnswer(
            self._server,
            self._whose,
            self._product_of(_host(self._server.endpoint)),
            settings,
            forecasts,
            proposal,
            after,
            tuple(self._assumptions(settings, forecasts)),
        )

    def _who_sets_it(self) -> Whose:
        host = _host(self._server.endpoint).strip("[]")
        if self._given or self._wish.servers:
            return Whose.OURS
        if self._trunks is None:
            return Whose.UNKNOWN
        if any(host in box for box in self._trunks.boxes):
            return Whose.OURS
        return Whose.PEER if self._trunks.name_of(host) else Whose.UNKNOWN

    def _settings(self) -> ServerSettings:
        wish = self._wish
        settings = self._server.settings(server_order=wish.server_order)
        if wish.ciphers is not None:
            settings = replace(settings, suites=wish.ciphers.suites)
            if wish.ciphers.tls13_suites:
                settings = replace(settings, tls13_suites=wish.ciphers.tls13_suites)
        versions = wish.versions
        if versions is None:
            versions = settings.versions
            if wish.ciphers is not None and wish.ciphers.tls13_suites:
                versions |= {Version.TLS13}
            if wish.ciphers is not None and (wish.ciphers.security_level or 0) > 0:
                versions = frozenset(one for one in versions if one >= Version.TLS12)
        return replace(settings, versions=versions, keys=wish.keys or settings.keys)

    def _forecasts(self, settings: ServerSettings) -> Iterator[Forecast]:
        key = self._key()
        for seen in self._seen:
            host = seen.client.strip("[]")
            peer = _host(self._server.endpoint) if self._whose is Whose.PEER else seen.client
            name = self._trunks.name_of(peer.strip("[]")) if self._trunks is not None else None
            if name is None and self._trunks is not None and self._whose is not Whose.PEER:
                name = self._trunks.name_of(host)
            yield forecast(seen, settings, key, trunk=name, product=self._product_of(seen.client))

    def _key(self) -> str:
        if self._given:
            return ", ".join(dict.fromkeys(self._given))
        subjects = [f.subject for f in self._server.certificates.values() if f.key_kind == "RSA"]
        whose = f" of {subjects[0] or 'its certificate'}" if subjects else ""
        return f"the server's private RSA key{whose}, which was not given"

    def _demands(self, forecasts: tuple[Forecast, ...]) -> Iterator[Demand]:
        wanted = self._wish.trunks
        for one in forecasts:
            seen = one.seen
            connects = bool(seen.connected) or (
                not seen.failed and one.outcome is not Outcome.FAILS
            )
            names = {one.trunk, seen.client, seen.client.strip("[]")}
            yield Demand(seen.offer, not wanted or not names.isdisjoint(wanted), connects)

    def _assumptions(
        self, settings: ServerSettings, forecasts: tuple[Forecast, ...]
    ) -> Iterator[str]:
        server, wish = self._server, self._wish
        if wish.ciphers is None:
            yield (
                "No list was given: this reckons with the suites that the server was seen to choose; it may "
                "have more."
            )
        if not server.certificates and wish.keys is None:
            yield (
                "The server's certificate was not seen (TLS 1.3 hides it): this reckons with an RSA key; say "
                "--certificate ecdsa if it has none."
            )
        if wish.versions is None:
            names = ", ".join(VERSION_NAMES[one] for one in sorted(settings.versions))
            yield f"Versions as the server shows them: {names}."
        without = [f for f in server.certificates.values() if f.key_encipherment is False]
        if any(f.key_kind == "RSA" for f in without):
            yield (
                "The certificate has no key usage keyEncipherment: clients that look at it, such as GnuTLS, "
                "refuse RSA key exchange then (RFC 5246 section 7.4.2); have it issued with that usage."
            )
        if server.undecided:
            yield (
                "The same offer got different suites: the server decides by client, profile or node of a "
                "cluster, and has more than one list. This reckons with one that has them all."
            )
        differing = sum(one.otherwise is not None for one in forecasts)
        if differing:
            order = "the client's" if settings.server_order else "its own"
            yield (
                f"If the server follows {order} order, {differing} of {len(forecasts)} come out otherwise; "
                "that is said with each."
            )
        if server.without_offer:
            yield (
                f"{server.without_offer:,} sessions began before the capture: what those clients offer is "
                "not known."
            )


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]
