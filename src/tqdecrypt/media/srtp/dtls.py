"""Keys from a DTLS handshake that could be decrypted (RFC 5764).

The two ends agree on a profile by the extension use_srtp, and take the master keys from the exporter of
RFC 5705; it needs the master secret and both randoms, which whoever decrypts the session has.
"""

from __future__ import annotations

from dataclasses import dataclass

from tqdecrypt.errors import Malformed
from tqdecrypt.media.srtp.keys import MasterKey
from tqdecrypt.media.srtp.suites import PROFILES, find_suite
from tqdecrypt.tls.constants import ExtensionType
from tqdecrypt.tls.derive import prf
from tqdecrypt.tls.exchange import Exchange
from tqdecrypt.wire import Cursor

__all__ = ["DtlsKeys", "DtlsTable", "chosen_profile", "keys_from_handshake"]

_LABEL = b"EXTRACTOR-dtls_srtp"
MOST_SESSIONS = 20_000
"""DTLS sessions whose keys are kept, half a kilobyte each; the oldest go."""
MOST_BETWEEN = 8
"""Of those, between the same two ends: handshakes made anew in a call."""


@dataclass(frozen=True, slots=True)
class DtlsKeys:
    """What both ends of a DTLS session protect media with.  Secret."""

    client: MasterKey
    """Protects what the DTLS client sends."""
    server: MasterKey


def chosen_profile(exchange: Exchange) -> tuple[int, bytes] | None:
    """Return profile and MKI that the server chose (RFC 5764 section 4.1); ``None`` without use_srtp."""
    if exchange.server_hello is None:
        return None
    data = exchange.server_hello.extensions.get(ExtensionType.use_srtp)
    if data is None:
        return None
    cursor = Cursor(data)
    try:
        profiles = cursor.pull_opaque(2)
        mki = cursor.pull_opaque(1)
    except Malformed:
        return None
    return (int.from_bytes(profiles, "big"), mki) if len(profiles) == 2 else None


def keys_from_handshake(exchange: Exchange, origin: str) -> DtlsKeys | None:
    """Return the keys of both ends; ``None`` without use_srtp, or while the master secret is unknown.

    A profile that libsrtp has not gives keys that say so.

    :param origin: which session it was, for a person.
    """
    chosen = chosen_profile(exchange)
    hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
    if chosen is None or hello is None or answer is None or suite is None:
        return None
    if exchange.master is None:
        return None
    number, mki = chosen
    name = PROFILES.get(number, f"DTLS-SRTP profile {number:#06x}")
    protection = find_suite(name)
    if protection is None:
        return DtlsKeys(
            MasterKey(name, None, f"{origin}, client"), MasterKey(name, None, f"{origin}, server")
        )
    key, salt = protection.key_length, protection.salt_length
    exported = prf(
        answer.version,
        suite.prf_hash,
        exchange.master,
        _LABEL,
        hello.random + answer.random,
        2 * (key + salt),
    )
    # client_write_key, server_write_key, client_write_salt, server_write_salt (RFC 5764 section 4.2)
    keys, salts = exported[: 2 * key], exported[2 * key :]
    return DtlsKeys(
        MasterKey(name, keys[:key] + salts[:salt], f"{origin}, client", mki),
        MasterKey(name, keys[key:] + salts[salt:], f"{origin}, server", mki),
    )


class DtlsTable:
    """Keys of DTLS sessions by their ends; a ``KeyingObserver`` of :mod:`tqdecrypt.observing`."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], list[DtlsKeys]] = {}
        """Client and server, ``ip:port`` each → keys."""
        self.dark = 0
        """Handshakes that agreed on SRTP, and stayed dark."""
        self.evicted = 0

    def srtp_agreed(self, session: int, client: str, server: str, exchange: Exchange) -> None:
        """Take a handshake of the session with this number."""
        keys = keys_from_handshake(exchange, f"DTLS session {session}")
        if keys is None:
            self.dark += 1
            return
        if (client, server) not in self._sessions and len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
            self.evicted += 1
        known = self._sessions.setdefault((client, server), [])
        known.append(keys)
        del known[:-MOST_BETWEEN]

    def between(self, source: str, destination: str) -> list[tuple[MasterKey, MasterKey]]:
        """Return the keys of what goes from one end to the other, each with that of the way back."""
        found = [
            (keys.client, keys.server) for keys in self._sessions.get((source, destination), ())
        ]
        back = self._sessions.get((destination, source), ())
        return [*found, *((keys.server, keys.client) for keys in back)]
