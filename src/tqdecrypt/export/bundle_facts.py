"""What a support bundle says of a handshake, a session, a message: numbers and words of the standards.

Everything here is picked out, nothing is copied whole: a text that a peer sent has no way into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.export.jsonlines import format_time
from tqdecrypt.tls.constants import AlertDescription, ExtensionType
from tqdecrypt.tls.facts import version_name
from tqdecrypt.tls.suites import suite_name
from tqdecrypt.tls.timing import handshake_times, phases

if TYPE_CHECKING:
    from datetime import datetime

    from tqdecrypt.export.pseudonyms import Pseudonyms
    from tqdecrypt.insight import Finding
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.sip import Message
    from tqdecrypt.tls import Session, SessionReport
    from tqdecrypt.tls.exchange import Exchange
    from tqdecrypt.tls.handshake import ClientHello, ServerHello

__all__ = ["finding_line", "handshake_facts", "message_line", "session_line"]

ROLES = ("client", "server")
MOST_EXCHANGES = 8
"""Handshakes of a session that are told; how many there were is told, too."""
METHODS = frozenset(
    {"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH",
     "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"}
)  # fmt: skip
"""The registered ones; any other is a word of a peer's, and stays here."""
PROTOCOLS = frozenset({"sip", "http/1.1", "http/1.0", "h2"})
"""ALPN names that are told; any other is ``other``."""
SECRETS = ("RSA key", "EC key", "key log", "secrets store", "pre-shared key")
"""Where secrets may come from; what follows these words is a file name."""


def handshake_facts(session: Session, pseudonyms: Pseudonyms) -> dict[str, object]:
    """Return what both sides offered, chose and showed in the handshakes of a session."""
    return {
        "handshakes_seen": len(session.exchanges),
        "exchanges": [_exchange(one, pseudonyms) for one in session.exchanges[:MOST_EXCHANGES]],
        "alerts": [
            {
                "from": ROLES[alert.role],
                "level": alert.level,
                "alert": _alert(alert.description),
                "frame": alert.frame,
            }
            for alert in session.alerts
        ],
        "unreadable_alerts": [
            {"from": ROLES[role], "frame": frame} for role, frame in session.dark_alert_frames
        ],
        "directions": [
            {
                "sender": pseudonyms.endpoint(session.ends[side]),
                "state": str(reader.state),
                "opened_records": reader.opened_records,
                "bad_records": reader.bad_records,
                "bytes_missing": reader.missing_bytes,
                "cut_by_snap_length": reader.snapped,
                "too_many_waited": reader.overflowed,
            }
            for side, reader in enumerate(session.readers)
        ],
        "frames_that_failed": session.failed_frames,
        "unreadable_handshake_frame": session.unreadable_frame,
        "notes": len(session.notes),
    }


def _exchange(exchange: Exchange, pseudonyms: Pseudonyms) -> dict[str, object]:
    hello, answer = exchange.client_hello, exchange.server_hello
    [times] = handshake_times([exchange]) or [None]
    begin = times.times[0] if times is not None else 0
    return {
        "client_hello": None if hello is None else _client_hello(hello, pseudonyms),
        "server_hello": None if answer is None else _server_hello(answer),
        "extended_master_secret": exchange.extended_master_secret,
        "encrypt_then_mac": exchange.encrypt_then_mac,
        "resumed_by": exchange.resumed_by,
        "certificates": {
            role: None if facts is None else _certificate(facts, pseudonyms)
            for role, facts in zip(ROLES, exchange.certificates, strict=True)
        },
        "certificate_requested": exchange.certificate_requested,
        "client_certificate_verify": exchange.certificate_verified,
        "messages_missing": dict(zip(ROLES, exchange.incomplete, strict=True)),
        "finished_seen": dict(zip(ROLES, exchange.finished_seen, strict=True)),
        "finished_verified": dict(zip(ROLES, exchange.finished_verified, strict=True)),
        "refusal": None if exchange.refusal is None else exchange.refusal.name,
        "messages": []
        if times is None
        else [[step.name, step.frame, (step.time - begin) / 1e6] for step in times.steps],
        "phases_ms": {}
        if times is None
        else {phase.value: took / 1e6 for phase, took in phases(times).items()},
    }


def _client_hello(hello: ClientHello, pseudonyms: Pseudonyms) -> dict[str, object]:
    extensions = hello.extensions
    return {
        "version": version_name(hello.version),
        "supported_versions": [version_name(version) for version in hello.supported_versions],
        "cipher_suites": [suite_name(number) for number in hello.cipher_suites],
        "compression_methods": list(hello.compression_methods),
        "extensions": list(extensions),
        "supported_groups": _numbers(extensions, ExtensionType.supported_groups),
        "signature_algorithms": _numbers(extensions, ExtensionType.signature_algorithms),
        "server_name": pseudonyms.name(hello.server_name),
        "session_id_length": len(hello.session_id),
        "ticket_length": len(hello.ticket),
        "cookie_length": len(hello.cookie),
    }


def _server_hello(answer: ServerHello) -> dict[str, object]:
    return {
        "version": version_name(answer.version),
        "cipher_suite": suite_name(answer.cipher_suite),
        "compression_method": answer.compression_method,
        "extensions": list(answer.extensions),
        "session_id_length": len(answer.session_id),
        "hello_retry_request": answer.is_hello_retry_request,
    }


def _numbers(extensions: Mapping[int, bytes], which: ExtensionType) -> list[int]:
    """Return the numbers of an extension that is a list of two-byte values (RFC 8446 section 4.2)."""
    data = extensions.get(which, b"")[2:]
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)]


def _certificate(facts: CertificateFacts, pseudonyms: Pseudonyms) -> dict[str, object]:
    """Return what is public about a certificate and names nobody."""
    return {
        "key": facts.key_kind,
        "key_bits": facts.key_size,
        "signature_algorithm": facts.signature_algorithm,
        "not_before": _date(facts.not_before),
        "not_after": _date(facts.not_after),
        "self_signed": facts.self_signed,
        "names": len(facts.names),
        "certificate_hash": pseudonyms.hash(facts.fingerprint_sha256),
        "issuer_hash": pseudonyms.hash(facts.issuer),
        "public_key_hash": pseudonyms.hash(facts.spki_sha256),
    }


def _date(date: datetime | None) -> str | None:
    return None if date is None else date.strftime("%Y-%m-%d")


def _alert(description: int) -> str:
    try:
        return AlertDescription(description).name
    except ValueError:
        return f"alert {description}"


def session_line(
    report: SessionReport, facts: Mapping[str, object], pseudonyms: Pseudonyms
) -> dict[str, object]:
    """Return one TLS session: its verdict with evidence, and what is known of it."""
    tcp = report.tcp
    return {
        "session": report.session,
        "client": pseudonyms.endpoint(report.client),
        "server": pseudonyms.endpoint(report.server),
        "roles_known": report.roles_known,
        "started": format_time(report.started),
        "ended": format_time(report.ended),
        "first_frame": report.first_frame,
        "last_frame": report.last_frame,
        "version": report.version,
        "cipher_suite": report.cipher_suite,
        "key_exchange": report.key_exchange,
        "alpn": _known(report.alpn, PROTOCOLS),
        "resumed": report.resumed,
        "mutual_tls": report.mutual_tls,
        "handshakes": report.handshakes,
        "finished_verified": report.finished_verified,
        "secrets_from": _secrets(report.secrets_from),
        "verdict": report.verdict.value,
        "side": report.side,
        "evidence_frames": report.handshake_frames,
        "client_bytes": report.client_bytes,
        "server_bytes": report.server_bytes,
        "client_encrypted_bytes": report.client_encrypted_bytes,
        "server_encrypted_bytes": report.server_encrypted_bytes,
        "missing_bytes": report.missing_bytes,
        "sip_messages": report.messages,
        "tcp": None
        if tcp is None
        else {
            "connect_ms": None
            if tcp.syn is None or tcp.syn_ack is None
            else (tcp.syn_ack - tcp.syn) / 1e6,
            "syn_seen": tcp.syn is not None,
            "client_retransmissions": tcp.client_retransmissions,
            "server_retransmissions": tcp.server_retransmissions,
            "client_gaps": tcp.client_gaps,
            "server_gaps": tcp.server_gaps,
        },
        **facts,
    }


def _secrets(origin: str | None) -> str | None:
    """Return what kind of thing the secrets came from, without the name of a file."""
    if origin is None:
        return None
    return next((kind for kind in SECRETS if origin.startswith(kind)), "other")


def _known(word: str | None, words: Iterable[str]) -> str | None:
    return word if word is None or word in words else "other"


def message_line(message: Message, pseudonyms: Pseudonyms) -> dict[str, object]:
    """Return the skeleton of a message: no header field's value, no body."""
    flow = message.flow
    line: dict[str, object] = {
        "time": format_time(message.time),
        "frame": message.frame,
        "session": flow.session,
        "source": pseudonyms.endpoint(flow.source),
        "destination": pseudonyms.endpoint(flow.destination),
        "transport": flow.transport,
        "integrity": flow.integrity,
    }
    if message.status is None:
        line["method"] = _known(message.method, METHODS)
    else:
        line["status"] = message.status
    line["cseq_method"] = _known(message.cseq_method, METHODS)
    line["length"] = len(message.raw)
    line["call"] = pseudonyms.hash(message.call_id)
    line["transaction"] = pseudonyms.hash(message.branch)
    return line


def finding_line(finding: Finding, pseudonyms: Pseudonyms) -> dict[str, object]:
    """Return a finding without its sentences, which name names."""
    hosts: Sequence[str] = finding.hosts
    return {
        "finding": finding.name,
        "severity": finding.severity.value,
        "time": format_time(finding.time),
        "count": finding.count,
        "frames": finding.frames,
        "sessions": finding.sessions,
        "calls": [pseudonyms.hash(call_id) for call_id in finding.call_ids[:16]],
        "hosts": [pseudonyms.address(host) for host in hosts],
    }
