"""Sessions whose secrets may come after their packets: they wait, bounded in number and in time.

What they queue meanwhile has a bound of its own (:class:`~tqdecrypt.tls.contracts.WaitingBudget`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyLog
    from tqdecrypt.tls.exchange import Exchange, Refusal
    from tqdecrypt.tls.keying import Keying

__all__ = ["LATE_PATIENCE", "LateSecrets"]

MAX_LATE = 20_000
"""Sessions that wait for a key log to grow; what they queue has a bound of its own."""
LATE_PATIENCE = 60_000_000_000
"""How long they wait, ns of capture time since they last said something: SBCs and proxies write
their secrets as the handshake ends; a minute covers buffered files and slow shares."""

GiveUp = Callable[["Keying", "Exchange", "Refusal"], None]
"""Refuses a handshake for which no secrets came."""


class LateSecrets:
    """Who waits for a key log to grow."""

    def __init__(self, keylog: KeyLog, give_up: GiveUp) -> None:
        self._keylog = keylog
        self._give_up = give_up
        self._version = keylog.version
        self._waiting: dict[bytes, list[tuple[Keying, Exchange, Refusal]]] = {}
        """By client random."""
        self.given_up = 0
        """Sessions that were refused since too many waited."""

    def wait(self, random: bytes, session: Keying, exchange: Exchange, refusal: Refusal) -> None:
        """Let a session wait; *refusal* is what it gets when nothing comes."""
        if len(self._waiting) >= MAX_LATE:
            self._refuse(next(iter(self._waiting)))
            self.given_up += 1
        self._waiting.setdefault(random, []).append((session, exchange, refusal))

    def poll(self, find: Callable[[Keying, Exchange], None]) -> None:
        """Look again for the sessions that wait, when the key log has grown."""
        version = self._keylog.version
        if version == self._version:
            return
        self._version = version
        for random in [r for r in self._waiting if self._keylog.secrets_of(r)]:
            for session, exchange, _ in self._waiting.pop(random):
                find(session, exchange)

    def expire(self, now: int) -> None:
        """Refuse what has waited longer than :data:`LATE_PATIENCE`; *now* is capture time, ns."""
        while self._waiting:
            random, waiting = next(iter(self._waiting.items()))
            if now - waiting[0][0].ended < LATE_PATIENCE:
                return
            self._refuse(random)

    def finish(self) -> None:
        """No more secrets come."""
        for random in list(self._waiting):
            self._refuse(random)

    def _refuse(self, random: bytes) -> None:
        for session, exchange, refusal in self._waiting.pop(random):
            self._give_up(session, exchange, refusal)
