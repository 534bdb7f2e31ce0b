"""The whole check of one server: every offer, its certificate, a client certificate, SIP OPTIONS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from tqdecrypt.check.dial import DialError, dial
from tqdecrypt.check.offers import OFFERS, ClientOffer
from tqdecrypt.check.options import OptionsAnswer, ask_options
from tqdecrypt.check.probe import Outcome, Probed, Target, probe
from tqdecrypt.keys import CertificateFacts, KeyRing

__all__ = ["Checked", "Trust", "check"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether a client that checks would believe the server's certificate."""

    trusted: bool | None
    """``None`` when there was no handshake to tell."""
    why: str = ""
    """OpenSSL's reason when it is not."""


@dataclass(slots=True)
class Checked:
    """What a server answered."""

    target: Target
    address: str
    """``ip:port`` that was asked."""
    probes: list[Probed] = field(default_factory=list)
    """One an offer, in the order of :data:`~tqdecrypt.check.offers.OFFERS`."""
    trust: Trust = field(default_factory=lambda: Trust(None))
    options: OptionsAnswer | None = None
    """``None`` when it was not asked: no handshake, or the user wanted none."""
    options_over: str = ""
    """Name of the offer over which it was asked."""
    suites: dict[str, list[str]] | None = None
    """Suites that are accepted, by version; ``None`` when they were not tried one by one."""

    def of(self, name: str) -> Probed | None:
        """Return what came of an offer."""
        return next((one for one in self.probes if one.offer.name == name), None)

    @property
    def certificates(self) -> list[CertificateFacts]:
        """The server's certificates, one for each kind that it shows."""
        found = {}
        for one in self.probes:
            facts = None if one.report is None else one.report.server_facts
            if facts is not None:
                found[facts.fingerprint_sha256] = facts
        return list(found.values())

    @property
    def chains(self) -> dict[str, tuple[CertificateFacts, ...]]:
        """What was sent with each certificate, by its fingerprint; the longest where that differs."""
        found: dict[str, tuple[CertificateFacts, ...]] = {}
        for one in self.probes:
            chain = () if one.report is None else one.report.server_chain
            if chain and len(chain) > len(found.get(chain[0].fingerprint_sha256, ())):
                found[chain[0].fingerprint_sha256] = chain
        return found

    @property
    def negotiates_anything(self) -> bool:
        """Whether any handshake was completed."""
        return any(one.outcome is Outcome.NEGOTIATED for one in self.probes)

    @property
    def client_certificate_requested(self) -> bool | None:
        """Whether it asks clients for a certificate; ``None`` when no handshake told."""
        told = [
            one.report.client_certificate_requested
            for one in self.probes
            if one.report is not None and one.report.client_certificate_requested is not None
        ]
        return any(told) if told else None


def check(
    target: Target,
    ring: KeyRing,
    *,
    authorities: str | None = None,
    ask: bool = True,
    on_probe: Callable[[ClientOffer], None] = lambda offer: None,
) -> Checked:
    """Ask *target* everything.

    :param ring: keys of the passive observer whose verdict is wanted.
    :param authorities: file of trusted certificates (PEM); without it, those of this machine.
    :param ask: whether to send SIP OPTIONS.
    :param on_probe: told each offer before it is made.
    :raises DialError: when the first connection fails; later ones count as time-outs.
    """
    checked = Checked(target, "")
    for offer in OFFERS:
        on_probe(offer)
        try:
            probed, talk = probe(target, offer, ring)
        except DialError as failed:
            if not checked.probes:
                raise
            checked.probes.append(Probed(offer, Outcome.TIMED_OUT, str(failed)))
            continue
        if talk is not None:
            checked.address = talk.connected.ends[1]
            if ask and checked.options is None:
                checked.options = ask_options(talk, target.host, target.port)
                checked.options_over = offer.name
            talk.close()
        checked.probes.append(probed)
        if probed.outcome is Outcome.NOT_TLS:
            break  # whatever is offered, it will not become TLS
    if checked.negotiates_anything:
        checked.trust = _trust(target, authorities)
    return checked


def _trust(target: Target, authorities: str | None) -> Trust:
    """Return whether a client that checks names and issuers completes the handshake."""
    context = ssl.create_default_context(cafile=authorities)
    if target.certificate is not None:
        context.load_cert_chain(target.certificate, target.key, target.passphrase or b"")
    try:
        with dial(target.host, target.port, target.timeout).socket as sock:
            context.wrap_socket(sock, server_hostname=target.name or target.host).close()
    except ssl.SSLCertVerificationError as error:
        return Trust(False, error.verify_message)
    except (ssl.SSLError, OSError, DialError):
        return Trust(None)
    return Trust(True)
