"""The verdict on a session: rules in order, the first that applies decides.

A rule looks at the facts and returns the verdict with its sentence and advice, or ``None``.  Every
sentence names what proves it: frames, suites, fingerprints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.handshake import pull_alpn
from tqdecrypt.tls.report import Resumed, SessionReport
from tqdecrypt.tls.suites import find_suite, is_grease, suite_name
from tqdecrypt.tls.verdict import Verdict

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
    client_side = session.client_side
    roles_known = client_side is not None and bool(session.exchanges)
    if client_side is None:
        client_side = initiator if initiator is not None else _guess_client(ends)
    report = SessionReport(
        session=number,
        client=ends[client_side],
        server=ends[1 - client_side],
        started=session.started,
        ended=session.ended,
        first_frame=session.first_frame,
        last_frame=session.last_frame,
        roles_known=roles_known,
    )
    client, server = session.readers[client_side], session.readers[1 - client_side]
    report.client_bytes, report.server_bytes = client.plain_bytes, server.plain_bytes
    report.client_encrypted_bytes = client.dark_bytes
    report.server_encrypted_bytes = server.dark_bytes
    report.missing_bytes = client.missing_bytes + server.missing_bytes
    exchange = _decisive(session)
    if exchange is not None:
        _describe(report, session, exchange)
    _describe_alerts(report, session)
    _describe_damage(report, session)
    case = _Case(session, report, exchange, given, how_ended)
    for rule in _RULES:
        judgement = rule(case)
        if judgement is not None:
            report.verdict = judgement.verdict
            report.why = judgement.why
            report.advice = list(judgement.advice)
            break
    return report


_RESUMED: dict[str, Resumed] = {"ticket": "ticket", "session id": "session id", "psk": "psk"}


def _guess_client(ends: tuple[str, str]) -> int:
    """The end with the higher port is taken for the client; it is said that nothing proves it."""
    ports = [int(end.rpartition(":")[2]) for end in ends]
    return 0 if ports[0] >= ports[1] else 1


def _decisive(session: TlsSession) -> Exchange | None:
    for exchange in session.exchanges:
        if exchange.refusal is not None:
            return exchange
    answered = [e for e in session.exchanges if e.server_hello is not None]
    if answered:
        return answered[-1]
    return session.exchanges[-1] if session.exchanges else None


# The facts.


def _describe(report: SessionReport, session: TlsSession, exchange: Exchange) -> None:
    hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
    if hello is not None:
        report.offered_suites = tuple(
            suite_name(number) for number in hello.cipher_suites if not is_grease(number)
        )
        report.sni = hello.server_name
    if answer is not None and suite is not None:
        report.version = version_name(answer.version)
        report.cipher_suite = suite.name
        report.key_exchange = suite.key_exchange
        report.alpn = answer.alpn or pull_alpn(exchange.encrypted_extensions)
        report.extended_master_secret = exchange.extended_master_secret
        report.encrypt_then_mac = exchange.encrypt_then_mac
        if answer.version == Version.TLS13:
            report.extended_master_secret = report.encrypt_then_mac = None
    if exchange.resumed_by is not None:
        report.resumed = _RESUMED[exchange.resumed_by]
    report.mutual_tls = _mutual(session)
    report.handshakes = sum(
        all(e.finished_seen) or all(e.changed_cipher) for e in session.exchanges
    )
    report.finished_verified = _finished(session.exchanges)
    report.secrets_from = exchange.secrets_from
    report.handshake_frames = tuple(
        dict.fromkeys(frame for e in session.exchanges for _, frame in e.frames)
    )[:64]
    for known in session.exchanges:
        client, server = known.certificates
        if server is not None:
            report.server_certificate = server.fingerprint_sha256
            report.server_subject = server.subject
        if client is not None:
            report.client_certificate = client.fingerprint_sha256
            report.client_subject = client.subject


def version_name(version: int) -> str:
    """Return ``TLS 1.2`` for 0x0303."""
    return VERSION_NAMES.get(version) or f"0x{version:04X}"


def _mutual(session: TlsSession) -> bool | None:
    full = [e for e in session.exchanges if e.full]
    if any(e.certificate_verified for e in full):
        return True
    if not full or any(e.incomplete[CLIENT] for e in full):
        return None
    return False


def _finished(exchanges: Iterable[Exchange]) -> bool | None:
    results = [r for e in exchanges for r in e.finished_verified]
    if False in results:
        return False
    return True if True in results else None


def _describe_alerts(report: SessionReport, session: TlsSession) -> None:
    fatal = [a for a in session.alerts if a.fatal]
    others = [a for a in session.alerts if a.name != "close_notify"]
    chosen = (fatal or others or session.alerts)[:1]
    if chosen:
        report.alert = str(chosen[0])


def _describe_damage(report: SessionReport, session: TlsSession) -> None:
    bad = sum(reader.bad_records for reader in session.readers)
    if bad:
        frames = ", ".join(map(str, session.failed_frames))
        report.notes.append(f"{bad} records did not verify (first frames: {frames}); not shown")
    if len(session.exchanges) > 1:
        report.notes.append(f"{len(session.exchanges)} handshakes: the session was renegotiated")
    if any(reader.overflowed for reader in session.readers):
        report.notes.append("too many records waited for secrets; they were given up")
    if report.finished_verified is False:
        report.notes.append("a Finished message did not verify")
    report.notes.extend(session.notes)


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
    return _Judgement(
        Verdict.HANDSHAKE_FAILED,
        f"The {sender} ended the handshake with the alert {alert.name} in frame {alert.frame}.",
        (ALERT_ADVICE.get(alert.name, "").format(sender=sender, other=other),)
        if alert.name in ALERT_ADVICE
        else (),
    )


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
    return _Judgement(
        Verdict.PACKETS_MISSING,
        f"{case.report.missing_bytes:,} bytes of the handshake are not in the capture "
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
    bad = sum(reader.bad_records for reader in readers)
    if bad and not any(reader.opened_records for reader in readers):
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
    proof = ", Finished verified" if report.finished_verified else ""
    if exchange.picked_up is not None:
        proof = ", picked up in mid-connection, every record verified"
    return _Judgement(
        Verdict.DECRYPTED, f"Decrypted with {exchange.secrets_from} ({_suite(exchange)}{proof})."
    )


def _incomplete(case: _Case) -> _Judgement | None:
    exchange = case.exchange
    assert exchange is not None
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

ALERT_ADVICE = {
    "handshake_failure": "The {sender} accepts none of what the {other} offers: compare the cipher "
    "suites offered with the {sender}'s list, and check whether it demands a client certificate.",
    "protocol_version": "The {sender} does not speak the {other}'s TLS versions: allow a common one.",
    "insufficient_security": "The {sender} wants stronger suites than the {other} offers.",
    "unknown_ca": "The {sender} does not trust the issuer of the {other}'s certificate: import the "
    "issuing CA (with its intermediates) on the {sender}, or send the whole chain from the {other}.",
    "bad_certificate": "The {sender} could not use the {other}'s certificate: check that it is "
    "whole, signed and fit for its purpose.",
    "unsupported_certificate": "The {sender} does not take the kind of certificate the {other} has.",
    "certificate_expired": "The {other}'s certificate is out of its validity, or the {sender}'s "
    "clock is wrong.",
    "certificate_revoked": "The {other}'s certificate was revoked: replace it.",
    "certificate_unknown": "The {sender} refused the {other}'s certificate for a reason of its own "
    "(often its name): look at the {sender}'s log.",
    "certificate_required": "The {sender} demands a certificate of the {other}: configure one.",
    "access_denied": "The {sender} knows the {other}'s certificate but does not allow it in.",
    "unrecognized_name": "The {sender} knows no server of the name that the {other} asked for (SNI).",
    "decrypt_error": "A signature or Finished did not verify at the {sender}.",
    "no_application_protocol": "No common ALPN protocol.",
    "unknown_psk_identity": "The {sender} does not know the {other}'s pre-shared key identity.",
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
