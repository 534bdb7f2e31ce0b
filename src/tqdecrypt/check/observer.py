"""The passive engine beside a handshake of our own: what an observer would see and say of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tqdecrypt.keys import KeyLog, KeyRing
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SecretFinder,
    SessionReport,
    TlsSession,
    report_session,
)

__all__ = ["Flight", "observe", "see_all"]

CLIENT, SERVER = 0, 1


class Flight(NamedTuple):
    """What one side sent in one go."""

    side: int
    """0: we, the client; 1: the server."""
    data: bytes
    time: int
    """Nanoseconds since 1970-01-01 UTC."""

    @classmethod
    def now(cls, side: int, data: bytes) -> Flight:
        """Return a flight of this moment."""
        return cls(side, data, time.time_ns())


class _Ear:
    """Takes plaintext and forgets it."""

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""

    def application_gap(self, from_client: bool) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""


def observe(
    flights: Iterable[Flight], ends: tuple[str, str], ring: KeyRing, how_ended: str = "closed"
) -> SessionReport:
    """Return the report of an observer who has what is in *ring*."""
    finder = SecretFinder(ring)
    session = TlsSession(finder, _Ear(), ends=ends)
    for number, flight in enumerate(flights, 1):
        session.receive(flight.side, flight.data, [len(flight.data)], [number], [flight.time])
    finder.finish()
    session.finish()
    report = report_session(session, 1, ends, CLIENT, ring.describe(), how_ended)
    session.let_go()
    return report


def see_all(
    flights: Sequence[Flight], ends: tuple[str, str], secrets: bytes, how_ended: str = "closed"
) -> SessionReport:
    """Return the report of an observer who has the session's secrets: it has every fact.

    :param secrets: the key log that OpenSSL wrote.
    """
    keylog = KeyLog()
    keylog.feed(secrets, "our own")
    keylog.finish("our own")
    return observe(flights, ends, KeyRing(keylog=keylog), how_ended)
