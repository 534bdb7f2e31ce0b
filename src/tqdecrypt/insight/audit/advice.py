"""What would make a dark peer readable: the smallest change, or the other way where there is none.

The change is that of :mod:`tqdecrypt.insight.what_if.proposal`, sought for this peer's clients alone, with
everybody else who uses the same server only not to be cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.insight.audit.audit import Audited, Peer, Role
from tqdecrypt.insight.audit.reconnect import UNSEEN
from tqdecrypt.insight.teams import is_teams_address, is_teams_name
from tqdecrypt.insight.what_if.forecast import Outcome, outcome_of
from tqdecrypt.insight.what_if.given_up import SECRETS
from tqdecrypt.insight.what_if.proposal import Demand, Proposal, propose
from tqdecrypt.tls.negotiation import negotiate
from tqdecrypt.tls.suites import find_suite, suite_name
from tqdecrypt.tls.verdict import MEANINGS, Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.what_if.offers import SeenServer
    from tqdecrypt.insight.what_if.sink import OfferSink
    from tqdecrypt.tls.offer import Offer

__all__ = ["Advice", "advise"]

MOST_ADVISED = 100
"""Peers, the darkest first: an answer takes a moment each, and more than that nobody works off."""
MOST_SERVERS = 3
"""Servers of one peer for which a change is sought, those with the most dark sessions."""
MOST_SENTENCES = 2

NEGOTIATED = frozenset({Verdict.FORWARD_SECRECY, Verdict.TLS13, Verdict.UNSUPPORTED_SUITE})
"""Dark by what was agreed on."""
KEYS = frozenset({Verdict.NO_MATCHING_KEY, Verdict.CLIENT_KEY, Verdict.WRONG_SECRETS})
"""Dark for want of the right key."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one dark peer."""

    peer: str
    """Trunk or host."""
    dark: int
    """Its sessions that stayed dark."""
    sentences: tuple[str, ...]
    changes: tuple[str, ...] = ()
    """The smallest change of the server's settings, one sentence each; empty where none helps."""
    vendors: tuple[str, ...] = ()
    """Devices that were recognised, as ``tqdecrypt advise`` calls them."""


def advise(audited: Audited, seen: OfferSink) -> list[Advice]:
    """Return what to do about each peer with dark sessions, trunks first, then the darkest."""
    advisor = _Advisor(seen)
    dark = (peer for peer in audited.peers if peer.decryptability.dark_sessions)
    return [advisor.advise(peer) for _, peer in zip(range(MOST_ADVISED), dark, strict=False)]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one cause asks for."""

    sentence: str
    changes: tuple[str, ...] = ()
    vendor: str | None = None


class _Advisor:
    """Remembers proposals: peers with the same devices get the same."""

    def __init__(self, seen: OfferSink) -> None:
        self._offers = seen.offers
        self._product_at = seen.products.product_at
        self._proposals: dict[tuple[str, frozenset[Offer]], Proposal] = {}

    def advise(self, peer: Peer) -> Advice:
        """Return what to do about *peer*."""
        causes = peer.decryptability.causes
        groups: dict[str, int] = {}
        for cause in causes:
            groups.setdefault(_group(Verdict(cause)), 0)
            groups[_group(Verdict(cause))] += causes[cause]
        parts: list[_Part] = []
        for group in sorted(groups, key=lambda one: -groups[one]):
            parts += self._parts(peer, group)
        # Whatever several servers have in common is said once.
        parts = list({part.sentence: part for part in parts}.values())[:MOST_SENTENCES]
        return Advice(
            peer.name,
            peer.decryptability.dark_sessions,
            tuple(part.sentence for part in parts),
            tuple(dict.fromkeys(change for part in parts for change in part.changes)),
            tuple(dict.fromkeys(part.vendor for part in parts if part.vendor is not None)),
        )

    def _parts(self, peer: Peer, group: str) -> Iterator[_Part]:
        if group == "negotiated":
            if _is_teams(peer):
                yield self._teams(peer)
            else:
                yield from self._negotiated(peer)
        elif group == "key":
            yield self._key(peer)
        elif group == "unseen":
            yield _Part(
                "Its handshakes were not captured: let its connections be opened again while the capture "
                "runs (see the connections to open again); --secrets-store keeps what sessions resume from."
            )
        else:
            titles = [
                MEANINGS[Verdict(cause)].title
                for cause in peer.decryptability.causes
                if _group(Verdict(cause)) == "capture"
            ]
            yield _Part(
                f"The capture lacks what it takes ({', '.join(titles)}): capture whole packets "
                "(tcpdump -s 0) of both directions, on a machine that drops none."
            )

    # Dark by what was agreed on.

    def _teams(self, peer: Peer) -> _Part:
        ours = next(
            one.server_host if peer.role is Role.SERVER else one.client for one in peer.relations
        )
        vendor = self._product_at(ours)
        return _Part(
            "Microsoft Teams takes ECDHE suites alone, so that no private key ever opens its sessions: "
            f"{SECRETS}{_has_settings(vendor or 'microsoft-teams')}.",
            vendor=vendor or "microsoft-teams",
        )

    def _negotiated(self, peer: Peer) -> Iterator[_Part]:
        dark: dict[str, set[str]] = {}
        for relation in sorted(peer.relations, key=lambda one: -one.decryptability.dark_sessions):
            if any(Verdict(cause) in NEGOTIATED for cause in relation.decryptability.causes):
                dark.setdefault(relation.server, set()).add(relation.client)
        for endpoint in list(dark)[:MOST_SERVERS]:
            server = self._offers.servers.get(endpoint)
            if server is not None and server.offers:
                yield self._change(peer, server, dark[endpoint])

    def _change(self, peer: Peer, server: SeenServer, hosts: set[str]) -> _Part:
        vendor = self._product_at(server.endpoint.rpartition(":")[0])
        whose = "the peer's server" if peer.role is Role.CLIENT else "the server"
        if server.certificates and all(key.kind != "RSA" for key in server.keys):
            return _Part(
                f"The certificate of {server.endpoint} has no RSA key, so that no private key opens it: "
                f"get it an RSA certificate first, or {SECRETS}{_has_settings(vendor)}.",
                vendor=vendor,
            )
        wanted = frozenset(offer for client, offer in server.offers if client in hosts)
        proposal = self._proposal(server, wanted)
        gained = {
            client
            for client, offer in server.offers
            if client in hosts and offer in proposal.gained
        }
        agreed = _agreed_elsewhere(server, wanted)
        if not gained and agreed is not None:
            return _another_list(server, hosts, agreed, vendor, _rest(proposal, wanted))
        if not proposal.edits or not gained:
            return self._other_way(server, hosts, proposal, vendor)
        changes = tuple(map(str, proposal.edits))
        sentence = (
            f"On {whose} {server.endpoint}: {'; '.join(changes)}. Then {_who_gains(hosts, gained)} with that "
            f"server's key{_conditions(server, proposal, wanted)}, {_cut_off(proposal)}, and forward secrecy "
            f"ends for them (RFC 9325 section 4.1){_has_settings(vendor)}.{_rest(proposal, wanted)}"
        )
        return _Part(sentence, changes, vendor)

    def _other_way(
        self, server: SeenServer, hosts: set[str], proposal: Proposal, vendor: str | None
    ) -> _Part:
        clients = {
            client
            for client, offer in server.offers
            if client in hosts and offer in proposal.without_rsa
        }
        if clients:
            names = ", ".join(sorted(clients)[:3]) + (" and others" if len(clients) > 3 else "")
            theirs = next(filter(None, map(self._product_at, sorted(clients))), None)
            return _Part(
                f"{names}: no suite with RSA key exchange is offered to {server.endpoint}, so that no list "
                f"of the server helps: the client's own list has to change first; or {SECRETS}"
                f"{_has_settings(theirs or vendor)}.",
                vendor=theirs or vendor,
            )
        if proposal.kept_dark_by_tls13:
            return _Part(
                f"TLS 1.3 has to stay on at {server.endpoint} for others who speak nothing else: give this "
                f"peer an address, port or TLS profile of its own without it, or {SECRETS}"
                f"{_has_settings(vendor)}.",
                vendor=vendor,
            )
        return _Part(
            f"No change of {server.endpoint}'s list makes it readable without cutting somebody off: "
            f"{SECRETS}{_has_settings(vendor)}.",
            vendor=vendor,
        )

    def _proposal(self, server: SeenServer, wanted: frozenset[Offer]) -> Proposal:
        known = self._proposals.get((server.endpoint, wanted))
        if known is None:
            known = propose(server.settings(), _demands(server, wanted))
            self._proposals[server.endpoint, wanted] = known
        return known

    # Dark for want of a key.

    def _key(self, peer: Peer) -> _Part:
        keys = {cause.value for cause in KEYS}
        relations = [
            one for one in peer.relations if any(c in keys for c in one.decryptability.causes)
        ]
        servers = list(dict.fromkeys(one.server for one in relations))
        names = ", ".join(servers[:3]) + (" and others" if len(servers) > 3 else "")
        vendor = None
        if peer.role is Role.CLIENT:
            vendor = self._product_at(relations[0].client)
            return _Part(
                f"It is the private key of {names} that counts, and that is the peer's: let them open the "
                f"connections to you, so that your key counts, or {SECRETS}{_has_settings(vendor)}.",
                vendor=vendor,
            )
        return _Part(
            f"RSA key exchange is agreed on already: give the private key of {names} with -k, the one that "
            "belongs to the certificate in the table of servers."
        )


def _who_gains(hosts: Collection[str], gained: Collection[str]) -> str:
    if len(hosts) == 1:
        return "its client decrypts"
    of = "" if len(gained) == len(hosts) else f" of {len(hosts):,}"
    return f"{len(gained):,}{of} of its clients decrypt"


def _conditions(server: SeenServer, proposal: Proposal, wanted: Iterable[Offer]) -> str:
    unseen = "" if server.certificates else ", if its certificate has an RSA key"
    partly = not proposal.without_rsa.isdisjoint(wanted)
    return unseen + (", where RSA key exchange is offered" if partly else "")


def _rest(proposal: Proposal, wanted: Iterable[Offer]) -> str:
    """Say what is left for hellos that offer nothing that a private key opens."""
    if proposal.without_rsa.isdisjoint(wanted):
        return ""
    return f" Hellos without RSA key exchange (TLS 1.3 alone, for one) stay dark: for those, {SECRETS}."


def _cut_off(proposal: Proposal) -> str:
    lost = len(proposal.cut_off)
    if not lost:
        return "nobody is cut off"
    return f"clients with {lost:,} of the offers connect now and would not any more"


def _agreed_elsewhere(server: SeenServer, offers: frozenset[Offer]) -> int | None:
    """Return a suite with RSA key exchange that the server chose from one of *offers* at other times."""
    for offer, _, number in server.choices:
        if offer in offers & server.undecided and find_suite(number).rsa_key_exchange:
            return number
    return None


def _another_list(
    server: SeenServer, hosts: set[str], suite: int, vendor: str | None, rest: str
) -> _Part:
    names = ", ".join(sorted(hosts)[:3]) + (" and others" if len(hosts) > 3 else "")
    name = suite_name(suite)
    change = f"give {names} the list that its other clients get, with {name} in front"
    return _Part(
        f"{server.endpoint} agreed on {name} with others who offered the same, so that it has more than one "
        f"list (a profile, a node of a cluster): {change}; forward secrecy ends for them (RFC 9325 section "
        f"4.1){_has_settings(vendor)}.{rest}",
        (change,),
        vendor,
    )


def _demands(server: SeenServer, wanted: frozenset[Offer]) -> Iterable[Demand]:
    """Return what is asked for each offer to *server*: whoever connects today goes on connecting."""
    settings = server.settings()
    connects: dict[Offer, bool] = {}
    for (_, offer), row in server.offers.items():
        connects[offer] = connects.get(offer, False) or bool(row.connected)
    for offer, connected in connects.items():
        does = connected or outcome_of(negotiate(offer, settings)) is not Outcome.FAILS
        yield Demand(offer, offer in wanted, does)


def _group(cause: Verdict) -> str:
    if cause in NEGOTIATED:
        return "negotiated"
    if cause in KEYS:
        return "key"
    return "unseen" if cause in UNSEEN else "capture"


def _is_teams(peer: Peer) -> bool:
    return any(map(is_teams_address, peer.hosts)) or any(map(is_teams_name, peer.labels))


def _has_settings(vendor: str | None) -> str:
    return "" if vendor is None else f"; tqdecrypt advise {vendor} has the settings"
