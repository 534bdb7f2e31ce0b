"""A passive listener for DTLS: datagrams in, what was read and the report out; and recordings.

The recordings are in ``tests/data/dtls``, with the program that made them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tqdecrypt.keys import KeyRing, PrivateKey
from tqdecrypt.tls import DarkData, Plaintext, SecretFinder, SessionReport, report_session
from tqdecrypt.tls.dtls import DtlsSession

from .passive import ENDS

RECORDED = Path(__file__).parents[1] / "data" / "dtls"
Datagram = tuple[int, bytes]
"""The side that sent it (0: the client), and the bytes."""


@dataclass
class Recording:
    """One connection of a recording."""

    client: bytes = b""
    """What the client said."""
    server: bytes = b""
    keylog: list[str] = field(default_factory=list)
    datagrams: list[Datagram] = field(default_factory=list)
    exported: bytes = b""
    """Keying material that the program exported (RFC 5705)."""

    @property
    def said(self) -> tuple[bytes, bytes]:
        return self.client, self.server


def parse(text: str) -> list[Recording]:
    """Return the connections in the text of a recording."""
    made = []
    for part in text.split("--\n"):
        recording = Recording()
        for line in part.splitlines():
            word, _, rest = line.partition(" ")
            if word in "<>":
                recording.datagrams.append(("><".index(word), bytes.fromhex(rest)))
            elif word.endswith("-said"):
                setattr(recording, word.removesuffix("-said"), bytes.fromhex(rest))
            elif word == "exported":
                recording.exported = bytes.fromhex(rest)
            elif word != "#":
                recording.keylog.append(line)
        made.append(recording)
    return made


@functools.cache
def recordings(name: str) -> list[Recording]:
    """Return the connections of a recording."""
    return parse((RECORDED / f"{name}.txt").read_text())


def recording(name: str) -> Recording:
    """Return the first connection of a recording."""
    return recordings(name)[0]


@functools.cache
def recorded_key() -> PrivateKey:
    """Return the server's key of all recordings."""
    return PrivateKey(
        load_pem_private_key((RECORDED / "server.key").read_bytes(), None),
        "server.key",
    )


def records_of(datagram: bytes) -> list[bytes]:
    """Cut the records of a datagram apart."""
    records = []
    while datagram:
        length = 13 + int.from_bytes(datagram[11:13], "big")
        records.append(datagram[:length])
        datagram = datagram[length:]
    return records


def apart(datagrams: Iterable[Datagram]) -> list[Datagram]:
    """Return the same, a datagram a record."""
    return [(side, record) for side, data in datagrams for record in records_of(data)]


def epoch_of(record: bytes) -> int:
    return int.from_bytes(record[3:5], "big")


@dataclass
class PassiveDatagrams:
    """One DTLS session as the passive side hears it."""

    finder: SecretFinder
    ends: tuple[str, str] = ENDS
    records: list[tuple[bool, bytes, int]] = field(default_factory=list)
    """From the client, plaintext, frame."""
    frame: int = 0

    def __post_init__(self) -> None:
        self.session = DtlsSession(self.finder, self, ends=self.ends)

    def application_data(self, from_client: bool, records: Sequence[Plaintext]) -> None:
        for data, frame, time in records:
            assert time == frame * 1000
            self.records.append((from_client, data, frame))

    def dark_data(self, side: int, records: Sequence[DarkData]) -> None:
        """See :class:`~tqdecrypt.tls.Listener`."""

    def application_gap(self, from_client: bool) -> None:
        """Datagrams stand for themselves."""

    def hear(self, side: int, data: bytes) -> None:
        self.frame += 1
        self.session.receive_datagram(side, data, self.frame, self.frame * 1000)

    def finish(self, given: tuple[str, ...] = ()) -> SessionReport:
        self.session.finish()
        self.report = report_session(self.session, 1, self.ends, None, given)
        assert self.report.why, "every verdict says why"
        assert self.session.budget.used == 0, "nothing waits any more"
        return self.report

    @property
    def said(self) -> tuple[bytes, bytes]:
        client, server = (
            b"".join(data for from_client, data, _ in self.records if from_client is first)
            for first in (True, False)
        )
        return client, server

    @property
    def sorted(self) -> list[tuple[bool, bytes]]:
        """What was read, whatever the order."""
        return sorted((from_client, data) for from_client, data, _ in self.records)

    @property
    def verdict(self) -> str:
        return self.report.verdict.value


def listen_datagrams(
    datagrams: Iterable[Datagram], keys: KeyRing | SecretFinder
) -> PassiveDatagrams:
    """Hear everything in order, then finish."""
    heard = PassiveDatagrams(keys if isinstance(keys, SecretFinder) else SecretFinder(keys))
    for side, data in datagrams:
        heard.hear(side, data)
    heard.finish()
    return heard
