"""What a change gives up, and what is left where RSA key exchange cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tqdecrypt.insight.what_if.forecast import Outcome
from tqdecrypt.insight.what_if.offers import Whose
from tqdecrypt.insight.what_if.proposal import Edit, Kind
from tqdecrypt.tls.suites import suite_name

if TYPE_CHECKING:
    from tqdecrypt.insight.what_if.answer import ServerAnswer
    from tqdecrypt.insight.what_if.proposal import Proposal

__all__ = ["forward_secrecy_lost", "given_up", "other_ways", "whose_list"]

MOST_NAMED = 6
SECRETS = (
    "take session secrets from one of the two ends instead (a key log, --keylog or --keylog-listen), or let "
    "the SBC or proxy mirror its clear SIP as HEP"
)


def forward_secrecy_lost(answer: ServerAnswer) -> int:
    """Return for how many clients forward secrecy ends."""
    changed = answer.after or answer.forecasts
    return sum(one.was_forward_secret and one.outcome is Outcome.DECRYPTS for one in changed)


def given_up(answer: ServerAnswer) -> Iterator[str]:
    """Yield what it costs, one sentence each, with what the RFCs say of it."""
    lost = forward_secrecy_lost(answer)
    if lost:
        yield (
            f"Forward secrecy ends for {lost} of {len(answer.forecasts)}: whoever ever gets the server's "
            "private key reads these sessions, recorded ones too. RFC 9325 section 4.1 says that static RSA "
            "should not be negotiated and that forward secrecy has to be preferred, and section 4.2 "
            "recommends ECDHE suites alone; draft-ietf-tls-deprecate-obsolete-kex (version 08 of January "
            "2026) makes RSA key exchange of TLS 1.2 a MUST NOT."
        )
    proposal = answer.proposal
    if proposal is not None and Edit(Kind.TLS13_OFF) in proposal.edits:
        yield (
            "TLS 1.3 goes for everybody on this server: RFC 9325 section 3.1.1 wants it preferred where it "
            "is there, RFC 9846 (TLS 1.3, formerly RFC 8446) has no RSA key exchange."
        )


def other_ways(answer: ServerAnswer) -> Iterator[str]:
    """Yield what to do about clients that stay dark or fail, one sentence each."""
    proposal = answer.proposal
    if proposal is None:
        return
    clients = {one.seen.offer: one.seen.client for one in answer.forecasts}
    ours = answer.whose is not Whose.PEER
    if all(key.kind != "RSA" for key in answer.settings.keys):
        yield (
            f"The server's certificate has no RSA key: get it an RSA certificate first, or {SECRETS}."
        )
        return
    without = [offer for offer in proposal.without_rsa if offer in clients]
    if without:
        names = _names(clients[offer] for offer in without)
        first = _first_rsa(proposal)
        yield (
            f"{names}: no suite with RSA key exchange that this server could use is offered. The client's "
            f"own list has to change first{f', to have {first}' if first else ''}; "
            f"else {SECRETS}."
        )
    if proposal.kept_dark_by_tls13:
        needing = _names(clients[offer] for offer in proposal.need_tls13)
        kept = _names(clients[offer] for offer in proposal.kept_dark_by_tls13)
        yield (
            f"{kept}: dark as long as TLS 1.3 is on, and {needing} speaks nothing else that this server has. "
            f"Give {needing} an address, a port or a TLS profile of its own and turn TLS 1.3 off for the "
            f"rest; else {SECRETS}."
        )
    if proposal.cut_off:
        names = _names(clients[offer] for offer in proposal.cut_off)
        yield (
            f"{names}: connects today, and would not with any list in these versions: leave its version on."
        )
    if not ours:
        yield (
            "This server is the peer's: the change is theirs to make, and its private key is theirs. Let "
            f"them open the connections to you, so that your key counts, or {SECRETS}."
        )


def whose_list(answer: ServerAnswer) -> str:
    """Say who sets this list."""
    if answer.whose is Whose.OURS:
        return "your server"
    if answer.whose is Whose.PEER:
        return "the peer's server: your box is the TLS client, the list and the key are the peer's"
    return "not known to be yours: its list and its key count, give the key with -k or name it with --server"


def _first_rsa(proposal: Proposal) -> str:
    from tqdecrypt.tls.suites import find_suite

    return next(
        (suite_name(n) for n in proposal.settings.suites if find_suite(n).rsa_key_exchange), ""
    )


def _names(hosts: Iterator[str]) -> str:
    names = sorted(set(hosts))
    left = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {left} more" if left > 0 else "")
