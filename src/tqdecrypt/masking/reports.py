"""Reports of TLS sessions without people in them: certificates of persons, names that clients ask for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.masking.words import Words
    from tqdecrypt.tls.report import SessionReport

__all__ = ["masked_report"]

_ATTRIBUTE = re.compile(r"((?:^|[,+])[ \t]*([A-Za-z0-9.]+)=)((?:\\.|[^,+\\])*)", re.DOTALL)
_ORGANISATION = frozenset({"c", "dc", "l", "o", "ou", "st", "street"})
"""Attributes of a subject that name no person (RFC 4514 section 3)."""
_HOST = re.compile(
    r"[A-Za-z0-9*][A-Za-z0-9.*_\-]*\.[A-Za-z0-9\-]+|[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*"
)
_FIRST_BYTES = re.compile(r"((?:[0-9a-f]{2} ){2})((?:[0-9a-f]{2} ?){2,})")


def masked_report(report: SessionReport, words: Words) -> SessionReport:
    """Return *report* with pseudonyms for persons; hosts and organisations stay."""
    changed: dict[str, str] = {}

    def mask(text: str | None, subject: bool = False) -> str | None:
        if text is None:
            return None
        value = text.encode().decode("latin-1")
        made = (_subject(value, words) if subject else _name(value, words)).encode("latin-1")
        masked = made.decode("utf-8", "backslashreplace")
        if masked != text:
            changed[text] = masked
        return masked

    def mask_all(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(mask(name) or "" for name in names)

    def mask_facts(facts: CertificateFacts | None) -> CertificateFacts | None:
        if facts is None:
            return None
        issuer = mask(facts.issuer, subject=True) if facts.self_signed else facts.issuer
        return replace(
            facts,
            subject=mask(facts.subject, subject=True) or "",
            names=mask_all(facts.names),
            issuer=issuer or "",
        )

    def mask_chain(chain: tuple[CertificateFacts, ...]) -> tuple[CertificateFacts, ...]:
        # Those behind the first are of authorities.
        return tuple(filter(None, (mask_facts(facts) for facts in chain[:1]))) + chain[1:]

    masked = replace(
        report,
        sni=mask(report.sni),
        server_subject=mask(report.server_subject, subject=True),
        server_names=mask_all(report.server_names),
        client_subject=mask(report.client_subject, subject=True),
        client_names=mask_all(report.client_names),
    )

    masked.server_facts = mask_facts(report.server_facts)
    masked.client_facts = mask_facts(report.client_facts)
    masked.server_chain = mask_chain(report.server_chain)
    masked.client_chain = mask_chain(report.client_chain)

    def said(sentence: str) -> str:
        for original in sorted(changed, key=len, reverse=True):
            sentence = sentence.replace(original, changed[original])
        return sentence

    masked.why = _FIRST_BYTES.sub(_without_bytes, said(report.why))
    masked.advice = [said(sentence) for sentence in report.advice]
    masked.notes = [said(sentence) for sentence in report.notes]
    return masked


def _subject(text: str, words: Words) -> str:
    def mask(match: re.Match[str]) -> str:
        if match[2].lower() in _ORGANISATION:
            return match[0]
        return match[1] + _name(match[3], words)

    return _ATTRIBUTE.sub(mask, text)


def _name(text: str, words: Words) -> str:
    """Mask a name of a certificate: a host stays, but for numbers in it."""
    if _HOST.fullmatch(text):
        return words.host(text)
    if ":" in text or "@" in text:
        return words.uri(text)
    return words.name(text)


def _without_bytes(match: re.Match[str]) -> str:
    """Leave of the first bytes of what is no TLS as many as tell a protocol."""
    return match[1] + re.sub(r"[0-9a-f]", "x", match[2])
