"""Why a TLS session is clear or dark: one enum, and what each member means.

The texts live in a table, not in branches: every front end and the documentation read them here.
``docs/verdicts/`` has one page a verdict; a test holds the two together.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["MEANINGS", "Meaning", "Side", "Verdict"]


class Side(enum.Enum):
    """Whose configuration has to change so that the next session is clear."""

    NOBODY = "nobody"
    SERVER = "server"
    CLIENT = "client"
    OBSERVER = "observer"
    """The one who captures: keys, capture point, capture options."""


class Verdict(enum.Enum):
    """What became of a TLS session; the value is the code in JSON."""

    DECRYPTED = "decrypted"
    NO_MATCHING_KEY = "no-matching-key"
    CLIENT_KEY = "client-key"
    FORWARD_SECRECY = "forward-secrecy"
    TLS13 = "tls13"
    HANDSHAKE_NOT_CAPTURED = "handshake-not-captured"
    HANDSHAKE_INCOMPLETE = "handshake-incomplete"
    RESUMED_UNSEEN = "resumed-unseen"
    PACKETS_MISSING = "packets-missing"
    SNAP_LENGTH = "snap-length"
    UNSUPPORTED_SUITE = "unsupported-suite"
    WRONG_SECRETS = "wrong-secrets"
    CORRUPT_RECORDS = "corrupt-records"
    HANDSHAKE_FAILED = "handshake-failed"
    NO_DATA = "no-data"
    NOT_TLS = "not-tls"
    EVICTED = "evicted"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a verdict says to a person."""

    title: str
    """A few words for tables: ``no matching key``."""
    clear: bool
    """Whether everything that was captured of the session is readable."""
    side: Side
    """Whose side must change, unless the session's own advice says otherwise."""


MEANINGS: dict[Verdict, Meaning] = {
    Verdict.DECRYPTED: Meaning("decrypted", True, Side.NOBODY),
    Verdict.NO_MATCHING_KEY: Meaning("no matching key", False, Side.OBSERVER),
    Verdict.CLIENT_KEY: Meaning("key belongs to the client", False, Side.OBSERVER),
    Verdict.FORWARD_SECRECY: Meaning("forward secrecy, needs session secrets", False, Side.SERVER),
    Verdict.TLS13: Meaning("TLS 1.3, needs session secrets", False, Side.SERVER),
    Verdict.HANDSHAKE_NOT_CAPTURED: Meaning("handshake not captured", False, Side.OBSERVER),
    Verdict.HANDSHAKE_INCOMPLETE: Meaning("handshake incomplete", False, Side.OBSERVER),
    Verdict.RESUMED_UNSEEN: Meaning("resumed, first handshake unseen", False, Side.OBSERVER),
    Verdict.PACKETS_MISSING: Meaning("packets missing", False, Side.OBSERVER),
    Verdict.SNAP_LENGTH: Meaning("cut by snap length", False, Side.OBSERVER),
    Verdict.UNSUPPORTED_SUITE: Meaning("unsupported suite", False, Side.SERVER),
    Verdict.WRONG_SECRETS: Meaning("wrong secrets", False, Side.OBSERVER),
    Verdict.CORRUPT_RECORDS: Meaning("corrupt records", False, Side.OBSERVER),
    Verdict.HANDSHAKE_FAILED: Meaning("handshake failed", True, Side.NOBODY),
    Verdict.NO_DATA: Meaning("no application data", True, Side.NOBODY),
    Verdict.NOT_TLS: Meaning("not TLS", True, Side.NOBODY),
    Verdict.EVICTED: Meaning("given up, table full", False, Side.OBSERVER),
}
