"""The keys of a session: asked for, taken, tried.

Secrets come from a :class:`~tqdecrypt.tls.contracts.SecretSource`.  It answers with
:meth:`Keying.provide` or :meth:`Keying.refuse`, at once or later; until then protected records wait.
Where several secrets may be right, or none is known to belong to the session, records are the judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tqdecrypt.tls.ciphers import UnsupportedCipher
from tqdecrypt.tls.compression import DEFLATE, Inflater
from tqdecrypt.tls.derive import cut_key_block, partition_key_block
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange, Refusal
from tqdecrypt.tls.handshaking import Handshaking
from tqdecrypt.tls.pickup import MAX_SEARCH, MAX_TRIES, find_place
from tqdecrypt.tls.protection import Opener, make_openers
from tqdecrypt.tls.record import Record, RecordState
from tqdecrypt.tls.tls13 import make_openers13

if TYPE_CHECKING:
    from tqdecrypt.tls.contracts import SecretSource
    from tqdecrypt.tls.direction import RecordReader

__all__ = ["Keying"]

MOST_LOST_FIRST = 16
"""Records that may be missing in front of the one that tells which of several secrets is right."""
MOST_PICK_UPS = 6
"""Records of a session in mid-connection that are tried: the first may be cut, and a CBC record
without its own IV (TLS 1.0) opens only behind another one."""


class Keying(Handshaking):
    """The part of a session that has to do with its secrets."""

    __slots__ = ("ended", "ends", "pick_up_tries")

    def __init__(self, secrets: SecretSource, ends: tuple[str, str]) -> None:
        super().__init__(secrets)
        self.ends = ends
        """What the two sides are called."""
        self.ended = 0
        """When something came last, ns."""
        self.pick_up_tries = 0

    @property
    def awaits_secrets(self) -> bool:
        """Whether secrets are being sought that may still be found."""
        return True in [
            e.wanted and e.openers is None and e.refusal is None for e in self.exchanges
        ]

    def _want_secrets(self, exchange: Exchange) -> None:
        """Ask for secrets as soon as everything that they depend on is here."""
        suite = exchange.suite
        if exchange.wanted or suite is None or exchange.client_hello is None:
            return
        if self._tls13(exchange):
            if not exchange.lacks_second_hello or any(exchange.incomplete):
                exchange.wanted = True
                self._secrets.find(self, exchange)
            return
        if exchange.full:
            # The other direction may be behind: a static key needs its ServerKeyExchange, too.
            ready = exchange.encrypted_premaster is not None and (
                exchange.done is not None
                or (
                    not exchange.extended_master_secret
                    and ("DH" not in suite.key_exchange or any(exchange.incomplete))
                )
            )
        else:
            ready = exchange.changed_cipher[SERVER] and (
                exchange.resumption_offered or not exchange.incomplete[SERVER]
            )
            if ready and exchange.resumed_by is None:
                offered = exchange.client_hello.ticket
                exchange.resumed_by = "ticket" if offered else "session id"
        if ready:
            exchange.wanted = True
            self._secrets.find(self, exchange)

    def _ask_at_last(self, reader: RecordReader) -> None:
        """Ask for secrets though the handshake is not whole: a key log does without the rest."""
        exchange = self._exchange_of(reader)
        if exchange.wanted or exchange.client_hello is None or exchange.suite is None:
            return
        if (
            exchange.full
            and exchange.encrypted_premaster is None
            and exchange.changed_cipher[CLIENT]
        ):
            exchange.incomplete[CLIENT] = True  # it was sent, or the client could not go on
        if self._tls13(exchange) or any(exchange.incomplete):
            exchange.wanted = True
            self._secrets.find(self, exchange)

    def provide(self, exchange: Exchange, master: bytes, origin: str) -> None:
        """Take the master secret of a handshake; *origin* says where it came from."""
        if exchange.client_hello is None or exchange.openers is not None:
            return
        exchange.master = master
        exchange.secrets_from = origin
        exchange.openers = self._make_openers(exchange, master)
        if exchange.openers is None:
            self.refuse(exchange, Refusal.UNSUPPORTED_SUITE)
            return
        exchange.refusal = None
        self._secrets.settled(exchange)
        for reader in self.readers:
            if reader.state is RecordState.WAITING and self._exchange_of(reader) is exchange:
                self._open(reader, exchange)
        exchange.verify_finished()

    def provide_traffic_secrets(
        self, exchange: Exchange, secrets: Mapping[str, bytes], origin: str
    ) -> None:
        """Take the secrets of a TLS 1.3 handshake, named as in a key log."""
        if exchange.suite is None or exchange.openers is not None:
            return
        try:
            exchange.openers = make_openers13(exchange.suite, secrets)
        except UnsupportedCipher:
            self.refuse(exchange, Refusal.UNSUPPORTED_SUITE)
            return
        exchange.traffic_secrets = dict(secrets)
        exchange.secrets_from = origin
        exchange.refusal = None
        for reader in self.readers:
            if reader.state is RecordState.WAITING:
                self._open(reader, exchange)

    def _open(self, reader: RecordReader, exchange: Exchange) -> None:
        """Let *reader* go on with the keys of *exchange*."""
        assert exchange.openers is not None
        opener = exchange.openers[self._role(reader.side)]
        if opener is None:
            reader.darken()
            return
        answer = exchange.server_hello
        compressed = answer is not None and answer.compression_method == DEFLATE
        reader.open_with(
            opener,
            wrapped=self._tls13(exchange),
            inflater=Inflater() if compressed else None,
        )

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """Learn that there are no secrets for a handshake."""
        exchange.refusal = refusal
        self._secrets.settled(exchange)
        exchange.messages[CLIENT].clear()
        exchange.messages[SERVER].clear()
        for reader in self.readers:
            if reader.state is RecordState.WAITING and self._exchange_of(reader) is exchange:
                reader.darken()

    def follows_handshake(self, reader: RecordReader) -> bool:
        """Return whether *reader* uses the keys of its last handshake; not while it is renegotiated."""
        openers = self._exchange_of(reader).openers
        return openers is not None and reader.opener is openers[self._role(reader.side)]

    # Openers.

    def _make_openers(self, exchange: Exchange, master: bytes) -> tuple[Opener, Opener] | None:
        """Return what opens the records under *master*; ``None`` when no library has the cipher."""
        hello, answer, suite = exchange.client_hello, exchange.server_hello, exchange.suite
        assert hello is not None
        assert answer is not None
        assert suite is not None
        if suite.bulk is None:
            return None
        version = answer.version
        derived = exchange.derived_with(master)
        if derived is not None and derived.key_block:
            keys = cut_key_block(suite, version, derived.key_block)
        else:
            keys = partition_key_block(suite, version, master, hello.random, answer.random)
        try:
            return make_openers(suite, version, exchange.encrypt_then_mac, keys)
        except UnsupportedCipher:
            return None

    def _openers_of(self, exchange: Exchange) -> tuple[Opener | None, Opener | None] | None:
        if exchange.master is not None:
            return self._make_openers(exchange, exchange.master)
        assert exchange.suite is not None
        try:
            return make_openers13(exchange.suite, exchange.traffic_secrets)
        except UnsupportedCipher:
            return None

    def restore_openers(self, sequences: Iterable[tuple[int, ...]]) -> None:
        """Derive openers again, for records from *sequences* on, after the session was parked."""
        for exchange, numbers in zip(self.exchanges, sequences, strict=True):
            if exchange.openers is None or self._tls13(exchange):
                continue
            assert exchange.master is not None
            exchange.openers = self._make_openers(exchange, exchange.master)
            for opener, number in zip(exchange.openers or (), numbers, strict=True):
                opener.sequence = number
        for reader in self.readers:
            openers = self._exchange_of(reader).openers
            if reader.state is RecordState.OPEN and openers is not None:
                reader.opener = openers[self._role(reader.side)]

    # Several secrets that may be right.

    def other_secret(
        self,
        reader: RecordReader,
        content_type: int,
        version: int,
        fragment: bytes,
        sequence: int = 0,
    ) -> bytes | None:
        """Try the other master secrets on a first record that did not verify."""
        exchange = self._exchange_of(reader)
        most = reader.failed_in_row + MOST_LOST_FIRST
        for master, origin in exchange.alternatives:
            openers = self._make_openers(exchange, master)
            opener = openers[self._role(reader.side)] if openers else None
            if opener is not None:
                opener.sequence = sequence
            if opener is None:
                continue
            # A few records in front of it may be lost or damaged; a number costs a microsecond.
            plaintext = opener.open_ahead(content_type, version, fragment, most, 0)
            if plaintext is None:
                continue
            exchange.master, exchange.secrets_from, exchange.openers = master, origin, openers
            exchange.alternatives = []
            for other in self.readers:
                if other.state is RecordState.OPEN and self._exchange_of(other) is exchange:
                    assert openers is not None
                    other.opener = openers[self._role(other.side)]
            self._secrets.settled(exchange)
            return plaintext
        return None

    # Sessions of which not everything was captured.

    def _try_one_sided(self, reader: RecordReader) -> None:
        """Look for secrets of a handshake of which only one direction was captured."""
        exchange, role = self._exchange_of(reader), self._role(reader.side)
        one = (exchange.client_hello is None) != (exchange.server_hello is None)
        if not one or exchange.openers is not None or reader.first_waiting_frame is None:
            return
        for candidate in self._secrets.one_sided(exchange):
            openers = self._openers_of(candidate)
            opener = openers[role] if openers else None
            if opener is None or not reader.opens_first(opener):
                continue
            exchange.client_hello = exchange.client_hello or candidate.client_hello
            exchange.server_hello = exchange.server_hello or candidate.server_hello
            exchange.suite = candidate.suite
            exchange.master, exchange.secrets_from = candidate.master, candidate.secrets_from
            exchange.traffic_secrets = candidate.traffic_secrets
            exchange.openers = self._openers_of(candidate)
            self._open(reader, exchange)
            return

    def _pick_up(self, reader: RecordReader, record: Record) -> None:
        """Look for secrets that open a record in mid-connection."""
        self.pick_up_tries += 1
        candidates = list(self._secrets.pick_ups(self))
        if not candidates or self.pick_up_tries > MOST_PICK_UPS:
            reader.darken()
            return
        most = min(MAX_SEARCH, max(MAX_TRIES // (2 * len(candidates)), 1 << 10))
        for exchange, client_side in candidates:
            openers = self._openers_of(exchange)
            for side in (0, 1) if client_side is None else (client_side,):
                role = CLIENT if reader.side == side else SERVER
                opener = openers[role] if openers else None
                assert exchange.picked_up is not None
                if opener and find_place(
                    opener, record, exchange.picked_up[role], most, reader.before
                ):
                    self.client_side = side
                    exchange.openers = openers
                    self.exchanges.append(exchange)
                    self._open(reader, exchange)
                    return

    def _go_on(self, reader: RecordReader, exchange: Exchange, record: Record) -> None:
        """Let the other direction of a session that was picked up find its place."""
        role = self._role(reader.side)
        opener = exchange.openers[role] if exchange.openers else None
        self.pick_up_tries += 1
        assert exchange.picked_up is not None
        if opener and find_place(
            opener, record, exchange.picked_up[role], MAX_SEARCH, reader.before
        ):
            self._open(reader, exchange)
        elif self.pick_up_tries > 2 * MOST_PICK_UPS:
            reader.darken()
