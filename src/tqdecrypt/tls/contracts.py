"""What a session needs from outside: who takes what it yields, and who finds its secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tqdecrypt.tls.exchange import Exchange
    from tqdecrypt.tls.keying import Keying
    from tqdecrypt.tls.record import DarkData, Plaintext
    from tqdecrypt.tls.session import Session

__all__ = ["Listener", "SecretSource", "WaitingBudget"]


class WaitingBudget:
    """How many bytes may wait for secrets in all sessions together."""

    shared_as = "budget"

    __slots__ = ("limit", "used")

    def __init__(self, limit: int = 1 << 26) -> None:
        self.limit = limit
        self.used = 0


class Listener(Protocol):
    """Takes what a session yields."""

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """The verified plaintext of successive records, never empty."""

    def application_gap(self, from_client: bool) -> None:
        """Plaintext is missing here."""

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """Records of application data from *side*, never empty, that nothing opens."""


class SecretSource(Protocol):
    """Finds the secrets of handshakes."""

    def find(self, session: Keying, exchange: Exchange) -> None:
        """Look for the master secret; answer with ``session.provide`` or ``session.refuse``."""

    def pick_ups(self, session: Keying) -> Iterable[tuple[Exchange, int | None]]:
        """Return handshakes that may belong to a session in mid-connection.

        With each: the client's side, if that is known.
        """

    def one_sided(self, exchange: Exchange) -> Iterable[Exchange]:
        """Return what *exchange* may be, of which only one direction was captured."""

    def issued(self, exchange: Exchange) -> None:
        """The server issued a session id or ticket by which *exchange* may be resumed."""

    def settled(self, exchange: Exchange) -> None:
        """The secrets of *exchange* were provided or refused."""

    def hurry(self) -> None:
        """Answer now, if the answers are only being computed."""

    def abandoned(self, exchange: Exchange) -> None:
        """The session ended, and the secrets of *exchange* were never asked for."""

    def keep(self, session: Session, client: str, server: str) -> None:
        """Keep the secrets of a session that ended for later runs."""
