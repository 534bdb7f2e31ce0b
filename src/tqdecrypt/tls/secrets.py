"""Finding the secrets of a handshake: key log, resumption, RSA key, in this order.

Each way is a small function that provides, refuses, or answers that it does not apply; the order is
the table at the end.  RSA operations are handed to *submit*, which may run them in other processes;
everything else happens at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tqdecrypt.tls.agreement import KeySchedule, key_shares13, psk_premaster
from tqdecrypt.tls.constants import Version
from tqdecrypt.tls.derivation import ask_for_keys, ask_for_premaster, read_answer
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.late import LateSecrets
from tqdecrypt.tls.pickup import from_keylog, from_store, one_sided, stored_session
from tqdecrypt.tls.premaster import (
    Submit,
    ciphertext_of,
    is_premaster,
    run_at_once,
    shares_of,
    versions_in_premaster,
)
from tqdecrypt.tls.psk13 import external_psk, without_key_shares
from tqdecrypt.tls.resumption import ResumptionTable, resumes
from tqdecrypt.tls.tls13 import PHASE_LABELS

if TYPE_CHECKING:
    from tqdecrypt.keys import KeyRing, PreSharedKey, SecretsStore, StoredSession
    from tqdecrypt.tls.keying import Keying
    from tqdecrypt.tls.session import Session

__all__ = ["SecretFinder"]

_TRAFFIC_LABELS = tuple(label for labels in PHASE_LABELS for label in labels)
_LAST_LABELS = frozenset(labels[-1] for labels in PHASE_LABELS)
"""What a key log gets last when a TLS 1.3 handshake ends."""
MAX_TRIALS = 16
"""Keys tried on one handshake whose certificate was not seen: 0.3 ms each with RSA-2048."""


class SecretFinder:
    """The :class:`~tqdecrypt.tls.contracts.SecretSource` over a :class:`KeyRing`."""

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
        self._resumption = ResumptionTable()
        self.expect_late = False
        """Whether secrets may come after the packets: then sessions wait for them."""
        self._late = LateSecrets(ring.keylog, self._give_up)
        if store is not None:
            self._load_store(store)

    def hurry(self) -> None:
        """See :meth:`SecretSource.hurry`."""
        self._hurry()

    def find(self, session: Keying, exchange: Exchange) -> None:
        """See :meth:`SecretSource.find`."""
        for way in _WAYS:
            if way(self, session, exchange):
                return
        lacking = any(exchange.incomplete)
        self._refuse(
            session, exchange, Refusal.INCOMPLETE if lacking else Refusal.UNSUPPORTED_SUITE
        )

    def pick_ups(self, session: Keying) -> Iterator[tuple[Exchange, int | None]]:
        """See :meth:`SecretSource.pick_ups`."""
        if self._store is not None:
            stored = self._by_ends.get(frozenset(session.ends), [])
            yield from from_store(reversed(stored), session.ends, self._store_name)
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
            self._resumption.know(session, self._store_name)

    def keep(self, session: Session, client: str, server: str) -> None:
        """Put the secrets of a session that ended into the store."""
        if self._store is None:
            return
        for exchange in session.exchanges:
            stored = stored_session(exchange, session, client, server)
            if stored is not None:
                self._store.add(stored)

    def issued(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.issued`."""
        self._resumption.issued(exchange)

    def settled(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.settled`."""
        self._resumption.settled(exchange)

    def abandoned(self, exchange: Exchange) -> None:
        """See :meth:`SecretSource.abandoned`."""
        self._resumption.abandoned(exchange)

    @property
    def resumable_evicted(self) -> int:
        """Sessions that were forgotten though they might have been resumed."""
        return self._resumption.evicted

    @property
    def late_given_up(self) -> int:
        """Sessions that waited for their secrets and were given up for others."""
        return self._late.given_up

    @property
    def _store_name(self) -> str:
        assert self._store is not None
        return f"secrets store {os.path.basename(self._store.path)}"

    # Secrets that come after the packets.

    def _refuse(self, session: Keying, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse, or let the session wait when its secrets may still come."""
        if not self.expect_late or exchange.client_hello is None:
            session.refuse(exchange, refusal)
            return
        self._late.wait(exchange.client_hello.random, session, exchange, refusal)

    def poll(self) -> None:
        """Look again for the sessions that wait, when the key log has grown."""
        self._late.poll(self.find)

    def expire(self, now: int) -> None:
        """Refuse what has waited too long; *now* is capture time, ns."""
        self._late.expire(now)

    def finish(self) -> None:
        """No more secrets come."""
        self.poll()
        self.expect_late = False
        self._late.finish()

    def _give_up(self, session: Keying, exchange: Exchange, refusal: Refusal) -> None:
        secrets = self._traffic_secrets(exchange)
        if refusal is Refusal.TLS13 and secrets and exchange.client_hello is not None:
            # Some of them are better than none.
            origin = self._keylog_name(exchange.client_hello.random)
            session.provide_traffic_secrets(exchange, secrets, origin)
        else:
            session.refuse(exchange, refusal)

    # The ways.

    def _from_keylog(self, session: Keying, exchange: Exchange) -> bool:
        keylog = self._ring.keylog
        if not len(keylog) or exchange.client_hello is None:
            return False
        random = exchange.client_hello.random
        master = keylog.secrets_of(random).get("CLIENT_RANDOM")
        if master is None:
            return False
        session.provide(exchange, master, self._keylog_name(random))
        return True

    def _from_store(self, session: Keying, exchange: Exchange) -> bool:
        """A handshake that was opened in an earlier run."""
        hello, answer = exchange.client_hello, exchange.server_hello
        stored = self._by_random.get(hello.random) if hello else None
        if stored is None or answer is None or stored.server_random != answer.random:
            return False
        if stored.master:
            session.provide(exchange, stored.master, self._store_name)
        else:
            session.provide_traffic_secrets(exchange, stored.traffic, self._store_name)
        return True

    def _from_keylog_premaster(self, session: Keying, exchange: Exchange) -> bool:
        if not len(self._ring.keylog) or exchange.encrypted_premaster is None:
            return False
        ciphertext = ciphertext_of(exchange)
        secret = self._ring.keylog.by_encrypted_premaster(ciphertext[:8])
        master = exchange.derive_master(secret) if secret else None
        if master is None:
            return False
        session.provide(exchange, master, "key log (RSA line)")
        return True

    def _tls13(self, session: Keying, exchange: Exchange) -> bool:
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

    def _resumed(self, session: Keying, exchange: Exchange) -> bool:
        if not resumes(exchange):
            return False
        if not self._resumption.resume(session, exchange):
            self._refuse(session, exchange, Refusal.RESUMED_UNSEEN)
        return True

    def _forward_secret(self, session: Keying, exchange: Exchange) -> bool:
        if exchange.suite is None or not exchange.suite.forward_secret:
            return False
        self._refuse(session, exchange, Refusal.FORWARD_SECRECY)
        return True

    def _from_psk(self, session: Keying, exchange: Exchange) -> bool:
        suite = exchange.suite
        if suite is None or suite.key_exchange not in ("PSK", "RSA_PSK"):
            return False
        shares = shares_of(exchange)
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

    def _from_static_key(self, session: Keying, exchange: Exchange) -> bool:
        """A Diffie-Hellman key of the server that was given: static, or used again and again."""
        suite = exchange.suite
        if suite is None or "DH" not in suite.key_exchange:
            return False
        shares = shares_of(exchange)
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

    def _schedule13(self, session: Keying, exchange: Exchange, psk: PreSharedKey | None) -> bool:
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
        session: Keying,
        exchange: Exchange,
        shared: bytes | None,
        psk: bytes | None,
        origin: str,
    ) -> None:
        exchange.schedule = KeySchedule(exchange, shared, psk)
        session.provide_traffic_secrets(exchange, exchange.schedule.handshake_secrets, origin)

    def _try_premasters(
        self, session: Keying, exchange: Exchange, premasters: list[bytes], origin: str
    ) -> None:
        masters = [exchange.derive_master(premaster) for premaster in premasters]
        known = [(master, origin) for master in masters if master is not None]
        if not known:
            self._refuse(session, exchange, Refusal.INCOMPLETE)
            return
        exchange.alternatives = known[1:]
        session.provide(exchange, *known[0])

    def _from_rsa_key(self, session: Keying, exchange: Exchange) -> bool:
        suite = exchange.suite
        if suite is None or not suite.rsa_key_exchange or exchange.encrypted_premaster is None:
            return False
        if suite.bulk is None:
            self._refuse(session, exchange, Refusal.UNSUPPORTED_SUITE)
        else:
            self._decrypt(session, exchange, ciphertext_of(exchange), None)
        return True

    def _decrypt(
        self,
        session: Keying,
        exchange: Exchange,
        ciphertext: bytes,
        mixed: Callable[[bytes], list[bytes]] | None,
    ) -> None:
        """Open an encrypted pre-master secret with the key of the server's certificate.

        When the certificate was not seen, every key of the right size is tried.

        :param mixed: returns the pre-master secrets that the opened one may be a part of; ``None``: it
            is one itself.
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
        versions = versions_in_premaster(exchange) if certificate is None else None

        basis = exchange.basis

        def done(answers: list[bytes | None]) -> None:
            read = [None if answer is None else read_answer(answer) for answer in answers]
            results = [
                (key, derived)
                for key, derived in zip(keys, read, strict=True)
                if derived is not None and is_premaster(derived.premaster, versions)
            ]
            known: list[tuple[bytes, str]] = []
            for opened, derived in results:
                origin = f"RSA key {opened.source}"
                if derived.master and exchange.basis == basis:
                    known.append((derived.master, origin))
                    if exchange.derived is None:
                        exchange.derived, exchange.derived_from = derived, basis
                    continue
                secret = derived.premaster
                masters = [
                    exchange.derive_master(p) for p in (mixed(secret) if mixed else [secret])
                ]
                known += [(m, origin) for m in masters if m is not None]
            if known:
                exchange.alternatives = known[1:]
                session.provide(exchange, *known[0])
            elif results:
                self._refuse(session, exchange, Refusal.INCOMPLETE)
            elif certificate is None:
                self._refuse(session, exchange, Refusal.NO_MATCHING_KEY)
            else:
                self._refuse(session, exchange, Refusal.WRONG_SECRETS)

        ask = ask_for_premaster if mixed else partial(ask_for_keys, exchange)
        self._submit(keys, ask(ciphertext), done)

    def _why_no_key(self, exchange: Exchange) -> Refusal:
        client = exchange.certificates[CLIENT]
        if client is not None and self._ring.match_certificate(client) is not None:
            return Refusal.CLIENT_KEY
        return Refusal.NO_MATCHING_KEY


_WAYS: tuple[Callable[[SecretFinder, Keying, Exchange], bool], ...] = (
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
