"""A check as one JSON object."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tqdecrypt.check.advice import conclusions
from tqdecrypt.check.checker import Checked
from tqdecrypt.check.probe import Probed
from tqdecrypt.keys import CertificateFacts, Linking, judge_chain

__all__ = ["check_document"]


def check_document(checked: Checked, now: datetime | None = None) -> dict[str, Any]:
    """Return the object."""
    target, answer = checked.target, checked.options
    return {
        "type": "check",
        "host": target.host,
        "port": target.port,
        "address": checked.address or None,
        "sni": target.name,
        "probes": [_probe(one) for one in checked.probes],
        "certificates": [_certificate(checked, facts) for facts in checked.certificates],
        "trusted": checked.trust.trusted,
        "distrusted_because": checked.trust.why or None,
        "client_certificate_requested": checked.client_certificate_requested,
        "options": None
        if answer is None
        else {
            "status": answer.status,
            "reason": answer.reason or None,
            "product": answer.product or None,
            "milliseconds": _milliseconds(answer.took),
            "over": checked.options_over,
        },
        "suites_accepted": checked.suites,
        "conclusions": list(conclusions(checked, now)),
    }


def _probe(one: Probed) -> dict[str, Any]:
    report, observer = one.report, one.observer
    return {
        "offer": one.offer.name,
        "outcome": one.outcome.value,
        "detail": one.detail or None,
        "version": None if report is None else report.version,
        "cipher_suite": None if report is None else report.cipher_suite,
        "key_exchange": None if report is None else report.key_exchange,
        "extended_master_secret": None if report is None else report.extended_master_secret,
        "encrypt_then_mac": None if report is None else report.encrypt_then_mac,
        "alert": None if report is None else report.alert,
        "verdict": None if observer is None else observer.verdict.value,
        "why": None if observer is None else observer.why,
        "advice": [] if observer is None else observer.advice,
        "connect_milliseconds": _milliseconds(one.connect),
        "handshake_milliseconds": _milliseconds(one.handshake),
    }


def _certificate(checked: Checked, facts: CertificateFacts) -> dict[str, Any]:
    return {
        "fingerprint_sha256": facts.fingerprint_sha256,
        "subject": facts.subject,
        "names": facts.names,
        "issuer": facts.issuer,
        "key": facts.key,
        "not_before": None if facts.not_before is None else facts.not_before.isoformat(),
        "not_after": None if facts.not_after is None else facts.not_after.isoformat(),
        "self_signed": facts.self_signed,
        "chain": _chain(checked.chains.get(facts.fingerprint_sha256, ())),
    }


def _chain(chain: tuple[CertificateFacts, ...]) -> dict[str, Any] | None:
    if not chain:
        return None
    judged = judge_chain(chain)
    return {
        "length": judged.length,
        "linking": judged.linking.value,
        "subjects": [facts.subject for facts in chain],
        "issuer_not_sent": judged.not_sent or None,
        "intermediate_missing": judged.linking is Linking.BROKEN,
    }


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)
