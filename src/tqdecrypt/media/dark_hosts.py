"""Remembers which hosts had TLS sessions that stayed dark: the SDP of their streams may be in there.

A session whose records are all handshake, such as that of DTLS-SRTP, has none in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tqdecrypt.calls.fields import host_of
from tqdecrypt.tls.verdict import MEANINGS

if TYPE_CHECKING:
    from tqdecrypt.tls import SessionReport

__all__ = ["DarkHosts"]

MOST_HOSTS = 10_000
"""Hosts of sessions that are over."""
MOST_SESSIONS = 10_000
"""Sessions that go on with records that stay dark so far."""


class DarkHosts:
    """Takes sessions with dark records while they go on, and sessions that are over."""

    def __init__(self) -> None:
        self._hosts: dict[str, None] = {}
        self._going_on: dict[int, tuple[str, str]] = {}
        """Number of a session → the hosts of its client and its server."""
        self._suspected: Counter[str] = Counter()
        """Host → sessions of it that are dark so far."""

    def dark_so_far(self, session: int, client: str, server: str) -> None:
        """A session has records that stay dark."""
        if session not in self._going_on and len(self._going_on) < MOST_SESSIONS:
            hosts = self._going_on[session] = host_of(client), host_of(server)
            self._suspected.update(hosts)

    def over(self, report: SessionReport) -> None:
        """A session is over, and stayed dark or not; one without dark records hides nothing."""
        for host in self._going_on.pop(report.session, ()):
            self._suspected[host] -= 1
            if not self._suspected[host]:
                del self._suspected[host]
            if not MEANINGS[report.verdict].clear and len(self._hosts) < MOST_HOSTS:
                self._hosts[host] = None

    def any_of(self, endpoints: Iterable[str]) -> bool:
        """Return whether one of the endpoints (``ip:port``) is at such a host."""
        hosts = map(host_of, endpoints)
        return any(host in self._hosts or host in self._suspected for host in hosts)
