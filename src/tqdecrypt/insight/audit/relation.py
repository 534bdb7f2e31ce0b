"""All sessions between one TLS client's host and one TLS server: what they have in common, what differs."""

from __future__ import annotations

from tqdecrypt.calls.delays import Delays
from tqdecrypt.insight.audit.shares import Decryptability
from tqdecrypt.insight.audit.tally import Tally
from tqdecrypt.insight.audit.timing import HandshakeTiming
from tqdecrypt.keys import CertificateFacts
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.verdict import MEANINGS, Verdict

__all__ = ["PROPERTIES", "Properties", "Relation"]

PROPERTIES = {
    "versions": "TLS version",
    "suites": "cipher suite",
    "key_exchanges": "key exchange",
    "offers": "suites offered by the client",
    "mutual_tls": "mutual TLS",
    "client_certificate_requested": "client certificate asked for",
    "extended_master_secret": "extended master secret",
    "encrypt_then_mac": "encrypt-then-MAC",
    "server_certificates": "server certificate",
    "client_certificates": "client certificate",
    "names_asked": "server name asked for",
}
"""Properties by which peers of one trunk are compared, and what people call them."""

_WORDS = {True: "yes", False: "no", None: "unknown"}


class Properties:
    """What was offered and agreed, counted by session.  Values are words, as people read them."""

    __slots__ = (
        "alerts",
        "client_certificate_requested",
        "client_certificates",
        "client_chains",
        "encrypt_then_mac",
        "extended_master_secret",
        "failures",
        "key_exchanges",
        "keys_given",
        "mutual_tls",
        "names_asked",
        "offers",
        "offers_of_rsa",
        "resumed",
        "secrets_from",
        "server_certificates",
        "server_chains",
        "sides",
        "suites",
        "versions",
    )

    def __init__(self) -> None:
        self.versions = Tally()
        self.suites = Tally()
        """IANA names of what the server chose."""
        self.key_exchanges = Tally()
        self.offers = Tally()
        """Suites of each ClientHello, in its order, with blanks between."""
        self.offers_of_rsa = Tally()
        """``yes`` when a ClientHello has any suite with RSA key exchange."""
        self.mutual_tls = Tally()
        """Whether the client proved a certificate: given."""
        self.client_certificate_requested = Tally()
        """Whether the server asked for one."""
        self.extended_master_secret = Tally()
        self.encrypt_then_mac = Tally()
        self.resumed = Tally()
        self.server_certificates = Tally()
        """SHA-256 fingerprints."""
        self.client_certificates = Tally()
        self.server_chains = Tally()
        """Fingerprints of all certificates as the server sent them, with blanks between."""
        self.client_chains = Tally()
        self.names_asked = Tally()
        """SNI; ``(none)`` where there was none."""
        self.alerts = Tally()
        """Of handshakes that failed, with their senders."""
        self.failures = Tally()
        """Handshakes that failed: whose side has to change, a colon, and the alert or how it ended."""
        self.secrets_from = Tally()
        """Which key or key log opened sessions."""
        self.keys_given = Tally()
        """Keys that belong to the server's certificate, whether they opened anything or not."""
        self.sides = Tally()
        """Whose side has to change, of the sessions that stayed dark."""

    def add(self, report: SessionReport, key_given: str | None) -> None:
        """Count a session."""
        if report.version is not None:
            self.versions.add(report.version)
        if report.cipher_suite is not None:
            self.suites.add(report.cipher_suite)
        if report.key_exchange is not None:
            self.key_exchanges.add(report.key_exchange)
        if report.offered_suites:
            self.offers.add(" ".join(report.offered_suites))
            self.offers_of_rsa.add(_WORDS[offers_rsa(report.offered_suites)])
            self.names_asked.add(report.sni or "(none)")
        if report.cipher_suite is not None and report.resumed == "no":
            self.mutual_tls.add(_WORDS[report.mutual_tls])
            self.client_certificate_requested.add(_WORDS[report.client_certificate_requested])
        if report.extended_master_secret is not None:
            self.extended_master_secret.add(_WORDS[report.extended_master_secret])
        if report.encrypt_then_mac is not None:
            self.encrypt_then_mac.add(_WORDS[report.encrypt_then_mac])
        if report.cipher_suite is not None:
            self.resumed.add(report.resumed)
        if report.server_certificate is not None:
            self.server_certificates.add(report.server_certificate)
        if report.client_certificate is not None:
            self.client_certificates.add(report.client_certificate)
        for chain, tally in (
            (report.server_chain, self.server_chains),
            (report.client_chain, self.client_chains),
        ):
            if chain:
                tally.add(_fingerprints(chain))
        if report.verdict is Verdict.HANDSHAKE_FAILED:
            self._add_failure(report)
        if report.secrets_from is not None:
            self.secrets_from.add(report.secrets_from)
        if key_given is not None:
            self.keys_given.add(key_given)
        if not MEANINGS[report.verdict].clear:
            self.sides.add(report.side)

    def _add_failure(self, report: SessionReport) -> None:
        cause = f"no alert; {report.ending}"
        if report.alert is not None:
            cause = report.alert.partition(", frame")[0]
            self.alerts.add(cause)
        self.failures.add(f"{report.side}: {cause}")

    def merge(self, other: Properties) -> None:
        """Add what *other* counted."""
        for name in self.__slots__:
            getattr(self, name).merge(getattr(other, name))

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Return all tallies by name, for JSON."""
        return {name: getattr(self, name).as_dict() for name in self.__slots__}


def offers_rsa(suites: tuple[str, ...]) -> bool:
    """Return whether RSA key exchange is among the suites offered."""
    return any(suite.startswith("TLS_RSA_WITH_") for suite in suites)


def _fingerprints(chain: tuple[CertificateFacts, ...]) -> str:
    return " ".join(facts.fingerprint_sha256 for facts in chain)


class Relation:
    """One client host and one server (``ip:port``)."""

    __slots__ = (
        "certificates",
        "client",
        "decryptability",
        "first",
        "last",
        "lifetimes",
        "number",
        "properties",
        "server",
        "sessions",
        "timing",
    )

    def __init__(self, client: str, server: str, number: int = 0) -> None:
        self.client = client
        self.server = server
        self.number = number
        """From 1 in order of appearance."""
        self.decryptability = Decryptability()
        self.properties = Properties()
        self.certificates: dict[str, CertificateFacts] = {}
        """What the certificates say, by fingerprint, as many as the tallies tell apart."""
        self.first = 0
        """When the first session began, ns."""
        self.last = 0
        self.lifetimes = Delays()
        """Of connections whose begin and end were both captured."""
        self.timing = HandshakeTiming()
        self.sessions: list[int] = []
        """Numbers of the first few, as examples."""

    @property
    def server_host(self) -> str:
        """Without its port."""
        return self.server.rpartition(":")[0]

    def keep_certificates(self, report: SessionReport) -> None:
        """Remember what the certificates of a session say, as many as are told apart."""
        properties = self.properties
        for facts, tally, chain, chains in (
            (
                report.server_facts,
                properties.server_certificates,
                report.server_chain,
                properties.server_chains,
            ),
            (
                report.client_facts,
                properties.client_certificates,
                report.client_chain,
                properties.client_chains,
            ),
        ):
            if facts is None or facts.fingerprint_sha256 not in tally:
                continue
            self.certificates.setdefault(facts.fingerprint_sha256, facts)
            if _fingerprints(chain) in chains:
                for one in chain:
                    self.certificates.setdefault(one.fingerprint_sha256, one)
