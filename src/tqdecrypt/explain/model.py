"""What an explanation consists of.  No secret is in it unless somebody asked for secrets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tqdecrypt.tls.report import SessionReport

__all__ = [
    "Derived",
    "Explanation",
    "Fact",
    "Look",
    "Need",
    "OfferedSuite",
    "Part",
    "Phase",
    "Sender",
    "Shown",
    "Step",
    "SuiteKind",
]

Look = Literal["plain", "dim", "good", "notice", "bad"]
"""How something is meant."""
Sender = Literal["client", "server", "nobody"]
SuiteKind = Literal["RSA", "forward secret", "TLS 1.3", "PSK", "static", "signal", "unknown"]


LEAST_FINGERPRINTED = 12
"""Bytes of a secret that has a fingerprint: of one of 4 bytes, a salt, whoever tries all would find it."""


class Shown:
    """Shows secrets: as fingerprints, or as they are when the user asked for that."""

    def __init__(self, *, secrets: bool = False) -> None:
        self.secrets = secrets

    def __call__(self, secret: bytes) -> str:
        """Return what stands for *secret*."""
        if self.secrets:
            return secret.hex()
        if len(secret) < LEAST_FINGERPRINTED:
            return "(too short for a fingerprint)"
        return f"SHA-256 {hashlib.sha256(secret).hexdigest()[:8]}…"


class Fact(NamedTuple):
    """One thing that a message says."""

    name: str
    values: tuple[str, ...]
    """One, or one after the other in the message's order."""
    look: Look = "plain"
    apart: bool = False
    """Whether each value is a sentence of its own, and not an item of a list."""


class OfferedSuite(NamedTuple):
    """A cipher suite of a ClientHello."""

    number: int
    name: str
    kind: SuiteKind
    chosen: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on the connection, in order of time."""

    name: str
    """``ClientHello``; what it is called in the specification."""
    sender: Sender
    frame: int
    time: int
    """Nanoseconds since 1970-01-01 UTC."""
    since_start: int
    """Nanoseconds since the first step."""
    since_before: int | None
    """Nanoseconds since the step before; ``None`` for the first."""
    says: str
    """What it is for, and what it decides here."""
    facts: tuple[Fact, ...] = ()
    suites: tuple[OfferedSuite, ...] = ()
    """Of a ClientHello, in the client's order."""
    encrypted: bool = False
    """Whether it went over the wire encrypted."""
    readable: bool = True
    """Whether its content is known."""
    look: Look = "plain"
    handshake: int = 1
    """Which handshake of the session it belongs to."""
    data: bool = False
    """Whether it is application data: no step of a handshake."""


class Phase(NamedTuple):
    """A stretch of the handshake and who had to do something in it."""

    name: str
    side: str
    """Who took the time: ``client``, ``server``, ``network``, ``both``."""
    nanoseconds: int
    note: str


class Part(NamedTuple):
    """A piece of a key block, or what is expanded from a traffic secret."""

    name: str
    offset: int | None
    length: int
    shown: str
    """Empty when it is not known."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One secret, and where it comes from."""

    name: str
    length: int | None
    """Bytes; ``None`` when it cannot be told."""
    how: str
    """The formula, with the names of the specification."""
    known: bool
    shown: str = ""
    """Its fingerprint, or itself; empty when it is not known."""
    note: str = ""
    """Where it was found, or why it is not known."""
    parts: tuple[Part, ...] = ()
    depth: int = 0
    public: bool = False
    """Whether it is no secret: it stands in the capture."""


class Need(NamedTuple):
    """Something that opens this session, from this capture."""

    what: str
    given: bool = False
    """Whether it was there, and did."""
    literally: str = ""
    """What to look for, word for word: the beginning of a key log's line."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One session, explained."""

    report: SessionReport
    steps: tuple[Step, ...]
    phases: tuple[Phase, ...]
    derivations: tuple[tuple[Derived, ...], ...]
    """One for each handshake."""
    needs: tuple[Need, ...]
    useless: tuple[str, ...]
    """What does not help, and why: one sentence each."""
    notes: tuple[str, ...]
    secrets_shown: bool

    @property
    def started(self) -> int:
        """Time of the first step, ns."""
        return self.steps[0].time if self.steps else self.report.started
