"""What a session's report says besides the verdict: who, what was agreed, how it ended."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tqdecrypt.tls.constants import VERSION_NAMES, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.handshake import pull_alpn
from tqdecrypt.tls.offer import offer_of
from tqdecrypt.tls.psk13 import without_key_shares
from tqdecrypt.tls.report import Resumed, SessionReport
from tqdecrypt.tls.suites import is_grease, suite_name
from tqdecrypt.tls.timing import handshake_times

if TYPE_CHECKING:
    from datetime import datetime

    from tqdecrypt.tls.session import Session

__all__ = ["collect_facts", "decisive_exchange", "version_name"]


def collect_facts(
    session: Session,
    number: int,
    ends: tuple[str, str],
    initiator: int | None,
    how_ended: str,
) -> SessionReport:
    """Return a report without its verdict.

    :param ends: ``ip:port`` of side 0 and 1.
    :param initiator: the side that opened the TCP connection, if that was seen.
    :param how_ended: how the connection ended, in words.
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
        opened=initiator is not None,
        closed=how_ended in _CLOSED,
    )
    client, server = session.readers[client_side], session.readers[1 - client_side]
    report.client_bytes, report.server_bytes = client.plain_bytes, server.plain_bytes
    report.client_encrypted_bytes = client.dark_bytes
    report.server_encrypted_bytes = server.dark_bytes
    report.missing_bytes = client.missing_bytes + server.missing_bytes
    exchange = decisive_exchange(session)
    if exchange is not None:
        _describe(report, session, exchange)
    _describe_alerts(report, session)
    _describe_damage(report, session)
    report.ending = _ending(session, how_ended)
    return report


def decisive_exchange(session: Session) -> Exchange | None:
    """Return the handshake that the verdict is about: the first refused, else the last."""
    for exchange in session.exchanges:
        if exchange.refusal is not None:
            return exchange
    answered = [e for e in session.exchanges if e.server_hello is not None]
    if answered:
        return answered[-1]
    return session.exchanges[-1] if session.exchanges else None


def _ending(session: Session, how_ended: str) -> str:
    """Tell an orderly end from a truncated one (RFC 5246 section 7.2.1)."""
    said = sorted({alert.role for alert in session.alerts if alert.closes})
    if said:
        names = " and ".join(_ROLES[role] for role in said)
        return f"close_notify from the {names}; {how_ended}"
    if session.dark_alert_frames:
        role, frame = session.dark_alert_frames[-1]
        return f"an encrypted alert from the {_ROLES[role]} in frame {frame}; {how_ended}"
    if session.opened:
        return f"no close_notify; {how_ended}"
    return how_ended


_ROLES = ("client", "server")


_CLOSED = frozenset({"closed", "reset", "ports reused"})
"""How a connection ended whose end was captured (``tcp.End``)."""

_RESUMED: dict[str, Resumed] = {"ticket": "ticket", "session id": "session id", "psk": "psk"}


def _guess_client(ends: tuple[str, str]) -> int:
    """The end with the higher port is taken for the client; it is said that nothing proves it."""
    ports = [int(end.rpartition(":")[2]) for end in ends]
    return 0 if ports[0] >= ports[1] else 1


def _describe(report: SessionReport, session: Session, exchange: Exchange) -> None:
    hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
    if hello is not None:
        report.offered_suites = _suite_names(hello.cipher_suites)
        report.sni = hello.server_name
        report.offer = offer_of(hello, dtls=session.dtls)
    if answer is not None and suite is not None:
        report.version = version_name(answer.version)
        report.cipher_suite = suite.name
        report.key_exchange = suite.key_exchange
        report.alpn = answer.alpn or pull_alpn(exchange.encrypted_extensions)
        report.extended_master_secret = exchange.extended_master_secret
        report.encrypt_then_mac = exchange.encrypt_then_mac
        if answer.version == Version.TLS13:
            report.extended_master_secret = report.encrypt_then_mac = None
    if exchange.external_psk and without_key_shares(exchange):
        report.key_exchange = "PSK"
    if exchange.resumed_by is not None and not exchange.external_psk:
        report.resumed = _RESUMED[exchange.resumed_by]
    report.mutual_tls = _mutual(session)
    report.client_certificate_requested = _requested(session)
    report.handshakes = len([e for e in session.exchanges if e.completed])
    report.finished_verified = _finished(session.exchanges)
    report.secrets_from = exchange.secrets_from
    frames = [frame for e in session.exchanges for _, frame, _ in e.frames]
    report.handshake_frames = tuple(dict.fromkeys(frames))[:64]
    report.handshake_times = handshake_times(session.exchanges)
    for known in session.exchanges:
        client, server = known.certificates
        if server is not None:
            report.server_certificate = server.fingerprint_sha256
            report.server_subject = server.subject
            report.server_names = server.names
            report.server_not_after = _nanoseconds(server.not_after)
            report.server_key = server.key
            report.server_facts = server
            report.server_chain = known.chains[SERVER]
        if client is not None:
            report.client_certificate = client.fingerprint_sha256
            report.client_subject = client.subject
            report.client_names = client.names
            report.client_not_after = _nanoseconds(client.not_after)
            report.client_facts = client
            report.client_chain = known.chains[CLIENT]


@functools.lru_cache(maxsize=512)
def _nanoseconds(date: datetime | None) -> int | None:
    return None if date is None else int(date.timestamp()) * 1_000_000_000


@functools.lru_cache(maxsize=512)
def _suite_names(numbers: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(suite_name(number) for number in numbers if not is_grease(number))


def version_name(version: int) -> str:
    """Return ``TLS 1.2`` for 0x0303."""
    return VERSION_NAMES.get(version) or f"0x{version:04X}"


def _mutual(session: Session) -> bool | None:
    full = [e for e in session.exchanges if e.full]
    if True in [e.certificate_verified for e in full]:
        return True
    if not full or True in [e.incomplete[CLIENT] for e in full]:
        return None
    return False


def _requested(session: Session) -> bool | None:
    full = [e for e in session.exchanges if e.full]
    if True in [e.certificate_requested for e in full]:
        return True
    if not full or True in [e.incomplete[SERVER] for e in full]:
        return None
    return False


def _finished(exchanges: Iterable[Exchange]) -> bool | None:
    results = [r for e in exchanges for r in e.finished_verified]
    if False in results:
        return False
    return True if True in results else None


def _describe_alerts(report: SessionReport, session: Session) -> None:
    alerts = session.alerts
    if alerts:
        fatal = [alert for alert in alerts if alert.fatal]
        others = [alert for alert in alerts if not alert.closes]
        report.alert = str((fatal or others or alerts)[0])


def _describe_damage(report: SessionReport, session: Session) -> None:
    one, other = session.readers
    bad = one.bad_records + other.bad_records
    if bad:
        frames = ", ".join(map(str, session.failed_frames))
        report.notes.append(f"{bad} records did not verify (first frames: {frames}); not shown")
    answered = len([e for e in session.exchanges if e.server_hello is not None])
    if answered > 1:
        report.notes.append(f"{answered} handshakes: the session was renegotiated")
    if one.overflowed or other.overflowed:
        report.notes.append("too many records waited for secrets; they were given up")
    if report.finished_verified is False:
        report.notes.append("a Finished message did not verify")
    report.notes.extend(session.notes)
