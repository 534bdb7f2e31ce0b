"""Real TLS sessions without a network: OpenSSL talks to itself through memory.

>>> pair = TlsPair(ciphers="AES128-GCM-SHA256", mutual=True)
>>> pair.say(True, b"OPTIONS sip:sip.example.com SIP/2.0\\r\\n\\r\\n")
>>> pair.close()
>>> [flight.from_client for flight in pair.flights]
[True, False, True, False, True, True, False]

A handshake that fails raises nothing: ``pair.failure`` says why, and the flights end with the
alert.  What the standard library cannot do (renegotiation, pre-shared keys before Python 3.13) is
in the shared captures.
"""

from __future__ import annotations

import atexit
import enum
import functools
import itertools
import shutil
import ssl
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kit import certificates
from kit.certificates import Identity

__all__ = ["Flight", "Switch", "TlsPair", "Version"]

Version = ssl.TLSVersion


class Switch(enum.IntFlag):
    """Options of OpenSSL 3 that the standard library has no name for, and two that it has.

    They are given to both sides.
    """

    NO_EXTENDED_MASTER_SECRET = 0x1
    NO_ENCRYPT_THEN_MAC = 0x80000
    NO_TICKET = 0x4000
    """Then sessions resume by session id (or by stateful ticket with TLS 1.3)."""
    CIPHER_SERVER_PREFERENCE = 0x400000


NOTHING_SPECIAL = Switch(0)


class Flight(NamedTuple):
    """What one side sends before it waits for the other: whole TLS records."""

    from_client: bool
    data: bytes


@functools.cache
def _keylog_directory() -> Path:
    """Return a directory for key logs that lives as long as the process."""
    directory = Path(tempfile.mkdtemp(prefix="tqdecrypt-kit-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


_KEYLOG_NUMBERS = itertools.count()


@dataclass(slots=True)
class _Contexts:
    """Both sides' settings; pairs that resume a session share them (ticket keys, session cache)."""

    client: ssl.SSLContext
    server: ssl.SSLContext
    keylog: Path | None


@dataclass(slots=True)
class _Side:
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    done: bool = False


@dataclass(slots=True, eq=False)
class TlsPair:
    """A client and a server; the handshake runs when it is made."""

    version: ssl.TLSVersion = Version.TLSv1_2
    ciphers: str = "AES128-GCM-SHA256"
    """OpenSSL's cipher list of both sides; security level 0 unless it names one."""
    server_ciphers: str | None = None
    """The server's own list, where the two shall differ."""
    mutual: bool = False
    """Whether the server insists on a client certificate."""
    server_cert: Identity | None = None
    """Default: :func:`certificates.server`, RSA 2048."""
    client_cert: Identity | None = None
    """Default with ``mutual``: :func:`certificates.client`."""
    without_client_cert: bool = False
    """Present none, though the server may insist."""
    client_trusts: Identity | None = None
    """Default: :func:`certificates.authority`."""
    server_name: str | None = "sip.example.com"
    """Server name indication; ``None`` sends none."""
    alpn: Sequence[str] = ()
    keylog: bool = True
    """Whether OpenSSL's key log is kept."""
    options: Switch = NOTHING_SPECIAL
    resume_from: TlsPair | None = None
    """A pair whose session this one offers again.  Its contexts are used: of the settings above only
    ``server_name`` counts.  The handshake of that pair must have succeeded."""

    flights: list[Flight] = field(init=False, default_factory=list)
    """What went over the wire so far, in order."""
    failure: str | None = field(init=False, default=None)
    """OpenSSL's reason when the handshake failed (``TLSV1_ALERT_UNKNOWN_CA`` …)."""
    _contexts: _Contexts = field(init=False, repr=False)
    _client: _Side = field(init=False, repr=False)
    _server: _Side = field(init=False, repr=False)
    _keylog_start: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        earlier = self.resume_from
        self._contexts = earlier._contexts if earlier else self._make_contexts()
        if self._contexts.keylog is not None and self._contexts.keylog.exists():
            self._keylog_start = self._contexts.keylog.stat().st_size
        session = earlier._client.tls.session if earlier else None
        self._client = self._side(self._contexts.client, False, session)
        self._server = self._side(self._contexts.server, True)
        self._shake_hands()

    @property
    def keylog_lines(self) -> list[str]:
        """Lines of this pair's key log (``CLIENT_RANDOM …``), without line ends."""
        if self._contexts.keylog is None or not self._contexts.keylog.exists():
            return []
        text = self._contexts.keylog.read_bytes()[self._keylog_start :].decode()
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    @property
    def resumed(self) -> bool:
        """Whether OpenSSL resumed an earlier session."""
        return bool(self._client.tls.session_reused)

    @property
    def suite(self) -> str:
        """OpenSSL's name of the suite that was chosen."""
        chosen = self._client.tls.cipher()
        return chosen[0] if chosen else ""

    def say(self, from_client: bool, plaintext: bytes, record_size: int = 16384) -> None:
        """Send *plaintext* in records of at most *record_size* bytes; checks that it arrives."""
        sender, receiver = self._order(from_client)
        for start in range(0, len(plaintext), record_size):
            sender.tls.write(plaintext[start : start + record_size])
        self._transfer(from_client)
        arrived = b"".join(_read_all(receiver.tls))
        assert arrived == plaintext, "OpenSSL read something else than was written"

    def sent(self, from_client: bool) -> bytes:
        """Return everything that one side sent, joined."""
        return b"".join(flight.data for flight in self.flights if flight.from_client == from_client)

    def close(self, from_client: bool = True) -> None:
        """Exchange close_notify, *from_client* first."""
        for first in (from_client, not from_client):
            sender, receiver = self._order(first)
            with suppress(ssl.SSLWantReadError):  # the other side's close_notify comes next
                sender.tls.unwrap()
            self._transfer(first)
            _read_to_end(receiver.tls)

    def _order(self, from_client: bool) -> tuple[_Side, _Side]:
        return (self._client, self._server) if from_client else (self._server, self._client)

    def _shake_hands(self) -> None:
        while not (self._client.done and self._server.done) and self.failure is None:
            for from_client in (True, False):
                side, _ = self._order(from_client)
                self._step(side)
                self._transfer(from_client)
        self._settle()

    def _step(self, side: _Side) -> None:
        if side.done:
            return
        try:
            side.tls.do_handshake()
            side.done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.failure = self.failure or error.reason or str(error)

    def _settle(self) -> None:
        """Let both sides read what came behind the handshake: TLS 1.3 tickets and late alerts."""
        for from_client in (True, False, True):
            side, _ = self._order(from_client)
            if side.done:
                try:
                    side.tls.read(1)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    self.failure = self.failure or error.reason or str(error)
            self._transfer(from_client)

    def _transfer(self, from_client: bool) -> None:
        sender, receiver = self._order(from_client)
        if data := sender.outgoing.read():
            self.flights.append(Flight(from_client, data))
            receiver.incoming.write(data)

    def _side(
        self, context: ssl.SSLContext, server_side: bool, session: ssl.SSLSession | None = None
    ) -> _Side:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server_side else self.server_name
        tls = context.wrap_bio(incoming, outgoing, server_side, name, session)
        return _Side(tls, incoming, outgoing)

    def _make_contexts(self) -> _Contexts:
        server = self._context(ssl.PROTOCOL_TLS_SERVER, self.server_ciphers or self.ciphers)
        client = self._context(ssl.PROTOCOL_TLS_CLIENT, self.ciphers)
        client.check_hostname = self.server_name is not None
        client.load_verify_locations(cadata=_pem(self.client_trusts or certificates.authority()))
        if self.mutual:
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(cadata=_pem(certificates.authority()))
        if (self.mutual or self.client_cert) and not self.without_client_cert:
            _present(client, self.client_cert or certificates.client())
        _present(server, self.server_cert or certificates.server())
        keylog = None
        if self.keylog:
            keylog = _keylog_directory() / f"{next(_KEYLOG_NUMBERS)}.keylog"
            client.keylog_filename = str(keylog)
        return _Contexts(client, server, keylog)

    def _context(self, protocol: ssl._SSLMethod, ciphers: str) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.set_ciphers(ciphers if "@SECLEVEL" in ciphers else f"{ciphers}:@SECLEVEL=0")
        context.options |= int(self.options)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are meant here
            context.minimum_version = context.maximum_version = self.version
        return context


def _pem(identity: Identity) -> str:
    return identity.certificate_pem().decode()


def _present(context: ssl.SSLContext, identity: Identity) -> None:
    with tempfile.TemporaryDirectory() as name:
        files = identity.write(Path(name))
        context.load_cert_chain(files.certificate, files.key)
        parameters = Path(name) / "dh.pem"
        parameters.write_bytes(certificates.diffie_hellman_pem())
        context.load_dh_params(str(parameters))


def _read_all(tls: ssl.SSLObject) -> Iterator[bytes]:
    """Yield what can be read now."""
    while True:
        try:
            data = tls.read(65536)
        except ssl.SSLWantReadError:
            return
        if not data:
            return
        yield data


def _read_to_end(tls: ssl.SSLObject) -> None:
    """Read up to the close_notify that must stand there."""
    try:
        leftover = b"".join(_read_all(tls))
    except ssl.SSLZeroReturnError:
        return
    assert not leftover, "application data was left unread"
