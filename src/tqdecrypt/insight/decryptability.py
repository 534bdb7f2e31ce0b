"""How much of the traffic can be read: by session, byte and call, by server and peer, by cause.

It is the server's key that counts, so that rows are about a server and the peers that connect to it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tqdecrypt.insight.evidence import address_of
from tqdecrypt.insight.trunks import Trunks
from tqdecrypt.tls.verdict import MEANINGS, Verdict

if TYPE_CHECKING:
    from tqdecrypt.insight.dark_legs import DarkLeg
    from tqdecrypt.tls.report import SessionReport

__all__ = ["Decryptability", "Key", "Share"]

MOST_ROWS = 20_000
"""Pairs of server and peer that are kept, half a kilobyte each; further ones only count in the total."""
MOST_DARK_CALLS = 100_000
"""Call-IDs with a leg that stayed dark; further ones are only a counter."""

Key = tuple[str, str]
"""The server as ``ip:port``, and its peer: trunk, or address without port."""


class Share:
    """What could be read of some sessions."""

    __slots__ = ("causes", "clear_bytes", "dark", "dark_bytes", "decrypted", "messages", "missing_bytes",
                 "sessions", "sides")  # fmt: skip

    def __init__(self) -> None:
        self.sessions = 0
        self.decrypted = 0
        """Sessions of which everything that was captured is readable, and that had something to read."""
        self.dark = 0
        """Sessions with something in them that stayed unreadable."""
        self.clear_bytes = 0
        """Application bytes that were decrypted and verified."""
        self.dark_bytes = 0
        """Bytes in records that stayed encrypted."""
        self.missing_bytes = 0
        """Bytes that the capture lacks."""
        self.messages = 0
        """SIP messages that were read."""
        self.causes: Counter[Verdict] = Counter()
        """Sessions by verdict."""
        self.sides: Counter[str] = Counter()
        """Dark sessions by whose configuration has to change."""

    @property
    def nothing(self) -> int:
        """Sessions that had nothing to decrypt: handshakes that failed, no data, no TLS."""
        return self.sessions - self.decrypted - self.dark

    @property
    def of_sessions(self) -> float | None:
        """Per cent of the sessions with something to read that were decrypted; ``None`` without any."""
        return _percent(self.decrypted, self.decrypted + self.dark)

    @property
    def of_bytes(self) -> float | None:
        """Per cent of the encrypted bytes captured that were decrypted; ``None`` without any."""
        return _percent(self.clear_bytes, self.clear_bytes + self.dark_bytes)

    def add(self, report: SessionReport) -> None:
        """Count a session."""
        self.sessions += 1
        self.decrypted += report.verdict is Verdict.DECRYPTED
        dark = not MEANINGS[report.verdict].clear
        self.dark += dark
        self.clear_bytes += report.client_bytes + report.server_bytes
        self.dark_bytes += report.client_encrypted_bytes + report.server_encrypted_bytes
        self.missing_bytes += report.missing_bytes
        self.messages += report.messages
        self.causes[report.verdict] += 1
        if dark:
            self.sides[report.side] += 1


class Decryptability:
    """Adds up sessions, and the calls of which a leg stayed dark.

    :param trunks: names of peers.
    :ivar total: all sessions.
    :ivar rows: by server and peer.
    :ivar dark_calls: Call-IDs that were read, and have another leg that stayed dark.
    :ivar counters: ``decryptability_only_in_the_total``, ``calls_with_dark_legs_not_counted``.
    """

    def __init__(self, trunks: Trunks | None = None, most_rows: int = MOST_ROWS) -> None:
        self.total = Share()
        self.rows: dict[Key, Share] = {}
        self.dark_calls: set[str] = set()
        self.counters: Counter[str] = Counter()
        self._name_of = (trunks or Trunks()).name_of
        self._most = most_rows

    def add(self, report: SessionReport) -> None:
        """Count a session."""
        self.total.add(report)
        host = address_of(report.client)
        key = report.server, self._name_of(host) or host
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= self._most:
                self.counters["decryptability_only_in_the_total"] += 1
                return
            row = self.rows[key] = Share()
        row.add(report)

    def add_dark_leg(self, leg: DarkLeg) -> None:
        """Take a leg that was inferred from records that stayed dark."""
        if len(self.dark_calls) < MOST_DARK_CALLS or leg.call_id in self.dark_calls:
            self.dark_calls.add(leg.call_id)
        else:
            self.counters["calls_with_dark_legs_not_counted"] += 1


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
