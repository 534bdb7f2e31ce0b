"""TLS 1.3: from traffic secrets to plaintext (RFC 8446 sections 5, 7).

Theory.  A direction runs through phases, each with a traffic secret of its own and sequence numbers
from 0: early data (client only), handshake, application data, and one more with each KeyUpdate.
The messages that end a phase (EndOfEarlyData, Finished, KeyUpdate) are not waited for.  A record that
the present phase does not open is tried with the next one: the tag proves which is right.  So a
missing handshake secret, rejected early data and a KeyUpdate lost in a gap all come out by
themselves, and nothing unproven is shown.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from struct import Struct
from typing import Any

from tqdecrypt.tls.ciphers import UnsupportedCipher, invalid_tag, make_aead
from tqdecrypt.tls.constants import HandshakeType
from tqdecrypt.tls.derive import hkdf_expand_label
from tqdecrypt.tls.exchange import CLIENT, SERVER, Exchange
from tqdecrypt.tls.suites import Suite

__all__ = ["PHASE_LABELS", "Tls13Opener", "make_openers13", "transcript13", "verify_finished13"]

_HEADER = Struct(">BHH")
"""Opaque type, legacy version, length: the additional data (RFC 8446 section 5.2)."""

PHASE_LABELS = (
    (
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
    ),
    ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
)
"""Key-log labels of each role's phases, in order (RFC 9850 section 2.2)."""


class _Phase:
    """One traffic secret and the cipher made of it."""

    __slots__ = ("decrypt", "iv", "label", "secret")

    def __init__(self, suite: Suite, secret: bytes, label: str) -> None:
        if suite.bulk is None:
            raise UnsupportedCipher(suite.name)
        key = hkdf_expand_label(suite.prf_hash, secret, b"key", b"", suite.bulk.key_length)
        iv = hkdf_expand_label(suite.prf_hash, secret, b"iv", b"", 12)
        self.secret = secret
        self.label = label
        self.iv = int.from_bytes(iv, "big")
        self.decrypt: Any = make_aead(suite.bulk, key).decrypt


class Tls13Opener:
    """Opens the records of one direction, phase after phase; see the module's text."""

    __slots__ = ("_coming", "_invalid", "_phase", "_suite", "overhead", "sequence")

    def __init__(self, suite: Suite, secrets: list[tuple[str, bytes]]) -> None:
        self._suite = suite
        self._invalid = invalid_tag()
        self._coming = secrets[1:]
        self._phase = _Phase(suite, secrets[0][1], secrets[0][0])
        self.overhead = (suite.bulk.tag_length if suite.bulk else 0) + 1
        self.sequence = 0

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the secrets, not the ciphers (see :mod:`tqdecrypt.tls.parking`)."""
        secrets = [(self._phase.label, self._phase.secret), *self._coming]
        return _restore, (self._suite, secrets, self.sequence)

    @property
    def phase(self) -> str:
        """Key-log label of the secret in use."""
        return self._phase.label

    def add_phase(self, label: str, secret: bytes) -> None:
        """Learn the secret of the phase that follows those known."""
        self._coming.append((label, secret))

    def open(self, content_type: int, version: int, fragment: bytes) -> bytes | None:
        """Return the inner plaintext: content, true type, padding."""
        length = len(fragment)
        try:
            plaintext: bytes = self._phase.decrypt(
                (self._phase.iv ^ self.sequence).to_bytes(12, "big"),
                fragment,
                _HEADER.pack(content_type, version, length),
            )
        except (self._invalid, ValueError):
            return self._open_later(content_type, version, fragment, 0)
        self.sequence += 1
        return plaintext

    def open_ahead(
        self, content_type: int, version: int, fragment: bytes, most: int, missing: int
    ) -> bytes | None:
        """Search the present phase, then the next."""
        plaintext = self._search(
            self._phase,
            range(self.sequence, self.sequence + most + 1),
            content_type,
            version,
            fragment,
        )
        if plaintext is not None:
            return plaintext
        return self._open_later(content_type, version, fragment, most)

    def _open_later(
        self, content_type: int, version: int, fragment: bytes, most: int
    ) -> bytes | None:
        for index, phase in enumerate(self._later()):
            plaintext = self._search(phase, range(most + 1), content_type, version, fragment)
            if plaintext is not None:
                self._phase = phase
                del self._coming[: index + 1]
                return plaintext
        return None

    def _later(self) -> list[_Phase]:
        if self._coming:
            return [_Phase(self._suite, secret, label) for label, secret in self._coming]
        if not self._phase.label.endswith("TRAFFIC_SECRET_0"):
            return []
        # KeyUpdate (RFC 8446 section 7.2): the next application traffic secret.
        digest = self._suite.prf_hash
        size = hashlib.new(digest, usedforsecurity=False).digest_size
        secret = hkdf_expand_label(digest, self._phase.secret, b"traffic upd", b"", size)
        return [_Phase(self._suite, secret, self._phase.label)]

    def _search(
        self, phase: _Phase, sequences: range, content_type: int, version: int, fragment: bytes
    ) -> bytes | None:
        header = _HEADER.pack(content_type, version, len(fragment))
        for sequence in sequences:
            try:
                plaintext: bytes = phase.decrypt(
                    (phase.iv ^ sequence).to_bytes(12, "big"), fragment, header
                )
            except (self._invalid, ValueError):
                continue
            self.sequence = sequence + 1
            return plaintext
        return None


def _restore(suite: Suite, secrets: list[tuple[str, bytes]], sequence: int) -> Tls13Opener:
    opener = Tls13Opener(suite, secrets)
    opener.sequence = sequence
    return opener


def make_openers13(
    suite: Suite, secrets: Mapping[str, bytes]
) -> tuple[Tls13Opener | None, Tls13Opener | None]:
    """Return what opens the client's and the server's records; ``None`` without any secret.

    *secrets* are named as in a key log.  Raises ``UnsupportedCipher``.
    """
    made = []
    for labels in PHASE_LABELS:
        phases = [(label, secrets[label]) for label in labels if label in secrets]
        made.append(Tls13Opener(suite, phases) if phases else None)
    return made[CLIENT], made[SERVER]


def transcript13(exchange: Exchange, role: int, stop: int) -> bytes:
    """Return the handshake up to message *stop* of *role* (RFC 8446 section 4.4.1).

    A ClientHello that was answered by a HelloRetryRequest stands as its hash.
    """
    client, server = exchange.messages
    assert exchange.suite is not None
    if exchange.retried and len(client) > 1:
        digest = hashlib.new(exchange.suite.prf_hash, client[0], usedforsecurity=False).digest()
        first = [bytes([HandshakeType.message_hash, 0, 0, len(digest)]) + digest]
        first += [server[0], client[1]]
        server_rest, client_rest = server[1:], client[2:]
        skip = {CLIENT: 2, SERVER: 1}[role]
    else:
        first = client[:1]
        server_rest, client_rest = server, client[1:]
        skip = {CLIENT: 1, SERVER: 0}[role]
    if role == SERVER:
        return b"".join(first + server_rest[: stop - skip])
    finished = next(
        (i for i, m in enumerate(server_rest) if m[0] == HandshakeType.finished), len(server_rest)
    )
    return b"".join(first + server_rest[: finished + 1] + client_rest[: stop - skip])


def verify_finished13(exchange: Exchange, secrets: Mapping[str, bytes]) -> None:
    """Check the Finished messages that can be checked by now (RFC 8446 section 4.4.4)."""
    if exchange.suite is None or any(exchange.incomplete) or exchange.lacks_second_hello:
        return
    digest = exchange.suite.prf_hash
    size = hashlib.new(digest, usedforsecurity=False).digest_size
    ends = [
        next((i for i, m in enumerate(messages) if m[0] == HandshakeType.finished), None)
        for messages in exchange.messages
    ]
    for role, label in (
        (SERVER, "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
        (CLIENT, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
    ):
        end = ends[role]
        if exchange.finished_verified[role] is not None or end is None or label not in secrets:
            continue
        if role == CLIENT and ends[SERVER] is None:
            continue
        key = hkdf_expand_label(digest, secrets[label], b"finished", b"", size)
        transcript = transcript13(exchange, role, end)
        hashed = hashlib.new(digest, transcript, usedforsecurity=False).digest()
        exchange.finished_verified[role] = exchange.messages[role][end][4:] == hmac.digest(
            key, hashed, digest
        )
