"""Session secrets kept from one run to the next: ``--secrets-store FILE``.

A session that is resumed tomorrow, or that was opened before the capture began, can be decrypted with
what was learnt when its handshake was seen.  A store holds, for each session, the master secret (TLS
1.3: the traffic secrets), both randoms, the suite, the connection's ends and how far its records had
come.

File format: the line :data:`MAGIC`, then one JSON object a session and line; or, with a passphrase,
the line :data:`MAGIC_ENCRYPTED`, a line of JSON with the scrypt parameters, and the same text sealed
with AES-256-GCM.  Mode 0600; a new file replaces the old one only when it was written whole.
"""

from __future__ import annotations

import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tqdecrypt.errors import SecretsError
from tqdecrypt.files import whole_file

__all__ = ["SecretsStore", "StoredSession"]

MAGIC = b"tqdecrypt session secrets 1\n"
MAGIC_ENCRYPTED = b"tqdecrypt session secrets 1 encrypted\n"
MAX_SESSIONS = 100_000
"""Sessions kept, at some 600 bytes of file each; the oldest go first."""
MAX_AGE = 30 * 24 * 3600
"""Seconds after which a session is forgotten: nothing is resumed or stays open that long without a
handshake that would be seen again."""
MAX_SEQUENCE = (1 << 64) - (1 << 32)
"""Record numbers have 64 bits, and some room is left for the search from there on."""
SCRYPT = {"n": 1 << 15, "r": 8, "p": 1}
"""RFC 7914: 32 MiB and some 0.1 s a guess."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What opens one session again.  Its secrets do not show in its repr."""

    version: int
    """``ProtocolVersion`` on the wire, 0x0303 for TLS 1.2."""
    cipher_suite: int
    client_random: bytes
    server_random: bytes
    client: str
    """``ip:port`` of the TLS client."""
    server: str
    seen: int
    """When it was last seen, seconds since 1970-01-01 UTC, capture time."""
    encrypt_then_mac: bool = False
    session_id: bytes = b""
    tickets: tuple[bytes, ...] = ()
    """BLAKE2b digests (16 bytes) of the tickets issued for it."""
    client_sequence: int = 0
    """Number of the client's next record when it was last seen."""
    server_sequence: int = 0
    master: bytes = field(default=b"", repr=False)
    traffic: dict[str, bytes] = field(default_factory=dict, repr=False)
    """TLS 1.3: secrets by key-log label."""


class SecretsStore:
    """Sessions in a file.

    :ivar path: the file.
    :ivar dropped: how many sessions were left out because they were too old or too many.
    """

    def __init__(self, path: str | os.PathLike[str], passphrase: bytes | None = None) -> None:
        self.path = os.fspath(path)
        self._passphrase = passphrase
        self._sessions: dict[bytes, StoredSession] = {}
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<SecretsStore {self.path}: {len(self._sessions)} sessions>"

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[StoredSession]:
        return iter(self._sessions.values())

    def add(self, session: StoredSession) -> None:
        """Keep a session; one with the same randoms is replaced."""
        key = session.client_random + session.server_random
        self._sessions.pop(key, None)
        self._sessions[key] = session
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
            self.dropped += 1

    def load(self) -> None:
        """Read the file; a missing one is an empty store.  Raises :class:`SecretsError`."""
        try:
            data = Path(self.path).read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise SecretsError(
                f"The secrets store {self.path} cannot be read ({error.strerror}); "
                "name a file that you may read, or a new one."
            ) from error
        for session in _parse(self._open(data), self.path):
            self.add(session)

    def save(self) -> None:
        """Write the file.  Raises :class:`OutputError`; the old file stays whole then."""
        oldest = max((session.seen for session in self), default=0) - MAX_AGE
        kept = [session for session in self if session.seen >= oldest]
        self.dropped += len(self._sessions) - len(kept)
        text = b"".join(_render(session) for session in kept)
        data = MAGIC + text if self._passphrase is None else self._seal(text)
        with whole_file(self.path, replace=True, private=True, what="secrets store") as file:
            file.write(data)

    def _seal(self, text: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt, nonce = os.urandom(16), os.urandom(12)
        header = json.dumps(
            {**SCRYPT, "salt": b64encode(salt).decode(), "nonce": b64encode(nonce).decode()}
        ).encode()
        start = MAGIC_ENCRYPTED + header + b"\n"
        return start + AESGCM(self._key(salt, **SCRYPT)).encrypt(nonce, text, start)

    def _open(self, data: bytes) -> bytes:
        if data.startswith(MAGIC):
            return data[len(MAGIC) :]
        if not data.startswith(MAGIC_ENCRYPTED):
            raise SecretsError(
                f"{self.path} is not a secrets store of tqdecrypt; name another file, or a new one."
            )
        if self._passphrase is None:
            raise SecretsError(
                f"The secrets store {self.path} is encrypted; give its passphrase with "
                "--secrets-passphrase-file."
            )
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        header, _, sealed = data[len(MAGIC_ENCRYPTED) :].partition(b"\n")
        start = MAGIC_ENCRYPTED + header + b"\n"
        try:
            known = json.loads(header)
            salt, nonce = b64decode(known["salt"]), b64decode(known["nonce"])
            if known["n"] > 1 << 20 or known["r"] > 32 or known["p"] > 16:
                raise ValueError
            key = self._key(salt, known["n"], known["r"], known["p"])
            return AESGCM(key).decrypt(nonce, sealed, start)
        except InvalidTag:
            raise SecretsError(
                f"The passphrase does not open the secrets store {self.path}, or the file is "
                "damaged; give the right passphrase."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise SecretsError(
                f"The secrets store {self.path} is damaged; name another file, or a new one."
            ) from None

    def _key(self, salt: bytes, n: int, r: int, p: int) -> bytes:
        from hashlib import scrypt

        assert self._passphrase is not None
        return scrypt(self._passphrase, salt=salt, n=n, r=r, p=p, maxmem=1 << 28, dklen=32)


_BYTES = frozenset(f.name for f in fields(StoredSession) if f.type == "bytes")


def _render(session: StoredSession) -> bytes:
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(StoredSession)):
        value = getattr(session, name)
        if isinstance(value, bytes):
            value = value.hex()
        elif isinstance(value, tuple):
            value = [item.hex() for item in value]
        elif isinstance(value, dict):
            value = {label: secret.hex() for label, secret in value.items()}
        values[name] = value
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _parse(text: bytes, path: str) -> Iterable[StoredSession]:
    now = time.time()
    for number, line in enumerate(text.splitlines(), 2):
        try:
            values = json.loads(line)
            for name in _BYTES & values.keys():
                values[name] = bytes.fromhex(values[name])
            values["tickets"] = tuple(bytes.fromhex(item) for item in values["tickets"])
            values["traffic"] = {k: bytes.fromhex(v) for k, v in values["traffic"].items()}
            session = StoredSession(**values)
            for sequence in (session.client_sequence, session.server_sequence):
                if not 0 <= sequence <= MAX_SEQUENCE:
                    raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            # "from None": the line that would be quoted holds secrets.
            raise SecretsError(
                f"Line {number} of the secrets store {path} is damaged; take the line out, or name "
                "another file."
            ) from None
        if session.seen <= now + MAX_AGE:
            yield session
