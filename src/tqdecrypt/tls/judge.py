"""The verdict on a session: rules in order, the first that applies decides.

A rule looks at the facts and returns the verdict with its sentence and advice, or ``None``.  Every
sentence names what proves it: frames, suites, fingerprints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tqdecrypt.tls.alerts import ADVICE
from tqdecrypt.tls.constants import ExtensionType, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.facts import collect_facts, decisive_exchange
from tqdecrypt.tls.record import RecordState
from tqdecrypt.tls.report import SessionReport
from tqdecrypt.tls.suites import find_suite, suite_name
from tqdecrypt.tls.verdict import MEANINGS, Side, Verdict

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls.session import TlsSession

__all__ = ["report_session"]


@dataclass(slots=True)
class _Case:
    """What the rules look at."""

    session: TlsSession
    report: SessionReport
    exchange: Exchange | None
    """The handshake that matters: the first that was refused, else the last."""
    given: tuple[str, ...]
    """The keys and key logs that were given."""
    how_ended: str


@dataclass(slots=True)
class _Judgement:
    verdict: Verdict
    why: str
    advice: tuple[str, ...] = ()
    side: Side | None = None
    """Whose side must change, where the verdict alone does not say."""


def report_session(
    session: TlsSession,
    number: int,
    ends: tuple[str, str],
    initiator: int | None,
    given: tuple[str, ...] = (),
    how_ended: str = "capture ended",
) -> SessionReport:
    """Return the report on a session that ended.

    :param ends: ``ip:port`` of side 0 and 1.
    :param initiator: the side that opened the TCP connection, if that was seen.
    :param given: what keys were given, in words.
    :param how_ended: how the TCP connection ended, in words.
    """
    report = collect_facts(session, number, ends, initiator, how_ended)
    exchange = decisive_exchange(session)
    case = _Case(session, report, exchange, given, how_ended)
    for rule in _RULES:
        judgement = rule(case)
        if judgement is not None:
            report.verdict = judgement.verdict
            report.why = judgement.why
            report.advice = list(judgement.advice)
            if report.verdict is Verdict.HANDSHAKE_FAILED:
                report.mutual_tls = None  # what the client sent was not accepted
            report.side = (judgement.side or MEANINGS[judgement.verdict].side).value
            break
    return report


# The rules.


def _no_handshake(case: _Case) -> _Judgement | None:
    if case.exchange is not None:
        return None
    why = (
        f"The capture has {_bytes(case)} of this session but not its handshake: "
        f"the connection was open before frame {case.report.first_frame}."
    )
    if any(text.startswith("key log") for text in case.given):
        why += (
            " The key log cannot open it either: for TLS 1.2 a CLIENT_RANDOM line needs the "
            "server's random from the handshake, and no TLS 1.3 secret in it fits."
        )
    return _Judgement(
        Verdict.HANDSHAKE_NOT_CAPTURED,
        why,
        (
            "Keep capturing until the connection is opened again, or make one end open it again "
            "(restart the trunk's TLS connection), with the capture running.",
            "Without the handshake no private key helps; a secrets store (--secrets-store) written "
            "while the handshake was captured does, next time.",
        ),
    )


def _failed_handshake(case: _Case) -> _Judgement | None:
    fatal = [alert for alert in case.session.alerts if alert.fatal]
    if not fatal or case.report.client_bytes or case.report.server_bytes:
        return None
    alert = fatal[0]
    sender, other = ("client", "server") if alert.role == CLIENT else ("server", "client")
    advice = [ADVICE[alert.name].format(sender=sender, other=other)] if alert.name in ADVICE else []
    advice += _suspicions(case, alert.role)
    return _Judgement(
        Verdict.HANDSHAKE_FAILED,
        f"The {sender} ended the handshake with the alert {alert.name} in frame {alert.frame}.",
        tuple(advice),
        # Who complains is mostly right: the other end's offer or certificate does not fit.
        Side.SERVER if alert.role == CLIENT else Side.CLIENT,
    )


def _suspicions(case: _Case, role: int) -> list[str]:
    """Say what is visibly wrong with the certificate that *role* looked at."""
    exchange = case.exchange
    facts = exchange.certificates[1 - role] if exchange else None
    if exchange is None:
        return []
    found = []
    if facts is not None:
        moment = datetime.fromtimestamp(case.session.started / 1e9, UTC)
        if facts.not_after is not None and facts.not_after < moment:
            found.append(f"That certificate expired on {facts.not_after:%Y-%m-%d}.")
        if facts.not_before is not None and facts.not_before > moment:
            found.append(f"That certificate is not valid before {facts.not_before:%Y-%m-%d}.")
        name = case.report.sni
        if role == CLIENT and name and not _names(facts, name):
            found.append(
                f"The client asked for {name}, which the certificate does not name "
                f"({', '.join(facts.names[:6]) or 'no names'})."
            )
    elif role == SERVER and exchange.certificate_requested:
        found.append("The server asked for a client certificate, and the client sent none.")
    return found


def _names(facts: CertificateFacts, name: str) -> bool:
    """Return whether a certificate names *name* (RFC 6125 section 6.4: a wildcard is one label)."""
    wanted = name.lower().rstrip(".")
    above = "*." + wanted.partition(".")[2]
    return any(known.lower().rstrip(".") in (wanted, above) for known in facts.names)


def _damaged_handshake(case: _Case) -> _Judgement | None:
    exchange = case.exchange
    assert exchange is not None
    if exchange.openers is not None or not any(exchange.incomplete):
        return None
    if exchange.refusal in (Refusal.FORWARD_SECRECY, Refusal.TLS13, Refusal.UNSUPPORTED_SUITE):
        return None
    if any(reader.snapped for reader in case.session.readers):
        return _Judgement(
            Verdict.SNAP_LENGTH,
            f"The capture cut packets off: {case.report.missing_bytes:,} bytes are missing, "
            f"handshake messages among them ({_seen(exchange)}).",
            ("Capture whole packets (tcpdump -s 0).",),
        )
    bound = ""
    if exchange.extended_master_secret:
        bound = " With the extended master secret every byte of the handshake is needed."
    missing = f"{case.report.missing_bytes:,} bytes"
    return _Judgement(
        Verdict.PACKETS_MISSING,
        f"{'Messages' if case.session.dtls else missing} of the handshake are not in the capture "
        f"({_seen(exchange)}).{bound}",
        _LOSS_ADVICE,
    )


def _refused(case: _Case) -> _Judgement | None:
    exchange = case.exchange
    assert exchange is not None
    if exchange.refusal is None:
        return None
    return _REFUSALS[exchange.refusal](case, exchange)


def _no_key(case: _Case, exchange: Exchange) -> _Judgement:
    certificate = exchange.certificates[SERVER]
    given = f"the keys given are {_listed(case.given)}" if case.given else "no key was given"
    return _Judgement(
        Verdict.NO_MATCHING_KEY,
        f"RSA key exchange ({_suite(exchange)}), but no key for the server's certificate "
        f"{_certificate(certificate)}: {given}.",
        (
            f"Give the private key of the TLS server {case.report.server} with -k: the one that "
            "belongs to this certificate.",
        ),
    )


def _client_key(case: _Case, exchange: Exchange) -> _Judgement:
    return _Judgement(
        Verdict.CLIENT_KEY,
        f"A key given belongs to the client's certificate {_certificate(exchange.certificates[CLIENT])}"
        f"; RSA key exchange is opened by the server's key only, that of "
        f"{_certificate(exchange.certificates[SERVER])}.",
        (
            f"Give the private key of {case.report.server}, the TLS server of this connection.",
            "When that key is not yours: let the peer open the connection to your SBC, so that "
            "yours is the TLS server, or take session secrets (a key log) from your SBC.",
        ),
    )


def _forward_secret(case: _Case, exchange: Exchange) -> _Judgement:
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
        advice.append(
            f"The client offered {len(offered)} suites with RSA key exchange (such as "
            f"{suite_name(offered[0])}): the cipher list of the server {case.report.server} alone "
            "decides; put those first, or allow only those."
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
    return _Judgement(
        Verdict.FORWARD_SECRECY,
        f"The server chose {_suite(exchange)}: its key exchange is ephemeral, so that no private "
        "key opens the session.",
        tuple(advice),
        Side.SERVER if offered or hello is None else Side.CLIENT,
    )


def _tls13(case: _Case, exchange: Exchange) -> _Judgement:
    return _Judgement(
        Verdict.TLS13,
        f"The server chose TLS 1.3 ({_suite(exchange)}): no private key opens the session.",
        (
            "Give the session's secrets (--keylog), written by the SBC or proxy.",
            f"Or turn TLS 1.3 off on the server {case.report.server} and allow RSA key exchange "
            "there; that gives up forward secrecy.",
        ),
    )


def _resumed_unseen(case: _Case, exchange: Exchange) -> _Judgement:
    return _Judgement(
        Verdict.RESUMED_UNSEEN,
        f"The session was resumed by {exchange.resumed_by} ({_seen(exchange)}), and the full "
        "handshake that it goes back to is not in the capture.",
        (
            "Start the capture before the first connection between the two, or restart the "
            "connection after the session's lifetime.",
            f"Turning session resumption off on the server {case.report.server} makes every "
            "connection begin with a full handshake.",
        ),
    )


def _unsupported(case: _Case, exchange: Exchange) -> _Judgement:
    if exchange.version == Version.DTLS13:
        return _Judgement(
            Verdict.UNSUPPORTED_SUITE,
            "The server chose DTLS 1.3, which is not decrypted here, whatever secrets there are.",
            (f"Turn DTLS 1.3 off on the server {case.report.server}: DTLS 1.2 is decrypted.",),
        )
    return _Judgement(
        Verdict.UNSUPPORTED_SUITE,
        f"The server chose {_suite(exchange)}, which this machine's crypto library cannot decrypt.",
        (f"Take the suite out of the cipher list of the server {case.report.server}.",),
    )


def _no_psk(case: _Case, exchange: Exchange) -> _Judgement:
    return _Judgement(
        Verdict.NO_MATCHING_KEY,
        f"The session's keys come from a pre-shared key ({_suite(exchange)}), and none that was "
        "given has the identity that the client named.",
        ("Give the pre-shared key with --psk IDENTITY:HEX.",),
    )


def _wrong_secrets(case: _Case, exchange: Exchange) -> _Judgement:
    frames = ", ".join(map(str, case.session.failed_frames)) or "none"
    origin = exchange.secrets_from or "the key that matches the certificate"
    return _Judgement(
        Verdict.WRONG_SECRETS,
        f"The secrets from {origin} do not fit this session: no record verified "
        f"(tried frames: {frames}).",
        ("Check that the key log or key is from the same device and time as the capture.",),
    )


def _incomplete_refusal(case: _Case, exchange: Exchange) -> _Judgement:
    judgement = _incomplete(case)
    assert judgement is not None
    return judgement


_REFUSALS: dict[Refusal, Callable[[_Case, Exchange], _Judgement]] = {
    Refusal.NO_MATCHING_KEY: _no_key,
    Refusal.CLIENT_KEY: _client_key,
    Refusal.FORWARD_SECRECY: _forward_secret,
    Refusal.TLS13: _tls13,
    Refusal.RESUMED_UNSEEN: _resumed_unseen,
    Refusal.UNSUPPORTED_SUITE: _unsupported,
    Refusal.NO_PSK: _no_psk,
    Refusal.WRONG_SECRETS: _wrong_secrets,
    Refusal.INCOMPLETE: _incomplete_refusal,
}


def _opened(case: _Case) -> _Judgement | None:
    exchange, report, readers = case.exchange, case.report, case.session.readers
    assert exchange is not None
    if exchange.openers is None:
        return None
    one, other = readers
    bad = one.bad_records + other.bad_records
    dark = one.dark_bytes > 0 or other.dark_bytes > 0
    if one.overflowed or other.overflowed:
        return _given_up(case, exchange)
    if (bad or dark) and not case.session.opened:
        return _wrong_secrets(case, exchange)
    if report.missing_bytes and any(reader.snapped for reader in readers):
        return _Judgement(
            Verdict.SNAP_LENGTH,
            f"Decrypted with {exchange.secrets_from}, but the capture cut packets off: "
            f"{report.missing_bytes:,} bytes are missing.",
            ("Capture whole packets (tcpdump -s 0).",),
        )
    if report.missing_bytes:
        return _Judgement(
            Verdict.PACKETS_MISSING,
            f"Decrypted with {exchange.secrets_from}, but {report.missing_bytes:,} bytes are not "
            "in the capture; the records that they belong to stay dark.",
            _LOSS_ADVICE,
        )
    if bad:
        frames = ", ".join(map(str, case.session.failed_frames))
        return _Judgement(
            Verdict.CORRUPT_RECORDS,
            f"Decrypted with {exchange.secrets_from}, but {bad} records did not verify "
            f"(frames {frames}) and are not shown.",
            ("Look for damaged packets or a middlebox that changes them.",),
        )
    if RecordState.DARK in (one.state, other.state) or _lacks_early_secret(case):
        return _dark_in_part(case, exchange)
    if exchange.picked_up is not None and dark:
        return _Judgement(
            Verdict.PACKETS_MISSING,
            f"Picked up in mid-connection with {exchange.secrets_from}; {_bytes(case)} at its "
            "beginning need what came before the capture.",
            ("Start the capture before the connection is opened.",),
        )
    proof = ", Finished verified" if report.finished_verified else ""
    if exchange.picked_up is not None:
        proof = ", picked up in mid-connection, every record verified"
    return _Judgement(
        Verdict.DECRYPTED, f"Decrypted with {exchange.secrets_from} ({_suite(exchange)}{proof})."
    )


def _given_up(case: _Case, exchange: Exchange) -> _Judgement:
    return _Judgement(
        Verdict.EVICTED,
        f"Records waited for {exchange.secrets_from} longer than the memory for them lasts; "
        f"{_bytes(case)} were given up.",
        ("Read less at a time: fewer ports (--port) or a part of the capture.",),
    )


def _dark_in_part(case: _Case, exchange: Exchange) -> _Judgement:
    """One direction opened and the other did not, or not to its end."""
    lacking = [
        role
        for role, opener in zip(("client", "server"), exchange.openers or (), strict=False)
        if opener is None
    ]
    if _lacks_early_secret(case):
        lacking = ["client's early data"]
    if lacking:
        return _Judgement(
            Verdict.TLS13,
            f"The secrets from {exchange.secrets_from} lack those of the {lacking[0]}: "
            f"{_bytes(case)} stayed dark.",
            ("Give a key log that has all secrets of the session (CLIENT_… and SERVER_… lines).",),
            Side.OBSERVER,
        )
    return _Judgement(
        Verdict.CORRUPT_RECORDS,
        f"Decrypted with {exchange.secrets_from}, but one direction could not be read to its end: "
        f"{_bytes(case)} stayed dark.",
        ("Look for damaged packets or a middlebox that changes them.",),
    )


def _lacks_early_secret(case: _Case) -> bool:
    """Return whether early data (RFC 8446 section 2.3) was accepted that no secret opens."""
    exchange = case.exchange
    return (
        exchange is not None
        and ExtensionType.early_data in exchange.encrypted_extensions
        and "CLIENT_EARLY_TRAFFIC_SECRET" not in exchange.traffic_secrets
        and case.report.client_encrypted_bytes > 0
    )


def _no_data(case: _Case) -> _Judgement | None:
    """A whole handshake, and nothing said behind it: nothing is hidden, whatever keys there are."""
    exchange, report, readers = case.exchange, case.report, case.session.readers
    assert exchange is not None
    if exchange.refusal is None or report.version in (None, "TLS 1.3"):
        return None
    if not all(exchange.changed_cipher) or report.missing_bytes:
        return None
    if any(reader.dark_data or reader.plain_bytes or reader.bad_records for reader in readers):
        return None
    would_be = _REFUSALS[exchange.refusal](case, exchange)
    return _Judgement(
        Verdict.NO_DATA,
        "The handshake is complete, but no record of application data followed; there was nothing "
        f"to decrypt. It would have stayed dark: {would_be.why}",
        would_be.advice,
    )


def _incomplete(case: _Case) -> _Judgement | None:
    exchange = case.exchange
    assert exchange is not None
    roles = {name.partition(" ")[0] for name, _ in exchange.frames}
    if len(roles) == 1 and case.session.sides_seen in (1, 2):
        (role,) = roles
        return _Judgement(
            Verdict.HANDSHAKE_INCOMPLETE,
            f"Only what the {role} sent is in the capture ({_seen(exchange)}); both directions are "
            "needed for the keys.",
            (
                "Capture both directions: mirror both, or capture on the device itself "
                "(asymmetric routing and one-way mirrors show half a connection).",
            ),
        )
    return _Judgement(
        Verdict.HANDSHAKE_INCOMPLETE,
        f"The handshake did not get to its end: {_seen(exchange)}; the connection: "
        f"{case.how_ended}.",
        (
            _INCOMPLETE_ADVICE[exchange.server_hello is not None].format(
                client=case.report.client, server=case.report.server
            ),
        ),
    )


_RULES: tuple[Callable[[_Case], _Judgement | None], ...] = (
    _no_handshake,
    _failed_handshake,
    _damaged_handshake,
    _no_data,
    _refused,
    _opened,
    _incomplete,
)

_LOSS_ADVICE = (
    "Look at the capture's own drop counters; capture nearer to the SBC, with a larger buffer "
    "(tcpdump -B) or a filter.",
)

_INCOMPLETE_ADVICE = {
    False: "The server {server} did not answer the ClientHello in the capture: check that both "
    "directions are captured and that the server speaks TLS on this port.",
    True: "Check that the capture did not stop too early; else look at why {client} or {server} "
    "closed the connection.",
}

# Words.


def _suite(exchange: Exchange) -> str:
    return exchange.suite.name if exchange.suite else "an unknown suite"


def _certificate(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "(not seen)"
    return f"{facts.subject or '(no subject)'} (SHA-256 {facts.fingerprint_sha256[:16]}…)"


def _seen(exchange: Exchange) -> str:
    if not exchange.frames:
        return "no handshake message was seen whole"
    return "seen: " + ", ".join(f"{name} in frame {frame}" for name, frame in exchange.frames[:12])


def _listed(texts: tuple[str, ...], most: int = 4) -> str:
    shown = "; ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}; and {len(texts) - most} more"


def _bytes(case: _Case) -> str:
    total = case.report.client_encrypted_bytes + case.report.server_encrypted_bytes
    return f"{total:,} encrypted bytes"
