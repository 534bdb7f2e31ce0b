"""What a teller of one message has at hand, and what he says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tqdecrypt.explain.model import Fact, Look, OfferedSuite
from tqdecrypt.explain.reading import Message, Round
from tqdecrypt.keys import CertificateFacts, KeyRing
from tqdecrypt.tls.recording import Recording
from tqdecrypt.tls.report import SessionReport

__all__ = ["Scene", "Teller", "Told", "count", "digits", "fact", "short", "whose"]

MOST_DIGITS = 16
"""Hexadecimal digits of a long value that are shown: enough to find it in Wireshark."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything around a message."""

    recording: Recording
    report: SessionReport
    ring: KeyRing
    rounds: Sequence[Round]
    round: Round

    @property
    def given(self) -> int:
        """How many private keys were given."""
        return len(self.ring.keys)

    def key_of(self, facts: CertificateFacts) -> str | None:
        """Return the private key that belongs to a certificate, in words; ``None`` without."""
        key = self.ring.match_certificate(facts)
        return None if key is None else key.describe()


class Told(NamedTuple):
    """What is said of one message."""

    says: str
    facts: tuple[Fact, ...] = ()
    suites: tuple[OfferedSuite, ...] = ()
    name: str = ""
    """Where it is not that of the message's type: a ServerHello may be a HelloRetryRequest."""
    look: Look = "plain"


Teller = Callable[[Scene, Message], Told]
"""Tells one message; raises ``Malformed``."""


def fact(name: str, *values: str, look: Look = "plain", apart: bool = False) -> Fact:
    """Return a fact."""
    return Fact(name, values, look, apart)


def short(value: bytes) -> str:
    """Return ``32 bytes, 5f3a9c0011223344…``."""
    return f"{count(len(value), 'byte')}, {digits(value)}" if value else "empty"


def digits(value: bytes) -> str:
    """Return the first hexadecimal digits of a long value, all of a short one."""
    shown = value.hex()
    return shown if len(shown) <= MOST_DIGITS else f"{shown[:MOST_DIGITS]}…"


def count(number: int, noun: str) -> str:
    """Return ``1 byte`` or ``2,000 bytes``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def whose(message: Message) -> str:
    """Return who sent a message."""
    return ("client", "server")[message.role]
