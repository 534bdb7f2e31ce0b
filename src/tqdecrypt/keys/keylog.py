"""Key logs: session secrets as TLS libraries write them (RFC 9850, "SSLKEYLOGFILE").

Every line is ``LABEL identifier secret``, the last two hexadecimal.  What the identifier names
depends on the label: nearly always the client random, with the historic ``RSA`` labels the start
of the encrypted pre-master secret or the session ID.  Session secrets of DTLS stand under the same
labels as those of TLS.

Nothing in a key log is fatal.  A line that cannot be used is counted, the first few are named
with their numbers, and no such text ever repeats what the line held.
"""

from __future__ import annotations

import re
import sys
from binascii import unhexlify
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

__all__ = ["KeyLog", "KeyLogCounters", "MalformedLine", "TrafficSecret"]

MAX_LINE = 16_384
"""Longest line that is read: a pre-master secret of an 8,192-bit group has 2,048 digits."""

_NAMED_LINES = 8
"""How many unusable lines are named; the rest are only counted."""

_NAMED_LABELS = 32
"""How many different unknown labels are named."""

_MOST_SOURCES = 1_024
"""How many key logs may have an unfinished last line at the same time."""

ENCRYPTED_PREMASTER = "RSA"
SESSION_ID = "RSA Session-ID"
"""Our name for lines of the form ``RSA Session-ID:… Master-Key:…``."""


class _Shape(NamedTuple):
    """What a label's line must look like."""

    label: str
    identifier: range
    """Allowed length of the identifier in bytes."""
    secret: range | frozenset[int]
    """Allowed length of the secret in bytes."""


_RANDOM = range(32, 33)
_HASH = frozenset({32, 48, 64})
_MASTER = range(48, 49)

_SHAPES: dict[bytes, _Shape] = {
    shape.label.encode(): shape
    for shape in (
        # TLS 1.2 and before, and DTLS: the master secret (RFC 9850 section 2.2).
        _Shape("CLIENT_RANDOM", _RANDOM, _MASTER),
        # TLS 1.3 (RFC 9850 section 2.1): as long as the hash of the cipher suite.
        _Shape("CLIENT_EARLY_TRAFFIC_SECRET", _RANDOM, _HASH),
        _Shape("EARLY_EXPORTER_SECRET", _RANDOM, _HASH),
        _Shape("CLIENT_HANDSHAKE_TRAFFIC_SECRET", _RANDOM, _HASH),
        _Shape("SERVER_HANDSHAKE_TRAFFIC_SECRET", _RANDOM, _HASH),
        _Shape("CLIENT_TRAFFIC_SECRET_0", _RANDOM, _HASH),
        _Shape("SERVER_TRAFFIC_SECRET_0", _RANDOM, _HASH),
        _Shape("EXPORTER_SECRET", _RANDOM, _HASH),
        # Encrypted Client Hello (RFC 9850 section 2.3): the KEM's secret, the ECHConfig.
        _Shape("ECH_SECRET", _RANDOM, range(16, 129)),
        _Shape("ECH_CONFIG", _RANDOM, range(1, 65_536)),
        # Wireshark's: the pre-master secret, as long as the key exchange makes it.
        _Shape("PMS_CLIENT_RANDOM", _RANDOM, range(1, 65_536)),
        # The first form of NSS: the first 8 bytes of the encrypted pre-master secret.
        _Shape(ENCRYPTED_PREMASTER, range(8, 9), _MASTER),
    )
}
# The name in TLS 1.3's own terms, as some libraries write it.
_SHAPES[b"EARLY_EXPORTER_MASTER_SECRET"] = _SHAPES[b"EARLY_EXPORTER_SECRET"]

_SESSION_SHAPE = _Shape(SESSION_ID, range(1, 33), _MASTER)
_NOT_BY_RANDOM = frozenset({ENCRYPTED_PREMASTER, SESSION_ID})
_LATER_SECRET = re.compile(rb"(?:CLIENT|SERVER)_TRAFFIC_SECRET_(?:0|[1-9][0-9]{0,5})\Z")
_LABEL_LIKE = re.compile(rb"(?![0-9A-F]+\Z)[A-Z][A-Z0-9_]{0,47}\Z")
"""A label (RFC 9850 section 2), and nothing that might be half of a secret."""


class TrafficSecret(NamedTuple):
    """One secret that protects records directly (TLS 1.3)."""

    client_random: bytes
    label: str
    secret: bytes


class MalformedLine(NamedTuple):
    """Where a line stands that could not be used, and why."""

    source: str
    line: int
    """Its number, from 1."""
    why: str

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.why}"


@dataclass(slots=True)
class KeyLogCounters:
    """What was read."""

    lines: int = 0
    """All lines, also empty ones, comments and those that could not be used."""
    comments: int = 0
    malformed: int = 0
    duplicates: int = 0
    """Secrets that were known already."""
    conflicts: int = 0
    """Secrets that differ from what the same label and identifier gave before; the newer counts."""
    unknown: int = 0
    """Well-formed lines with a label that nothing here uses."""
    evicted: int = 0
    """Secrets given up because the table was full."""
    first_malformed: list[MalformedLine] = field(default_factory=list)
    unknown_labels: Counter[str] = field(default_factory=Counter)
    """The first few such labels and how often they came."""


class _Unusable(Exception):  # noqa: N818 - why a line was skipped; never leaves this module
    pass


@dataclass(slots=True)
class _Tail:
    """What is known of a source between two calls of ``feed``."""

    lines: int = 0
    partial: bytes = b""
    """The line whose end has not come; at most ``MAX_LINE`` bytes and one more are kept."""


class KeyLog:
    """The table of session secrets, from any number of key logs.

    One table holds all: an identifier (client random, encrypted pre-master secret or session ID)
    leads to ``(source, label, secret, label, secret, …)``.  A flat tuple takes half the memory of
    a dictionary, and a key log may have millions of sessions.

    :ivar limit: most secrets that are kept; then the oldest sixteenth of the sessions goes.
    :ivar version: grows with every new secret: a waiting session looks again when it changed.
    :ivar counters: what was read, skipped and given up.
    """

    __slots__ = ("_size", "_table", "_tails", "counters", "limit", "version")

    def __init__(self, limit: int = 2_000_000) -> None:
        self.limit = limit
        self.version = 0
        self.counters = KeyLogCounters()
        self._table: dict[bytes, tuple[str | bytes, ...]] = {}
        self._size = 0
        self._tails: dict[str, _Tail] = {}

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<KeyLog: {self._size} secrets of {len(self._table)} sessions>"

    # -- reading ----------------------------------------------------------------------------

    def feed(self, data: bytes, source: str) -> None:
        """Take the next bytes of key log *source*; an unfinished last line waits for its end."""
        tail = self._tails.get(source)
        if tail is None:
            if len(self._tails) >= _MOST_SOURCES:
                self.finish(next(iter(self._tails)))
            tail = self._tails[source] = _Tail()
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = tail.partial + lines[0]
            tail.partial = rest[: MAX_LINE + 1]
            self._handle_lines(lines, source, tail)
        else:
            tail.partial += rest[: MAX_LINE + 1 - len(tail.partial)]

    def finish(self, source: str) -> None:
        """Key log *source* ends here: its last line counts though its end never came."""
        tail = self._tails.pop(source, None)
        if tail is not None and tail.partial:
            self._handle_lines([tail.partial], source, tail)

    def restart(self, source: str) -> None:
        """Key log *source* starts again: forget its unfinished line, count lines from 1."""
        self._tails.pop(source, None)

    def _handle_lines(self, lines: list[bytes], source: str, tail: _Tail) -> None:
        source = sys.intern(source)
        counters = self.counters
        for number, line in enumerate(lines, tail.lines + 1):
            try:
                self._handle_line(line, source, number)
            except _Unusable as unusable:
                counters.malformed += 1
                if len(counters.first_malformed) < _NAMED_LINES:
                    why = MalformedLine(source, number, str(unusable))
                    counters.first_malformed.append(why)
        tail.lines += len(lines)
        counters.lines += len(lines)

    def _handle_line(self, line: bytes, source: str, number: int) -> None:
        if len(line) > MAX_LINE:
            raise _Unusable(f"longer than {MAX_LINE} bytes")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"#"):
            self.counters.comments += 1
            return
        fields = line.split()
        if len(fields) != 3:
            if fields:
                raise _Unusable(_why_not_three(line, len(fields)))
            return
        name, identifier_digits, secret_digits = fields
        shape = _SHAPES.get(name)
        if shape is None:
            shape = self._rare_shape(name)
            if shape is None:
                return
        elif identifier_digits.startswith(b"Session-ID:") and name == b"RSA":
            if not secret_digits.startswith(b"Master-Key:"):
                raise _Unusable("a session ID without a Master-Key")
            shape = _SESSION_SHAPE
            identifier_digits = identifier_digits[11:]
            secret_digits = secret_digits[11:]
        try:
            identifier = unhexlify(identifier_digits)
            secret = unhexlify(secret_digits)
        except ValueError:
            which = "identifier" if _not_hexadecimal(identifier_digits) else "secret"
            # "from None": nothing of the line may travel with the exception.
            raise _Unusable(f"the {which} of {shape.label} is not hexadecimal") from None
        if len(identifier) not in shape.identifier:
            wanted = _in_words(shape.identifier)
            raise _Unusable(f"{shape.label} for {len(identifier)} bytes instead of {wanted}")
        if len(secret) not in shape.secret:
            wanted = _in_words(shape.secret)
            raise _Unusable(f"{shape.label} of {len(secret)} bytes instead of {wanted}")
        self._add(identifier, shape.label, secret, source)

    def _rare_shape(self, name: bytes) -> _Shape | None:
        """The shape of a later traffic secret; ``None`` when the label is nobody's."""
        if _LATER_SECRET.match(name):
            return _Shape(sys.intern(name.decode()), _RANDOM, _HASH)
        if not _LABEL_LIKE.match(name):
            raise _Unusable("does not start with a label")
        self.counters.unknown += 1
        labels = self.counters.unknown_labels
        label = name.decode()
        if label in labels or len(labels) < _NAMED_LABELS:
            labels[label] += 1
        return None

    def _add(self, identifier: bytes, label: str, secret: bytes, source: str) -> None:
        entry = self._table.get(identifier)
        if entry is None:
            self._table[identifier] = (source, label, secret)
        elif label in (labels := entry[1::2]):
            at = 2 + 2 * labels.index(label)
            if entry[at] == secret:
                self.counters.duplicates += 1
                return
            self.counters.conflicts += 1
            self._table[identifier] = (source, *entry[1:at], secret, *entry[at + 1 :])
            self.version += 1
            return
        else:
            self._table[identifier] = (*entry, label, secret)
        self.version += 1
        self._size += 1
        if self._size > self.limit:
            self._evict()

    def _evict(self) -> None:
        """Give up the sessions that were logged first.

        A sixteenth at a time: looking for the first entry of a dictionary whose first entries were
        deleted walks over all of them, so one at a time would be quadratic.
        """
        for identifier in list(islice(self._table, max(1, len(self._table) // 16))):
            secrets = len(self._table.pop(identifier)) // 2
            self._size -= secrets
            self.counters.evicted += secrets

    # -- looking up -------------------------------------------------------------------------

    def secrets_of(self, client_random: bytes) -> Mapping[str, bytes]:
        """Return the secrets of the session with this client random, by label; empty if none.

        Labels are those of RFC 9850 and ``PMS_CLIENT_RANDOM``; ``EARLY_EXPORTER_MASTER_SECRET``
        appears as ``EARLY_EXPORTER_SECRET``.
        """
        return {
            label: secret
            for label, secret in _pairs(self._table.get(client_random))
            if label not in _NOT_BY_RANDOM
        }

    def by_encrypted_premaster(self, first8: bytes) -> bytes | None:
        """Return the pre-master secret whose encrypted form starts with *first8*."""
        return dict(_pairs(self._table.get(first8))).get(ENCRYPTED_PREMASTER)

    def by_session_id(self, session_id: bytes) -> bytes | None:
        """Return the master secret of the session with this ID."""
        return dict(_pairs(self._table.get(session_id))).get(SESSION_ID)

    def source_of(self, identifier: bytes) -> str | None:
        """Return which key log named this client random, encrypted pre-master or session ID."""
        entry = self._table.get(identifier)
        return None if entry is None else str(entry[0])

    def client_randoms(self) -> list[bytes]:
        """Return the client randoms that have secrets, the oldest first."""
        return [identifier for identifier in self._table if len(identifier) == 32]

    def traffic_secrets(self) -> Iterator[TrafficSecret]:
        """Yield all TLS 1.3 secrets that protect records, oldest session first.

        For a session whose handshake was not captured: a traffic secret opens its records without
        any random, so that each can be tried.  The table may grow meanwhile.
        """
        for client_random in list(self._table):
            for label, secret in _pairs(self._table.get(client_random)):
                if "_TRAFFIC_SECRET" in label:
                    yield TrafficSecret(client_random, label, secret)


def _pairs(entry: tuple[str | bytes, ...] | None) -> Iterator[tuple[str, bytes]]:
    if entry is not None:
        yield from zip(entry[1::2], entry[2::2], strict=True)


def _why_not_three(line: bytes, count: int) -> str:
    """Say what a line is that has not three fields, as far as its look tells."""
    if line.startswith(b"-----"):
        return "belongs to a PEM file, not to a key log"
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or line.count(0) > len(line) // 4:
        return "is UTF-16 text or binary; save the key log as plain text"
    return f"{count} fields instead of label, identifier and secret"


def _not_hexadecimal(digits: bytes) -> bool:
    try:
        unhexlify(digits)
    except ValueError:
        return True
    return False


def _in_words(lengths: range | frozenset[int]) -> str:
    if isinstance(lengths, frozenset):
        *others, last = sorted(lengths)
        return f"{', '.join(map(str, others))} or {last}"
    return str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
