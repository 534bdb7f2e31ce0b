"""What the rules look at, what they say, and the words that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.keys import CertificateFacts
    from tqdecrypt.tls.exchange import Exchange
    from tqdecrypt.tls.report import SessionReport
    from tqdecrypt.tls.session import Session
    from tqdecrypt.tls.verdict import Side, Verdict

__all__ = [
    "LOSS_ADVICE",
    "Case",
    "Judgement",
    "certificate_text",
    "dark_bytes_text",
    "listed",
    "seen_text",
    "suite_text",
]

LOSS_ADVICE = (
    "Look at the capture's own drop counters; capture nearer to the SBC, with a larger buffer "
    "(tcpdump -B) or a filter.",
)


@dataclass(slots=True)
class Case:
    """What the rules look at."""

    session: Session
    report: SessionReport
    exchange: Exchange | None
    """The handshake that matters: the first that was refused, else the last."""
    given: tuple[str, ...]
    """The keys and key logs that were given."""
    how_ended: str


@dataclass(slots=True)
class Judgement:
    """What a rule says."""

    verdict: Verdict
    why: str
    advice: tuple[str, ...] = ()
    side: Side | None = None
    """Whose side must change, where the verdict alone does not say."""


def suite_text(exchange: Exchange) -> str:
    """Return the name of the suite that the server chose."""
    return exchange.suite.name if exchange.suite else "an unknown suite"


def certificate_text(facts: CertificateFacts | None) -> str:
    """Return whose certificate it is, and the beginning of its fingerprint."""
    if facts is None:
        return "(not seen)"
    return f"{facts.subject or '(no subject)'} (SHA-256 {facts.fingerprint_sha256[:16]}…)"


def seen_text(exchange: Exchange) -> str:
    """Return which handshake messages were seen, and in which frames."""
    if not exchange.frames:
        return "no handshake message was seen whole"
    return "seen: " + ", ".join(
        f"{name} in frame {frame}" for name, frame, _ in exchange.frames[:12]
    )


def listed(texts: tuple[str, ...], most: int = 4) -> str:
    """Return the first *most* texts, and how many there are more."""
    shown = "; ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}; and {len(texts) - most} more"


def dark_bytes_text(case: Case) -> str:
    """Return how much stayed dark."""
    total = case.report.client_encrypted_bytes + case.report.server_encrypted_bytes
    return f"{total:,} encrypted bytes"
