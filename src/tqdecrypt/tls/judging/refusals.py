"""Rules about handshakes that are whole, and for which there are no secrets."""

from __future__ import annotations

from collections.abc import Callable

from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.judging.case import (
    Case,
    Judgement,
    certificate_text,
    listed,
    seen_text,
    suite_text,
)
from tqdecrypt.tls.judging.handshakes import incomplete
from tqdecrypt.tls.suites import find_suite, suite_name
from tqdecrypt.tls.verdict import Side, Verdict

__all__ = ["REFUSALS", "no_data", "refused", "wrong_secrets"]


def refused(case: Case) -> Judgement | None:
    """Say why there are no secrets."""
    exchange = case.exchange
    assert exchange is not None
    if exchange.refusal is None:
        return None
    return REFUSALS[exchange.refusal](case, exchange)


def no_data(case: Case) -> Judgement | None:
    """A whole handshake, and nothing said behind it: nothing is hidden, whatever keys there are."""
    exchange, report, readers = case.exchange, case.report, case.session.readers
    assert exchange is not None
    if exchange.refusal is None or report.version in (None, "TLS 1.3"):
        return None
    if not all(exchange.changed_cipher) or report.missing_bytes:
        return None
    if any(reader.dark_data or reader.plain_bytes or reader.bad_records for reader in readers):
        return None
    would_be = REFUSALS[exchange.refusal](case, exchange)
    return Judgement(
        Verdict.NO_DATA,
        "The handshake is complete, but no record of application data followed; there was nothing "
        f"to decrypt. It would have stayed dark: {would_be.why}",
        would_be.advice,
    )


def _no_key(case: Case, exchange: Exchange) -> Judgement:
    certificate = exchange.certificates[SERVER]
    given = f"the keys given are {listed(case.given)}" if case.given else "no key was given"
    return Judgement(
        Verdict.NO_MATCHING_KEY,
        f"RSA key exchange ({suite_text(exchange)}), but no key for the server's certificate "
        f"{certificate_text(certificate)}: {given}.",
        (
            f"Give the private key of the TLS server {case.report.server} with -k: the one that "
            "belongs to this certificate.",
        ),
    )


def _client_key(case: Case, exchange: Exchange) -> Judgement:
    return Judgement(
        Verdict.CLIENT_KEY,
        f"A key given belongs to the client's certificate {certificate_text(exchange.certificates[CLIENT])}"
        f"; RSA key exchange is opened by the server's key only, that of "
        f"{certificate_text(exchange.certificates[SERVER])}.",
        (
            f"Give the private key of {case.report.server}, the TLS server of this connection.",
            "When that key is not yours: let the peer open the connection to your SBC, so that "
            "yours is the TLS server, or take session secrets (a key log) from your SBC.",
        ),
    )


def _forward_secret(case: Case, exchange: Exchange) -> Judgement:
    hello = exchange.client_hello
    offered = [
        number
        for number in (hello.cipher_suites if hello else ())
        if find_suite(number).rsa_key_exchange
    ]
    certificate = exchange.certificates[SERVER]
    advice = []
    if certificate is not None and certificate.key_kind != "RSA":
        advice.append(
            f"The server's certificate has an {certificate.key_kind} key: give the server "
            f"{case.report.server} an RSA certificate, else RSA key exchange is impossible."
        )
    if offered:
        name = suite_name(offered[0])
        suites, which = f"a suite with RSA key exchange, {name}", "it"
        if len(offered) > 1:
            suites, which = f"{len(offered)} suites with RSA key exchange (such as {name})", "those"
        advice.append(
            f"The client offered {suites}: the cipher list of the server {case.report.server} alone "
            f"decides; put {which} first, or allow only {which}."
        )
    else:
        advice.append(
            f"The client {case.report.client} offered no suite with RSA key exchange: its cipher "
            "list has to change first, then the server's."
        )
    advice.append(
        "Or give the session's secrets (--keylog), written by the SBC or proxy; RSA key exchange "
        "gives up forward secrecy."
    )
    return Judgement(
        Verdict.FORWARD_SECRECY,
        f"The server chose {suite_text(exchange)}: its key exchange is ephemeral, so that no private "
        "key opens the session.",
        tuple(advice),
        Side.SERVER if offered or hello is None else Side.CLIENT,
    )


def _tls13(case: Case, exchange: Exchange) -> Judgement:
    return Judgement(
        Verdict.TLS13,
        f"The server chose TLS 1.3 ({suite_text(exchange)}): no private key opens the session.",
        (
            "Give the session's secrets (--keylog), written by the SBC or proxy.",
            f"Or turn TLS 1.3 off on the server {case.report.server} and allow RSA key exchange "
            "there; that gives up forward secrecy.",
        ),
    )


def _resumed_unseen(case: Case, exchange: Exchange) -> Judgement:
    return Judgement(
        Verdict.RESUMED_UNSEEN,
        f"The session was resumed by {exchange.resumed_by} ({seen_text(exchange)}), and the full "
        "handshake that it goes back to is not in the capture.",
        (
            "Start the capture before the first connection between the two, or restart the "
            "connection after the session's lifetime.",
            f"Turning session resumption off on the server {case.report.server} makes every "
            "connection begin with a full handshake.",
        ),
    )


def _unsupported(case: Case, exchange: Exchange) -> Judgement:
    if exchange.version == Version.DTLS13:
        return Judgement(
            Verdict.UNSUPPORTED_SUITE,
            "The server chose DTLS 1.3, which is not decrypted here, whatever secrets there are.",
            (f"Turn DTLS 1.3 off on the server {case.report.server}: DTLS 1.2 is decrypted.",),
        )
    return Judgement(
        Verdict.UNSUPPORTED_SUITE,
        f"The server chose {suite_text(exchange)}, which this machine's crypto library cannot decrypt.",
        (f"Take the suite out of the cipher list of the server {case.report.server}.",),
    )


def _no_psk(case: Case, exchange: Exchange) -> Judgement:
    return Judgement(
        Verdict.NO_MATCHING_KEY,
        f"The session's keys come from a pre-shared key ({suite_text(exchange)}), and none that was "
        "given has the identity that the client named.",
        ("Give the pre-shared key with --psk IDENTITY:HEX.",),
    )


def wrong_secrets(case: Case, exchange: Exchange) -> Judgement:
    """There were secrets, and no record verified with them."""
    frames = ", ".join(map(str, case.session.failed_frames)) or "none"
    origin = exchange.secrets_from or "the key that matches the certificate"
    return Judgement(
        Verdict.WRONG_SECRETS,
        f"The secrets from {origin} do not fit this session: no record verified "
        f"(tried frames: {frames}).",
        ("Check that the key log or key is from the same device and time as the capture.",),
    )


def _incomplete_refusal(case: Case, exchange: Exchange) -> Judgement:
    judgement = incomplete(case)
    assert judgement is not None
    return judgement


REFUSALS: dict[Refusal, Callable[[Case, Exchange], Judgement]] = {
    Refusal.NO_MATCHING_KEY: _no_key,
    Refusal.CLIENT_KEY: _client_key,
    Refusal.FORWARD_SECRECY: _forward_secret,
    Refusal.TLS13: _tls13,
    Refusal.RESUMED_UNSEEN: _resumed_unseen,
    Refusal.UNSUPPORTED_SUITE: _unsupported,
    Refusal.NO_PSK: _no_psk,
    Refusal.WRONG_SECRETS: wrong_secrets,
    Refusal.INCOMPLETE: _incomplete_refusal,
}
"""What is said of a handshake for which there are no secrets, by the reason."""
