"""A passive listener for tests: bytes of both directions in, what was read and the report out.

>>> heard = listen(pair.flights, ring(keys=[server_key()]))
>>> heard.client == b"what the client said"
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit import Flight, Identity, TlsPair, certificates
from tqdecrypt.keys import KeyLog, KeyRing, PrivateKey, SecretsStore
from tqdecrypt.keys.psk import PreSharedKey
from tqdecrypt.tls import (
    DarkData,
    Plaintext,
    SecretFinder,
    SessionReport,
    TlsSession,
    report_session,
)

ENDS = ("192.0.2.10:40000", "192.0.2.20:5061")
REQUEST = b"OPTIONS sip:sip.example.com SIP/2.0\r\nContent-Length: 0\r\n\r\n"
ANSWER = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Passive:
    """One session as the passive side hears it; side 0 is the end that opened the connection."""

    finder: SecretFinder
    ends: tuple[str, str] = ENDS
    client: bytearray = field(default_factory=bytearray)
    server: bytearray = field(default_factory=bytearray)
    gaps: int = 0
    records: list[tuple[bool, bytes, int]] = field(default_factory=list)
    """From the client, plaintext, frame."""

    def __post_init__(self) -> None:
        self.session = TlsSession(self.finder, self, ends=self.ends)
        self.frame = 0

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        for data, frame, time in records:
            assert time == frame * 1000
            self.records.append((from_client, data, frame))
            (self.client if from_client else self.server).extend(data)

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        pass

    def application_gap(self, from_client: bool) -> None:
        self.gaps += 1

    def hear(self, side: int, data: bytes) -> None:
        """One packet."""
        self.frame += 1
        self.session.receive(side, data, [len(data)], [self.frame], [self.frame * 1000])

    def miss(self, side: int, size: int, *, snapped: bool = False) -> None:
        self.session.gap(side, size, snapped)

    def finish(self, given: tuple[str, ...] = ()) -> SessionReport:
        self.session.finish()
        self.report = report_session(self.session, 1, self.ends, 0, given)
        assert self.report.why, "every verdict says why"
        return self.report

    @property
    def verdict(self) -> str:
        return self.report.verdict.value


def ring(
    keys: Iterable[PrivateKey] = (),
    keylog: Iterable[str] = (),
    psks: Iterable[tuple[str | None, str]] = (),
) -> KeyRing:
    """Return a key ring; *keylog* are lines, *psks* pairs of identity and hexadecimal key."""
    log = KeyLog()
    for line in keylog:
        log.feed(line.encode() + b"\n", "test.log")
    shared = [
        PreSharedKey(None if name is None else name.encode(), bytes.fromhex(key))
        for name, key in psks
    ]
    return KeyRing(keys, log, shared)


def key_of(identity: Identity, name: str = "server.key") -> PrivateKey:
    return PrivateKey(identity.key, name)


def server_key() -> PrivateKey:
    return key_of(certificates.server())


def flat(flights: Sequence[Flight]) -> list[tuple[int, bytes]]:
    return [(0 if flight.from_client else 1, flight.data) for flight in flights]


def listen(
    flights: Sequence[Flight] | Sequence[tuple[int, bytes]],
    keys: KeyRing | SecretFinder,
    given: tuple[str, ...] = (),
) -> Passive:
    """Hear everything in order, then finish."""
    heard = Passive(keys if isinstance(keys, SecretFinder) else SecretFinder(keys))
    for first, data in flights:
        side = (0 if first else 1) if isinstance(first, bool) else first
        heard.hear(side, data)
    heard.finish(given)
    return heard


def talk(pair: TlsPair, rounds: int = 3, size: int = 16384) -> tuple[bytes, bytes]:
    """Say a few things in both directions; return what each side said."""
    said = [b"", b""]
    for number in range(rounds):
        for side, text in enumerate((REQUEST, ANSWER)):
            line = text.replace(b"Content", b"CSeq: %d OPTIONS\r\nContent" % number)
            pair.say(side == 0, line, size)
            said[side] += line
    return said[0], said[1]


def records_of(data: bytes) -> list[bytes]:
    """Cut whole TLS records apart."""
    records = []
    while data:
        length = 5 + int.from_bytes(data[3:5], "big")
        records.append(data[:length])
        data = data[length:]
    return records


def store(passphrase: bytes | None = None) -> SecretsStore:
    """Return an empty secrets store in a directory of its own."""
    return SecretsStore(Path(tempfile.mkdtemp()) / "secrets", passphrase)
