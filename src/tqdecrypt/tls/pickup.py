"""Picking a session up in mid-connection, when its handshake was not captured.

What is needed besides the keys is which record of the direction comes next.  It is searched: every
candidate is proven by the record's tag or MAC.  Candidates are the sessions of a secrets store
between the same two ends, and the TLS 1.3 traffic secrets of a key log (which need no randoms).  For
TLS 1.2 a ``CLIENT_RANDOM`` line is not enough: the key block depends on the server's random, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tqdecrypt.keys.store import StoredSession
from tqdecrypt.tls.constants import ExtensionType, Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.handshake import ClientHello, ServerHello
from tqdecrypt.tls.suites import find_suite
from tqdecrypt.tls.tls13 import PHASE_LABELS

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyLog
    from tqdecrypt.tls.protection import Opener
    from tqdecrypt.tls.record import Record
    from tqdecrypt.tls.session import Session

__all__ = [
    "MAX_SEARCH",
    "MAX_TRIES",
    "find_place",
    "from_keylog",
    "from_store",
    "one_sided",
    "stored_session",
    "ticket_digest",
]

MAX_SEARCH = 1 << 18
"""Records that a direction may have sent before: five hours at 15 messages a second.  A trial takes
about a microsecond."""
MAX_ONE_SIDED = 4096
"""Sessions of a key log that are tried on one direction."""
MAX_TRIES = 1 << 19
"""Trials for all candidates of one record together."""

_SUITES13 = {32: (0x1301, 0x1303, 0x1304), 48: (0x1302,)}
"""TLS 1.3 suites by the length of their traffic secrets."""


def _exchange(
    version: int,
    suite: int,
    client_random: bytes,
    server_random: bytes,
    encrypt_then_mac: bool,
    origin: str,
    sequences: tuple[int, int] = (0, 0),
) -> Exchange:
    exchange = Exchange()
    extensions = {int(ExtensionType.encrypt_then_mac): b""} if encrypt_then_mac else {}
    legacy = version
    if version == Version.TLS13:
        extensions = {int(ExtensionType.supported_versions): version.to_bytes(2, "big")}
        legacy = Version.TLS12
    exchange.client_hello = ClientHello(legacy, client_random, b"", (), b"\0")
    exchange.server_hello = ServerHello(legacy, server_random, b"", suite, 0, extensions)
    exchange.suite = find_suite(suite)
    exchange.picked_up = sequences
    exchange.wanted = True
    exchange.secrets_from = origin
    return exchange


def from_store(
    stored: Iterable[StoredSession], ends: tuple[str, str], origin: str
) -> Iterator[tuple[Exchange, int | None]]:
    """Yield candidates between two ends: the handshake and the client's side."""
    for session in stored:
        client_side = 0 if session.client == ends[0] else 1
        exchange = _exchange(
            session.version,
            session.cipher_suite,
            session.client_random,
            session.server_random,
            session.encrypt_then_mac,
            origin,
            (session.client_sequence, session.server_sequence),
        )
        exchange.master = session.master or None
        exchange.traffic_secrets = {
            label: secret
            for label, secret in session.traffic.items()
            if label.endswith("TRAFFIC_SECRET_0")
        }
        yield exchange, client_side


def from_keylog(keylog: KeyLog) -> Iterator[tuple[Exchange, int | None]]:
    """Yield candidates from TLS 1.3 traffic secrets, the newest first."""
    by_random: dict[bytes, dict[str, bytes]] = {}
    for entry in keylog.traffic_secrets():
        if entry.label in (PHASE_LABELS[CLIENT][-1], PHASE_LABELS[SERVER][-1]):
            by_random.setdefault(entry.client_random, {})[entry.label] = entry.secret
    for random, secrets in reversed(by_random.items()):
        for suite in _SUITES13.get(len(next(iter(secrets.values()))), ()):
            origin = f"key log {keylog.source_of(random) or ''}".strip()
            exchange = _exchange(Version.TLS13, suite, random, bytes(32), False, origin)
            exchange.traffic_secrets = secrets
            yield exchange, None


def one_sided(exchange: Exchange, keylog: KeyLog) -> Iterator[Exchange]:
    """Yield what *exchange* may be, when only one direction was captured; the newest secrets first.

    Of the server's direction the ServerHello is known, so each client random of the key log is a
    candidate.  Of the client's the ClientHello is; its random names the secrets, and for TLS 1.3 only
    the suite is missing (for TLS 1.2 the server's random is, and nothing replaces it).
    """
    hello, answer = exchange.client_hello, exchange.server_hello
    if hello is not None and answer is None:
        yield from _guess_answer(hello, keylog)
    elif hello is None and answer is not None:
        for random in islice(reversed(keylog.client_randoms()), MAX_ONE_SIDED):
            secrets = keylog.secrets_of(random)
            origin = f"key log {keylog.source_of(random) or ''}".strip()
            candidate = _exchange(
                answer.version,
                answer.cipher_suite,
                random,
                answer.random,
                exchange.encrypt_then_mac,
                origin,
            )
            candidate.master = secrets.get("CLIENT_RANDOM")
            candidate.traffic_secrets = dict(secrets)
            usable = (
                candidate.traffic_secrets if answer.version == Version.TLS13 else candidate.master
            )
            if usable:
                yield candidate


def _guess_answer(hello: ClientHello, keylog: KeyLog) -> Iterator[Exchange]:
    secrets = keylog.secrets_of(hello.random)
    traffic = [secret for label, secret in secrets.items() if "_TRAFFIC_SECRET" in label]
    for suite in _SUITES13.get(len(traffic[0]), ()) if traffic else ():
        origin = f"key log {keylog.source_of(hello.random) or ''}".strip()
        candidate = _exchange(Version.TLS13, suite, hello.random, bytes(32), False, origin)
        candidate.traffic_secrets = dict(secrets)
        yield candidate


def find_place(
    opener: Opener, record: Record, known: int, most: int, before: Record | None = None
) -> bool:
    """Set *opener* to the sequence number of *record*; return False when none opens it.

    First on from where the session stood when it was stored, then from its beginning: a capture may
    be older than the store.  The record *before* shows a cipher whose IV is the block in front (CBC
    before TLS 1.1) where it is.
    """
    for start, tries in ((known, most), (0, min(known, most))):
        if before is not None:
            opener.open_ahead(*before[:3], 0, 0)
        opener.sequence = start
        if tries and opener.open_ahead(*record[:3], tries, 0) is not None:
            found = opener.sequence - 1
            if before is not None:
                opener.open_ahead(*before[:3], 0, 0)
            opener.sequence = found
            return True
    return False


def ticket_digest(ticket: bytes) -> bytes:
    """Return what a ticket is remembered by."""
    return hashlib.blake2b(ticket, digest_size=16).digest()


def stored_session(
    exchange: Exchange, session: Session, client: str, server: str
) -> StoredSession | None:
    """Return what a store keeps of a handshake; ``None`` when it was not opened."""
    hello, answer = exchange.client_hello, exchange.server_hello
    if exchange.openers is None or hello is None or answer is None:
        return None
    sequences = [opener.sequence if opener else 0 for opener in exchange.openers]
    return StoredSession(
        version=answer.version,
        cipher_suite=answer.cipher_suite,
        client_random=hello.random,
        server_random=answer.random,
        client=client,
        server=server,
        seen=session.ended // 1_000_000_000,
        encrypt_then_mac=exchange.encrypt_then_mac,
        session_id=answer.session_id,
        tickets=(ticket_digest(exchange.ticket),) if exchange.ticket else (),
        client_sequence=sequences[CLIENT],
        server_sequence=sequences[SERVER],
        master=exchange.master or b"",
        traffic=dict(exchange.traffic_secrets),
    )
