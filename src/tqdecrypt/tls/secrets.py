"""Finding the secrets of a handshake: key log, resumption, RSA key, in this order.

Each way is a small function that provides, refuses, or answers that it does not apply; the order is
the table at the end.  RSA operations are handed to *submit*, which may run them in other processes;
everything else happens at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from tqdecrypt.errors import Malformed
from tqdecrypt.tls.agreement import (
    KeySchedule,
    Shares,
    key_exchange_shares,
    key_shares13,
    psk_premaster,
)
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.handshake import pull_encrypted_premaster
from tqdecrypt.tls.pickup import from_keylog, from_store, one_sided, stored_session, ticket_digest
from tqdecrypt.tls.psk13 import external_psk, without_key_shares
from tqdecrypt.tls.tls13 import PHASE_LABELS

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyRing, PreSharedKey, PrivateKey, SecretsStore, StoredSession
    from tqdecrypt.tls.session import TlsSession

__all__ = ["Resumable", "SecretFinder", "Submit", "run_at_once"]

Submit = Callable[["Sequence[PrivateKey]", bytes, Callable[["list[bytes | None]"], None]], None]
"""Decrypts a ciphertext with each of some keys, somewhere, and later calls the function with what
:meth:`~tqdecrypt.keys.PrivateKey.decrypt_premaster` gave, in the order of the keys."""

MAX_RESUMABLE = 200_000
"""Sessions that can be resumed, at some 300 bytes each.  The oldest goes first: servers forget
sessions after minutes to a day."""
_TRAFFIC_LABELS = tuple(label for labels in PHASE_LABELS for label in labels)
_LAST_LABELS = frozenset(labels[-1] for labels in PHASE_LABELS)
"""What a key log gets last when a TLS 1.3 handshake ends."""
PREMASTER_LENGTH = 48
"""RFC 5246 section 7.4.7.1."""
MAX_TRIALS = 16
"""Keys tried on one handshake whose certificate was not seen: 0.3 ms each with RSA-2048."""


def run_at_once(
    keys: Sequence[PrivateKey], ciphertext: bytes, done: Callable[[list[bytes | None]], None]
) -> None:
    """Decrypt here and now."""
    done([key.decrypt_premaster(ciphertext) for key in keys])


MAX_LATE = 20_000
"""Sessions that wait for a key log to grow; what they queue has a bound of its own."""
LATE_PATIENCE = 60_000_000_000
"""How long they wait, ns of capture time since they last said something: SBCs and proxies write
their secrets as the handshake ends; a minute covers buffered files and slow shares."""


class Resumable:
    """A session that may be resumed.  Its secret does not show in its repr."""

    __slots__ = ("master", "origin", "refusal", "waiters")

    def __init__(self) -> None:
        self.master: bytes | None = None
        self.origin = ""
        self.refusal: Refusal | None = None
        self.waiters: list[tuple[TlsSession, Exchange]] | None = None
        """Resumed handshakes whose first handshake still waits for its secret."""


class SecretFinder:
    """The :class:`~tqdecrypt.tls.session.SecretSource` over a :class:`KeyRing`."""

    shared_as = "secrets"

    def __init__(
        self,
        ring: KeyRing,
        submit: Submit = run_at_once,
        store: SecretsStore | None = None,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._ring = ring
        self._store = store
        self._by_ends: dict[frozenset[str], list[StoredSession]] = {}
        self._by_random: dict[bytes, StoredSession] = {}
        self._submit = submit
        self._hurry = hurry
        self._resumable: dict[bytes, Resumable] = {}
        self.resumable_evicted = 0
        self.expect_late = False
        """Whether secrets may come after the packets: then sessions wait for them."""
        self._late: dict[bytes, list[tuple[TlsSession, Exchange, Refusal]]] = {}
        """Sessions that wait, by client random."""
        self._version = ring.keylog.version
        self.late_given_up = 0
        if store is not None:
            self._load_store(store)

    def hurry(self) -> None:
        """See :meth:`SecretSource.hurry`."""
        self._hurry()

    def find(self, session: TlsSession, exchange: Exchange) -> None:
        """See :meth:`SecretSource.find`."""
        for way in _WAYS:
            if way(self, session, exchange):
                return
        lacking = any(exchange.incomplete)
        self._refuse(
            session, exchange, Refusal.INCOMPLETE if lacking else Refusal.UNSUPPORTED_SUITE
        )

    def pick_ups(self, session: TlsSession) -> Iterator[tuple[Exchange, int | None]]:
        """See :meth:`SecretSource.pick_ups`."""
        if self._store is not None:
            stored = self._by_ends.get(frozenset(session.ends), [])
            origin = f"secrets store {os.path.basename(self._store.path)}"
            yield from from_store(reversed(stored), session.ends, origin)
        if len(self._ring.keylog):
            yield from from_keylog(self._ring.keylog)

    def one_sided(self, exchange: Exchange) -> Iterator[Exchange]:
        """See :meth:`SecretSource.one_sided`."""
        if len(self._ring.keylog):
            yield from one_sided(exchange, self._ring.keylog)

    def _load_store(self, store: SecretsStore) -> None:
        """Make what a store holds known for resumption and for sessions in mid-connection."""
        for session in store:
            self._by_random[session.client_random] = session
            self._by_ends.setdefault(frozenset((session.client, session.server)), []).append(
                session
            )
            if not session.master:
                continue
            resumable = Resumable()
            resumable.master = session.master
            resumable.origin = f"secrets store {os.path.basename(store.path)}"
            if session.session_id:
                self._remember(session.session_id, resumable)
            for digest in session.tickets:
                self._remember(b"ticket" + digest, resumable)

    def keep(self, session: TlsSession, client: str, server: str) -> None:
        """Put the secrets of a session that ended into the store."""
        if self._store is None:
            return
        for exchange in session.exchanges:
            stored = stored_session(exchange, session, client, server)
            if stored is not None:
                self._store.add(stored)

    def issued(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.issued`."""
        if exchange.resumable is None:
            exchange.resumable = Resumable()
            self._settle(exchange)
        if exchange.ticket:
            self._remember(_ticket_key(exchange.ticket), exchange.resumable)
        session_id = exchange.server_hello.session_id if exchange.server_hello else b""
        # Only the ClientHello tells a new session id from one that is resumed.
        if session_id and exchange.client_hello is not None and not exchange.resumption_offered:
            self._remember(session_id, exchange.resumable)

    def settled(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.settled`."""
        self._settle(exchange)

    def abandoned(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.abandoned`."""
        resumable = exchange.resumable
        if resumable is None or resumable.master is not None:
            return
        resumable.refusal = Refusal.RESUMED_UNSEEN
        waiters, resumable.waiters = resumable.waiters, None
        for session, waiting in waiters or ():
            _answer(session, waiting, resumable)

    def _settle(self, exchange: Exchange) -> None:
        resumable = exchange.resumable
        if resumable is None:
            return
        resumable.master = exchange.master
        resumable.origin = exchange.secrets_from or ""
        resumable.refusal = exchange.refusal
        if resumable.master is None and resumable.refusal is None:
            return
        waiters, resumable.waiters = resumable.waiters, None
        for session, waiting in waiters or ():
            _answer(session, waiting, resumable)

    def _remember(self, key: bytes, resumable: Resumable) -> None:
        if len(self._resumable) >= MAX_RESUMABLE and key not in self._resumable:
            del self._resumable[next(iter(self._resumable))]
            self.resumable_evicted += 1
        self._resumable[key] = resumable

    # Secrets that come after the packets.

    def _refuse(self, session: TlsSession, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse, or let the session wait when its secrets may still come."""
        if not self.expect_late or exchange.client_hello is None:
            session.refuse(exchange, refusal)
            return
        if len(self._late) >= MAX_LATE:
            self._give_up(next(iter(self._late)))
            self.late_given_up += 1
        random = exchange.client_hello.random
        self._late.setdefault(random, []).append((session, exchange, refusal))

    def poll(self) -> None:
        """Look again for the sessions that wait, when the key log has grown."""
        version = self._ring.keylog.version
        if version == self._version:
            return
        self._version = version
        for random in [r for r in self._late if self._ring.keylog.secrets_of(r)]:
            for session, exchange, _ in self._late.pop(random):
                self.find(session, exchange)

    def expire(self, now: int) -> None:
        """Refuse what has waited longer than :data:`LATE_PATIENCE`; *now* is capture time, ns."""
        while self._late:
            random, waiting = next(iter(self._late.items()))
            if now - waiting[0][0].ended < LATE_PATIENCE:
                return
            self._give_up(random)

    def finish(self) -> None:
        """No more secrets come."""
        self.poll()
        self.expect_late = False
        for random in list(self._late):
            self._give_up(random)

    def _give_up(self, random: bytes) -> None:
        for session, exchange, refusal in self._late.pop(random):
            secrets = self._traffic_secrets(exchange)
            if refusal is Refusal.TLS13 and secrets:  # some of them are better than none
                session.provide_traffic_secrets(exchange, secrets, self._keylog_name(random))
            else:
                session.refuse(exchange, refusal)

    # The ways.

    def _from_keylog(self, session: TlsSession, exchange: Exchange) -> bool:
        keylog = self._ring.keylog
        if not len(keylog) or exchange.client_hello is None:
            return False
        random = exchange.client_hello.random
        master = keylog.secrets_of(random).get("CLIENT_RANDOM")
        if master is None:
            return False
        session.provide(exchange, master, self._keylog_name(random))
        return True

    def _from_store(self, session: TlsSession, exchange: Exchange) -> bool:
        """A handshake that was opened in an earlier run."""
        hello, answer = exchange.client_hello, exchange.server_hello
        stored = self._by_random.get(hello.random) if hello else None
        if stored is None or answer is None or stored.server_random != answer.random:
            return False
        assert self._store is not None
        origin = f"secrets store {os.path.basename(self._store.path)}"
        if stored.master:
            session.provide(exchange, stored.master, origin)
        else:
            session.provide_traffic_secrets(exchange, stored.traffic, origin)
        return True

    def _from_keylog_premaster(self, session: TlsSession, exchange: Exchange) -> bool:
        if not len(self._ring.keylog) or exchange.encrypted_premaster is None:
            return False
        ciphertext = _ciphertext(exchange)
        secret = self._ring.keylog.by_encrypted_premaster(ciphertext[:8])
        master = exchange.derive_master(secret) if secret else None
        if master is None:
            return False
        session.provide(exchange, master, "key log (RSA line)")
        return True

    def _tls13(self, session: TlsSession, exchange: Exchange) -> bool:
        if exchange.version != Version.TLS13:
            return False
        assert exchange.client_hello is not None
        random = exchange.client_hello.random
        psk = external_psk(exchange, self._ring) if exchange.resumed_by == "psk" else None
        exchange.external_psk = psk is not None
        secrets = self._traffic_secrets(exchange)
        if self.expect_late and secrets and not secrets.keys() >= _LAST_LABELS:
            self._refuse(session, exchange, Refusal.TLS13)  # the rest is about to be written
        elif secrets:
            session.provide_traffic_secrets(exchange, secrets, self._keylog_name(random))
        elif not self._schedule13(session, exchange, psk):
            self._refuse(session, exchange, Refusal.TLS13)
        return True

    def _traffic_secrets(self, exchange: Exchange) -> dict[str, bytes]:
        """Return what the key log has for a TLS 1.3 handshake so far."""
        keylog, hello = self._ring.keylog, exchange.client_hello
        known = keylog.secrets_of(hello.random) if len(keylog) and hello is not None else {}
        return {label: known[label] for label in _TRAFFIC_LABELS if label in known}

    def _keylog_name(self, identifier: bytes) -> str:
        return f"key log {self._ring.keylog.source_of(identifier) or ''}".strip()

    def _resumed(self, session: TlsSession, exchange: Exchange) -> bool:
        cut = exchange.incomplete[SERVER] and not exchange.resumption_offered
        if exchange.full or cut:
            return False
        hello = exchange.client_hello
        assert hello is not None
        for how, key in (
            ("ticket", _ticket_key(hello.ticket) if hello.ticket else b""),
            ("session id", hello.session_id),
        ):
            resumable = self._resumable.get(key) if key else None
            if resumable is not None:
                exchange.resumed_by = how
                if resumable.master is None and resumable.refusal is None:
                    resumable.waiters = [*(resumable.waiters or ()), (session, exchange)]
                else:
                    _answer(session, exchange, resumable)
                return True
        self._refuse(session, exchange, Refusal.RESUMED_UNSEEN)
        return True

    def _forward_secret(self, session: TlsSession, exchange: Exchange) -> bool:
        if exchange.suite is None or not exchange.suite.forward_secret:
            return False
        self._refuse(session, exchange, Refusal.FORWARD_SECRECY)
        return True

    def _from_psk(self, session: TlsSession, exchange: Exchange) -> bool:
        suite = exchange.suite
        if suite is None or suite.key_exchange not in ("PSK", "RSA_PSK"):
            return False
        shares = _shares(exchange)
        if shares is None and any(exchange.incomplete):
            return False
        psks = self._ring.psks_for(shares.identity) if shares else []
        if not psks or shares is None:
            self._refuse(session, exchange, Refusal.NO_PSK)
            return True
        if suite.key_exchange == "PSK":
            premasters = [psk_premaster(None, psk.key) for psk in psks]
            self._try_premasters(session, exchange, premasters, "pre-shared key")
        else:
            self._decrypt(
                session,
                exchange,
                shares.encrypted_premaster,
                lambda secret: [psk_premaster(secret, psk.key) for psk in psks],
            )
        return True

    def _from_static_key(self, session: TlsSession, exchange: Exchange) -> bool:
        """A Diffie-Hellman key of the server that was given: static, or used again and again."""
        suite = exchange.suite
        if suite is None or "DH" not in suite.key_exchange:
            return False
        shares = _shares(exchange)
        if shares is None:
            return False
        certificate = exchange.certificates[SERVER]
        if shares.server:
            key = self._ring.match_share(shares.server)
        else:
            key = self._ring.match_certificate(certificate) if certificate else None
        secret = key.agree(shares.client) if key else None
        if key is None or secret is None:
            return False
        if suite.key_exchange.startswith("DH"):
            secret = secret.lstrip(b"\0")  # RFC 5246 section 8.1.2
        premasters = [secret]
        if "PSK" in suite.key_exchange:
            psks = self._ring.psks_for(shares.identity)
            premasters = [psk_premaster(secret, psk.key) for psk in psks]
        if not premasters:
            return False
        self._try_premasters(session, exchange, premasters, f"static key {key.source}")
        return True

    def _schedule13(
        self, session: TlsSession, exchange: Exchange, psk: PreSharedKey | None
    ) -> bool:
        """TLS 1.3 with a static server key (ETSI TS 103 523-3), or with nothing but our own PSK."""
        known = psk.key if psk is not None else None
        if known is not None and without_key_shares(exchange):
            self._run_schedule(session, exchange, None, known, "pre-shared key")
            return True
        shares = key_shares13(exchange)
        key = self._ring.match_share(shares.server) if shares else None
        if key is None and shares is not None:
            key = self._ring.match_share(shares.server.lstrip(b"\0"))
        secret = key.agree(shares.client) if key and shares else None
        if key is None or secret is None or any(exchange.incomplete):
            return False
        self._run_schedule(session, exchange, secret, known, f"static key {key.source}")
        return True

    def _run_schedule(
        self,
        session: TlsSession,
        exchange: Exchange,
        shared: bytes | None,
        psk: bytes | None,
        origin: str,
    ) -> None:
        exchange.schedule = KeySchedule(exchange, shared, psk)
        session.provide_traffic_secrets(exchange, exchange.schedule.handshake_secrets, origin)

    def _try_premasters(
        self, session: TlsSession, exchange: Exchange, premasters: list[bytes], origin: str
    ) -> None:
        masters = [exchange.derive_master(premaster) for premaster in premasters]
        known = [(master, origin) for master in masters if master is not None]
        if not known:
            self._refuse(session, exchange, Refusal.INCOMPLETE)
            return
        exchange.alternatives = known[1:]
        session.provide(exchange, *known[0])

    def _from_rsa_key(self, session: TlsSession, exchange: Exchange) -> bool:
        suite = exchange.suite
        if suite is None or not suite.rsa_key_exchange or exchange.encrypted_premaster is None:
            return False
        if suite.bulk is None:
            self._refuse(session, exchange, Refusal.UNSUPPORTED_SUITE)
        else:
            self._decrypt(session, exchange, _ciphertext(exchange), lambda secret: [secret])
        return True

    def _decrypt(
        self,
        session: TlsSession,
        exchange: Exchange,
        ciphertext: bytes,
        premasters: Callable[[bytes], list[bytes]],
    ) -> None:
        """Open an encrypted pre-master secret with the key of the server's certificate.

        When the certificate was not seen, every key of the right size is tried.
        """
        if exchange.lacks_session_hash:
            self._refuse(session, exchange, Refusal.INCOMPLETE)
            return
        certificate = exchange.certificates[SERVER]
        if certificate is not None:
            key = self._ring.match_certificate(certificate)
            keys = [key] if key else []
        else:
            keys = self._ring.rsa_keys_of_size(len(ciphertext))[:MAX_TRIALS]
        if not keys:
            self._refuse(session, exchange, self._why_no_key(exchange))
            return
        versions = _versions_in_premaster(exchange) if certificate is None else None

        def done(secrets: list[bytes | None]) -> None:
            results = [
                (key, secret)
                for key, secret in zip(keys, secrets, strict=True)
                if secret is not None and _is_premaster(secret, versions)
            ]
            known: list[tuple[bytes, str]] = []
            for opened, secret in results:
                masters = [exchange.derive_master(premaster) for premaster in premasters(secret)]
                known += [(m, f"RSA key {opened.source}") for m in masters if m is not None]
            if known:
                exchange.alternatives = known[1:]
                session.provide(exchange, *known[0])
            elif results:
                self._refuse(session, exchange, Refusal.INCOMPLETE)
            elif certificate is None:
                self._refuse(session, exchange, Refusal.NO_MATCHING_KEY)
            else:
                self._refuse(session, exchange, Refusal.WRONG_SECRETS)

        self._submit(keys, ciphertext, done)

    def _why_no_key(self, exchange: Exchange) -> Refusal:
        client = exchange.certificates[CLIENT]
        if client is not None and self._ring.match_certificate(client) is not None:
            return Refusal.CLIENT_KEY
        return Refusal.NO_MATCHING_KEY


_WAYS: tuple[Callable[[SecretFinder, TlsSession, Exchange], bool], ...] = (
    SecretFinder._from_store,
    SecretFinder._tls13,
    SecretFinder._from_keylog,
    SecretFinder._resumed,
    SecretFinder._from_keylog_premaster,
    SecretFinder._from_psk,
    SecretFinder._from_static_key,
    SecretFinder._forward_secret,
    SecretFinder._from_rsa_key,
)


def _answer(session: TlsSession, exchange: Exchange, resumable: Resumable) -> None:
    if resumable.master is not None:
        session.provide(exchange, resumable.master, resumable.origin)
    elif resumable.refusal in (None, Refusal.INCOMPLETE):  # not in the capture, or not wholly
        session.refuse(exchange, Refusal.RESUMED_UNSEEN)
    else:
        session.refuse(exchange, resumable.refusal)


def _ticket_key(ticket: bytes) -> bytes:
    return b"ticket" + ticket_digest(ticket)


def _ciphertext(exchange: Exchange) -> bytes:
    assert exchange.encrypted_premaster is not None
    try:
        return pull_encrypted_premaster(exchange.encrypted_premaster, exchange.version or 0)
    except Malformed:
        return b""


def _versions_in_premaster(exchange: Exchange) -> set[bytes]:
    """The first two bytes of a pre-master secret: the version offered (RFC 5246 7.4.7.1).

    Some clients put the negotiated version there instead.
    """
    versions = {exchange.version or 0}
    if exchange.client_hello is not None:
        versions.add(exchange.client_hello.version)
    return {version.to_bytes(2, "big") for version in versions}


def _is_premaster(secret: bytes, versions: set[bytes] | None) -> bool:
    """Return whether *secret* has the shape of a pre-master secret.

    OpenSSL 3.2 and later answer a wrong key with random bytes instead of an error, so the shape is
    all there is to see here; the record's MAC or tag proves it later.
    """
    return len(secret) == PREMASTER_LENGTH and (versions is None or secret[:2] in versions)


def _shares(exchange: Exchange) -> Shares | None:
    """Return what the key exchange messages hold; ``None`` when they are missing or malformed."""
    if exchange.suite is None or exchange.encrypted_premaster is None:
        return None
    try:
        return key_exchange_shares(
            exchange.suite, exchange.server_key_exchange or b"", exchange.encrypted_premaster
        )
    except Malformed:
        return None
