"""What a check comes to: can a passive observer read this server's sessions, and what would change that?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tqdecrypt.check.checker import Checked
from tqdecrypt.check.probe import Outcome, Probed
from tqdecrypt.keys import Linking, judge_chain
from tqdecrypt.tls import Verdict

__all__ = ["conclusions"]

SOON = 30
"""Days before the end of a certificate from which on it is said."""


def conclusions(checked: Checked, now: datetime | None = None) -> Iterator[str]:
    """Yield sentences, the most important first."""
    moment = now or datetime.now(UTC)
    if not checked.negotiates_anything:
        yield from _nothing(checked)
        return
    usual, rsa = checked.of("usual"), checked.of("rsa")
    yield from _usually(usual)
    yield from _rsa(checked, usual, rsa)
    yield from _certificate(checked, moment)
    yield from _client_certificate(checked)
    yield from _options(checked)


def _nothing(checked: Checked) -> Iterator[str]:
    outcomes = {one.outcome for one in checked.probes}
    if Outcome.NOT_TLS in outcomes:
        yield next(one.detail for one in checked.probes if one.outcome is Outcome.NOT_TLS)
    elif outcomes <= {Outcome.TIMED_OUT, Outcome.NOT_OFFERED}:
        yield (
            "The port accepts connections and then says nothing to a ClientHello: it waits for another "
            "protocol, or the TLS service hangs."
        )
    elif outcomes <= {Outcome.CLOSED, Outcome.NOT_OFFERED}:
        yield (
            "The server closes the connection without a word: its access list may not have this address, "
            "or it has no certificate."
        )
    else:
        yield "No handshake came about, whatever was offered; the alerts in the table say why."


def _usually(usual: Probed | None) -> Iterator[str]:
    if usual is None or usual.outcome is not Outcome.NEGOTIATED or usual.report is None:
        yield "A client that offers everything is refused; only the offers below that succeed will do."
        return
    report, observer = usual.report, usual.observer
    chosen = f"{report.version} {report.cipher_suite}"
    if observer is not None and observer.verdict is Verdict.DECRYPTED:
        yield f"A usual client gets {chosen}: with the key given, a passive observer reads it."
    elif report.key_exchange == "RSA":
        yield f"A usual client gets {chosen}: whoever has the server's private key can read it."
    else:
        yield f"A usual client gets {chosen}: no private key opens that, only session secrets do."


def _rsa(checked: Checked, usual: Probed | None, rsa: Probed | None) -> Iterator[str]:
    if rsa is None or (usual and usual.report and usual.report.key_exchange == "RSA"):
        return
    if rsa.outcome is Outcome.NEGOTIATED and rsa.report is not None:
        yield (
            f"It accepts RSA key exchange when nothing else is offered ({rsa.report.cipher_suite}): put "
            "such suites first on the server, or let clients offer only those, and its sessions can be read "
            "with its key; that gives up forward secrecy (RFC 9325 section 4.1)."
        )
    elif all(facts.key_kind != "RSA" for facts in checked.certificates) and checked.certificates:
        kind = checked.certificates[0].key_kind
        yield (
            f"Its certificate has an {kind} key: RSA key exchange is impossible until it gets an RSA "
            "certificate. Otherwise take session secrets (a key log) or mirrored plaintext (HEP)."
        )
    else:
        yield (
            "It refuses RSA key exchange: allow suites TLS_RSA_WITH_… in its cipher list, or take session "
            "secrets (a key log) or mirrored plaintext (HEP) from it."
        )


def _certificate(checked: Checked, moment: datetime) -> Iterator[str]:
    for facts in checked.certificates:
        if facts.not_after is None:
            continue
        left = (facts.not_after - moment).days
        named = ", ".join(facts.names[:3]) or facts.subject
        if facts.not_after < moment:
            yield f"Its certificate for {named} expired on {facts.not_after:%Y-%m-%d}: renew it."
        elif left < SOON:
            yield (
                f"Its certificate for {named} ends on {facts.not_after:%Y-%m-%d}, in {left} days: renew it."
            )
    for chain in checked.chains.values():
        judged = judge_chain(chain)
        if judged.linking is Linking.BROKEN:
            yield (
                f"The chain of {judged.length} certificates does not link: {judged.not_sent} was not sent. "
                "Install that intermediate on the server; clients that do not know it refuse the rest."
            )
        elif judged.linking is Linking.OUT_OF_ORDER:
            yield (
                "The certificates of the chain are not one behind the other, as RFC 5246 section 7.4.2 "
                "wants them: old clients refuse that; put them in order on the server."
            )
    if checked.trust.trusted is False:
        yield (
            f"A client that checks does not believe the certificate: {checked.trust.why}. Give the issuing "
            "authority with --ca if it is your own, or mend the chain or the name."
        )


def _client_certificate(checked: Checked) -> Iterator[str]:
    if checked.client_certificate_requested:
        given = checked.target.certificate is not None
        yield (
            "It asks clients for a certificate (mutual TLS); ours was sent."
            if given
            else "It asks clients for a certificate (mutual TLS); --cert and --key give it one."
        )


def _options(checked: Checked) -> Iterator[str]:
    answer = checked.options
    if answer is None:
        return
    if answer.status is None:
        yield (
            "It did not answer SIP OPTIONS over TLS: it may know only its trunks' addresses, or want a "
            "client certificate."
        )
    elif answer.status in (403, 404, 405, 407, 401, 488):
        yield f"It lives, and answers OPTIONS with {answer.status} {answer.reason}."
