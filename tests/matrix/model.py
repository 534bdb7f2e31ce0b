"""What a case is, what an implementation offers, and the files that both use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tqdecrypt.tls.suite_names import SUITE_NAMES

__all__ = [
    "PASSPHRASE",
    "PSK_IDENTITY",
    "PSK_KEY",
    "Case",
    "Command",
    "Implementation",
    "Place",
    "Unavailable",
]

PASSPHRASE = "throw-away"
PSK_IDENTITY = "pbx"
PSK_KEY = "00112233445566778899aabbccddeeff"


class Unavailable(Exception):  # noqa: N818 - no error: this build cannot do it
    """An implementation, as it is built here, does not offer what a case asks for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation: who talks to whom, over what, with which properties."""

    client: str
    server: str
    version: str
    """``TLS 1.2``, ``DTLS 1.0`` …"""
    suite: str
    """IANA name."""
    identity: str = "rsa2048"
    """The server's: ``rsa1024`` … ``rsa4096``, ``ec``, ``chain``."""
    extended_master_secret: bool | None = None
    """Whether it must be on or off; ``None``: as the two like."""
    encrypt_then_mac: bool | None = None
    mutual: bool = False
    resume: str = ""
    """``session id``, ``ticket`` or ``psk``: a second connection resumes the first."""
    feature: str = ""
    """A name of :data:`matrix.features.FEATURES`."""
    fair: bool = False
    """Whether it is in the fair share that runs every time."""

    def __str__(self) -> str:
        parts = [f"{self.client}>{self.server}", self.version, self.suite.removeprefix("TLS_")]
        if self.identity != "rsa2048":
            parts.append(self.identity)
        for name, wish in (
            ("ems", self.extended_master_secret),
            ("etm", self.encrypt_then_mac),
        ):
            if wish is not None:
                parts.append(name if wish else f"no {name}")
        parts += ["mutual"] * self.mutual + [p for p in (self.resume, self.feature) if p]
        return " ".join(parts).replace(" ", "-")

    @property
    def number(self) -> int:
        """The suite's number; the last where a draft had another one."""
        return max(number for number, name in SUITE_NAMES.items() if name == self.suite)

    @property
    def exchange(self) -> str:
        """``RSA``, ``ECDHE_RSA``, ``DHE_PSK`` …; empty in TLS 1.3."""
        name = self.suite.removeprefix("TLS_").replace("PSK_DHE", "DHE_PSK")
        return name.partition("_WITH_")[0] if "_WITH_" in name else ""

    @property
    def bulk(self) -> str:
        """``AES_128_CBC_SHA`` …: cipher and hash."""
        return self.suite.removeprefix("TLS_").partition("_WITH_")[2] or self.suite[4:]

    @property
    def dtls(self) -> bool:
        return self.version.startswith("DTLS")

    @property
    def tls13(self) -> bool:
        return self.version == "TLS 1.3"

    @property
    def needs_keylog(self) -> bool:
        """Whether no long-term secret opens the session."""
        return (self.tls13 and self.feature != "PSK alone") or "DH" in self.exchange

    @property
    def has_psk(self) -> bool:
        """Whether the two have a pre-shared key."""
        return "PSK" in self.exchange or self.feature in ("external PSK", "PSK alone")


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one conversation, and the files that all share."""

    directory: Path
    shared: Path
    """Keys and certificates: ``rsa2048.key``, ``rsa2048.crt``, ``client.key``, ``ca.crt`` …"""

    def key(self, identity: str) -> Path:
        return self.shared / f"{identity}.key"

    def certificate(self, identity: str) -> Path:
        return self.shared / f"{identity}.crt"

    def keylog(self, role: str) -> Path:
        return self.directory / f"{role}.keylog"


@dataclass(slots=True)
class Command:
    """A program to start."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    connections: int = 1
    """Of a client: how many it makes, one after the other; a line ``.`` ends one."""
    patience: float = 1.0
    """Of a client: seconds that it is given to end by itself when its input ends."""
    silent: int = 0
    """Of a client: how many connections it makes first in which nothing is said."""


class Implementation(Protocol):
    """A TLS implementation as client and server: it carries lines."""

    name: str
    title: str
    """For the document: ``GnuTLS (gnutls-cli, gnutls-serv)``."""
    programs: tuple[str, ...]
    """What must be installed."""
    keylog: bool
    """Whether it writes a key log."""

    ending: bytes
    """What ends a line for its server: an HTTP server wants an empty line, and takes but one."""

    def reply(self, line: bytes) -> bytes | None:
        """Return what its server answers; ``None`` when it is told on its standard input."""

    def missing(self) -> str:
        """Return why it cannot run here; empty when it can."""

    def version(self) -> str:
        """Return its version as it says it."""

    def server(self, case: Case, place: Place, port: int) -> Command:
        """Return how to start the server; raises :class:`Unavailable`."""

    def clients(self, case: Case, place: Place, port: int) -> list[Command]:
        """Return the clients to start, one after the other; raises :class:`Unavailable`."""
