"""Which servers a capture has, and which clients offered them what.

Clients offer the same in every connection, so that a hundred thousand sessions are a few hundred rows.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.negotiation import TLS13_SUITES, ServerKey, ServerSettings
from tqdecrypt.tls.suite_names import SUITE_NAMES
from tqdecrypt.tls.suites import find_suite
from tqdecrypt.tls.verdict import MEANINGS, Verdict

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls.offer import Offer
    from tqdecrypt.tls.report import SessionReport

__all__ = ["OfferTable", "SeenOffer", "SeenServer", "Whose"]

MOST_ROWS = 50_000
"""Server, client and offer together that are told apart: half a kilobyte each."""
MOST_SERVERS = 10_000
MOST_CERTIFICATES = 16
"""Certificates of one server that are told apart: the current one, the next one, one a name."""

_NUMBERS = {name: number for number, name in sorted(SUITE_NAMES.items())}
_VERSIONS = {name: number for number, name in VERSION_NAMES.items()}


class Whose(enum.Enum):
    """Who sets the server's cipher list."""

    OURS = "ours"
    PEER = "the peer's"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class SeenOffer:
    """One offer of one client host to one server."""

    server: str
    """``ip:port``."""
    client: str
    """Host, without the port."""
    offer: Offer
    first_session: int
    first_frame: int
    sessions: int = 0
    connected: int = 0
    """Sessions in which the server chose a suite, and nobody refused."""
    failed: int = 0
    """Sessions that one end refused."""
    clear: int = 0
    """Sessions of which everything is readable."""
    agreed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Version and suite that the server chose, and how often."""

    @property
    def today(self) -> tuple[str, str] | None:
        """What is mostly agreed on now; ``None`` when nothing ever was."""
        return max(self.agreed, key=self.agreed.__getitem__, default=None)


@dataclass(slots=True)
class SeenServer:
    """One server, as its sessions show it."""

    endpoint: str
    sessions: int = 0
    without_offer: int = 0
    """Sessions whose ClientHello is not in the capture: what those clients offer is not known."""
    certificates: dict[str, CertificateFacts] = field(default_factory=dict)
    """By fingerprint."""
    offers: dict[tuple[str, Offer], SeenOffer] = field(default_factory=dict)
    """By client host and offer."""
    choices: dict[tuple[Offer, int, int], None] = field(default_factory=dict)
    """Offer, and the version and suite chosen from it."""
    refused: int = 0
    """The newest version that the server refused as too old (protocol_version); 0: none."""

    @property
    def keys(self) -> tuple[ServerKey, ...]:
        """Of the certificates that were seen."""
        kinds = {(facts.key_kind, facts.key_size): None for facts in self.certificates.values()}
        return tuple(ServerKey(kind, size) for kind, size in kinds)

    @property
    def versions(self) -> frozenset[int]:
        """Versions that it takes, as far as it shows: from the oldest to the newest chosen, TLS 1.2 too."""
        seen = {version for _, version, _ in self.choices}
        if not seen:
            return frozenset({Version.TLS12})
        least, most = min(*seen, Version.TLS12), max(seen)
        between = {v for v in _TLS if least <= v <= most}
        return frozenset(v for v in between if v in seen or v > self.refused)

    @property
    def suites(self) -> tuple[int, ...]:
        """Suites up to TLS 1.2 that it was seen to choose, what it prefers first."""
        return self._chosen(tls13=False)

    def _chosen(self, *, tls13: bool) -> tuple[int, ...]:
        chosen = dict.fromkeys(
            suite for _, _, suite in self.choices if find_suite(suite).tls13 is tls13
        )
        before = {
            suite: {
                other
                for offer, _, other in self.choices
                if other in chosen and other != suite and suite in offer.suites
            }
            for suite in chosen
        }
        ordered: list[int] = []
        while before:  # whoever was chosen though another was offered stands in front of it
            ready = [one for one in before if not before[one] & before.keys()] or list(before)
            ordered.append(ready[0])
            del before[ready[0]]
        return tuple(ordered)

    @property
    def undecided(self) -> frozenset[Offer]:
        """Offers that got different answers: by client, by profile, by the node of a cluster."""
        answers = Counter(offer for offer, _, _ in self.choices)
        return frozenset(offer for offer, number in answers.items() if number > 1)

    def settings(self, *, server_order: bool = True) -> ServerSettings:
        """Return the least that it must have, from what it chose."""
        return ServerSettings(
            self.suites,
            self.versions,
            self.keys or (ServerKey("RSA"),),
            tuple(dict.fromkeys((*self._chosen(tls13=True), *TLS13_SUITES))),
            server_order=server_order,
        )


_TLS = (Version.SSL3, Version.TLS10, Version.TLS11, Version.TLS12, Version.TLS13)


class OfferTable:
    """Collects offers from session reports.

    :ivar counters: what was not kept.
    """

    def __init__(self) -> None:
        self.servers: dict[str, SeenServer] = {}
        self._rows = 0
        self.counters: Counter[str] = Counter()

    def add(self, report: SessionReport) -> None:
        """Take a session."""
        if report.verdict is Verdict.NOT_TLS:
            return
        offer = report.offer
        if report.is_dtls:
            self.counters["dtls_sessions_not_reckoned"] += 1
            return
        server = self._server(report.server)
        if server is None:
            self.counters["sessions_of_further_servers"] += 1
            return
        server.sessions += 1
        facts = report.server_facts
        if facts is not None and len(server.certificates) < MOST_CERTIFICATES:
            server.certificates.setdefault(facts.fingerprint_sha256, facts)
        if offer is None:
            server.without_offer += 1
            return
        row = self._row(server, report, offer)
        if row is None:
            self.counters["sessions_of_further_offers"] += 1
            return
        self._count(server, row, report, offer)

    def _server(self, endpoint: str) -> SeenServer | None:
        server = self.servers.get(endpoint)
        if server is None and len(self.servers) < MOST_SERVERS:
            server = self.servers[endpoint] = SeenServer(endpoint)
        return server

    def _row(self, server: SeenServer, report: SessionReport, offer: Offer) -> SeenOffer | None:
        host = report.client.rpartition(":")[0]
        row = server.offers.get((host, offer))
        if row is None and self._rows < MOST_ROWS:
            self._rows += 1
            row = SeenOffer(report.server, host, offer, report.session, report.first_frame)
            server.offers[host, offer] = row
        return row

    def _count(
        self, server: SeenServer, row: SeenOffer, report: SessionReport, offer: Offer
    ) -> None:
        row.sessions += 1
        row.clear += MEANINGS[report.verdict].clear and report.verdict is Verdict.DECRYPTED
        if report.verdict is Verdict.HANDSHAKE_FAILED:
            row.failed += 1
            if report.alert and report.alert.startswith("protocol_version"):
                server.refused = max(server.refused, offer.newest)
        elif report.version is not None and report.cipher_suite is not None:
            row.connected += 1
        if report.version is None or report.cipher_suite is None:
            return
        row.agreed[report.version, report.cipher_suite] += 1
        version = _VERSIONS.get(report.version)
        number = _NUMBERS.get(report.cipher_suite)
        if version is not None and number is not None and find_suite(number).bulk is not None:
            server.choices.setdefault((offer, version, number))
